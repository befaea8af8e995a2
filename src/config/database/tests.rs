use proptest::prelude::*;

use super::*;

/// `mysql ds/pw@db1:3306/ds Prefer -`: all parts of a URL, on one line.
fn summary(url: &str) -> String {
    let (kind, server) = match DbTarget::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    {
        DbTarget::MySql(server) => ("mysql", server),
        DbTarget::Postgres(server) => ("postgres", server),
        DbTarget::Sqlite(file) => return format!("sqlite {}", file.display()),
    };
    let password = server.password.as_ref().map_or("-", Secret::expose);
    let schema = server.schema.as_deref().unwrap_or("-");
    let ServerTarget {
        host,
        port,
        user,
        database,
        tls,
        ..
    } = &server;
    format!("{kind} {user}/{password}@{host}:{port}/{database} {tls:?} {schema}")
}

#[test]
fn the_usual_urls() {
    let cases = [
        ("mysql://ds:pw@db1/ds", "mysql ds/pw@db1:3306/ds Prefer -"),
        (
            "MySQL://ds@db1:3307/ds?ssl-mode=REQUIRED",
            "mysql ds/-@db1:3307/ds Require -",
        ),
        (
            "mariadb://ds@db1/ds?ssl-mode=disabled",
            "mysql ds/-@db1:3306/ds Disable -",
        ),
        (
            "postgres://ds:@db1/ds",
            "postgres ds/-@db1:5432/ds Prefer -",
        ),
        (
            "postgresql://ds@[::1]:5433/ds?sslmode=verify-full",
            "postgres ds/-@::1:5433/ds VerifyFull(None) -",
        ),
        (
            "postgres://ds@db1/ds?sslmode=require&sslrootcert=/ca.pem",
            "postgres ds/-@db1:5432/ds VerifyCa(\"/ca.pem\") -",
        ),
        (
            "postgres://ds@db1/ds?options=-c%20search_path%3Dprod",
            "postgres ds/-@db1:5432/ds Prefer prod",
        ),
        (
            "postgres://ds@db1/ds?options=--search_path=a,b",
            "postgres ds/-@db1:5432/ds Prefer a,b",
        ),
        (
            "mysql://d%40s:p%2Fw%23%3a%25@db1/d%20s",
            "mysql d@s/p/w#:%@db1:3306/d s Prefer -",
        ),
        (
            "mysql://ds:p@ss@db1/ds",
            "mysql ds/p@ss@db1:3306/ds Prefer -",
        ),
        (
            "postgres://ds@fe80%3A%3A1%25eth0/ds",
            "postgres ds/-@fe80::1%eth0:5432/ds Prefer -",
        ),
        (
            "postgres://ds@%2Frun%2Fpostgresql/ds",
            "postgres ds/-@/run/postgresql:5432/ds Disable -",
        ),
        (
            "postgresql:///ds?host=/run/postgresql&port=5433&user=ds&sslmode=require",
            "postgres ds/-@/run/postgresql:5433/ds Disable -",
        ),
        (
            "mysql://ds@LOCALHOST:3307/ds?socket=/run/mysqld/mysqld.sock",
            "mysql ds/-@/run/mysqld/mysqld.sock:0/ds Disable -",
        ),
        (
            "mysql://ds@%2Frun%2Fmysqld%2Fmysqld.sock/ds?ssl-mode=required",
            "mysql ds/-@/run/mysqld/mysqld.sock:0/ds Require -",
        ),
        (
            "mysql://ds@[::1]/ds?socket=/cloudsql/project:region:instance",
            "mysql ds/-@/cloudsql/project:region:instance:0/ds Disable -",
        ),
        (
            "postgres://ds@%2Fcloudsql%2Fproject%3Aregion%3Ainstance/ds",
            "postgres ds/-@/cloudsql/project:region:instance:5432/ds Disable -",
        ),
        (
            "mysql://ds:a+b@db1/ds?x",
            "mysql ds/a+b@db1:3306/ds Prefer -",
        ),
    ];
    for (url, expected) in cases {
        assert_eq!(summary(url), expected, "{url}");
    }
}

