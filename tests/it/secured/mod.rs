//! A ZooKeeper that does not let everybody in: what is given to the program lets it do all that it
//! does elsewhere, and what is missing is named.

mod certificates;
#[cfg(feature = "kerberos")]
mod kerberos;
mod sasl;
mod tls;

use std::fs;

use crate::harness::Output;
use crate::harness::world::World;

/// Nothing is given but the folder of an installation, whose masters log in as the section `Client` of
/// their `jaas.conf` says: it has this module.
fn from_the_masters_own_files(world: &World, module: &str) -> Output {
    let env = &world.env;
    let home = env.home().join("ds");
    let file = |name: &str, text: &str| {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    };
    file(
        "master-server/conf/application.yaml",
        &format!(
            "spring.datasource.url: jdbc:{}\nregistry.zookeeper:\n  connect-string: {}\n  namespace: {}\n",
            env.url(),
            env.connect,
            env.namespace
        ),
    );
    file(
        "bin/env/dolphinscheduler_env.sh",
        "export JAVA_OPTS=\"-Xmx1g -Djava.security.auth.login.config=conf/jaas.conf\"\n",
    );
    file(
        "master-server/conf/jaas.conf",
        &format!("Client {{\n  {module};\n}};\n"),
    );
    let given = [
        "DSCTL_ZK",
        "DSCTL_DB",
        "DSCTL_NAMESPACE",
        "DSCTL_ZK_SASL_FILE",
        "DSCTL_ZK_KERBEROS",
    ];
    let run = world.dsctl(&format!("masters --ds-home {}", home.display()));
    let run = given.iter().fold(run, |run, name| run.env_remove(name));
    run.run()
}

/// The program does not get in, and says why and what to do.
#[track_caller]
fn refused(output: Output, words: &[&str]) -> Output {
    let output = output.exit(6);
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output:?}");
    }
    output
}
