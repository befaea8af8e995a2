//! Installations of each release, with files as their users write them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use super::DsHome;
use crate::config::{ConfigError, Key};

/// A folder of an installation, and the environment beside it.
struct Home {
    folder: tempfile::TempDir,
    environment: BTreeMap<OsString, OsString>,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self {
            folder,
            environment: BTreeMap::new(),
        }
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.environment.insert(name.into(), value.into());
        }
        self
    }

    fn open(&self) -> DsHome {
        DsHome::open(self.folder.path(), &self.environment)
            .unwrap()
            .unwrap()
    }

    /// Each value with the end of the place where it stands.
    fn says(&self, key: Key) -> Option<(String, String)> {
        let stated = self.open().get(key).unwrap()?;
        let origin = stated.origin.to_string();
        let folder = format!("{}/", self.folder.path().display());
        Some((stated.text, origin.replace(&folder, "")))
    }

    fn text(&self, key: Key) -> Option<String> {
        self.says(key).map(|(text, _)| text)
    }

    fn user(&self) -> (Option<String>, Option<String>) {
        let login = self.open().login().unwrap();
        let password = login.password.map(|(secret, _)| secret.expose().to_owned());
        (login.user, password)
    }

    fn digest(&self) -> Option<String> {
        let digest = self.open().digest().unwrap();
        digest.map(|(secret, _)| secret.expose().to_owned())
    }

    fn error(&self, key: Key) -> String {
        let Err(error) = self.open().get(key) else {
            panic!("{key:?} has a value")
        };
        let hint = error.hint().unwrap_or_default();
        format!("{error}; {hint}").replace(&self.folder.path().display().to_string(), "")
    }
}

// Both are compared with what may be nothing.
#[allow(clippy::unnecessary_wraps)]
fn said(text: &str, origin: &str) -> Option<(String, String)> {
    Some((text.to_owned(), origin.to_owned()))
}

#[allow(clippy::unnecessary_wraps)]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn of_1_2_and_1_3() {
    let quorum =
        "# servers\nzookeeper.quorum=zk1:2181,zk2:2181\nzookeeper.dolphinscheduler.root=/ours\n";
    let database = "spring.datasource.url=jdbc:mysql://h:3306/ds?useUnicode=true&characterEncoding=UTF-8\n\
                    spring.datasource.username=u\nspring.datasource.password=p\n";
    for (registry_file, database_file) in [
        ("conf/zookeeper.properties", "conf/datasource.properties"),
        ("conf/common.properties", "conf/application.properties"),
        (
            "conf/common/common.properties",
            "conf/application-dao.properties",
        ),
    ] {
        let home = Home::new(&[(registry_file, quorum), (database_file, database)]);
        assert_eq!(
            home.says(Key::Zk),
            said("zk1:2181,zk2:2181", &format!("{registry_file}, line 2"))
        );
        assert_eq!(home.text(Key::Namespace), some("/ours"));
        assert_eq!(
            home.text(Key::Db),
            some("jdbc:mysql://h:3306/ds?useUnicode=true&characterEncoding=UTF-8")
        );
        assert_eq!(home.user(), (some("u"), some("p")));
        assert_eq!((home.text(Key::Registry), home.digest()), (None, None));
    }
}

/// The daemon of 1.3.6 and newer gives Java two variables of its environment, older ones none.
#[test]
fn of_1_x_variables_and_options() {
    let registry = ("conf/zookeeper.properties", "zookeeper.quorum=file:1\n");
    let database = (
        "conf/datasource.properties",
        "spring.datasource.url=jdbc:mysql://h/ds\nspring.datasource.username=u\n",
    );
    let daemon = "bin/dolphinscheduler-daemon.sh";
    let new = (
        daemon,
        "export DOLPHINSCHEDULER_OPTS=\"-server -Dx=y $DOLPHINSCHEDULER_OPTS\"\n  \
         export DOLPHINSCHEDULER_OPTS=\"$HEAP_OPTS $DOLPHINSCHEDULER_OPTS $MASTER_SERVER_OPTS\"\n",
    );
    let zk =
        |files: &[(&str, &str)], set: &[(&str, &str)]| Home::new(files).with(set).text(Key::Zk);
    let option = ("MASTER_SERVER_OPTS", "-Dzookeeper.quorum=java:1");
    let variable = ("ZOOKEEPER_QUORUM", "variable:1");
    let files = [registry, database, new];
    assert_eq!(zk(&files, &[option]), some("java:1"));
    assert_eq!(zk(&files, &[variable]), some("variable:1"));
    assert_eq!(zk(&files, &[option, variable]), some("java:1"));
    let own = (
        daemon,
        "export DOLPHINSCHEDULER_OPTS=\"-server -Dzookeeper.quorum=script:1\"\n\
         export DOLPHINSCHEDULER_OPTS=\"-Dzookeeper.quorum=api:1 $API_SERVER_OPTS\"\n",
    );
    assert_eq!(zk(&[registry, database, own], &[option]), some("script:1"));
    // 1.2.0 reads its files alone.
    let old = ("conf/application-dao.properties", database.1);
    assert_eq!(
        zk(&[registry, old, new], &[option, variable]),
        some("file:1")
    );
    // What Java is told of the database, 1.3.9 alone reads.
    let home = Home::new(&files).with(&[("MASTER_SERVER_OPTS", "-Dspring.datasource.url=x")]);
    assert!(home.error(Key::Db).contains("MASTER_SERVER_OPTS"));
    let home = Home::new(&files).with(&[("SPRING_DATASOURCE_URL", "jdbc:mysql://no/ds")]);
    assert_eq!(home.text(Key::Db), some("jdbc:mysql://h/ds"));
}