#[test]
fn the_urls_of_dolphinscheduler() {
    let cases = [
        (
            "jdbc:mysql://127.0.0.1:3306/dolphinscheduler?useUnicode=true&characterEncoding=UTF-8&user=root&password=a+b%2B",
            "mysql root/a b+@127.0.0.1:3306/dolphinscheduler Prefer -",
        ),
        (
            "jdbc:mysql://h/d?useUnicode=true&amp;useSSL=false&amp;user=u&amp;serverTimezone=Asia/Shanghai",
            "mysql u/-@h:3306/d Disable -",
        ),
        (
            "jdbc:mysql://u:p@h/d?sslMode=VERIFY_IDENTITY&useSSL=false",
            "mysql u/p@h:3306/d VerifyFull(None) -",
        ),
        (
            "jdbc:mysql://u@h/d?useSSL=true",
            "mysql u/-@h:3306/d Prefer -",
        ),
        (
            "jdbc:mysql://u@h/d?useSSL=true&requireSSL=true",
            "mysql u/-@h:3306/d Require -",
        ),
        (
            "jdbc:mysql://u@h/d?ssl-ca=/ca.pem",
            "mysql u/-@h:3306/d VerifyCa(\"/ca.pem\") -",
        ),
        (
            "jdbc:mariadb://h/d?user=u&useSsl=true&trustServerCertificate=true",
            "mysql u/-@h:3306/d Require -",
        ),
        (
            "jdbc:mariadb://h/d?user=u&sslMode=verify-full",
            "mysql u/-@h:3306/d VerifyFull(None) -",
        ),
        (
            "jdbc:postgresql://h:5432/d?user=u&password=p&currentSchema=ds&stringtype=unspecified",
            "postgres u/p@h:5432/d Prefer ds",
        ),
        (
            "JDBC:PostgreSQL://h/d?user=u&ssl=true",
            "postgres u/-@h:5432/d VerifyFull(None) -",
        ),
        (
            "jdbc:mysql://h/d?user=first&user=last",
            "mysql last/-@h:3306/d Prefer -",
        ),
    ];
    for (url, expected) in cases {
        assert_eq!(summary(url), expected, "{url}");
    }
}

/// `h1:1,h2:2/d`: where a URL leads, and whether only to the server that accepts writes.
fn places(url: &str) -> (String, bool) {
    let target = DbTarget::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let server = target.server().unwrap();
    (server.endpoint(), server.primary_only)
}

#[test]
fn of_several_servers_the_one_that_accepts_writes_is_meant() {
    for (url, endpoint) in [
        ("jdbc:mysql://h1,h2:3307/d?user=u", "h1:3306,h2:3307/d"),
        ("mysql://u:p@h1:1,[::1]:2/d", "h1:1,[::1]:2/d"),
        ("jdbc:mysql:loadbalance://u@h1,h2/d", "h1:3306,h2:3306/d"),
        (
            "jdbc:mysql:replication://h1,h2,h3/d?user=u",
            "h1:3306,h2:3306,h3:3306/d",
        ),
        ("jdbc:mariadb:sequential://u@h1,h2/d", "h1:3306,h2:3306/d"),
        (
            "jdbc:postgresql://h1:1,h2/d?user=u&targetServerType=any&loadBalanceHosts=true",
            "h1:1,h2:5432/d",
        ),
        (
            "postgres://u@h1/d?target_session_attrs=read-write",
            "h1:5432/d",
        ),
        (
            "jdbc:postgresql://h1/d?user=u&targetServerType=master",
            "h1:5432/d",
        ),
    ] {
        assert_eq!(places(url), (endpoint.to_owned(), true), "{url}");
    }
    for (url, endpoint) in [
        ("jdbc:mysql:loadbalance://u@h1/d", "h1:3306/d"),
        ("jdbc:mysql://u:a,b@h1/d", "h1:3306/d"),
        (
            "jdbc:postgresql://[::1]:1/d?user=u&targetServerType=any",
            "[::1]:1/d",
        ),
    ] {
        assert_eq!(places(url), (endpoint.to_owned(), false), "{url}");
    }
}

