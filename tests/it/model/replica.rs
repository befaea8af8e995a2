//! A model of reads that somebody else may answer: a replica, a cache, a pool that spreads them.
//! What is written goes to the primary, always; what is read may be of some time ago. One operator
//! runs twice, and another one may come before him to the lock: there is one at a time, as the
//! model of the lock has shown.

use super::cluster::{Kind, Owner, Row};
use super::explore::{Explored, explore};

const RUNS: u8 = 2;

/// What is built in, and what can happen.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Rules {
    kind: Kind,
    /// The replica does not have the last thing that happened: that the instance began, or that it
    /// was claimed.
    behind: bool,
    /// Any read may be answered by the replica.
    stale: bool,
    /// The insert itself looks, on the primary, for a command.
    guarded_insert: bool,
    /// A read for a command before it.
    guarding_read: bool,
    /// Who answers the scan says what it is, and a replica is refused.
    asks_who_answers: bool,
}

const AS_BUILT: Rules = Rules {
    kind: Kind::Whole,
    behind: true,
    stale: true,
    guarded_insert: true,
    guarding_read: true,
    asks_who_answers: true,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Scan,
    Guard,
    Write,
    /// It says that it has done all there was.
    Done,
    /// It says why it could not.
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    primary: Row,
    replica: Row,
    at: At,
    runs: u8,
}

#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "they are there to be told")]
enum Event {
    Step(At),
    /// The same, answered by the replica.
    StaleStep(At),
    RunsAgain,
    /// Another operator, who had the lock before.
    AnotherDoesIt,
    ReplicaCatchesUp,
    TakenUp,
}

impl State {
    fn start(rules: Rules) -> Self {
        let row = |owner| Row {
            owner,
            waiting: 0,
            given: 0,
            locked: None,
        };
        let (now, before) = match rules.kind {
            Kind::Whole | Kind::Claim => (Owner::Dead, Owner::Living),
            Kind::Command => (Owner::Claimed, Owner::Dead),
        };
        let replica = row(if rules.behind { before } else { now });
        Self {
            primary: row(now),
            replica,
            at: At::Scan,
            runs: RUNS,
        }
    }
}

fn next(rules: Rules, state: &State) -> Vec<(Event, State)> {
    let mut steps = Vec::new();
    let mut push = |event, after| steps.push((event, after));
    if !matches!(state.at, At::Done | At::Stopped) {
        push(
            Event::Step(state.at),
            step(rules, *state, state.primary, false),
        );
        if rules.stale {
            push(
                Event::StaleStep(state.at),
                step(rules, *state, state.replica, true),
            );
        }
    } else if state.runs > 1 {
        push(
            Event::RunsAgain,
            State {
                at: At::Scan,
                runs: state.runs - 1,
                ..*state
            },
        );
    }
    if state.at == At::Guard && state.primary.given == 0 {
        let mut done = Row {
            owner: Owner::Claimed,
            ..state.primary
        };
        done.give_command();
        push(
            Event::AnotherDoesIt,
            State {
                primary: done,
                ..*state
            },
        );
    }
    push(
        Event::ReplicaCatchesUp,
        State {
            replica: state.primary,
            ..*state
        },
    );
    if state.primary.waiting > 0 {
        let taken_up = Row {
            owner: Owner::Living,
            waiting: state.primary.waiting - 1,
            ..state.primary
        };
        push(
            Event::TakenUp,
            State {
                primary: taken_up,
                ..*state
            },
        );
    }
    steps
}

/// One step, where `seen` is what a read gives, and by whom.
fn step(rules: Rules, mut state: State, seen: Row, by_the_replica: bool) -> State {
    let wanted = |row: Row| {
        if rules.kind == Kind::Command {
            row.is_orphan()
        } else {
            row.hangs()
        }
    };
    state.at = match state.at {
        At::Scan if by_the_replica && rules.asks_who_answers => At::Stopped,
        At::Scan if wanted(seen) => At::Guard,
        At::Scan => At::Done,
        At::Guard if rules.guarding_read && seen.waiting > 0 => At::Done,
        At::Guard => At::Write,
        // The row is compared where it is written. What a recovery writes is the command alone.
        At::Write => {
            let owner = if rules.kind == Kind::Command {
                Owner::Claimed
            } else {
                Owner::Dead
            };
            let free = state.primary.waiting == 0;
            if state.primary.owner == owner && (free || !rules.guarded_insert) {
                state.primary.owner = Owner::Claimed;
                state.primary.give_command();
            }
            At::Done
        }
        at @ (At::Done | At::Stopped) => at,
    };
    state
}

fn run(rules: Rules) -> Explored {
    explore(
        State::start(rules),
        |state| next(rules, state),
        |state, _| judge(state),
    )
}

fn judge(state: &State) -> Result<(), String> {
    if state.primary.given > 1 {
        return Err("two commands".to_owned());
    }
    if state.at == At::Done && (state.primary.hangs() || state.primary.is_orphan()) {
        return Err("done, and something hangs".to_owned());
    }
    Ok(())
}

#[test]
fn whoever_answers_nothing_is_done_twice_or_left() {
    for kind in [Kind::Whole, Kind::Command] {
        let explored = run(Rules { kind, ..AS_BUILT });
        explored.assert_sound();
        assert!(explored.states > 10, "{explored:?}");
        // The read saves a write that would come to nothing, no more.
        run(Rules {
            kind,
            guarding_read: false,
            ..AS_BUILT
        })
        .assert_sound();
    }
}

/// A recovery finds the claimed instance as it was: only a command tells that it was done.
#[test]
fn a_read_is_no_guard_where_it_may_be_stale() {
    let rules = Rules {
        kind: Kind::Command,
        behind: false,
        guarded_insert: false,
        asks_who_answers: false,
        ..AS_BUILT
    };
    run(rules).assert_broken("two commands");
    run(Rules {
        stale: false,
        ..rules
    })
    .assert_sound();
    run(Rules {
        guarded_insert: true,
        ..rules
    })
    .assert_sound();
    // To ask who answers the scan is not enough: somebody else may answer the next question.
    run(Rules {
        asks_who_answers: true,
        ..rules
    })
    .assert_broken("two commands");
}

#[test]
fn a_stale_scan_that_is_believed_breaks_it() {
    for kind in [Kind::Whole, Kind::Command] {
        run(Rules {
            kind,
            asks_who_answers: false,
            ..AS_BUILT
        })
        .assert_broken("done, and something hangs");
    }
}