const REGISTRY_2: &str = "registry.plugin.name=zookeeper\nregistry.servers=zk1:2181\nregistry.namespace=ours\nregistry.digest=\n";
const MYSQL_2: &str =
    "spring:\n  datasource:\n    url: jdbc:mysql://h:3306/ds\n    username: u\n    password: p\n";
const H2: &str = "spring:\n  datasource:\n    url: jdbc:h2:mem:ds\n    username: sa\n";

#[test]
fn of_2_0_the_profile_chooses_the_database() {
    let files = [
        ("conf/registry.properties", REGISTRY_2),
        ("conf/application-mysql.yaml", MYSQL_2),
        ("conf/application-h2.yaml", H2),
        (
            "conf/config/install_config.conf",
            "# servers\nDATABASE_TYPE=${DATABASE_TYPE:-\"mysql\"}\n",
        ),
    ];
    let home = Home::new(&files);
    assert_eq!(
        home.says(Key::Db),
        said(
            "jdbc:mysql://h:3306/ds",
            "conf/application-mysql.yaml, line 3"
        )
    );
    assert_eq!(home.user(), (some("u"), some("p")));
    assert_eq!(home.text(Key::Zk), some("zk1:2181"));
    assert_eq!(
        (home.text(Key::Namespace), home.digest()),
        (some("ours"), None)
    );
    // Without a word of it the daemon takes H2.
    let embedded = Home::new(&files[..3]);
    assert_eq!(embedded.text(Key::Db), some("jdbc:h2:mem:ds"));
    let chosen = Home::new(&files).with(&[("DATABASE_TYPE", "h2")]);
    assert_eq!(chosen.text(Key::Db), some("jdbc:h2:mem:ds"));
}

#[test]
fn of_2_0_the_environment_changes_the_database_and_not_the_registry() {
    let home = Home::new(&[
        ("conf/registry.properties", REGISTRY_2),
        ("conf/application-mysql.yaml", MYSQL_2),
        (
            "conf/env/dolphinscheduler_env.sh",
            "export DATABASE_TYPE=mysql\nexport SPRING_DATASOURCE_URL=\"jdbc:mysql://other/ds\"\nREGISTRY_SERVERS=no:1\n",
        ),
    ]);
    assert_eq!(
        home.says(Key::Db),
        said(
            "jdbc:mysql://other/ds",
            "conf/env/dolphinscheduler_env.sh, line 2"
        )
    );
    assert_eq!(home.text(Key::Zk), some("zk1:2181"));
    let system = Home::new(&[
        ("conf/registry.properties", REGISTRY_2),
        (
            "conf/env/dolphinscheduler_env.sh",
            "MASTER_SERVER_OPTS=\"-Xmx1g -Dregistry.servers=java:1\"",
        ),
    ]);
    assert_eq!(system.text(Key::Zk), some("java:1"));
}

/// What the start script of 2.0's image puts together is in its servers' environment alone.
#[test]
fn of_2_0_in_its_image() {
    let files = [
        ("conf/registry.properties", REGISTRY_2),
        ("conf/application-postgresql.yaml", MYSQL_2),
        ("conf/application-mysql.yaml", MYSQL_2),
        (
            "conf/config/install_config.conf",
            "DATABASE_TYPE=${DATABASE_TYPE:-\"h2\"}\nSPRING_DATASOURCE_URL=${SPRING_DATASOURCE_URL:-\"jdbc:h2:mem:ds\"}\n",
        ),
    ];
    let image = |set: &[(&str, &str)]| Home::new(&files).with(&[("DOCKER", "true")]).with(set);
    let usual = image(&[]);
    assert_eq!(
        usual.text(Key::Db),
        some("jdbc:postgresql://127.0.0.1:5432/dolphinscheduler?characterEncoding=utf8")
    );
    assert_eq!(usual.user(), (some("root"), some("root")));
    let set = image(&[
        ("DATABASE_TYPE", "mysql"),
        ("DATABASE_HOST", "db1"),
        ("DATABASE_PORT", "3306"),
        ("DATABASE_USERNAME", "ds"),
        ("DATABASE_PASSWORD", "mark3r"),
        ("DATABASE_DATABASE", "meta"),
        ("DATABASE_PARAMS", "useSSL=false"),
        ("SPRING_DATASOURCE_URL", "jdbc:mysql://overwritten/x"),
    ]);
    assert_eq!(
        set.says(Key::Db),
        said(
            "jdbc:mysql://db1:3306/meta?useSSL=false",
            "conf/config/install_config.conf, line 2"
        )
    );
    assert_eq!(set.user(), (some("ds"), some("mark3r")));
    assert_eq!(set.text(Key::Zk), some("zk1:2181"));
    let h2 = image(&[("DATABASE_TYPE", "h2"), ("DATABASE_HOST", "db1")]);
    assert_eq!(h2.text(Key::Db), some("jdbc:h2:mem:ds"));
    // Outside of the image nothing puts them together.
    let outside = Home::new(&files).with(&[("DATABASE_HOST", "db1")]);
    assert_eq!(outside.text(Key::Db), some("jdbc:h2:mem:ds"));
}