#[test]
fn the_servers_public_key_is_asked_for_unless_the_url_forbids_it() {
    for (parameter, expected) in [
        ("", true),
        ("&allowPublicKeyRetrieval=TRUE", true),
        ("&allow-public-key-retrieval=false", false),
        ("&allowPublicKeyRetrieval=no", false),
        ("&allowPublicKeyRetrieval=perhaps", true),
    ] {
        let url = format!("jdbc:mysql://h/d?user=u&useSSL=false{parameter}");
        let target = DbTarget::parse(&url).unwrap();
        assert_eq!(target.server().unwrap().asks_public_key, expected, "{url}");
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (url, name) in [
        ("postgres://u@h/d?sslcrl=MARKER", "sslcrl"),
        ("postgres://u@h/d?channel_binding=require", "channelBinding"),
        (
            "jdbc:postgresql://h/d?user=u&gssEncMode=require",
            "gssEncMode",
        ),
        (
            "jdbc:postgresql://h/d?user=u&ssl=true&sslfactory=MARKER",
            "sslfactory",
        ),
        ("postgres://u@h/d?host=MARKER", "host"),
        ("postgres://u@h/d?port=5433", "port"),
        ("mysql://u@h/d?junixsocket.file=MARKER", "junixsocket.file"),
        (
            "postgres://u@h1,h2/d?targetServerType=preferSecondary",
            "targetServerType",
        ),
        (
            "jdbc:mysql://h/d?user=u&socketFactory=MARKER",
            "socketFactory",
        ),
        (
            "jdbc:mysql://h/d?user=u&sslMode=VERIFY_IDENTITY&trustCertificateKeyStoreUrl=MARKER",
            "trustCertificateKeyStoreUrl",
        ),
        ("mysql://u@h/d?socket=MARKER", "socket"),
    ] {
        let error = DbTarget::parse(url).expect_err(url);
        let expected = format!("the parameter {name} cannot be honoured: ");
        assert!(error.problem.starts_with(&expected), "{url}: {error}");
        assert!(!format!("{error:?}").contains("MARKER"), "{error:?}");
    }
    for (url, expected) in [
        (
            "postgres://u@h/d?sslcert=x&sslmode=disable&channelBinding=prefer&gssEncMode=allow",
            "postgres u/-@h:5432/d Disable -",
        ),
        (
            "jdbc:postgresql://h/d?user=u&ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory",
            "postgres u/-@h:5432/d Require -",
        ),
        (
            "jdbc:postgresql://h/d?user=u&ssl&prepareThreshold=0&connectTimeout=10&socketTimeout=30",
            "postgres u/-@h:5432/d VerifyFull(None) -",
        ),
        (
            "jdbc:mysql://h/d?user=u&sslMode=REQUIRED&trustCertificateKeyStoreUrl=file:/x&serverTimezone=GMT%2B8",
            "mysql u/-@h:3306/d Require -",
        ),
    ] {
        assert_eq!(summary(url), expected, "{url}");
    }
}

#[test]
fn what_is_misspelt_comes_with_what_is_probably_meant() {
    let misspelt = |url: &str| {
        let (_, misspelt) = DbTarget::parse_with_user(url, None).unwrap();
        let words = misspelt
            .iter()
            .map(|found| format!("{} {}", found.written, found.likely));
        words.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        misspelt("jdbc:mysql://h/d?user=u&userSSL=false&userSSL=false&conectTimeout=3&mine=4"),
        "userSSL useSSL, conectTimeout connectTimeout"
    );
    assert_eq!(
        misspelt("postgres://u@h/d?sslmod=require"),
        "sslmod sslmode"
    );
    // As DolphinScheduler's own files and documents write them.
    for url in [
        "jdbc:mysql://h:3306/d?user=u&useUnicode=true&characterEncoding=UTF-8&useSSL=false&allowPublicKeyRetrieval=true&\
         serverTimezone=Asia/Shanghai&allowMultiQueries=true&zeroDateTimeBehavior=convertToNull&rewriteBatchedStatements=true&\
         autoReconnect=true&failOverReadOnly=false&maxReconnects=10&tinyInt1isBit=false&nullCatalogMeansCurrent=true",
        "jdbc:postgresql://h:5432/d?user=u&stringtype=unspecified&currentSchema=s&prepareThreshold=0&tcpKeepAlive=true&\
         reWriteBatchedInserts=true&loginTimeout=5&socketTimeout=30&connectTimeout=5&ApplicationName=ds",
    ] {
        assert_eq!(misspelt(url), "", "{url}");
    }
}

#[test]
fn files_are_taken_as_they_are() {
    for (url, file) in [
        ("sqlite:demo.db", "demo.db"),
        ("sqlite://demo.db", "demo.db"),
        ("sqlite:///var/lib/d.db", "/var/lib/d.db"),
        ("sqlite:/a b%20?c#d", "/a b%20?c#d"),
        ("jdbc:sqlite:demo.db", "demo.db"),
    ] {
        assert_eq!(summary(url), format!("sqlite {file}"));
    }
}

#[track_caller]
fn are_refused(cases: &[(&str, &str)]) {
    for (url, problem) in cases {
        let error = DbTarget::parse(url).expect_err(url);
        assert_eq!(error.to_string(), *problem, "{url}");
        assert!(!format!("{error:?}").contains("KER"), "{error:?}");
    }
}

#[test]
fn a_socket_is_the_one_of_its_own_driver_on_this_machine() {
    let two = "the URL names a host, and a socket, which is on this machine: only one of them can be meant";
    let missing = "the host is missing";
    are_refused(&[
        ("mysql:///ds?user=u&host=/x", missing),
        ("postgresql:///ds?user=u&socket=/x", missing),
        ("postgresql:///ds?user=u&host=/", missing),
        ("postgresql://u@localhost/ds?host=/", missing),
        ("postgresql:///ds?user=u", missing),
        ("mysql://u:MARKER@otherhost/ds?socket=/x", two),
        ("mysql://u:MARKER@10.0.0.1/ds?socket=/x", two),
        ("postgres://u:MARKER@otherhost/ds?host=/x", two),
        (
            "postgresql:///ds?user=u&host=/x&port=abc",
            "port must be one number from 1 to 65535",
        ),
        (
            "mysql://u@localhost/ds?socket=/x;MARKER",
            "the socket's name has an invalid character",
        ),
    ]);
    for url in [
        "mysql:///ds?user=u&socket=/x",
        "mysql://u@127.0.0.1/ds?socket=/x",
        "postgresql:///ds?user=u&host=/x",
    ] {
        let target = DbTarget::parse(url).unwrap();
        assert!(target.server().unwrap().socket().is_some(), "{url}");
    }
}

#[test]
fn several_servers_that_cannot_be_used_are_refused_without_being_shown() {
    are_refused(&[
        (
            "jdbc:mysql:loadbalance://MARKER@a,b",
            "the name of the database is missing",
        ),
        (
            "jdbc:mysql:otherwise://u:MARKER@a,b/d",
            "this form of URL is not supported",
        ),
        (
            "jdbc:mysql:replication:MARKER",
            "this form of URL is not supported",
        ),
        ("mysql://u:MARKER@a:1,/d", "empty host"),
        ("mysql://u:MARKER@a:1,b:x/d", "invalid port number"),
        (
            "mysql://u:MARKER@a:1,b;MARKER/d",
            "the host or the database's name has an invalid character",
        ),
        (
            "mysql://u:MARKER@fe80::1/d",
            "the address is not in brackets",
        ),
    ]);
}

#[test]
fn what_cannot_be_used_is_refused_without_being_shown() {
    let cases = [
        ("", "this is not a known kind of database URL"),
        ("MARKER", "this is not a known kind of database URL"),
        (
            "oracle://u:MARKER@h/d",
            "this is not a known kind of database URL",
        ),
        (
            "jdbc:h2:mem:MARKER",
            "H2 runs inside one DolphinScheduler process and cannot be reached from outside",
        ),
        ("mysql:MARKER", "this form of URL is not supported"),
        ("mysql://u:MARKER@/d", "empty host"),
        ("mysql:///MARKER", "the host is missing"),
        ("mysql://u:MARKER@h", "the name of the database is missing"),
        ("mysql://u:MARKER@h/", "the name of the database is missing"),
        ("mysql://u:MAR#KER@h/d", "invalid port number"),
        ("mysql://u:MAR/KER@h/d", "invalid port number"),
        ("mysql://u:1/KER@h/d", "the URL has a misplaced / or @"),
        ("mysql://u:p@h/d#MARKER", "there is a # in the URL"),
        (
            "jdbc:mysql://address=(host=h)(port=1)(user=x)(password=MARKER)/ds?user=x",
            "the host or the database's name has an invalid character",
        ),
        (
            "jdbc:postgresql://(host=h,password=MARKER)/ds?user=x",
            "the host or the database's name has an invalid character",
        ),
        (
            "jdbc:mysql://h/ds;password=MARKER?user=x",
            "the host or the database's name has an invalid character",
        ),
        (
            "jdbc:mysql://h;password=MARKER/ds?user=x",
            "the host or the database's name has an invalid character",
        ),
        (
            "mysql://u@db1%3AMARKER/d",
            "the host or the database's name has an invalid character",
        ),
        (
            "mysql://u@db1%25MARKER/d",
            "the host or the database's name has an invalid character",
        ),
        (
            "postgres://u@fe80%3A%3A1%25eth0%3AMARKER/d",
            "the host or the database's name has an invalid character",
        ),
        (
            "mysql://u@h/MARKER%3Dx",
            "the host or the database's name has an invalid character",
        ),
        (
            "postgres://u%3bpassword%3dMARKER@h/ds",
            "a password is in the wrong place",
        ),
        (
            "postgres://u@h/ds?sslmode=verify-ca&sslrootcert=/ca.pem;pwd=MARKER",
            "a password is in the wrong place",
        ),
        (
            "sqlite:/var/lib/d.db?Password=MARKER",
            "a SQLite file has no password",
        ),
        ("mysql://u:MARKER@h:99999/d", "invalid port number"),
        ("mysql://h/d?password=MARKER", "the URL names no user"),
        (
            "jdbc:mysql://h/d?user=&password=MARKER",
            "the URL names no user",
        ),
        ("mysql://u:%ffMARKER@h/d", "the password is not UTF-8"),
        (
            "mysql://u:p@h/d?ssl-mode=MARKER",
            "ssl-mode must be disabled, preferred, required, verify_ca or verify_identity",
        ),
        (
            "postgres://u:p@h/d?sslmode=MARKER",
            "sslmode must be disable, prefer, require, verify-ca or verify-full",
        ),
        ("sqlite:", "the name of the SQLite file is missing"),
        ("sqlite::memory:", "the name of the SQLite file is missing"),
    ];
    are_refused(&cases);
    let error = DbTarget::parse("mysql://u@h/d?ssl-mode=verify_ca").unwrap_err();
    assert!(
        error.problem.contains("no authority is configured"),
        "{error}"
    );
}

#[test]
fn tls_is_tried_where_nothing_is_said() {
    assert_eq!(Tls::default(), Tls::Prefer);
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        let _ = DbTarget::parse(&text);
    }

    #[test]
    fn no_url_is_too_strange(scheme in "(jdbc:)?(mysql|mariadb|postgres|postgresql|sqlite):(//)?", rest in "[ -~é]{0,40}") {
        let _ = DbTarget::parse(&format!("{scheme}{rest}"));
    }

    #[test]
    fn a_database_has_a_name_of_few_characters(
        before in "[ -~]{0,6}",
        strange in r#"[()=;:&?@/\\,"'<>{}\[\]|*^`!]"#,
        after in "[ -~]{0,6}",
    ) {
        let name = format!("{before}{strange}{after}");
        let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
        let url = format!("postgres://u@h/{encoded}");
        prop_assert!(DbTarget::parse(&url).is_err(), "{}", url);
    }

    /// Without a parameter `user`, the text at the password's position is either the password or an
    /// error.
    #[test]
    fn a_password_is_never_shown(before in "[:/@#?&=%a-d0-9]{0,8}", after in "[:/@#?&=%a-d0-9,]{0,12}") {
        let url = format!("mysql://u:{before}MARKER{after}@h/d");
        let shown = match DbTarget::parse(&url) {
            Ok(target) => format!("{target:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains("MARKER"), "{}", shown);
    }

    #[test]
    fn any_password_can_be_written(password in any::<String>()) {
        let encoded = percent_encoding::percent_encode(password.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
        let target = DbTarget::parse(&format!("postgres://u:{encoded}@h/d")).unwrap();
        // An empty password is valid, but a URL cannot distinguish it from none.
        prop_assert_eq!(target.password().map_or("", Secret::expose), password);
    }
}
