//! Metrics, and the service manager.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::{Rounds, end, event, of, told, watch};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};
use crate::harness::{Running, Store, assert_in_time, free_port};

#[test]
fn settings_are_read_again_and_metrics_are_kept() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let metrics = world.env.home().join("dsctl.prom");
    let mut watcher = watch(
        &world,
        &format!("--grace 1h --metrics-file {}", metrics.display()),
    )
    .spawn();
    watcher.await_stdout(&event("grace_started"));
    let text = |needle: &str| {
        crate::harness::eventually(Duration::from_secs(10), needle, || {
            let text = std::fs::read_to_string(&metrics).unwrap_or_default();
            if text.contains(needle) {
                Ok(())
            } else {
                Err(text)
            }
        });
    };
    text("dsctl_masters{verdict=\"dead\"} 1");
    text("dsctl_unfinished_instances{verdict=\"dead\"} 5");
    watcher.signal("HUP");
    text("dsctl_up{source=\"database\"} 1");
    assert!(watcher.is_running());
    end(&world, watcher);
    world.check_untouched();
}

fn ask(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// That a page of metrics has this line.
#[track_caller]
fn assert_line(page: &str, line: &str) {
    assert!(
        page.lines().any(|found| found == line),
        "no {line} in\n{page}"
    );
}

fn success(page: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("dsctl_last_success_timestamp_seconds "));
    line.unwrap_or_else(|| panic!("{page}")).parse().unwrap()
}

#[test]
fn metrics_are_served_and_nobody_who_asks_holds_the_loop() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let (port, rounds) = (free_port(), Rounds::of(&world));
    let more = format!("--grace 1h --metrics-listen {port} {}", rounds.arguments());
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&event("grace_started"));
    rounds.pass(1);
    let page = ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    for line in [
        "dsctl_masters{verdict=\"dead\"} 1",
        "dsctl_unfinished_instances{verdict=\"dead\"} 5",
        "dsctl_paused 0",
    ] {
        assert_line(&page, line);
    }
    assert!(ask(port, b"GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(port, b"\x16\x03\x01\x00\xff\xfe garbage\n\n").starts_with("HTTP/1.1 400 "));
    assert!(ask(port, b"POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    // More of them than are answered at once, and none says what it wants.
    let slow: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"GET /metr").unwrap();
            stream
        })
        .collect();
    rounds.pass(3);
    // They are cut off after some seconds, and then others have their turn; what these get is of a
    // later round.
    let later = ask(port, b"GET /metrics HTTP/1.1\r\n\r\n");
    assert!(
        later.starts_with("HTTP/1.1 200 OK\r\n") && success(&later) > success(&page),
        "{page}\n{later}"
    );
    drop(slow);
    // A port that is taken is told at the start.
    world
        .run(watch(&world, &format!("--once --metrics-listen {port}")))
        .exit(2)
        .out("cannot listen");
    end(&world, watcher);
    world.check_untouched();
}