/// The first document is PostgreSQL's, as in every release of 3.x.
const YAML_3: &str = "spring:
  datasource:
    driver-class-name: org.postgresql.Driver
    url: jdbc:postgresql://127.0.0.1:5432/dolphinscheduler
    username: root
    password: 007
registry:
  type: zookeeper
  zookeeper:
    namespace: dolphinscheduler
    connect-string: localhost:2181
    digest: ~
---
spring:
  config:
    activate:
      on-profile: mysql
  datasource:
    url: jdbc:mysql://127.0.0.1:3306/dolphinscheduler
    username: mroot
";
const YAML: &str = "master-server/conf/application.yaml";
const SHARED: &str = "bin/env/dolphinscheduler_env.sh";
const OF_SERVER: &str = "master-server/conf/dolphinscheduler_env.sh";

#[test]
fn of_3_x_documents_and_profiles() {
    let home = Home::new(&[(YAML, YAML_3)]);
    assert_eq!(
        home.says(Key::Db),
        said(
            "jdbc:postgresql://127.0.0.1:5432/dolphinscheduler",
            "master-server/conf/application.yaml, line 4"
        )
    );
    assert_eq!(home.user(), (some("root"), some("7")));
    assert_eq!(home.digest(), None);
    let mysql = Home::new(&[
        (YAML, YAML_3),
        (SHARED, "export SPRING_PROFILES_ACTIVE=mysql"),
    ]);
    assert_eq!(
        mysql.text(Key::Db),
        some("jdbc:mysql://127.0.0.1:3306/dolphinscheduler")
    );
    // What the profile does not say stands in the first document.
    assert_eq!(mysql.user(), (some("mroot"), some("7")));
    let in_file = format!("spring.profiles.active: mysql\n{YAML_3}");
    let in_file = Home::new(&[(YAML, &in_file)]);
    assert_eq!(in_file.user().0, some("mroot"));
    let beside = Home::new(&[
        (YAML, YAML_3),
        (
            "master-server/conf/application-mysql.yaml",
            "spring.datasource.username: beside",
        ),
    ])
    .with(&[("SPRING_PROFILES_ACTIVE", "mysql")]);
    assert_eq!(beside.user().0, some("beside"));
}

/// From 3.2 on the YAML names the profile itself, and the shell file has comments alone, without an end
/// of its last line.
#[test]
fn of_3_2_and_newer_as_shipped() {
    let yaml = YAML_3.replacen(
        "spring:\n",
        "spring:\n  application:\n    name: master-server\n  profiles:\n    active: postgresql\n",
        1,
    ) + "---\nmanagement.metrics.tags.application: ${spring.application.name}\n";
    let comments = "# export DATABASE=${DATABASE:-postgresql}\n# export JAVA_HOME=/opt/java";
    let shipped = Home::new(&[(YAML, &yaml), (SHARED, comments), (OF_SERVER, comments)]);
    assert_eq!(
        shipped.text(Key::Db),
        some("jdbc:postgresql://127.0.0.1:5432/dolphinscheduler")
    );
    assert_eq!(shipped.text(Key::Zk), some("localhost:2181"));
    assert_eq!(
        (shipped.text(Key::TimeZone), shipped.open().earlier()),
        (None, None)
    );
    let zk = "export REGISTRY_ZOOKEEPER_CONNECT_STRING=zk1:2181";
    let with = |lines: &str| {
        let text = format!("{comments}{lines}\n");
        Home::new(&[(YAML, &yaml), (SHARED, &text), (OF_SERVER, comments)])
    };
    // What is put behind the last line is part of its comment, for the shell too.
    assert_eq!(with(zk).text(Key::Zk), some("localhost:2181"));
    let usual = with(&format!(
        "\n{zk}\nexport DATABASE=${{DATABASE:-mysql}}\nexport SPRING_PROFILES_ACTIVE=${{DATABASE}}\n\
         export SPRING_DATASOURCE_USERNAME=ds"
    ));
    assert_eq!(usual.text(Key::Zk), some("zk1:2181"));
    assert_eq!(
        usual.text(Key::Db),
        some("jdbc:mysql://127.0.0.1:3306/dolphinscheduler")
    );
    assert_eq!(usual.user(), (some("ds"), some("7")));
    let earlier = usual.open().earlier().map(|earlier| earlier.keys.clone());
    assert_eq!(earlier, Some(vec![Key::Zk, Key::Db]));
}

#[test]
fn of_3_x_profiles_in_lists() {
    let active = format!("spring.profiles.active: [x, mysql]\n{YAML_3}");
    assert_eq!(Home::new(&[(YAML, &active)]).user().0, some("mroot"));
    let condition = YAML_3.replace("on-profile: mysql", "on-profile: [mysql, x]");
    let home = Home::new(&[(YAML, &condition)]);
    assert_eq!(home.user().0, some("root"));
    let usual = YAML_3.replace("on-profile: mysql", "on-profile: default");
    assert_eq!(Home::new(&[(YAML, &usual)]).user().0, some("mroot"));
}

