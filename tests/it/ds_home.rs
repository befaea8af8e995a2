//! DolphinScheduler's own files are enough to do everything: an installation of each layout, on real
//! servers.

use dsctl::model::Version;

use crate::harness::world::{DEAD, World};
use crate::harness::{Dsctl, PASSWORD, Store, USER};

/// How a release keeps its configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// 1.x.
    Properties,
    /// 2.0.
    Profiles,
    /// 3.x.
    Servers,
}

/// The files of an installation that leads to this world.
fn install(world: &World, layout: Layout) -> String {
    let env = &world.env;
    let (scheme, profile) = match env.store {
        Store::MariaDb => ("mysql", "mysql"),
        _ => ("postgresql", "postgresql"),
    };
    let url = format!(
        "jdbc:{scheme}://127.0.0.1:{}/{}?useUnicode=true&characterEncoding=UTF-8",
        env.server_port(),
        env.database
    );
    let (zk, namespace) = (&env.connect, &env.namespace);
    let file = |name: &str, text: &str| {
        let path = env.home().join("ds").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let datasource = format!(
        "spring:\n  datasource:\n    url: {url}\n    username: {USER}\n    password: '{PASSWORD}'\n"
    );
    match layout {
        Layout::Properties => {
            file(
                "conf/zookeeper.properties",
                &format!("zookeeper.quorum={zk}\nzookeeper.dolphinscheduler.root=/{namespace}\n"),
            );
            let login = format!(
                "spring.datasource.username={USER}\nspring.datasource.password={PASSWORD}\n"
            );
            file(
                "conf/datasource.properties",
                &format!("spring.datasource.url={url}\n{login}"),
            );
        }
        Layout::Profiles => {
            file(
                "conf/registry.properties",
                &format!(
                    "registry.plugin.name=zookeeper\nregistry.servers={zk}\nregistry.namespace={namespace}\n"
                ),
            );
            file(&format!("conf/application-{profile}.yaml"), &datasource);
            file(
                "conf/config/install_config.conf",
                &format!("DATABASE_TYPE=${{DATABASE_TYPE:-\"{profile}\"}}\n"),
            );
        }
        Layout::Servers => {
            let kind = if env.variables().contains_key("DSCTL_REGISTRY") {
                "jdbc"
            } else {
                "zookeeper"
            };
            file(
                "master-server/conf/application.yaml",
                &format!(
                    "spring:\n  datasource:\n    url: jdbc:postgresql://127.0.0.1:1/none\nregistry:\n  type: {kind}\n  zookeeper:\n    \
                     namespace: {namespace}\n    connect-string: localhost:1\n---\nspring:\n  config:\n    activate:\n      \
                     on-profile: {profile}\n{}",
                    &datasource["spring:\n".len()..]
                ),
            );
            file(
                "bin/env/dolphinscheduler_env.sh",
                &format!(
                    "export SPRING_PROFILES_ACTIVE={profile}\nexport REGISTRY_ZOOKEEPER_CONNECT_STRING=${{NONE:-{zk}}}\n"
                ),
            );
        }
    }
    env.home().join("ds").display().to_string()
}

/// Without a word of its own about the cluster.
fn bare(world: &World, arguments: &str) -> Dsctl {
    ["DSCTL_ZK", "DSCTL_DB", "DSCTL_NAMESPACE", "DSCTL_REGISTRY"]
        .iter()
        .fold(world.dsctl(arguments), |run, name| run.env_remove(name))
}

/// Each master's address and verdict, and how much it has to do.
fn masters(run: Dsctl) -> Vec<String> {
    let document = run.run().exit(0).json();
    let masters = document["masters"].as_array().unwrap().clone();
    let told = |master: &serde_json::Value| {
        format!(
            "{} {} {}",
            master["address"], master["verdict"], master["unfinished_instances"]
        )
    };
    assert_eq!(masters.len(), 2, "{document}");
    masters.iter().map(told).collect()
}

fn check(world: &World, layout: Layout) {
    let home = install(world, layout);
    let asked = |arguments: &str| bare(world, &format!("{arguments} --ds-home {home}"));
    let config = asked("config").run().exit(0);
    assert!(
        config.stdout.contains("***") && !config.stdout.contains("missing"),
        "{config:?}"
    );
    let shown = masters(world.dsctl("masters -o json"));
    assert_eq!(masters(asked("masters -o json")), shown);
    // So is the variable that DolphinScheduler's users set themselves.
    let named = bare(world, "masters -o json").env("DOLPHINSCHEDULER_HOME", &home);
    assert_eq!(masters(named), shown);
    let report = asked(&format!("failover {DEAD} --yes --dry-run -o json")).run();
    report.exit(0);
    world.check_untouched();
    asked(&format!("failover {DEAD} --yes -o json"))
        .run()
        .exit(0);
    world.check_complete();
}

/// The layout alone is that of 1.3: the rows are those of a newer release.
#[test]
fn of_1_3_with_mariadb() {
    check(
        &World::new(Store::MariaDb, Version::new(2, 0, 3), 3),
        Layout::Properties,
    );
}

#[test]
fn of_2_0_with_postgres() {
    check(
        &World::new(Store::Postgres, Version::new(2, 0, 3), 3),
        Layout::Profiles,
    );
}

#[test]
fn of_3_1_with_mariadb() {
    check(
        &World::new(Store::MariaDb, Version::new(3, 1, 9), 3),
        Layout::Servers,
    );
}

#[test]
fn of_3_4_with_postgres() {
    check(
        &World::new(Store::Postgres, Version::new(3, 4, 2), 3),
        Layout::Servers,
    );
}

#[test]
fn of_3_4_with_the_registry_in_the_database() {
    check(
        &World::with_registry_inside(Store::Postgres, Version::new(3, 4, 2), 3),
        Layout::Servers,
    );
}

#[test]
fn in_a_container_the_environment_is_enough() {
    let world = World::new(Store::Postgres, Version::new(3, 4, 2), 3);
    let env = &world.env;
    let url = format!(
        "jdbc:postgresql://127.0.0.1:{}/{}",
        env.server_port(),
        env.database
    );
    let run = bare(&world, "masters -o json")
        .env("SPRING_DATASOURCE_URL", &url)
        .env("SPRING_DATASOURCE_USERNAME", USER)
        .env("SPRING_DATASOURCE_PASSWORD", PASSWORD)
        .env("REGISTRY_TYPE", "zookeeper")
        .env("REGISTRY_ZOOKEEPER_CONNECT_STRING", &env.connect)
        .env("REGISTRY_ZOOKEEPER_NAMESPACE", &env.namespace);
    assert_eq!(masters(run), masters(world.dsctl("masters -o json")));
}