/// The service manager's end of its socket.
struct Manager {
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn new(world: &World) -> Self {
        let path = world.env.home().join("notify").to_str().unwrap().to_owned();
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        Self { socket, path }
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self
            .socket
            .recv(&mut buffer)
            .expect("a word within the time");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Everything up to the first message that has this text.
    fn until(&self, text: &str) -> Vec<String> {
        let mut all = Vec::new();
        while !all.last().is_some_and(|last: &String| last.contains(text)) {
            all.push(self.next());
        }
        all
    }
}

#[test]
fn the_service_manager_hears_of_every_round() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut proxy = world.env.through_proxy();
    let manager = Manager::new(&world);
    let watcher = watch(&world, "--grace 1h --timeout 8s").env("NOTIFY_SOCKET", &manager.path);
    let watcher = watcher.env("WATCHDOG_USEC", "60000000").spawn();
    let ready = manager.next();
    assert!(
        ready.starts_with("READY=1\nSTATUS=") && ready.contains("1 dead with work"),
        "{ready}"
    );
    assert_eq!(manager.next(), "WATCHDOG=1");
    // Each round says what it saw and that it is alive, in this order; READY is said once.
    for _ in 0..3 {
        let status = manager.next();
        assert!(
            status.starts_with("STATUS=") && status.contains("1 masters registered"),
            "{status}"
        );
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    proxy.refuse();
    let address = proxy.address();
    manager.until(&address);
    assert_eq!(manager.next(), "WATCHDOG=1");
    // A round that fails is a round: to be restarted would not bring the database back.
    for _ in 0..2 {
        let failed = manager.next();
        assert!(
            failed.starts_with("STATUS=") && failed.contains(&address),
            "{failed}"
        );
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    proxy.listen();
    let back = manager.until("1 masters registered");
    assert!(
        back.iter().all(|message| !message.contains("READY=1")),
        "{back:?}"
    );
    watcher.signal("HUP");
    let reloaded = manager.until("READY=1");
    assert!(
        reloaded
            .iter()
            .any(|message| message.starts_with("RELOADING=1\nMONOTONIC_USEC=")),
        "{reloaded:?}"
    );
    end(&world, watcher);
    let last = manager.until("STOPPING=1");
    assert!(
        last.iter().all(|message| !message.contains("READY=1")),
        "{last:?}"
    );
    manager.socket.set_nonblocking(true).unwrap();
    assert!(
        manager.socket.recv(&mut [0; 64]).is_err(),
        "STOPPING=1 is the last word"
    );
    world.check_untouched();
}

/// One that waits for a sign of life must not end a loop that is at work, or that has long
/// intervals.
#[test]
fn a_long_failover_and_a_long_interval_are_no_standstill() {
    let world = World::new(Store::MariaDb, BY_HOST, 40);
    let manager = Manager::new(&world);
    let state = world.env.home().join("watch.json");
    let words = format!(
        "watch -o ndjson --yes --grace 0s --batch 10 --interval 1h --state-file {}",
        state.display()
    );
    let watcher = world
        .dsctl(&words)
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "2000000")
        .spawn();
    for _ in 0..4 {
        assert_eq!(manager.next(), "WATCHDOG=1", "for each batch");
    }
    assert!(manager.next().starts_with("READY=1"));
    let rounds = std::time::Instant::now();
    for _ in 0..2 {
        assert_eq!(manager.next(), "WATCHDOG=1");
        assert!(manager.next().starts_with("STATUS="));
    }
    // The interval is an hour.
    assert_in_time(rounds, Duration::from_secs(20));
    end(&world, watcher);
    world.check_complete();
}

/// Each lock is waited for, one after the other, and all together for longer than the service
/// manager waits.
#[test]
fn many_locks_that_somebody_holds_are_no_standstill() {
    let mut world = World::new(Store::MariaDb, BY_STATE, 5);
    let masters: Vec<String> = (0..4)
        .map(|number| format!("10.0.7.{number}:5678"))
        .collect();
    for master in &masters {
        world.add(master, super::long_ago(), 1);
    }
    let all = masters.iter().map(String::as_str).chain([DEAD]);
    let holders: Vec<_> = all
        .map(|master| world.dsctl(&format!("lock acquire {master}")).spawn())
        .collect();
    for master in masters.iter().map(String::as_str).chain([DEAD]) {
        world.zk().await_queue(
            &world.env.path(&format!("lock/master-failover/{master}")),
            1,
        );
    }
    let manager = Manager::new(&world);
    let mut watcher = watch(&world, "--grace 0s --max-masters 9 --lock-timeout 30s")
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "9000000")
        .spawn();
    manager
        .socket
        .set_read_timeout(Some(Duration::from_secs(9)))
        .unwrap();
    // The first round alone is longer than that.
    while !manager.next().contains("READY=1") {}
    watcher.await_stdout_times(&event("standby"), 5);
    watcher.signal("TERM");
    watcher.finish().exit(143);
    for holder in holders {
        holder.signal("TERM");
        holder.finish();
    }
    world.check_untouched();
}