#[test]
fn what_brings_in_settings_from_elsewhere_is_refused_by_name() {
    let refused = |home: &Home| {
        let error = DsHome::open(home.folder.path(), &home.environment).unwrap_err();
        format!("{error}; {}", error.hint().unwrap())
    };
    for line in [
        "spring.config.import: file:/etc/other.yaml",
        "spring.config.import: [file:/etc/other.yaml]",
        "spring.profiles.include: mysql",
        "spring.profiles.group.default: mysql",
    ] {
        let home = Home::new(&[(YAML, &format!("{line}\n{YAML_3}"))]);
        let told = refused(&home);
        assert!(told.contains("application.yaml, line 1"), "{told}");
    }
    for variable in [
        "SPRING_APPLICATION_JSON",
        "SPRING_CONFIG_LOCATION",
        "SPRING_CONFIG_ADDITIONAL_LOCATION",
    ] {
        let home = Home::new(&[(YAML, YAML_3)]).with(&[(variable, "mark3r")]);
        let told = refused(&home);
        assert!(
            told.contains(variable) && !told.contains("mark3r"),
            "{told}"
        );
    }
    for file in [
        "master-server/conf/application.properties",
        "master-server/conf/application-default.yml",
        "master-server/config/application.yaml",
        "master-server/application.yaml",
    ] {
        let told = refused(&Home::new(&[(YAML, YAML_3), (file, "")]));
        assert!(told.contains(file), "{told}");
    }
}

#[test]
fn what_stands_behind_an_alias_is_not_taken_from_elsewhere() {
    for (place, merged) in [
        ("spring:\n  datasource: *db", true),
        ("spring:\n  datasource:\n    <<: *db", true),
        (
            "spring:\n  datasource:\n    <<: *db\n    url: jdbc:mysql://own/ds",
            false,
        ),
    ] {
        let beside = format!("x: &db\n  url: jdbc:mysql://other/ds\n{place}\n");
        let home = Home::new(&[
            (YAML, YAML_3),
            ("master-server/conf/application-mysql.yaml", &beside),
        ])
        .with(&[("SPRING_PROFILES_ACTIVE", "mysql")]);
        if merged {
            let error = home.error(Key::Db);
            assert!(error.contains("application-mysql.yaml"), "{error}");
        } else {
            assert_eq!(home.text(Key::Db), some("jdbc:mysql://own/ds"));
        }
        assert_eq!(home.text(Key::Zk), some("localhost:2181"));
    }
}

#[test]
fn a_pipe_a_device_and_another_encoding_are_refused() {
    let home = Home::new(&[(YAML, YAML_3), (SHARED, ". /dev/zero")]);
    let refused = |home: &Home| {
        let error = DsHome::open(home.folder.path(), &home.environment).unwrap_err();
        error.to_string()
    };
    let told = refused(&home);
    assert!(told.contains("dolphinscheduler_env.sh, line 1"), "{told}");
    let shared = home.folder.path().join(SHARED);
    fs::remove_file(&shared).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &shared).unwrap();
    let told = refused(&home);
    assert!(told.contains("pipe or a device"), "{told}");
    let path = home.folder.path().join(YAML);
    fs::write(path, b"spring:\n  datasource:\n    password: p\xe4\n").unwrap();
    fs::remove_file(&shared).unwrap();
    let told = refused(&home);
    assert!(told.contains("line 3") && told.contains("UTF-8"), "{told}");
}

#[test]
fn half_a_file_is_not_believed() {
    let long = format!("{YAML_3}{}", "# \n".repeat(2 * 1024 * 1024));
    let home = Home::new(&[(YAML, &long)]);
    assert!(DsHome::open(home.folder.path(), &home.environment).is_err());
}

#[test]
fn of_3_x_the_shell_file_goes_before_the_yaml() {
    let shipped = "export DATABASE=${DATABASE:-postgresql}\nexport SPRING_PROFILES_ACTIVE=${DATABASE}\nexport SPRING_DATASOURCE_URL\n\
                   export REGISTRY_ZOOKEEPER_CONNECT_STRING=${REGISTRY_ZOOKEEPER_CONNECT_STRING:-zk1:2181}\n";
    let home = Home::new(&[(YAML, YAML_3), (SHARED, shipped)]);
    assert_eq!(
        home.says(Key::Zk),
        said("zk1:2181", "bin/env/dolphinscheduler_env.sh, line 4")
    );
    assert!(home.text(Key::Db).unwrap().starts_with("jdbc:postgresql:"));
    let mysql = Home::new(&[(YAML, YAML_3), (SHARED, shipped)]).with(&[
        ("DATABASE", "mysql"),
        ("REGISTRY_ZOOKEEPER_CONNECT_STRING", "zk9:2181"),
    ]);
    assert!(mysql.text(Key::Db).unwrap().starts_with("jdbc:mysql:"));
    assert_eq!(mysql.text(Key::Zk), some("zk9:2181"));
    // The daemon copies the shared file over the server's at every start.
    let both = Home::new(&[
        (YAML, YAML_3),
        (OF_SERVER, "export REGISTRY_ZOOKEEPER_CONNECTSTRING=old:1"),
        (SHARED, "export REGISTRY_ZOOKEEPER_CONNECTSTRING=new:1"),
    ]);
    assert_eq!(both.text(Key::Zk), some("new:1"));
    let alone = Home::new(&[
        (YAML, YAML_3),
        (OF_SERVER, "export REGISTRY_ZOOKEEPER_CONNECTSTRING=old:1"),
    ]);
    assert_eq!(alone.text(Key::Zk), some("old:1"));
}

