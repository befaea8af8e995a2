//! Whether a client in the tables is alive. Clocks alone prove no client dead: the local one may be
//! wrong, and so may be each server's. A client is dead if it looks dead by the clocks and was seen
//! to write no heartbeat for long enough. Pure, except for the time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::tables::Owner;

/// A look that takes longer means that no client could write a heartbeat to this database in time.
const SLOW_LOOK: Duration = Duration::from_secs(3);

/// What is known about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientLife {
    /// Its heartbeat is recent by the clocks, or was seen to change.
    Alive,
    /// Its heartbeat is old by the clocks, but was not observed for long enough without a change.
    InDoubt,
    /// It has written nothing, or writes no more.
    Dead,
}

/// Heartbeats as they were seen in the looks so far.
#[derive(Debug, Default)]
pub(super) struct Pulses(BTreeMap<i64, Pulse>);

#[derive(Clone, Copy, Debug)]
struct Pulse {
    heartbeat: i64,
    since: Instant,
    has_moved: bool,
}

impl Pulses {
    /// Takes a look into account, which was started at `asked` and answered at `now`.
    pub(super) fn look<'a>(
        &mut self,
        clients: impl Iterator<Item = &'a Owner>,
        asked: Instant,
        now: Instant,
    ) {
        let before = if now.duration_since(asked) < SLOW_LOOK {
            std::mem::take(&mut self.0)
        } else {
            BTreeMap::new()
        };
        self.0 = clients
            .filter_map(|client| {
                let heartbeat = client.sign()?;
                let pulse = match before.get(&client.id) {
                    Some(seen) if seen.heartbeat == heartbeat => *seen,
                    seen => Pulse {
                        heartbeat,
                        since: now,
                        has_moved: seen.is_some(),
                    },
                };
                Some((client.id, pulse))
            })
            .collect();
    }

    /// Nothing could be read: an unchanged heartbeat may have changed meanwhile.
    pub(super) fn discard_observations(&mut self) {
        self.0.clear();
    }

    /// What is known about a client, which is `young` by the clocks or not; `asked` is when the
    /// last look started.
    pub(super) fn life(&self, client: &Owner, young: bool, asked: Instant) -> ClientLife {
        let Some(pulse) = self.0.get(&client.id) else {
            return ClientLife::Dead;
        };
        let still = asked.saturating_duration_since(pulse.since);
        // A client may configure a session timeout of zero: no heartbeat comes in time for that.
        let longest = client.session_timeout().max(client.stillness());
        if still >= longest || (!young && still >= client.stillness()) {
            return ClientLife::Dead;
        }
        if young || pulse.has_moved {
            ClientLife::Alive
        } else {
            ClientLife::InDoubt
        }
    }
}

/// How long a holder has been seen not to write a heartbeat.
#[derive(Debug, Default)]
pub(super) struct Stillness(Option<Still>);

#[derive(Debug)]
struct Still {
    client: i64,
    heartbeat: Option<i64>,
    looked: Instant,
    lasts: Duration,
}

