//! Programs of the operator: asked before, told afterwards, never waited for beyond their time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{SOON, await_file, end, event, of, program, told, watch, words};
use crate::faults::moments::Moment;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};
use crate::harness::{At, Store, assert_in_time, eventually, schema};

#[test]
fn a_hook_may_object_and_is_told_what_came_of_it() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let vetoed = world
        .run(watch(&world, "--once --grace 0s --on pre=/bin/false"))
        .exit(0);
    assert!(vetoed.stdout.contains("vetoed"), "{vetoed:?}");
    world.check_untouched();
    let told = world.env.home().join("told");
    let script = world.env.home().join("post-success");
    std::fs::write(&script, format!("#!/bin/sh\ncat > {}\n", told.display())).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let more = format!(
        "--once --grace 0s --cool-down 0s --on pre=/bin/true --on post-success={}",
        script.display()
    );
    world.run(watch(&world, &more)).exit(0);
    world.check_complete();
    let payload: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(told).unwrap()).unwrap();
    schema::assert_event(&payload);
    assert_eq!(
        (&payload["master"], &payload["recovered"]),
        (&DEAD.into(), &5.into())
    );
}

/// A folder with a program for each moment, which notes what it is told.
struct Noted(PathBuf);

impl Noted {
    fn new(world: &World) -> Self {
        let folder = world.env.home().join("hooks");
        std::fs::create_dir(&folder).unwrap();
        for moment in ["pre", "post-success", "post-failure", "blocked"] {
            let note = "env | grep -a ^DSCTL_ | sort > \"$0.env.new\"; cat > \"$0.json\"; mv \"$0.env.new\" \"$0.env\"";
            program(&folder.join(moment), note);
        }
        Self(folder)
    }

    fn argument(&self) -> String {
        format!("--hook {}", self.0.display())
    }

    /// Variables and document of the last call; `None` if there was none.
    fn of(&self, moment: &str) -> Option<(String, Value)> {
        let variables = std::fs::read_to_string(self.0.join(format!("{moment}.env"))).ok()?;
        let document = std::fs::read_to_string(self.0.join(format!("{moment}.json"))).unwrap();
        let document = serde_json::from_str(&document).unwrap();
        schema::assert_event(&document);
        Some((variables, document))
    }

    #[track_caller]
    fn check(&self, moment: &str, dry_run: &str) -> Value {
        let (variables, document) = self
            .of(moment)
            .unwrap_or_else(|| panic!("{moment} was not called"));
        let wanted = [
            format!("DSCTL_HOOK={moment}"),
            format!("DSCTL_EVENT={moment}"),
            format!("DSCTL_MASTER={DEAD}"),
            format!("DSCTL_DRY_RUN={dry_run}"),
        ];
        for line in wanted {
            assert!(
                variables.lines().any(|found| found == line),
                "no {line} in\n{variables}"
            );
        }
        // The database's URL holds a password in these tests.
        assert!(!variables.contains("DSCTL_DB="), "{variables}");
        assert_eq!(document["master"], DEAD);
        document
    }
}

#[test]
fn before_a_failover_and_after_its_success() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let noted = Noted::new(&world);
    world
        .run(watch(
            &world,
            &format!("--once --grace 0s {}", noted.argument()),
        ))
        .exit(0);
    world.check_complete();
    assert_eq!(noted.check("pre", "0")["unfinished_instances"], 5);
    let after = noted.check("post-success", "0");
    assert_eq!(
        (&after["event"], &after["recovered"]),
        (&"failover_finished".into(), &5.into()),
        "{after}"
    );
    assert!(noted.of("post-failure").is_none() && noted.of("blocked").is_none());
}

#[test]
fn when_a_guard_blocks_and_when_a_failover_fails() {
    let mut world = World::new(Store::Postgres, BY_STATE, 5);
    let noted = Noted::new(&world);
    super::one_is_done(&world);
    let blocked = world
        .run(watch(
            &world,
            &format!("--once --grace 0s --max-masters 1 {}", noted.argument()),
        ))
        .exit(4);
    let document = noted.check("blocked", "0");
    assert!(
        document["text"].as_str().unwrap().contains("storm brake"),
        "{document} {blocked:?}"
    );
    assert!(
        noted.of("pre").is_none(),
        "a guard comes before the question"
    );
    world.run(world.dsctl(&format!(
        "watch --resume --state-file {}",
        world.env.home().join("watch.json").display()
    )));
    let proxy = world.env.through_proxy();
    proxy.trap(Moment::Commit.bytes(Store::Postgres), At::Cut);
    world
        .run(watch(
            &world,
            &format!("--once --grace 0s {}", noted.argument()),
        ))
        .exit(6);
    assert!(proxy.has_sprung());
    let document = noted.check("post-failure", "0");
    assert_eq!(
        (&document["event"], &document["recovered"]),
        (&"error".into(), &0.into()),
        "{document}"
    );
    assert!(noted.of("post-success").is_none());
    world.check_untouched();
}

/// What nobody could take up is left, and hangs: nobody is told that it went well.
#[test]
fn what_is_left_over_is_no_success() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    world
        .env
        .sql("DELETE FROM t_ds_process_definition; DELETE FROM t_ds_process_definition_log");
    let noted = Noted::new(&world);
    world
        .run(watch(
            &world,
            &format!("--once --grace 0s {}", noted.argument()),
        ))
        .exit(7);
    let document = noted.check("post-failure", "0");
    assert_eq!(
        (&document["event"], &document["need_help"]),
        (&"failover_finished".into(), &5.into()),
        "{document}"
    );
    assert!(noted.of("post-success").is_none());
    assert_eq!(world.command_count(), 0);
}