#[test]
fn what_differs_in_the_copy_of_the_last_start_is_known() {
    let differs = |shared: &str, copy: &str| {
        let home = Home::new(&[(YAML, YAML_3), (SHARED, shared), (OF_SERVER, copy)]);
        home.open().earlier().map(|earlier| earlier.keys.clone())
    };
    let zk = "export REGISTRY_ZOOKEEPER_CONNECTSTRING=zk1:2181";
    assert_eq!(differs(zk, zk), None);
    // Neither comments nor what is not asked for counts, and the YAML's own value is none the other.
    assert_eq!(differs(zk, &format!("# older\n{zk}\nexport X=1")), None);
    assert_eq!(differs(zk, ""), Some(vec![Key::Zk]));
    assert_eq!(
        differs("export REGISTRY_ZOOKEEPER_CONNECTSTRING=localhost:2181", ""),
        None
    );
    for (line, key) in [
        ("export SPRING_DATASOURCE_URL=jdbc:mysql://h/d", Key::Db),
        ("export SPRING_DATASOURCE_USERNAME=u", Key::Db),
        (
            "export SPRING_DATASOURCE_PASSWORD=mark3r",
            Key::DbPasswordFile,
        ),
        (
            "export REGISTRY_ZOOKEEPER_DIGEST=u:mark3r",
            Key::ZkDigestFile,
        ),
        ("export REGISTRY_ZOOKEEPER_NAMESPACE=n", Key::Namespace),
        ("export JAVA_OPTS=-Duser.timezone=UTC", Key::TimeZone),
        (
            "export JAVA_OPTS=-Dzookeeper.client.secure=true",
            Key::ZkTls,
        ),
        ("export REGISTRY_ZOOKEEPER_CONNECT_STRING=$(x)", Key::Zk),
    ] {
        assert_eq!(differs(line, ""), Some(vec![key]), "{line}");
        assert_eq!(differs("", line), Some(vec![key]), "{line}");
        assert_eq!(differs(line, line), None, "{line}");
    }
    let tls = |store: &str| {
        format!(
            "export JAVA_OPTS=\"-Dzookeeper.client.secure=true -Dzookeeper.ssl.trustStore.location=/{store}.pem \
             -Dzookeeper.ssl.keyStore.location=/{store}-key.pem\""
        )
    };
    let stores = Some(vec![Key::ZkTlsCa, Key::ZkTlsCert]);
    assert_eq!(differs(&tls("new"), &tls("old")), stores);
    let module =
        "org.apache.zookeeper.server.auth.DigestLoginModule required username=\"u\" password";
    let home = Home::new(&[
        (YAML, YAML_3),
        (
            SHARED,
            "export JAVA_OPTS=-Djava.security.auth.login.config=new.conf",
        ),
        (
            OF_SERVER,
            "export JAVA_OPTS=-Djava.security.auth.login.config=old.conf",
        ),
        (
            "master-server/new.conf",
            &format!("Client {{ {module}=\"mark3r\"; }};"),
        ),
        (
            "master-server/old.conf",
            &format!("Client {{ {module}=\"other\"; }};"),
        ),
    ]);
    let keys = home.open().earlier().map(|earlier| earlier.keys.clone());
    assert_eq!(keys, Some(vec![Key::ZkSaslFile]));
    let jdbc = "export REGISTRY_TYPE=jdbc";
    assert_eq!(
        differs(jdbc, ""),
        Some(vec![Key::Registry, Key::Zk, Key::Namespace])
    );
    let alone = Home::new(&[(YAML, YAML_3), (OF_SERVER, zk)]);
    assert_eq!(alone.open().earlier(), None);
}

#[test]
fn what_only_running_would_tell_is_an_error_for_who_asks() {
    let home = Home::new(&[
        (YAML, YAML_3),
        (
            SHARED,
            "export SPRING_DATASOURCE_PASSWORD=$(vault read x)\nexport SPRING_DATASOURCE_URL=`x`",
        ),
    ]);
    assert_eq!(home.text(Key::Zk), some("localhost:2181"));
    let error = home.error(Key::Db);
    assert!(
        error.contains("/bin/env/dolphinscheduler_env.sh, line 2")
            && error.contains("start script"),
        "{error}"
    );
    assert!(home.open().login().is_err());
}

