//! What differs between releases when one runs their servers. A new release is an entry here and a `pom.xml`.

use crate::harness::{Env, PASSWORD, Store, USER};

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
    /// The column with the definition that an instance runs, and an error or a waiting command names.
    pub definition: &'static str,
    /// Whether tasks that ran when their master died are started again.
    pub repeats: bool,
    /// Which tasks a master's failover marks.
    pub marks: Marks,
    /// Whether masters that share an IP address share the commands out. Those of 2.0 find themselves by it, each of them
    /// takes itself for the same one, and nobody looks after the others' commands.
    pub shares: bool,
    /// Whether its ZooKeeper client is of 3.4.
    pub old_zookeeper: bool,
    /// Arguments of the Java machine.
    pub java: &'static [&'static str],
}

/// Which tasks a master's failover marks, to be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// None: whatever runs goes on.
    Nothing,
    /// Those of dead hosts. Those of a living worker go on.
    OnDeadHosts,
    /// All that have not ended.
    Unfinished,
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
        let (protocol, options) = match self.env.store {
            Store::MariaDb => ("mysql", "?useUnicode=true&characterEncoding=UTF-8&useSSL=false"),
            _ => ("postgresql", ""),
        };
        format!("jdbc:{protocol}://127.0.0.1:{}/{}{options}", self.env.server_port(), self.env.database)
    }

    fn driver(&self) -> &'static str {
        match self.env.store {
            Store::MariaDb => "com.mysql.cj.jdbc.Driver",
            _ => "org.postgresql.Driver",
        }
    }
}

/// Java 17 with libraries that were made for Java 8.
const OPENED: &[&str] = &[
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    // For SASL, ZooKeeper's client of 3.4 reads addresses as older Java machines wrote them, and fails with newer ones.
    "-Dzookeeper.sasl.client=false",
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
    definition: "process_definition_code",
    repeats: true,
    marks: Marks::Unfinished,
    shares: true,
    old_zookeeper: false,
    java: OPENED,
};

/// The same, and its registry is a MySQL database, with the intervals that the release ships with.
pub static V3_1_1_MYSQL: Release = Release { settings: |place| settings_mysql_registry(place, "2s"), ..V3_1_1 };

/// The same with a longer term of its registrations.
pub static V3_1_1_MYSQL_SLOW: Release = Release { settings: |place| settings_mysql_registry(place, "5m"), ..V3_1_1 };

/// 2.0.3. Its own plug-ins of workers were not published; shell tasks run with the plug-in of 2.0.5.
pub static V2_0_3: Release = Release {
    number: "2.0.3",
    family: "2.0",
    entities: "dolphinscheduler-dao-2.0.3.jar",
    hidden: [&[], &[]],
    settings: settings_2_0,
    repeats: false,
    marks: Marks::OnDeadHosts,
    shares: false,
    old_zookeeper: true,
    ..V3_1_1
};

/// 1.3.6: workers stand below the folders of their groups.
pub static V1_3_6: Release = Release {
    number: "1.3.6",
    family: "1.3",
    entities: "dolphinscheduler-dao-1.3.6.jar",
    hidden: [&[], &[]],
    lock: |_| "lock/failover/masters".to_owned(),
    settings: settings_1_3,
    definition: "process_definition_id",
    repeats: false,
    marks: Marks::Nothing,
    old_zookeeper: true,
    ..V3_1_1
};

/// 2.0: a file for each topic.
fn settings_2_0(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place { port, session, folder, env } = place;
    let registry = format!(
        "registry.plugin.name=zookeeper\nregistry.servers={}\nregistry.namespace={}\n\
         registry.session.timeout.ms={session}000\nregistry.connection.timeout.ms=9000\n\
         registry.block.until.connected.wait=10000\nregistry.base.sleep.time.ms=60\nregistry.max.sleep.ms=300\n\
         registry.max.retries=5\n",
        env.connect, env.namespace
    );
    let mut files = older_settings(place);
    files.push(("registry.properties", registry));
    files.push(("master.properties", format!("{}master.state.wheel.interval=1\n", master_settings(*port))));
    files.push(("worker.properties", worker_settings(*port)));
    files.push(("logback.xml", logback(folder)));
    files.push(("common.properties", common_settings(folder)));
    // Where a master does not find this file, it registers and then ends.
    files.push(("quartz.properties", "org.quartz.scheduler.instanceName=DolphinScheduler\n".to_owned()));
    files
}

