//! What differs between releases when one runs their servers. A new release is an entry here and a
//! `pom.xml`.

use crate::harness::{Env, PASSWORD, Store, USER, Zk, java};

/// A release whose masters the tests run.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a trait of a release, and none follows from another"
)]
pub struct Release {
    /// Its number, which is also the name of its folder in `tests/conformance`.
    pub number: &'static str,
    /// The release whose tables of ours are the same.
    pub schema: &'static str,
    /// The point release, where its database tells it.
    pub told: Option<&'static str>,
    /// Where its jars are.
    pub installed: fn(number: &str) -> Result<Installed, String>,
    /// The family that the program must find.
    pub family: &'static str,
    /// What workflows are called in names of tables and columns.
    pub workflow: &'static str,
    /// The jar with the classes that are mapped to tables.
    pub entities: &'static str,
    /// The main classes of the two servers.
    pub main: [&'static str; 2],
    /// Starts of the names of jars that either of them must not see: those of the other one.
    pub hidden: [&'static [&'static str]; 2],
    /// What a master says in its log when it shares commands out with one other.
    pub shared: Option<&'static str>,
    /// What a worker says in its log once it can run tasks, where it registers before that: until
    /// then every task fails.
    pub ready: Option<&'static str>,
    /// What a worker says in its log when a task is told the master that has taken it over.
    pub taken_over: Option<&'static str>,
    /// Whether a master keeps the lock of a failover that it has done: it gives back another one.
    pub leaks_lock: bool,
    /// What else an operator has to consent to before a failover.
    pub consent: &'static [&'static str],
    /// Where its servers meet.
    pub registry: Registry,
    /// Where masters register, and where workers do, below the root.
    pub registrations: [&'static str; 2],
    /// Where the failover lock of a master is, below the root.
    pub lock: fn(master: &str) -> String,
    /// Files that the servers find on their class path before everything else.
    pub settings: fn(&Place<'_>) -> Vec<(&'static str, String)>,
    /// The column with the definition that an instance runs, and an error or a waiting command
    /// names.
    pub definition: &'static str,
    /// Whether tasks that ran when their master died are started again while their worker lives.
    pub repeats: bool,
    /// Which tasks a master's failover marks.
    pub marks: Marks,
    /// Whether masters that share an IP address share the commands out. Those of 2.0 find
    /// themselves by it, each of them takes itself for the same one, and nobody looks after the
    /// others' commands.
    pub shares: bool,
    /// How a master marks the instances that it hands over.
    pub claim: Claim,
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

/// Where servers meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// ZooKeeper.
    ZooKeeper,
    /// Tables in the metadata database.
    #[cfg(feature = "distributions")]
    Database,
}

impl Registry {
    /// The registration below this path whose name ends so, if it is there.
    pub fn find(self, env: &Env, parent: &str, end: &str) -> Option<String> {
        match self {
            Self::ZooKeeper => find(&env.zk(), &env.path(parent), end, 3),
            #[cfg(feature = "distributions")]
            Self::Database => {
                let sql = format!(
                    "SELECT data_key FROM t_ds_jdbc_registry_data WHERE data_key LIKE '/{parent}/%' \
                     AND data_key LIKE '%{end}'"
                );
                env.rows(&sql).first().map(|row| row.text(0).unwrap())
            }
        }
    }
}

/// The node below `parent` whose name ends so; early releases put workers into folders of their
/// groups.
fn find(zk: &Zk, parent: &str, end: &str, depth: u32) -> Option<String> {
    for child in zk.children(parent) {
        let path = format!("{parent}/{child}");
        if child.ends_with(end) {
            return Some(path);
        }
        if depth > 0
            && let Some(found) = find(zk, &path, end, depth - 1)
        {
            return Some(found);
        }
    }
    None
}

/// What tells a failed-over instance that nobody has taken up yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The text `NULL` in place of the host, which is the new master's afterwards.
    Host,
    /// The state 18; the host is the dead master's before and after.
    #[cfg(feature = "distributions")]
    State,
}

impl Claim {
    /// Whether a version of an instance has the mark and the version before it has not.
    pub fn is_new(self, before: &serde_json::Value, after: &serde_json::Value) -> bool {
        let is_claimed = |row: &serde_json::Value| match self {
            Self::Host => row["host"] == "NULL",
            #[cfg(feature = "distributions")]
            Self::State => row["state"] == 18,
        };
        is_claimed(after) && !is_claimed(before)
    }
}

impl Release {
    /// A statement with this release's names of tables and columns.
    pub fn sql(&self, sql: &str) -> String {
        sql.replace("process_", &format!("{}_", self.workflow))
    }
}

/// What the servers of a release run with.
#[derive(Debug)]
pub struct Installed {
    /// The folder with the jars of each of the two servers.
    pub jars: [String; 2],
    /// Folders with more jars for both.
    pub plugins: Vec<String>,
    /// The folder with settings that each of them finds after ours.
    pub settings: [Option<String>; 2],
    /// The folder with the scripts that create its tables.
    pub scripts: Option<String>,
}