impl Stillness {
    /// How long this holder has written none while it was observed, up to `now`. Between two looks
    /// the database may not have answered, so that no client could write one: such a time counts
    /// for little.
    pub(super) fn lasts(&mut self, holder: &Owner, now: Instant) -> Duration {
        let lasts = match &self.0 {
            Some(still)
                if (still.client, still.heartbeat) == (holder.id, holder.last_heartbeat) =>
            {
                still.lasts + now.saturating_duration_since(still.looked).min(SLOW_LOOK)
            }
            _ => Duration::ZERO,
        };
        self.0 = Some(Still {
            client: holder.id,
            heartbeat: holder.last_heartbeat,
            looked: now,
            lasts,
        });
        lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::database::Row;

    const MOMENT: Duration = Duration::from_millis(10);

    fn client(heartbeat: i64) -> Owner {
        Owner::read(
            &Row(vec![
                7.into(),
                heartbeat.into(),
                r#"{"sessionTimeout":60000}"#.into(),
            ]),
            0,
        )
    }

    /// Looks at each given second, and returns what is known then.
    fn lives(young: bool, looks: &[(u64, i64)]) -> Vec<ClientLife> {
        let (began, mut pulses) = (Instant::now(), Pulses::default());
        let seen = looks.iter().map(|(second, heartbeat)| {
            let asked = began + Duration::from_secs(*second);
            pulses.look([client(*heartbeat)].iter(), asked, asked + MOMENT);
            pulses.life(&client(*heartbeat), young, asked)
        });
        seen.collect()
    }

    #[test]
    fn an_old_heartbeat_must_be_seen_to_stand_still() {
        use ClientLife::{Alive, Dead, InDoubt};
        assert_eq!(
            lives(false, &[(0, 5), (3, 5), (25, 5), (26, 5)]),
            [InDoubt, InDoubt, InDoubt, Dead]
        );
        assert_eq!(
            lives(false, &[(0, 5), (3, 6), (26, 6), (30, 6)]),
            [InDoubt, Alive, Alive, Dead]
        );
        // Settings allow twenty seconds between two heartbeats.
        assert_eq!(
            lives(false, &[(0, 5), (19, 5), (20, 6), (40, 7)]),
            [InDoubt, InDoubt, Alive, Alive]
        );
        // A clock that is ahead keeps no client alive for ever.
        assert_eq!(
            lives(true, &[(0, 5), (59, 5), (61, 5)]),
            [Alive, Alive, Dead]
        );
    }

    #[test]
    fn a_session_of_no_length_makes_no_client_dead_at_once() {
        use ClientLife::{Alive, Dead, InDoubt};
        for (length, life) in [(-1, InDoubt), (0, InDoubt), (60, Alive)] {
            let client = |heartbeat: i64| {
                let configuration = format!("{{\"sessionTimeout\":{length}}}");
                let row = vec![7.into(), heartbeat.into(), configuration.as_str().into()];
                Owner::read(&Row(row), 0)
            };
            let (began, mut pulses) = (Instant::now(), Pulses::default());
            let mut lives = |second, heartbeat| {
                let asked = began + Duration::from_secs(second);
                pulses.look([client(heartbeat)].iter(), asked, asked + MOMENT);
                pulses.life(&client(heartbeat), life == Alive, asked)
            };
            let seen = [(0, 5), (6, 5), (7, 6), (13, 6), (15, 6)];
            assert_eq!(
                seen.map(|(second, heartbeat)| lives(second, heartbeat)),
                [life, life, Alive, Alive, Dead],
                "{length}"
            );
        }
    }

    #[test]
    fn what_happened_while_nothing_could_be_seen_proves_nothing() {
        let (began, mut pulses) = (Instant::now(), Pulses::default());
        let later = began + Duration::from_secs(30);
        pulses.look([client(5)].iter(), began, began);
        pulses.look([client(5)].iter(), began + MOMENT, later);
        assert_eq!(pulses.life(&client(5), false, later), ClientLife::InDoubt);
        pulses.discard_observations();
        pulses.look([client(5)].iter(), later, later);
        assert_eq!(pulses.life(&client(5), false, later), ClientLife::InDoubt);
    }

    #[test]
    fn a_holder_is_still_for_as_long_as_it_was_observed() {
        let (began, mut stillness) = (Instant::now(), Stillness::default());
        let mut lasts = |second, heartbeat| {
            let now = began + Duration::from_secs(second);
            stillness.lasts(&client(heartbeat), now).as_secs()
        };
        // The database does not answer for a minute, and then the holder's heartbeat has arrived.
        let seen = [(0, 5), (1, 5), (3, 5), (63, 5), (64, 5), (65, 6), (66, 6)];
        assert_eq!(
            seen.map(|(second, heartbeat)| lasts(second, heartbeat)),
            [0, 1, 3, 6, 7, 0, 1]
        );
    }

    #[test]
    fn without_a_heartbeat_there_is_no_life() {
        let gone = Owner::read(
            &Row(vec![
                7.into(),
                crate::metadata::database::Value::Null,
                "{}".into(),
            ]),
            0,
        );
        let mut pulses = Pulses::default();
        let now = Instant::now();
        pulses.look([gone.clone()].iter(), now, now);
        assert_eq!(pulses.life(&gone, false, now), ClientLife::Dead);
    }
}
