//! A model of one master that is missing, and of what is believed about it: its session is over, or
//! its registration is only not to be seen; it may come back at any moment, go on without a
//! session, or be gone for good.
//!
//! Time is a number of ticks. A master without a session stops its work when the grace time is
//! over, as masters do by themselves, unless it is a zombie. What the program counts is its own
//! clock's, which may jump.

use super::explore::{Explored, explore};

/// How many ticks a master must be missing.
const GRACE: u8 = 2;
/// The clock counts a little further, so that a gap of two ticks can be seen.
const LONGEST: u8 = GRACE + 2;
/// How often the master may register.
const LIVES: u8 = 3;

/// What is built in, and what can happen.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Rules {
    /// Our server catches up with the others before it is asked.
    sync: bool,
    /// It is looked at once more, right before COMMIT.
    look_again: bool,
    /// Another registration since, even one that is over, begins the grace time anew.
    continuous: bool,
    /// So does a clock that went on for longer than from one look to the next.
    gaps: bool,
    /// A master whose instance began after the loss of its registration is held back.
    hold_back: bool,
    /// The master goes on without its session for as long as it likes.
    zombie: bool,
    /// Our clock may jump ahead, or the memory of an earlier process is believed.
    clock_jumps: bool,
}

const AS_BUILT: Rules = Rules {
    sync: true,
    look_again: true,
    continuous: true,
    gaps: true,
    hold_back: true,
    zombie: false,
    clock_jumps: true,
};

/// An instance of the master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each may be so or not by itself"
)]
struct Instance {
    exists: bool,
    /// Its process works on it.
    worked_on: bool,
    /// It began when its master had no registration.
    after_the_loss: bool,
    claimed: bool,
}

/// A registration, or the want of one: which life it is, and whether that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Registration {
    life: u8,
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Look,
    Scan,
    LookAgain,
    Commit,
    Done,
}

/// Since when the master is known to be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Missing {
    life: u8,
    /// By our clock.
    ticks: u8,
    /// The same, at the last look.
    looked_at: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    registration: Registration,
    /// What our server has, which may be older.
    follower: Registration,
    /// How long the master has really been without a registration.
    absent: u8,
    /// One from before everything, and one that may begin later.
    instances: [Instance; 2],
    at: At,
    missing: Option<Missing>,
    candidates: [bool; 2],
}

#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "they are there to be told")]
enum Event {
    Program(At),
    LosesItsSession,
    Ends,
    /// The same process has a session again, and goes on with its work.
    ComesBack,
    /// A new process, which knows nothing of the old one's work.
    StartsAgain,
    BeginsAnInstance,
    TimePasses,
    OurClockJumps,
    OurServerCatchesUp,
}

impl State {
    fn start() -> Self {
        let registration = Registration {
            life: 1,
            over: false,
        };
        let old = Instance {
            exists: true,
            worked_on: true,
            ..Instance::default()
        };
        Self {
            registration,
            follower: registration,
            absent: 0,
            instances: [old, Instance::default()],
            at: At::Look,
            missing: None,
            candidates: [false; 2],
        }
    }

    fn stop_work(&mut self) {
        self.instances
            .iter_mut()
            .for_each(|instance| instance.worked_on = false);
    }

    fn is_at_work(&self) -> bool {
        self.instances.iter().any(|instance| instance.worked_on)
    }

    fn register(&mut self) {
        self.registration = Registration {
            life: self.registration.life + 1,
            over: false,
        };
        self.absent = 0;
    }

    fn look(&mut self, rules: Rules) -> Registration {
        if rules.sync {
            self.follower = self.registration;
        }
        self.follower
    }
}

fn next(rules: Rules, state: &State) -> Vec<(Event, State)> {
    let mut steps = Vec::new();
    let mut push = |event, change: &dyn Fn(&mut State)| {
        let mut after = *state;
        change(&mut after);
        steps.push((event, after));
    };
    if state.at != At::Done {
        push(Event::Program(state.at), &|after| program(rules, after));
    }
    let Registration { life, over } = state.registration;
    if !over {
        push(Event::LosesItsSession, &|after| {
            after.registration.over = true;
        });
        push(Event::Ends, &|after| {
            after.registration.over = true;
            after.stop_work();
        });
    }
    if over && life < LIVES {
        if state.is_at_work() {
            push(Event::ComesBack, &State::register);
        }
        push(Event::StartsAgain, &|after| {
            after.stop_work();
            after.register();
        });
    }
    if !state.instances[1].exists && (!over || rules.zombie && state.is_at_work()) {
        let began = Instance {
            exists: true,
            worked_on: true,
            after_the_loss: over,
            claimed: false,
        };
        push(Event::BeginsAnInstance, &|after| after.instances[1] = began);
    }
    push(Event::TimePasses, &|after| {
        pass(after, 1);
        if over {
            after.absent = (after.absent + 1).min(GRACE);
        }
        if after.absent == GRACE && !rules.zombie {
            after.stop_work();
        }
    });
    if rules.clock_jumps {
        push(Event::OurClockJumps, &|after| pass(after, GRACE));
    }
    push(Event::OurServerCatchesUp, &|after| {
        after.follower = after.registration;
    });
    steps
}