/// Killed while the hook hangs: by then it is told and remembered.
#[test]
fn a_failover_is_remembered_before_a_hook_is_told() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let (on, pid) = hanging(&world, "post-success");
    let mut watcher = watch(&world, &format!("--grace 0s --hook-timeout 1m {on}")).spawn();
    let pid = await_file(&pid);
    watcher.await_stdout(&of("failover_finished", DEAD));
    watcher.signal("KILL");
    watcher.finish();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.trim().parse().unwrap()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    world.add_later(DEAD, super::long_ago(), 2);
    let after = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert!(after.stdout.contains("cool-down"), "{after:?}");
    assert_eq!(world.command_count(), 5);
}

#[test]
fn a_dry_run_is_told_to_hooks_as_one() {
    let world = World::new(Store::MariaDb, BY_STATE, 5);
    let noted = Noted::new(&world);
    let (store, registry) = (world.env.dump(), world.env.registry_dump());
    let words = format!(
        "watch --dry-run --once --grace 0s -o ndjson {}",
        noted.argument()
    );
    world
        .run(world.dsctl(&words))
        .exit(0)
        .out("5 would be handed over");
    noted.check("pre", "1");
    assert_eq!(noted.check("post-success", "1")["dry_run"], true);
    store.assert_same(&world.env.dump());
    assert_eq!(registry, world.env.registry_dump());
}

/// A hook that says its process's number in a file and then hangs.
fn hanging(world: &World, moment: &str) -> (String, PathBuf) {
    let (path, pid) = (
        world.env.home().join(format!("hang-{moment}")),
        world.env.home().join("pid"),
    );
    program(
        &path,
        &format!(
            "echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600",
            pid.display()
        ),
    );
    (format!("--on {moment}={}", path.display()), pid)
}

/// Signals take effect after the call that sends them.
fn await_end(pid: &str) {
    let state = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    eventually(SOON, "the end of the hook", || {
        if state.exists() {
            Err(pid.to_owned())
        } else {
            Ok(())
        }
    });
}

#[test]
fn while_a_hook_hangs_the_lock_is_free() {
    for moment in ["pre", "post-success"] {
        let world = World::new(Store::MariaDb, BY_HOST, 5);
        let (on, pid) = hanging(&world, moment);
        let began = Instant::now();
        let mut watcher = watch(&world, &format!("--grace 0s --hook-timeout 3s {on}")).spawn();
        let pid = await_file(&pid);
        assert!(world.queue().is_empty(), "{moment}: {:?}", world.queue());
        // Somebody else does it meanwhile, or does it once more.
        world.complete();
        watcher.await_stdout(&event(if moment == "pre" {
            "failover_refused"
        } else {
            "failover_finished"
        }));
        await_end(&pid);
        // The hook itself would take ten minutes.
        assert_in_time(began, Duration::from_secs(10));
        let output = end(&world, watcher);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains("took too long"), "{output:?}");
        world.check_complete();
    }
}

#[test]
fn nobody_waits_for_a_hanging_question_at_the_end() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let (on, pid) = hanging(&world, "pre");
    let watcher = watch(&world, &format!("--grace 0s --hook-timeout 40s {on}")).spawn();
    let pid = await_file(&pid);
    let output = end(&world, watcher);
    await_end(&pid);
    assert!(told(&output, "failover_started").is_empty(), "{output:?}");
    world.check_untouched();
}

#[test]
fn a_veto_is_repeated_only_after_the_cool_down() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let count = world.env.home().join("count");
    let script = world.env.home().join("no");
    program(
        &script,
        &format!("echo asked >> {}; exit 3", count.display()),
    );
    let more = format!("--grace 0s --cool-down 4s --on pre={}", script.display());
    let mut watcher = watch(&world, &more).spawn();
    // The veto, the cool-down after it, and the next veto.
    watcher.await_stdout_times(&of("failover_refused", DEAD), 3);
    let output = end(&world, watcher);
    let asked = std::fs::read_to_string(&count).unwrap().lines().count();
    assert!(asked >= 2, "{asked}: {output:?}");
    let texts: Vec<_> = told(&output, "failover_refused")
        .iter()
        .map(|line| line["text"].to_string())
        .collect();
    assert!(
        texts[0].contains("vetoed")
            && texts[1].contains("cool-down")
            && texts[2].contains("vetoed"),
        "{output:?}"
    );
    assert!(
        !words(&output).contains(&"failover_started".to_owned()),
        "{output:?}"
    );
    world.check_untouched();
}

/// A question that takes longer than anybody may look away, where the registry does not count who
/// comes and goes: somebody looks meanwhile, or the grace time would begin anew after every answer.
#[test]
fn with_the_registry_in_tables_a_long_question_does_not_undo_the_absence() {
    let world = World::with_registry_inside(Store::MariaDb, BY_STATE, 5);
    let script = world.env.home().join("slow");
    program(&script, "sleep 8");
    let more = format!(
        "--grace 2s --hook-timeout 30s --on pre={}",
        script.display()
    );
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert!(!output.stdout.contains("starts again"), "{output:?}");
    world.check_complete();
}