#[test]
fn of_3_x_other_registries() {
    let jdbc = YAML_3.replace("type: zookeeper", "type: jdbc");
    let home = Home::new(&[(YAML, &jdbc)]);
    assert_eq!(
        (home.text(Key::Registry), home.text(Key::Zk)),
        (some("jdbc"), None)
    );
    let same = jdbc.replace(
        "  type: jdbc\n",
        "  type: jdbc\n  hikari-config:\n    jdbc-url: jdbc:postgresql://127.0.0.1:5432/dolphinscheduler?x=y\n",
    );
    assert_eq!(
        Home::new(&[(YAML, &same)]).text(Key::Registry),
        some("jdbc")
    );
    let other = same.replace("/dolphinscheduler?x=y", "/registry");
    let error = Home::new(&[(YAML, &other)]).error(Key::Registry);
    assert!(
        error.contains("a database of its own") && error.contains("line 10"),
        "{error}"
    );
    let etcd = YAML_3.replace("type: zookeeper", "type: etcd");
    let error = Home::new(&[(YAML, &etcd)]).error(Key::Registry);
    assert!(
        error.contains("\"etcd\"") && error.contains("line 8"),
        "{error}"
    );
}

/// Up to 3.1 the start script fills the zone in; from 3.2 on it stands there unfilled.
#[test]
fn the_zone_of_the_start_script() {
    let script =
        "JAVA_OPTS=${JAVA_OPTS:-\"-server -Duser.timezone=${SPRING_JACKSON_TIME_ZONE} -Xms4g\"}";
    let zone = "export SPRING_JACKSON_TIME_ZONE=${SPRING_JACKSON_TIME_ZONE:-Asia/Shanghai}";
    let files = [
        (YAML, YAML_3),
        (SHARED, zone),
        ("master-server/bin/start.sh", script),
    ];
    assert_eq!(
        Home::new(&files).says(Key::TimeZone),
        said("Asia/Shanghai", "bin/env/dolphinscheduler_env.sh, line 1")
    );
    assert_eq!(Home::new(&files[..2]).text(Key::TimeZone), None);
    for (options, zone) in [("-Xmx1g", None), ("-Duser.timezone=UTC", some("UTC"))] {
        let home = Home::new(&files).with(&[("JAVA_OPTS", options)]);
        assert_eq!(home.text(Key::TimeZone), zone, "{options}");
    }
}

#[test]
fn of_3_x_java_gets_what_is_exported_and_its_own_options() {
    let zk = |files: &[(&str, &str)]| {
        let all: Vec<_> = [(YAML, YAML_3)].iter().chain(files).copied().collect();
        Home::new(&all).text(Key::Zk)
    };
    let plain = "REGISTRY_ZOOKEEPER_CONNECT_STRING=zk1:2181";
    assert_eq!(zk(&[(SHARED, plain)]), some("localhost:2181"));
    let exported = format!("{plain}\nexport REGISTRY_ZOOKEEPER_CONNECT_STRING");
    assert_eq!(zk(&[(SHARED, &exported)]), some("zk1:2181"));
    let options = "export JAVA_OPTS=\"-server\n -Dregistry.zookeeper.connect-string=zk2:2181\"";
    assert_eq!(zk(&[(SHARED, options)]), some("zk2:2181"));
    let tool = "export JAVA_TOOL_OPTIONS=-Dregistry.zookeeper.connect-string=zk3:2181";
    assert_eq!(zk(&[(SHARED, tool)]), some("zk3:2181"));
    let arguments = "# one a line\n-Xms4g\n-Dregistry.zookeeper.connect-string=zk4:2181\n-Duser.timezone=Asia/Tokyo\n";
    let of_jvm = ("master-server/bin/jvm_args_env.sh", arguments);
    assert_eq!(zk(&[of_jvm, (SHARED, tool)]), some("zk4:2181"));
    assert_eq!(
        zk(&[of_jvm, (SHARED, "JAVA_OPTS=-Xms1g")]),
        some("localhost:2181")
    );
    let zone = Home::new(&[(YAML, YAML_3), of_jvm]);
    assert_eq!(zone.text(Key::TimeZone), some("Asia/Tokyo"));
    let unfilled = arguments.replace("Asia/Tokyo", "${SPRING_JACKSON_TIME_ZONE}");
    let zone = Home::new(&[(YAML, YAML_3), (of_jvm.0, &unfilled)]);
    assert_eq!(zone.text(Key::TimeZone), None);
}

#[test]
fn a_sourced_file_that_cannot_be_followed_makes_all_unknown() {
    let home = Home::new(&[(YAML, YAML_3), (SHARED, ". ./secrets.sh")]);
    let error = DsHome::open(home.folder.path(), &home.environment).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("dolphinscheduler_env.sh, line 1"), "{told}");
}

/// What a container's variables alone say.
fn container(set: &[(&str, &str)]) -> Option<DsHome> {
    let environment = set.iter().map(|(name, value)| (name.into(), value.into()));
    DsHome::of_environment(&environment.collect())
}

fn text_in(home: &DsHome, key: Key) -> Option<String> {
    home.get(key).unwrap().map(|stated| stated.text)
}