/// Our clock goes on.
fn pass(state: &mut State, ticks: u8) {
    if let Some(missing) = &mut state.missing {
        missing.ticks = (missing.ticks + ticks).min(LONGEST);
    }
}

fn program(rules: Rules, state: &mut State) {
    match state.at {
        At::Look => look(rules, state),
        At::Scan => {
            state.candidates = state.instances.map(|instance| instance.exists);
            let lives = state
                .instances
                .iter()
                .any(|instance| instance.after_the_loss);
            state.at = if rules.hold_back && lives {
                At::Look
            } else {
                At::LookAgain
            };
        }
        At::LookAgain => {
            let seen = state.look(rules);
            let known = state.missing.map(|missing| missing.life);
            let away = seen.over && (!rules.continuous || known == Some(seen.life));
            state.at = if away || !rules.look_again {
                At::Commit
            } else {
                At::Look
            };
        }
        At::Commit => {
            for (instance, chosen) in state.instances.iter_mut().zip(state.candidates) {
                instance.claimed |= chosen;
            }
            state.at = At::Done;
        }
        At::Done => {}
    }
}

/// One round: what is missing for long enough is scanned for.
fn look(rules: Rules, state: &mut State) {
    let seen = state.look(rules);
    let anew = Missing {
        life: seen.life,
        ticks: 0,
        looked_at: 0,
    };
    state.missing = match state.missing {
        _ if !seen.over => None,
        Some(known) if rules.continuous && known.life != seen.life => Some(anew),
        Some(known) if rules.gaps && known.ticks > known.looked_at + 1 => Some(anew),
        Some(known) => Some(Missing {
            looked_at: known.ticks,
            ..known
        }),
        None => Some(anew),
    };
    if state.missing.is_some_and(|missing| missing.ticks >= GRACE) {
        state.at = At::Scan;
    }
}

fn run(rules: Rules) -> Explored {
    explore(
        State::start(),
        |state| next(rules, state),
        |state, _| judge(rules, state),
    )
}

/// The rule. That a zombie still works on what it had before nobody can see from outside.
fn judge(rules: Rules, state: &State) -> Result<(), String> {
    let claimed = || state.instances.iter().filter(|instance| instance.claimed);
    // After COMMIT a master that is registered leaves alone what is not its any more.
    if state.at == At::Done && !rules.zombie && claimed().any(|instance| instance.worked_on) {
        return Err("taken from a master that works on it".to_owned());
    }
    if claimed().any(|instance| instance.after_the_loss) {
        return Err("taken from a master that shows that it lives".to_owned());
    }
    Ok(())
}

#[test]
fn nothing_is_taken_from_a_master_that_works() {
    for zombie in [false, true] {
        let explored = run(Rules { zombie, ..AS_BUILT });
        explored.assert_sound();
        eprintln!("{} states", explored.states);
        assert!(explored.states > 1_000, "{explored:?}");
    }
}

/// All those precautions leave a way to do what is to be done.
#[test]
fn a_dead_masters_work_is_taken() {
    let taken = |state: &State, _| {
        if state.instances[0].claimed {
            Err("taken".to_owned())
        } else {
            Ok(())
        }
    };
    explore(State::start(), |state| next(AS_BUILT, state), taken).assert_broken("taken");
}

/// A master that has registered is missing for a follower that lags.
#[test]
fn a_follower_that_is_believed_breaks_it() {
    run(Rules {
        sync: false,
        ..AS_BUILT
    })
    .assert_broken("a master that works on it");
}

#[test]
fn an_absence_that_is_not_continuous_breaks_it() {
    run(Rules {
        continuous: false,
        ..AS_BUILT
    })
    .assert_broken("a master that works on it");
}

#[test]
fn a_clock_that_is_believed_breaks_it() {
    let rules = Rules {
        gaps: false,
        ..AS_BUILT
    };
    run(rules).assert_broken("a master that works on it");
    run(Rules {
        clock_jumps: false,
        ..rules
    })
    .assert_sound();
}

/// Between the look and COMMIT the master may have begun something in another life.
#[test]
fn a_look_that_is_not_repeated_breaks_it() {
    run(Rules {
        look_again: false,
        ..AS_BUILT
    })
    .assert_broken("a master that works on it");
}

#[test]
fn a_zombie_that_is_not_held_back_breaks_it() {
    let rules = Rules {
        zombie: true,
        hold_back: false,
        ..AS_BUILT
    };
    run(rules).assert_broken("shows that it lives");
}
