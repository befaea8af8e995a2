//! Masters that live, or come back to life, and whose instances must stay theirs.

use jiff::{Timestamp, ToSpan};

use crate::attack::{ALIVE, DEAD, World, ago, server};
use crate::harness::Store;

#[test]
fn an_instance_of_the_second_in_which_its_master_started_is_the_living_masters() {
    let world = World::new(Store::Sqlite, "3.2.2");
    // The master started half a second after the full second; the database cuts a start at 0.9 s to that second.
    let full: Timestamp = format!("{}Z", ago(600)).parse().unwrap();
    let _restarted = world.env.register(world.version, &server(DEAD, full + 500.milliseconds()));
    world.env.insert([world.instance(1).started(ago(600)), world.instance(2).started(ago(700))]);
    let same_second = world.env.rows("SELECT start_time FROM t_ds_process_instance WHERE id = 1")[0].text(0).unwrap();
    assert_eq!(format!("{same_second}Z").replace(' ', "T"), full.to_string());
    let output = world.run("failover 10.0.0.2:5678 --allow-restarted --yes").exit(0);
    assert_eq!((world.host(1).as_str(), world.host(2).as_str()), (DEAD, "NULL"), "{output:?}");
    assert_eq!(world.commands(), 1);
}

#[test]
fn a_master_that_comes_back_in_the_middle_keeps_the_rest() {
    let world = World::new(Store::Sqlite, "3.1.9");
    world.instances(1..=3);
    let mut running = world.dsctl("failover 10.0.0.2:5678 --yes --batch 1 --rate 1/s -v").spawn();
    crate::harness::eventually(std::time::Duration::from_secs(20), "the first batch", || {
        if world.commands() == 1 { Ok(()) } else { Err("not yet") }
    });
    let _back = world.env.register(world.version, &server(DEAD, Timestamp::now()));
    assert!(running.is_running());
    let output = running.finish();
    assert_eq!((world.commands(), world.host(2).as_str(), world.host(3).as_str()), (1, DEAD, DEAD), "{output:?}");
    let output = output.exit(7);
    assert_eq!(output.json()["error"]["kind"], "refused");
    assert_eq!(output.json()["recovered"], 1);
}

#[test]
fn an_old_instance_that_a_restarted_master_took_up_is_not_taken_from_it() {
    // Up to 2.0.1 nothing says when a run began anew: a recovered instance keeps its first start.
    let world = World::new(Store::Sqlite, "1.3.9");
    let _restarted = world.env.register(world.version, &server(DEAD, Timestamp::now() - 10.minutes()));
    world.env.insert([
        world.instance(1).set("command_type", 2).set("recovery", 1),
        world.instance(2).set("command_type", 3),
        world.instance(3).set("command_type", 6),
    ]);
    let output = world.run("failover 10.0.0.2:5678 --allow-restarted --yes").exit(0);
    let hosts = [1, 2, 3].map(|id| world.host(id));
    assert_eq!(hosts, [DEAD, DEAD, "NULL"], "{output:?}");
}

#[test]
fn a_living_master_beside_the_dead_one_is_never_touched() {
    let world = World::new(Store::Sqlite, "3.2.2");
    world.instances([1]);
    world.env.insert([world.instance(2).host(ALIVE)]);
    let output = world.run(&format!("failover {DEAD} {ALIVE} --yes")).exit(7);
    assert_eq!((world.commands(), world.host(1).as_str(), world.host(2).as_str()), (1, "NULL", ALIVE), "{output:?}");
}