#[test]
fn a_container_has_its_environment_alone() {
    let home = container(&[
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://db:5432/ds"),
        ("SPRING_DATASOURCE_USERNAME", "u"),
        ("SPRING_DATASOURCE_PASSWORD", "p"),
        ("REGISTRY_TYPE", "zookeeper"),
        ("REGISTRY_ZOOKEEPER_CONNECT_STRING", "zk:2181"),
    ])
    .unwrap();
    assert_eq!(
        text_in(&home, Key::Db),
        some("jdbc:postgresql://db:5432/ds")
    );
    assert_eq!(text_in(&home, Key::Zk), some("zk:2181"));
    assert_eq!(home.login().unwrap().user, some("u"));
    assert!(container(&[]).is_none());
}

/// Without the files of the image, as in a container beside it.
#[test]
fn a_container_of_1_3_and_2_0_has_the_variables_of_its_start_script() {
    let database = [
        ("DATABASE_TYPE", "mysql"),
        ("DATABASE_HOST", "db"),
        ("DATABASE_PORT", "3306"),
        ("DATABASE_PASSWORD", "p"),
    ];
    assert!(container(&database).is_none());
    for (registry, namespace) in [
        ([("REGISTRY_SERVERS", "zk:2181"), ("X", "x")], None),
        (
            [("ZOOKEEPER_QUORUM", "zk:2181"), ("ZOOKEEPER_ROOT", "/ours")],
            Some("/ours"),
        ),
    ] {
        let home = container(&[&database[..], &registry].concat()).unwrap();
        assert_eq!(
            text_in(&home, Key::Db),
            some("jdbc:mysql://db:3306/dolphinscheduler?characterEncoding=utf8")
        );
        assert_eq!(text_in(&home, Key::Zk), some("zk:2181"));
        assert_eq!(text_in(&home, Key::Namespace).as_deref(), namespace);
        let login = home.login().unwrap();
        assert_eq!(login.user, some("root"));
        assert_eq!(login.password.unwrap().0.expose(), "p");
    }
}

/// Each value has the variable that says it, and one of the script's own the mark of the image.
#[test]
fn what_the_start_script_sets_comes_from_what_says_it() {
    let registry = ("REGISTRY_SERVERS", "zk:2181");
    let origins = |set: &[(&str, &str)]| {
        let home = container(&[set, &[registry]].concat()).unwrap();
        let url = home.get(Key::Db).unwrap().unwrap().origin.to_string();
        let (_, password) = home.login().unwrap().password.unwrap();
        (url, password.to_string())
    };
    let said = |url: &str, password: &str| (url.to_owned(), password.to_owned());
    assert_eq!(
        origins(&[("DATABASE_HOST", "db"), ("DATABASE_PASSWORD", "p")]),
        said("DATABASE_HOST", "DATABASE_PASSWORD")
    );
    let empty = ("DATABASE_HOST", "");
    assert_eq!(
        origins(&[empty, ("DATABASE_PORT", "1")]),
        said("DATABASE_PORT", "DOCKER")
    );
    assert_eq!(
        origins(&[empty, ("DATABASE_TYPE", "mysql")]),
        said("DATABASE_TYPE", "DOCKER")
    );
    assert_eq!(origins(&[empty]), said("DOCKER", "DOCKER"));
}

#[test]
fn what_the_start_script_makes_of_a_variable_that_is_not_utf8_is_not_known() {
    use std::os::unix::ffi::OsStringExt;
    let unknown = |name: &str| {
        let set = [("DATABASE_HOST", "db"), ("REGISTRY_SERVERS", "zk:2181")];
        let set = set.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let mut environment = BTreeMap::from(set);
        environment.insert(name.into(), OsString::from_vec(vec![b'm', 0xff]));
        let home = DsHome::of_environment(&environment).unwrap();
        let of_url = home.get(Key::Db).err().map(|error| error.to_string());
        let of_login = home.login().err().map(|error| error.to_string());
        [of_url, of_login].map(|error| error.is_some_and(|error| error.contains(name)))
    };
    assert_eq!(unknown("DATABASE_PARAMS"), [true, false]);
    assert_eq!(unknown("DATABASE_PASSWORD"), [false, true]);
    assert_eq!(unknown("DATABASE_USERNAME"), [false, true]);
    assert_eq!(unknown("DATABASE_TYPE"), [true, true]);
}

