//! The states of a cluster with one dead master, and what can happen in each.
//!
//! What the steps are is written in `src/failover/run.rs` and `batch.rs`; that of a real master are
//! its own: the lock, the list of its instances, and one transaction for each of them, up to 3.2
//! without a comparison. Transactions are atomic, rows are locked from their comparison to the end,
//! COMMIT may be on its way when its sender dies.

/// Instances of the dead master.
pub const ROWS: usize = 2;
/// Two operators, and a living master that does the failover too.
pub const ACTORS: usize = 3;
pub const MASTER: usize = 2;

/// What is built in, and what is left out to see that it is missed.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Rules {
    /// How the instances are found.
    pub start: Owner,
    pub operators: [Kind; 2],
    /// Masters compare the row, as from 3.3 on.
    pub master_compares: bool,
    /// A row is claimed only if it is as it was read.
    pub compare: bool,
    /// The lock is confirmed before COMMIT.
    pub confirm: bool,
    /// The database ends an idle transaction before the registry ends the session that was
    /// confirmed in it.
    pub idle_limit: bool,
    /// Claim and command in one transaction.
    pub one_transaction: bool,
    /// A recovery looks once more, under the row's lock, for a command.
    pub look_for_command: bool,
    /// A master may sleep through the end of its session, and go on where it was.
    pub master_sleeps: bool,
    /// How often each operator may start.
    pub lives: [u8; 2],
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `failover`
    Whole,
    /// `clear-hosts`
    Claim,
    /// `recover --orphans`
    Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The dead master: it hangs.
    Dead,
    /// Handed over.
    Claimed,
    /// A living master has taken it up.
    Living,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub owner: Owner,
    /// Recovery commands that wait.
    pub waiting: u8,
    /// Recovery commands that there ever were.
    pub given: u8,
    /// Whose transaction has it locked.
    pub locked: Option<u8>,
}

/// Where an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// A recovery looks for orphans before it takes the lock.
    Look,
    Enqueue,
    Wait,
    Scan,
    /// The next instance is read under its lock and compared; the master writes it at once.
    Row,
    Confirm,
    Send,
    /// COMMIT is on its way.
    Answer,
    /// Without the one transaction: the command is still to be written.
    Insert,
    Release,
    /// It says that it has done all there was.
    Done,
    /// It has ended with an error, and says so.
    Stopped,
    /// It is gone, at once.
    Crashed,
}

/// An operator's transaction, as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tx {
    None,
    Open,
    /// COMMIT will arrive, or the connection breaks first.
    Committing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    pub at: At,
    /// Instances that it means to do, as bits.
    pub candidates: u8,
    pub tx: Tx,
    pub committed: bool,
    pub lives: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub rows: [Row; ROWS],
    pub actors: [Actor; ACTORS],
    /// The lock's queue; each start of an actor has a session, and so a place, of its own.
    pub queue: [Option<(u8, u8)>; 2 * ACTORS],
}

#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "they are there to be told")]
pub enum Event {
    /// An actor does what comes next.
    Step(usize, At),
    GivesUpWaiting(usize),
    Crash(usize),
    StartsAgain(usize),
    /// The place in the queue is gone, whether its owner sleeps or is dead.
    SessionExpires(usize, u8),
    /// The database ends a transaction, or its connection breaks.
    TransactionEnds(usize),
    CommitArrives(usize),
    /// A living master takes a command.
    TakenUp(usize),
}

impl State {
    pub fn start(rules: &Rules) -> Self {
        let row = Row {
            owner: rules.start,
            waiting: 0,
            given: 0,
            locked: None,
        };
        let actor = |index: usize| Actor {
            at: first(rules, index),
            candidates: 0,
            tx: Tx::None,
            committed: false,
            lives: if index == MASTER {
                1
            } else {
                rules.lives[index]
            },
        };
        Self {
            rows: [row; ROWS],
            actors: std::array::from_fn(actor),
            queue: [None; 2 * ACTORS],
        }
    }

    pub fn place(&self, actor: usize) -> (u8, u8) {
        (u8::try_from(actor).unwrap(), self.actors[actor].lives)
    }

    pub fn has_place(&self, actor: usize) -> bool {
        self.queue.contains(&Some(self.place(actor)))
    }

    pub fn holds_lock(&self, actor: usize) -> bool {
        self.queue[0] == Some(self.place(actor))
    }

    pub fn enqueue(&mut self, actor: usize) {
        let place = self.place(actor);
        *self.queue.iter_mut().find(|slot| slot.is_none()).unwrap() = Some(place);
    }

    pub fn leave(&mut self, place: (u8, u8)) {
        if let Some(slot) = self.queue.iter().position(|slot| *slot == Some(place)) {
            self.queue[slot] = None;
            self.queue[slot..].rotate_left(1);
        }
    }

    /// The instance that an actor is at: the first one that is left.
    pub fn row(&self, actor: usize) -> Option<usize> {
        let left = self.actors[actor].candidates;
        (left != 0).then(|| left.trailing_zeros() as usize)
    }

    pub fn unlock(&mut self, actor: usize) {
        let own = u8::try_from(actor).ok();
        self.rows
            .iter_mut()
            .filter(|row| row.locked == own)
            .for_each(|row| row.locked = None);
        self.actors[actor].tx = Tx::None;
    }

    pub fn scan(&self, wanted: impl Fn(Row) -> bool) -> u8 {
        (0..ROWS)
            .filter(|index| wanted(self.rows[*index]))
            .fold(0, |bits, index| bits | 1 << index)
    }
}

/// Where an actor begins.
pub fn first(rules: &Rules, actor: usize) -> At {
    if actor != MASTER && rules.operators[actor] == Kind::Command {
        At::Look
    } else {
        At::Enqueue
    }
}

impl Row {
    pub fn hangs(self) -> bool {
        self.owner == Owner::Dead && self.waiting == 0
    }

    pub fn is_orphan(self) -> bool {
        self.owner == Owner::Claimed && self.waiting == 0
    }

    pub fn give_command(&mut self) {
        self.waiting += 1;
        self.given += 1;
    }
}
