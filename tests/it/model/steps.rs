//! What can happen next.

use super::cluster::{
    ACTORS, Actor, At, Event, Kind, MASTER, Owner, ROWS, Row, Rules, State, Tx, first,
};

/// Everything that can happen in a state, with the state after it.
pub fn next(rules: &Rules, state: &State) -> Vec<(Event, State)> {
    let mut steps = Vec::new();
    for actor in 0..ACTORS {
        let at = state.actors[actor].at;
        let own = if actor == MASTER {
            master(rules, *state)
        } else {
            operator(rules, *state, actor)
        };
        steps.extend(own.map(|after| (Event::Step(actor, at), after)));
        steps.extend(misfortunes(rules, state, actor));
    }
    for (index, _) in state
        .queue
        .iter()
        .flatten()
        .map(|place| (usize::from(place.0), place.1))
        .enumerate()
    {
        let place = state.queue[index].unwrap();
        let event = Event::SessionExpires(usize::from(place.0), place.1);
        steps.push((event, expire(rules, *state, place)));
    }
    for index in (0..ROWS)
        .filter(|index| state.rows[*index].waiting > 0 && state.rows[*index].locked.is_none())
    {
        let mut after = *state;
        after.rows[index].waiting -= 1;
        after.rows[index].owner = Owner::Living;
        steps.push((Event::TakenUp(index), after));
    }
    steps
}

fn has_ended(actor: Actor) -> bool {
    matches!(actor.at, At::Done | At::Stopped | At::Crashed)
}

fn misfortunes(rules: &Rules, state: &State, actor: usize) -> Vec<(Event, State)> {
    let mut steps = Vec::new();
    let mut push = |event, change: &dyn Fn(&mut State)| {
        let mut after = *state;
        change(&mut after);
        steps.push((event, after));
    };
    let now = state.actors[actor];
    if !has_ended(now) {
        push(Event::Crash(actor), &|after| {
            after.actors[actor].at = At::Crashed;
        });
    }
    if now.at == At::Wait {
        push(Event::GivesUpWaiting(actor), &|after| {
            end(after, actor, At::Stopped);
        });
    }
    if now.tx != Tx::None {
        push(Event::TransactionEnds(actor), &|after| after.unlock(actor));
    }
    if now.tx == Tx::Committing {
        push(Event::CommitArrives(actor), &|after| {
            commit(rules, after, actor);
        });
    }
    if matches!(now.at, At::Stopped | At::Crashed) && now.lives > 1 && now.tx == Tx::None {
        push(Event::StartsAgain(actor), &|after| {
            let actor_after = &mut after.actors[actor];
            *actor_after = Actor {
                at: first(rules, actor),
                candidates: 0,
                lives: now.lives - 1,
                ..*actor_after
            };
            actor_after.committed = false;
        });
    }
    steps
}

/// An actor ends in order: its place in the queue and its transaction with it.
fn end(state: &mut State, actor: usize, at: At) {
    state.unlock(actor);
    state.leave(state.place(actor));
    state.actors[actor].at = at;
}

fn expire(rules: &Rules, mut state: State, place: (u8, u8)) -> State {
    state.leave(place);
    let actor = usize::from(place.0);
    let now = state.actors[actor];
    if now.lives != place.1 {
        return state;
    }
    // Confirmed means heard of: the idle transaction is over long before the session is.
    let confirmed = matches!(now.at, At::Send | At::Answer | At::Crashed);
    if rules.idle_limit && confirmed {
        state.unlock(actor);
    }
    // A master whose session is over stops itself.
    if actor == MASTER && !rules.master_sleeps && !has_ended(now) {
        state.actors[actor].at = At::Stopped;
    }
    state
}

fn commit(rules: &Rules, state: &mut State, actor: usize) {
    let kind = rules.operators[actor];
    if let Some(row) = state.row(actor) {
        let row = &mut state.rows[row];
        if kind != Kind::Command {
            row.owner = Owner::Claimed;
        }
        if kind != Kind::Claim && (rules.one_transaction || kind == Kind::Command) {
            row.give_command();
        }
    }
    state.unlock(actor);
    state.actors[actor].committed = true;
}