/// What the charts of 3.2.2, and of the line of 3.3, render for a release `ds` with the values that are
/// named; the pods' passwords come from secrets.
#[test]
fn what_helm_renders() {
    let password = ("SPRING_DATASOURCE_PASSWORD", "mark3r");
    let zookeeper = [
        ("REGISTRY_TYPE", "zookeeper"),
        ("REGISTRY_ZOOKEEPER_CONNECT_STRING", "ds-zookeeper:2181"),
    ];
    // As shipped: postgresql.enabled, zookeeper.enabled.
    let usual = [
        ("DATABASE", "postgresql"),
        (
            "SPRING_DATASOURCE_URL",
            "jdbc:postgresql://ds-postgresql:5432/dolphinscheduler?characterEncoding=utf8",
        ),
        ("SPRING_DATASOURCE_USERNAME", "root"),
        (
            "SPRING_DATASOURCE_DRIVER-CLASS-NAME",
            "org.postgresql.Driver",
        ),
        ("SPRING_JACKSON_TIME_ZONE", "Asia/Shanghai"),
        ("TZ", "Asia/Shanghai"),
        password,
    ];
    // The image has its server's files right in its folder; its shell file is one of comments.
    let image = [
        ("conf/application.yaml", YAML_3),
        (
            "conf/dolphinscheduler_env.sh",
            "# export DATABASE=${DATABASE:-postgresql}\n",
        ),
    ];
    let home = Home::new(&image).with(&usual).with(&zookeeper);
    assert_eq!(home.text(Key::Db).as_deref(), Some(usual[1].1));
    assert_eq!(home.text(Key::Zk), some("ds-zookeeper:2181"));
    assert_eq!(home.text(Key::Namespace), some("dolphinscheduler"));
    assert_eq!(home.text(Key::TimeZone), None);
    assert_eq!(home.user(), (some("root"), some("mark3r")));
    // datasource.profile, from 3.3 on.
    let home = home.with(&[("SPRING_PROFILES_ACTIVE", "postgresql")]);
    assert_eq!(home.text(Key::Db).as_deref(), Some(usual[1].1));
    let alone = container(&[&usual[..], &zookeeper].concat()).unwrap();
    assert_eq!(text_in(&alone, Key::Db).as_deref(), Some(usual[1].1));
    assert_eq!(text_in(&alone, Key::Zk), some("ds-zookeeper:2181"));
    // mysql.enabled, registryJdbc.enabled without and with hikariConfig.enabled.
    let mysql = [
        ("DATABASE", "mysql"),
        ("SPRING_PROFILES_ACTIVE", "mysql"),
        (
            "SPRING_DATASOURCE_URL",
            "jdbc:mysql://ds-mysql:3306/dolphinscheduler?characterEncoding=utf8",
        ),
        ("SPRING_DATASOURCE_USERNAME", "ds"),
        password,
        ("REGISTRY_TYPE", "jdbc"),
        ("REGISTRY_TERM_REFRESH_INTERVAL", "2s"),
    ];
    let hikari = |url| ("REGISTRY_HIKARI_CONFIG_JDBC_URL", url);
    let home = Home::new(&image).with(&mysql);
    assert_eq!(home.text(Key::Registry), some("jdbc"));
    assert_eq!((home.text(Key::Zk), home.user().0), (None, some("ds")));
    let same = Home::new(&image)
        .with(&mysql)
        .with(&[hikari("jdbc:mysql://ds-mysql:3306/dolphinscheduler")]);
    assert_eq!(same.text(Key::Registry), some("jdbc"));
    let other = Home::new(&image)
        .with(&mysql)
        .with(&[hikari("jdbc:mysql://other:3306/registry")]);
    assert!(other.error(Key::Registry).contains("a database of its own"));
    // registryEtcd.enabled, and an external registry.
    let etcd = Home::new(&image).with(&usual).with(&[
        ("REGISTRY_TYPE", "etcd"),
        ("REGISTRY_ENDPOINTS", "http://etcd:2379"),
    ]);
    assert!(etcd.error(Key::Registry).contains("\"etcd\""));
    let external = Home::new(&image).with(&usual).with(&[
        ("REGISTRY_TYPE", "zookeeper"),
        ("REGISTRY_ZOOKEEPER_CONNECT_STRING", "127.0.0.1:2181"),
    ]);
    assert_eq!(external.text(Key::Zk), some("127.0.0.1:2181"));
}

/// Spring gives Curator the empty text: masters register at the top of the tree.
#[test]
fn an_empty_namespace_is_not_the_default_one() {
    let empty = |text: &str| YAML_3.replacen("namespace: dolphinscheduler", text, 1);
    for text in ["namespace: ''", "namespace:", "namespace: ${NOTHING:}"] {
        let home = Home::new(&[(YAML, &empty(text))]);
        let error = home.error(Key::Namespace);
        assert!(
            error.contains("it is empty") && error.contains("application.yaml, line"),
            "{error}"
        );
    }
    let root = "zookeeper.quorum=zk1:2181\nzookeeper.dolphinscheduler.root=\n";
    let old = Home::new(&[
        ("conf/zookeeper.properties", root),
        (
            "conf/datasource.properties",
            "spring.datasource.url=jdbc:mysql://h/ds\n",
        ),
    ]);
    assert!(old.error(Key::Namespace).contains("it is empty"));
}

#[test]
fn what_stands_twice_in_one_mapping_is_refused_with_its_line() {
    let twice = Home::new(&[(YAML, "a: 1\nb: 2\na: mark3r\n")]);
    let error = DsHome::open(twice.folder.path(), &twice.environment).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Line { line: 3, problem, .. } if problem.contains("twice"))
            && !error.to_string().contains("mark3r"),
        "{error}"
    );
}

#[test]
fn other_folders_and_broken_files() {
    let empty = Home::new(&[("conf/other.properties", "a=b")]);
    let opened = DsHome::open(empty.folder.path(), &empty.environment);
    assert!(opened.unwrap().is_none());
    let broken = Home::new(&[(YAML, "a: [1\nb: mark3r\n")]);
    let error = DsHome::open(broken.folder.path(), &broken.environment).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Line { line: 2, .. })
            && !error.to_string().contains("mark3r"),
        "{error}"
    );
    let server = Home::new(&[("conf/application.yaml", YAML_3)]);
    assert_eq!(server.text(Key::Zk), some("localhost:2181"));
}
