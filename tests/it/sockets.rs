//! Databases through a socket of this machine, by the words that each driver has for it. The host beside
//! it leads nowhere.

use crate::harness::servers::postgres;
use crate::harness::world::{BY_HOST, BY_STATE, World};
use crate::harness::{Dsctl, MariaDb, Output, PASSWORD, PASSWORD_IN_URL, Postgres, Store, USER};

const JUNIX_MYSQL: &str = "socketFactory=org.newsclub.net.mysql.AFUNIXDatabaseSocketFactory";
const JUNIX_POSTGRES: &str = "socketFactory=org.newsclub.net.unix.AFUNIXSocketFactory$FactoryArg";

fn masters(world: &World, url: &str) -> Output {
    Dsctl::new(&world.env)
        .env("DSCTL_DB", url)
        .args(["masters", "-o", "json"])
        .run()
}

#[test]
fn of_mariadb() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 3);
    let (server, database) = (MariaDb::shared(), world.env.database.clone());
    let user = format!("{database}_local");
    server.sql(
        "",
        &format!(
            "CREATE USER {user}@localhost IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON {database}.* TO {user}@localhost"
        ),
    );
    let socket = server.socket();
    let login = format!("{user}:{PASSWORD_IN_URL}");
    let asked = format!("user={user}&password={PASSWORD_IN_URL}");
    for url in [
        format!("mysql://{login}@localhost:1/{database}?socket={socket}"),
        format!("mysql://{login}@{}/{database}", socket.replace('/', "%2F")),
        format!("jdbc:mariadb://localhost/{database}?localSocket={socket}&{asked}"),
        format!("jdbc:mysql:///{database}?{JUNIX_MYSQL}&junixsocket.file={socket}&{asked}"),
    ] {
        masters(&world, &url).exit(0);
        world.env.set("DSCTL_DB", &url);
    }
    world.run(world.failover("")).exit(0);
    world.check_complete();
    let gone = format!("mysql://{login}@localhost/{database}?socket=/nowhere/socket");
    let output = masters(&world, &gone).exit(6);
    assert!(
        output.stdout.contains("/nowhere/socket/") && !output.stdout.contains(":3306"),
        "{output:?}"
    );
    let unnamed = format!("jdbc:mysql://localhost/{database}?{JUNIX_MYSQL}&{asked}");
    masters(&world, &unnamed).exit(2);
    server.sql("", &format!("DROP USER {user}@localhost"));
}

#[test]
fn of_postgresql() {
    let mut world = World::new(Store::Postgres, BY_STATE, 3);
    let (server, database) = (Postgres::shared(), world.env.database.clone());
    let (folder, port) = (server.socket_folder(), server.port());
    let login = format!("{USER}:{PASSWORD_IN_URL}");
    let asked = format!("user={USER}&password={PASSWORD_IN_URL}");
    for url in [
        format!("postgres://{login}@localhost:1/{database}?host={folder}&port={port}"),
        // As libpq, which has no TLS there whatever is demanded.
        format!("postgresql:///{database}?host={folder}&port={port}&{asked}&sslmode=require"),
        format!(
            "postgres://{login}@{}:{port}/{database}",
            folder.replace('/', "%2F")
        ),
        format!(
            "jdbc:postgresql://localhost/{database}?{JUNIX_POSTGRES}&socketFactoryArg={folder}/.s.PGSQL.{port}&{asked}"
        ),
    ] {
        masters(&world, &url).exit(0);
        world.env.set("DSCTL_DB", &url);
    }
    world.run(world.failover("")).exit(0);
    world.check_complete();
    let elsewhere = postgres::url(port, &database);
    for refused in ["host=db2", "port=5433", "PGPORT=5433"] {
        masters(&world, &format!("{elsewhere}?{refused}")).exit(2);
    }
}