/// Somebody is asked, and told afterwards, each for longer than the service manager waits.
#[test]
fn hooks_that_take_long_are_no_standstill() {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let script = world.env.home().join("slow");
    super::program(&script, "sleep 6");
    let manager = Manager::new(&world);
    let more = format!(
        "--grace 0s --hook-timeout 60s --on pre={0} --on post-success={0}",
        script.display()
    );
    let mut watcher = watch(&world, &more)
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "4000000")
        .spawn();
    watcher.await_stdout(&event("started"));
    manager
        .socket
        .set_read_timeout(Some(Duration::from_secs(4)))
        .unwrap();
    while !manager.next().contains("READY=1") {}
    end(&world, watcher);
    world.check_complete();
}

#[test]
fn a_service_manager_that_is_gone_or_strange_is_no_obstacle() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    world
        .run(watch(&world, "--once").env("NOTIFY_SOCKET", "relative"))
        .exit(2)
        .out("NOTIFY_SOCKET");
    let manager = Manager::new(&world);
    let mut watcher = watch(&world, "--grace 3s")
        .env("NOTIFY_SOCKET", &manager.path)
        .spawn();
    manager.until("READY=1");
    std::fs::remove_file(&manager.path).unwrap();
    drop(manager);
    watcher.await_stdout(&of("failover_finished", DEAD));
    end(&world, watcher);
    world.check_complete();
}

/// The page of a round that has handed everything over says so, and not what was there before.
#[test]
fn the_page_of_a_round_shows_what_is_left_after_it() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        let rounds = Rounds::of(&world);
        let more = format!("--once --grace 0s {}", rounds.arguments());
        world.run(watch(&world, &more)).exit(0);
        world.check_complete();
        let page = rounds.text();
        for line in [
            "dsctl_failover_instances_total{outcome=\"recovered\"} 5",
            "dsctl_masters{verdict=\"dead\"} 0",
            "dsctl_unfinished_instances{verdict=\"dead\"} 0",
            "dsctl_unfinished_instances{verdict=\"claimed\"} 5",
            "dsctl_masters{verdict=\"alive\"} 1",
        ] {
            assert_line(&page, line);
        }
    }
}

/// A failover of one instance a second, of which two are handed over by now.
fn in_the_middle() -> (World, Rounds, Running) {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let rounds = Rounds::of(&world);
    let more = format!("--grace 0s --batch 1 --rate 1/s {}", rounds.arguments());
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&event("failover_started"));
    super::await_commands(&world, 2);
    (world, rounds, watcher)
}

/// The page counts what an event says was done.
#[track_caller]
fn assert_counted(rounds: &Rounds, event: &serde_json::Value) {
    let done = event["recovered"].as_u64().unwrap();
    assert!(done >= 2, "{event}");
    let line = format!("dsctl_failover_instances_total{{outcome=\"recovered\"}} {done}");
    assert_line(&rounds.text(), &line);
}

/// Nobody writes the page of a round that a signal ends, but what was done is counted.
#[test]
fn what_was_handed_over_is_counted_whatever_ends_the_round() {
    let (world, rounds, watcher) = in_the_middle();
    let output = end(&world, watcher);
    assert_counted(&rounds, &told(&output, "error")[0]);
}

/// A pause in the middle of a failover takes nothing back.
#[test]
fn what_was_handed_over_before_a_refusal_is_counted() {
    let (world, rounds, mut watcher) = in_the_middle();
    std::fs::write(world.env.home().join("watch.json.pause"), "").unwrap();
    watcher.await_stdout(&event("failover_refused"));
    rounds.pass(1);
    let output = end(&world, watcher);
    assert_counted(&rounds, &told(&output, "failover_refused")[0]);
}
