//! What differs between releases when one runs their servers. A new release is an entry here and a `pom.xml`.

use crate::harness::servers::Postgres;
use crate::harness::{Env, PASSWORD, USER};

/// A release whose masters the tests run.
#[derive(Debug)]
pub struct Release {
    /// Its number, which is also the name of its folder in `tests/conformance`.
    pub number: &'static str,
    /// The family that the program must find.
    pub family: &'static str,
    /// The jar with the classes that are mapped to tables.
    pub entities: &'static str,
    /// The main classes of the two servers.
    pub main: [&'static str; 2],
    /// Starts of the names of jars that either of them must not see: those of the other one.
    pub hidden: [&'static [&'static str]; 2],
    /// Where masters register, and where workers do, below the root.
    pub registrations: [&'static str; 2],
    /// Where the failover lock of a master is, below the root.
    pub lock: fn(master: &str) -> String,
    /// Files that the servers find on their class path before everything else.
    pub settings: fn(&Place<'_>) -> Vec<(&'static str, String)>,
    /// Arguments of the Java machine.
    pub java: &'static [&'static str],
}

/// Where a server is to run.
#[derive(Debug)]
pub struct Place<'a> {
    /// Database and registry.
    pub env: &'a Env,
    /// The port that it listens on for other servers.
    pub port: u16,
    /// A folder for what it writes.
    pub folder: &'a str,
    /// How many seconds the registry keeps its session when it falls silent.
    pub session: u32,
}

impl Place<'_> {
    fn jdbc(&self) -> String {
        format!("jdbc:postgresql://127.0.0.1:{}/{}", Postgres::shared().port(), self.env.database)
    }
}

/// Java 17 with libraries that were made for Java 8.
const OPENED: &[&str] = &[
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
];

/// 3.1.1: the first release of 3.1 that leaves a marked task's flag alone.
pub static V3_1_1: Release = Release {
    number: "3.1.1",
    family: "3.1",
    entities: "dolphinscheduler-dao-3.1.1.jar",
    main: [
        "org.apache.dolphinscheduler.server.master.MasterServer",
        "org.apache.dolphinscheduler.server.worker.WorkerServer",
    ],
    hidden: [&["dolphinscheduler-worker-"], &["dolphinscheduler-master-", "dolphinscheduler-scheduler-quartz-"]],
    registrations: ["nodes/master", "nodes/worker"],
    lock: |master| format!("lock/failover/masters/{master}"),
    settings: spring_settings,
    java: OPENED,
};

/// 3.0 and newer: Spring's properties, and what still stands in `common.properties`.
fn spring_settings(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place { port, session, folder, env } = place;
    let application = format!(
        "spring.main.banner-mode=off
spring.datasource.driver-class-name=org.postgresql.Driver
spring.datasource.url={jdbc}
spring.datasource.username={USER}
spring.datasource.password={PASSWORD}
spring.datasource.hikari.maximum-pool-size=12
spring.cache.type=none
spring.quartz.job-store-type=memory
spring.quartz.auto-startup=false
spring.cloud.kubernetes.enabled=false
spring.cloud.bootstrap.enabled=false
server.port=0
registry.type=zookeeper
registry.zookeeper.namespace={namespace}
registry.zookeeper.connect-string={connect}
registry.zookeeper.session-timeout={session}s
registry.zookeeper.connection-timeout=9s
registry.zookeeper.block-until-connected=10s
registry.zookeeper.retry-policy.base-sleep-time=60ms
registry.zookeeper.retry-policy.max-sleep=300ms
registry.zookeeper.retry-policy.max-retries=5
master.listen-port={port}
master.fetch-command-num=10
master.pre-exec-threads=4
master.exec-threads=20
master.dispatch-task-number=3
master.host-selector=random
master.heartbeat-interval=2s
master.task-commit-retry-times=5
master.task-commit-interval=1s
master.state-wheel-interval=1s
master.max-cpu-load-avg=1000
master.reserved-memory=0.0
master.failover-interval=10m
master.kill-yarn-job-when-task-failover=true
master.registry-disconnect-strategy.strategy=stop
worker.listen-port={port}
worker.exec-threads=20
worker.heartbeat-interval=2s
worker.host-weight=100
worker.tenant-auto-create=false
worker.max-cpu-load-avg=1000
worker.reserved-memory=0.0
worker.alert-listen-host=127.0.0.1
worker.alert-listen-port=50052
worker.registry-disconnect-strategy.strategy=stop
",
        jdbc = place.jdbc(),
        namespace = env.namespace,
        connect = env.connect,
    );
    let common = format!(
        "data.basedir.path={folder}/data\nresource.storage.type=NONE\nsudo.enable=false\ndevelopment.state=false\n\
         setTaskDirToTenant.enable=false\nalert.rpc.port=50052\n"
    );
    vec![("application.properties", application), ("common.properties", common)]
}