/// 1.3: a file for each topic.
fn settings_1_3(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place { port, session, folder, env } = place;
    let zookeeper = format!(
        "zookeeper.quorum={}\nzookeeper.dolphinscheduler.root=/{}\nzookeeper.session.timeout={session}000\n\
         zookeeper.connection.timeout=9000\n",
        env.connect, env.namespace
    );
    let mut files = older_settings(place);
    files.push(("zookeeper.properties", zookeeper));
    files.push(("master.properties", master_settings(*port)));
    files.push(("worker.properties", worker_settings(*port)));
    files.push(("logback.xml", logback(folder)));
    files.push(("common.properties", common_settings(folder)));
    files
}

/// Workers before 3.0 ask their logging where a task's own log is, and fail where it does not say.
fn logback(folder: &str) -> String {
    let encoder = "<encoder><pattern>%d %-5level [%thread] %logger{36} : %msg%n</pattern></encoder>";
    format!(
        r#"<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">{encoder}</appender>
  <appender name="TASKLOGFILE" class="ch.qos.logback.classic.sift.SiftingAppender">
    <filter class="org.apache.dolphinscheduler.server.log.TaskLogFilter"/>
    <discriminator class="org.apache.dolphinscheduler.server.log.TaskLogDiscriminator">
      <key>taskAppId</key>
      <logBase>{folder}/tasks</logBase>
    </discriminator>
    <sift>
      <appender name="task" class="ch.qos.logback.core.FileAppender">
        <file>{folder}/tasks/${{taskAppId}}.log</file>{encoder}
      </appender>
    </sift>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/><appender-ref ref="TASKLOGFILE"/></root>
</configuration>
"#
    )
}

fn older_settings(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let datasource = format!(
        "spring.datasource.driver-class-name={}\nspring.datasource.url={}\n\
         spring.datasource.username={USER}\nspring.datasource.password={PASSWORD}\n",
        place.driver(),
        place.jdbc()
    );
    vec![
        ("datasource.properties", format!("{datasource}spring.datasource.maxActive=12\n")),
        ("application.properties", format!("{datasource}spring.main.banner-mode=off\n")),
    ]
}

fn master_settings(port: u16) -> String {
    format!(
        "master.listen.port={port}\nmaster.heartbeat.interval=2\nmaster.host.selector=Random\n\
         master.max.cpuload.avg=1000\nmaster.reserved.memory=0.0\nmaster.exec.threads=20\n"
    )
}

fn worker_settings(port: u16) -> String {
    format!(
        "worker.listen.port={port}\nworker.heartbeat.interval=2\nworker.max.cpuload.avg=1000\n\
         worker.reserved.memory=0.0\nworker.exec.threads=20\nworker.groups=default\n"
    )
}

fn common_settings(folder: &str) -> String {
    format!("data.basedir.path={folder}/data\nresource.storage.type=NONE\nsudo.enable=false\ndevelopment.state=false\n")
}

/// 3.0 and newer: Spring's properties, and what still stands in `common.properties`.
fn spring_settings(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place { port, session, folder, env } = place;
    let application = format!(
        "spring.main.banner-mode=off
spring.datasource.driver-class-name={driver}
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
        driver = place.driver(),
        jdbc = place.jdbc(),
        namespace = env.namespace,
        connect = env.connect,
    );
    let common = format!("{}setTaskDirToTenant.enable=false\nalert.rpc.port=50052\n", common_settings(folder));
    vec![("application.properties", application), ("common.properties", common)]
}

/// 3.1 with its registry in the metadata database.
fn settings_mysql_registry(place: &Place<'_>, term: &str) -> Vec<(&'static str, String)> {
    let mut files = spring_settings(place);
    let registry = format!(
        "registry.hikari-config.jdbc-url={}\nregistry.hikari-config.driver-class-name={}\n\
         registry.hikari-config.username={USER}\nregistry.hikari-config.password={PASSWORD}\n\
         registry.term-refresh-interval={term}\nregistry.term-expire-times=3\n",
        place.jdbc(),
        place.driver()
    );
    files[0].1 = files[0].1.replace("registry.type=zookeeper", "registry.type=mysql") + &registry;
    // As shipped: a heartbeat must not stand in for what keeps a registration alive.
    files[0].1 = files[0].1.replace("master.heartbeat-interval=2s", "master.heartbeat-interval=10s");
    files
}