/// What Maven brings: jars, and nothing else.
fn artifacts(number: &str) -> Result<Installed, String> {
    let jars = java::maven_release(number)?;
    Ok(Installed {
        jars: [jars.clone(), jars],
        plugins: Vec::new(),
        settings: [None, None],
        scripts: None,
    })
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
    /// The database as Java names it.
    pub fn jdbc(&self) -> String {
        let (protocol, options) = match self.env.store {
            Store::MariaDb => (
                "mysql",
                "?useUnicode=true&characterEncoding=UTF-8&useSSL=false",
            ),
            _ => ("postgresql", ""),
        };
        format!(
            "jdbc:{protocol}://127.0.0.1:{}/{}{options}",
            self.env.server_port(),
            self.env.database
        )
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
    // For SASL, ZooKeeper's client of 3.4 reads addresses as older Java machines wrote them, and
    // fails with newer ones.
    "-Dzookeeper.sasl.client=false",
];

/// 3.1.1: the first release of 3.1 that leaves a marked task's flag alone.
pub static V3_1_1: Release = Release {
    number: "3.1.1",
    schema: "3.1.1",
    told: Some("3.1.1"),
    installed: artifacts,
    family: "3.1",
    workflow: "process",
    entities: "dolphinscheduler-dao-3.1.1.jar",
    main: [
        "org.apache.dolphinscheduler.server.master.MasterServer",
        "org.apache.dolphinscheduler.server.worker.WorkerServer",
    ],
    hidden: [
        &["dolphinscheduler-worker-"],
        &[
            "dolphinscheduler-master-",
            "dolphinscheduler-scheduler-quartz-",
        ],
    ],
    shared: None,
    ready: None,
    taken_over: None,
    leaks_lock: false,
    consent: &[],
    registry: Registry::ZooKeeper,
    registrations: ["nodes/master", "nodes/worker"],
    lock: |master| format!("lock/failover/masters/{master}"),
    settings: spring_settings,
    definition: "process_definition_code",
    repeats: true,
    marks: Marks::Unfinished,
    shares: true,
    claim: Claim::Host,
    old_zookeeper: false,
    java: OPENED,
};

/// The same, and its registry is a MySQL database, with the intervals that the release ships with.
pub static V3_1_1_MYSQL: Release = Release {
    settings: |place| settings_mysql_registry(place, "2s"),
    ..V3_1_1
};

/// The same with a longer term of its registrations.
pub static V3_1_1_MYSQL_SLOW: Release = Release {
    settings: |place| settings_mysql_registry(place, "5m"),
    ..V3_1_1
};

/// 2.0.3. Its own plug-ins of workers were not published; shell tasks run with the plug-in of 2.0.5.
pub static V2_0_3: Release = Release {
    number: "2.0.3",
    schema: "2.0.3",
    told: Some("2.0.3"),
    family: "2.0",
    entities: "dolphinscheduler-dao-2.0.3.jar",
    hidden: [&[], &[]],
    settings: settings_2_0,
    ready: Some("Registered task plugin: SHELL"),
    repeats: false,
    marks: Marks::OnDeadHosts,
    shares: false,
    old_zookeeper: true,
    ..V3_1_1
};

/// 1.3.6: workers stand below the folders of their groups.
pub static V1_3_6: Release = Release {
    number: "1.3.6",
    schema: "1.3.6",
    told: Some("1.3.6"),
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
    let Place {
        port,
        session,
        folder,
        env,
    } = place;
    let registry = format!(
        "registry.plugin.name=zookeeper\nregistry.servers={}\nregistry.namespace={}\n\
         registry.session.timeout.ms={session}000\nregistry.connection.timeout.ms=9000\n\
         registry.block.until.connected.wait=10000\nregistry.base.sleep.time.ms=60\nregistry.max.sleep.ms=300\n\
         registry.max.retries=5\n",
        env.connect, env.namespace
    );
    let mut files = older_settings(place);
    files.push(("registry.properties", registry));
    files.push((
        "master.properties",
        format!("{}master.state.wheel.interval=1\n", master_settings(*port)),
    ));
    files.push(("worker.properties", worker_settings(*port)));
    files.push(("logback.xml", logback(folder)));
    files.push(("common.properties", common_settings(folder)));
    // Where a master does not find this file, it registers and then ends.
    files.push((
        "quartz.properties",
        "org.quartz.scheduler.instanceName=DolphinScheduler\n".to_owned(),
    ));
    files
}

/// 1.3: a file for each topic.
fn settings_1_3(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place {
        port,
        session,
        folder,
        env,
    } = place;
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
    let encoder =
        "<encoder><pattern>%d %-5level [%thread] %logger{36} : %msg%n</pattern></encoder>";
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
        (
            "datasource.properties",
            format!("{datasource}spring.datasource.maxActive=12\n"),
        ),
        (
            "application.properties",
            format!("{datasource}spring.main.banner-mode=off\n"),
        ),
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

/// What stands in `common.properties` in every release.
pub fn common_settings(folder: &str) -> String {
    format!(
        "data.basedir.path={folder}/data\nresource.storage.type=NONE\nsudo.enable=false\ndevelopment.state=false\n"
    )
}

/// 3.0 and newer: Spring's properties, and what still stands in `common.properties`.
fn spring_settings(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place {
        port,
        session,
        folder,
        env,
    } = place;
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
    let common = format!(
        "{}setTaskDirToTenant.enable=false\nalert.rpc.port=50052\n",
        common_settings(folder)
    );
    vec![
        ("application.properties", application),
        ("common.properties", common),
    ]
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
    files[0].1 = files[0]
        .1
        .replace("registry.type=zookeeper", "registry.type=mysql")
        + &registry;
    // As shipped: a heartbeat must not stand in for what keeps a registration alive.
    files[0].1 = files[0].1.replace(
        "master.heartbeat-interval=2s",
        "master.heartbeat-interval=10s",
    );
    files
}