/// The next step of an operator's run, if it can take one.
fn operator(rules: &Rules, mut state: State, actor: usize) -> Option<State> {
    let kind = rules.operators[actor];
    let now = state.actors[actor];
    match now.at {
        At::Look => {
            state.actors[actor].candidates = state.scan(Row::is_orphan);
            state.actors[actor].at = At::Enqueue;
        }
        At::Enqueue => {
            state.enqueue(actor);
            state.actors[actor].at = At::Wait;
        }
        At::Wait if state.holds_lock(actor) => state.actors[actor].at = At::Scan,
        At::Wait if !state.has_place(actor) => end(&mut state, actor, At::Stopped),
        At::Scan => {
            if kind != Kind::Command {
                state.actors[actor].candidates = state.scan(Row::hangs);
            }
            state.actors[actor].at = At::Row;
        }
        At::Row => return compare(rules, state, actor),
        At::Confirm if rules.confirm && !state.holds_lock(actor) => {
            end(&mut state, actor, At::Stopped);
        }
        At::Confirm => state.actors[actor].at = At::Send,
        At::Send => {
            if now.tx == Tx::Open {
                state.actors[actor].tx = Tx::Committing;
            }
            state.actors[actor].at = At::Answer;
        }
        At::Answer if now.tx == Tx::None => answered(rules, &mut state, actor),
        At::Insert => {
            let row = state.row(actor)?;
            state.rows[row].give_command();
            next_row(&mut state, actor);
        }
        At::Release => end(&mut state, actor, At::Done),
        _ => return None,
    }
    Some(state)
}

fn next_row(state: &mut State, actor: usize) {
    let now = &mut state.actors[actor];
    now.candidates &= now.candidates - 1;
    now.committed = false;
    now.at = At::Row;
}

/// Locks the row, which waits for whoever has it, and compares it with what was read.
fn compare(rules: &Rules, mut state: State, actor: usize) -> Option<State> {
    let Some(index) = state.row(actor) else {
        state.actors[actor].at = At::Release;
        return Some(state);
    };
    let row = state.rows[index];
    if row.locked.is_some() {
        return None;
    }
    let same = match rules.operators[actor] {
        Kind::Whole | Kind::Claim => row.hangs(),
        Kind::Command if rules.look_for_command => row.is_orphan(),
        Kind::Command => row.owner == Owner::Claimed,
    };
    if rules.compare && !same {
        next_row(&mut state, actor);
        return Some(state);
    }
    state.rows[index].locked = u8::try_from(actor).ok();
    state.actors[actor].tx = Tx::Open;
    state.actors[actor].at = At::Confirm;
    Some(state)
}

/// What became of COMMIT is known, from its answer or from the rows.
fn answered(rules: &Rules, state: &mut State, actor: usize) {
    if !state.actors[actor].committed {
        end(state, actor, At::Stopped);
    } else if rules.one_transaction || rules.operators[actor] != Kind::Whole {
        next_row(state, actor);
    } else {
        state.actors[actor].at = At::Insert;
    }
}

/// The next step of the living master's own failover.
fn master(rules: &Rules, mut state: State) -> Option<State> {
    match state.actors[MASTER].at {
        At::Enqueue => {
            state.enqueue(MASTER);
            state.actors[MASTER].at = At::Wait;
        }
        At::Wait if state.holds_lock(MASTER) => state.actors[MASTER].at = At::Scan,
        At::Scan => {
            // It does not look for commands.
            state.actors[MASTER].candidates = state.scan(|row| row.owner == Owner::Dead);
            state.actors[MASTER].at = At::Row;
        }
        At::Row => {
            let Some(index) = state.row(MASTER) else {
                state.actors[MASTER].at = At::Release;
                return Some(state);
            };
            let row = &mut state.rows[index];
            if row.locked.is_some() {
                return None;
            }
            if rules.master_compares && row.owner != Owner::Dead {
                // Its transaction fails, and its loop with it.
                end(&mut state, MASTER, At::Stopped);
                return Some(state);
            }
            row.owner = Owner::Claimed;
            row.give_command();
            next_row(&mut state, MASTER);
        }
        At::Release => end(&mut state, MASTER, At::Done),
        _ => return None,
    }
    Some(state)
}
