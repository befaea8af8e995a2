//! A cluster with a great table, one dead master and one living, which can be set back after a
//! failover.

use dsctl::model::Version;

use crate::harness::world::{BY_HOST, Cluster, DEAD, LIVING, Rows, registered};
use crate::harness::{Dsctl, Env, FakeRegistration, Store};

/// Bytes of text in each row: with them a row is as wide as a real one.
const PADDING: usize = 500;

pub const VERSION: Version = BY_HOST;

pub struct Bed {
    pub env: Env,
    /// How many instances are the dead master's.
    pub dead: i64,
    _living: FakeRegistration,
}

impl Bed {
    /// With so many rows, of which so many are the dead master's.
    pub fn new(store: Store, total: i64, dead: i64) -> Self {
        let mut env = Env::new(store);
        let rows = Rows {
            total,
            one_in: (total / dead).max(2),
            padding: PADDING,
        };
        Cluster::of(VERSION).great(rows).fill(&mut env);
        let living = env.register(VERSION, &registered(LIVING));
        let mut bed = Self {
            dead: i64::try_from(rows.dead().len()).unwrap(),
            env,
            _living: living,
        };
        bed.env.set("DSCTL_COLOR", "never");
        bed.tidy();
        bed
    }

    /// Statistics as a database has them that has run for a while.
    fn tidy(&self) {
        match self.env.store {
            Store::MariaDb => self.env.sql("ANALYZE TABLE t_ds_process_instance"),
            Store::Postgres => self.env.sql("VACUUM ANALYZE t_ds_process_instance"),
            Store::Sqlite => self.env.sql("ANALYZE"),
        }
    }

    pub fn dsctl(&self, words: &str) -> Dsctl {
        Dsctl::new(&self.env)
            .args(words.split_whitespace())
            .limit(std::time::Duration::from_mins(30))
    }

    /// The whole failover, as an operator runs it.
    pub fn failover(&self) -> Dsctl {
        self.dsctl(&format!(
            "failover {DEAD} --yes -o json --max-instances 1000000"
        ))
    }

    pub fn commands(&self) -> i64 {
        self.env
            .number("SELECT COUNT(*) FROM t_ds_command WHERE command_type = 2")
    }

    /// Everything is the dead master's again.
    pub fn set_back(&self) {
        self.set_back_but(i64::from(i32::MAX));
    }

    /// As [`Bed::set_back`]; commands for instances from this id on stay.
    pub fn set_back_but(&self, first: i64) {
        self.env.sql(&format!(
            "UPDATE t_ds_process_instance SET host = '{DEAD}' WHERE host = 'NULL'; \
             DELETE FROM t_ds_command WHERE command_type = 2 AND process_instance_id < {first}"
        ));
        if self.env.store == Store::Postgres {
            // Dead rows of the run before would be scanned with the others.
            self.env.sql("VACUUM t_ds_process_instance");
            self.env.sql("VACUUM t_ds_command");
        }
    }
}
