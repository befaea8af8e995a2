//! A model of instances, commands and the lock, explored to its last state: two operators and one
//! living master do the failover of the same dead master, and anybody may die, sleep or lose his
//! session at any moment.
//!
//! Two more models are small enough to stand by themselves: [`absence`], of what is believed of a
//! master that is missing, and [`replica`], of reads that somebody else answers. Only the first one
//! has time, and so a clock that may jump.
//!
//! No server is needed. Other tests show that the program and the servers do what the model takes
//! for granted; this one shows that it is enough, and, leaving out one precaution after the other,
//! that none of them is for nothing.

mod absence;
mod cluster;
mod explore;
mod replica;
mod steps;

use cluster::{At, Kind, Owner, Rules, State, Tx};
use explore::{Explored, explore};

/// The program as it is, against masters up to 3.2.
const AS_BUILT: Rules = Rules {
    start: Owner::Dead,
    operators: [Kind::Whole, Kind::Whole],
    master_compares: false,
    compare: true,
    confirm: true,
    idle_limit: true,
    one_transaction: true,
    look_for_command: true,
    master_sleeps: false,
    lives: [2, 1],
};

fn run(rules: &Rules) -> Explored {
    explore(
        State::start(rules),
        |state| steps::next(rules, state),
        |state, goes_on| judge(rules, state, goes_on),
    )
}

/// The rule.
fn judge(rules: &Rules, state: &State, goes_on: bool) -> Result<(), String> {
    if state.rows.iter().any(|row| row.given > 1) {
        return Err("two commands".to_owned());
    }
    let halves = rules.operators.contains(&Kind::Claim) || rules.start == Owner::Claimed;
    if !halves && state.rows.iter().any(|row| row.is_orphan()) {
        return Err("claimed without a command".to_owned());
    }
    if state
        .rows
        .iter()
        .any(|row| row.owner == Owner::Dead && row.waiting > 0)
    {
        return Err("a command without a claim".to_owned());
    }
    let all_done =
        |index: usize| index == cluster::MASTER || rules.operators[index] != Kind::Command;
    let says_done = state
        .actors
        .iter()
        .enumerate()
        .any(|(index, actor)| actor.at == At::Done && all_done(index));
    if says_done && state.rows.iter().any(|row| row.hangs()) {
        return Err("done, and something hangs".to_owned());
    }
    let ended = |actor: &cluster::Actor| {
        matches!(actor.at, At::Done | At::Stopped | At::Crashed) && actor.tx == Tx::None
    };
    let over = state.actors.iter().all(ended) && state.queue[0].is_none();
    if !goes_on && !over {
        return Err("nobody can go on".to_owned());
    }
    Ok(())
}

#[test]
fn no_state_breaks_the_rule() {
    for master_compares in [false, true] {
        let lives = if crate::steps::all() {
            [2, 2]
        } else {
            AS_BUILT.lives
        };
        let explored = run(&Rules {
            master_compares,
            lives,
            ..AS_BUILT
        });
        explored.assert_sound();
        eprintln!("{} states", explored.states);
        assert!(explored.states > 10_000, "{explored:?}");
    }
}

#[test]
fn masters_that_compare_may_even_sleep_through_their_session() {
    run(&Rules {
        master_compares: true,
        master_sleeps: true,
        lives: [1, 1],
        ..AS_BUILT
    })
    .assert_sound();
}

#[test]
fn the_halves_give_no_second_command() {
    for operators in [[Kind::Claim, Kind::Command], [Kind::Claim, Kind::Whole]] {
        for master_compares in [false, true] {
            run(&Rules {
                operators,
                master_compares,
                lives: [1, 1],
                ..AS_BUILT
            })
            .assert_sound();
        }
    }
}

/// Among those who compare, the comparison alone is enough: even where nobody confirms a lock, and
/// where the database keeps the transaction of a sleeper, as SQLite does.
#[test]
fn the_comparison_is_enough_without_the_lock() {
    let rules = Rules {
        confirm: false,
        idle_limit: false,
        master_compares: true,
        ..AS_BUILT
    };
    run(&rules).assert_sound();
    run(&Rules {
        compare: false,
        ..rules
    })
    .assert_broken("two commands");
}

/// Masters up to 3.2 do not compare. Against them it is the lock that counts, and all that keeps
/// it.
#[test]
fn the_lock_is_enough_without_the_comparison() {
    let rules = Rules {
        compare: false,
        ..AS_BUILT
    };
    run(&rules).assert_sound();
    for compare in [false, true] {
        run(&Rules {
            compare,
            confirm: false,
            ..rules
        })
        .assert_broken("two commands");
        run(&Rules {
            compare,
            idle_limit: false,
            ..rules
        })
        .assert_broken("two commands");
    }
}

#[test]
fn a_recovery_that_does_not_look_again_breaks_it() {
    let rules = Rules {
        start: Owner::Claimed,
        operators: [Kind::Command; 2],
        ..AS_BUILT
    };
    run(&rules).assert_sound();
    run(&Rules {
        look_for_command: false,
        ..rules
    })
    .assert_broken("two commands");
}

#[test]
fn with_two_transactions_it_breaks() {
    run(&Rules {
        one_transaction: false,
        ..AS_BUILT
    })
    .assert_broken("claimed without a command");
}

/// Nobody outside can prevent this: masters up to 3.2 write without looking.
#[test]
fn a_master_that_sleeps_through_its_session_breaks_it_by_itself() {
    run(&Rules {
        master_sleeps: true,
        ..AS_BUILT
    })
    .assert_broken("two commands");
}
