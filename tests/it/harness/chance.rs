//! Random choices that can be made again.

use jiff::Timestamp;

/// Random numbers that can be had again: `DSCTL_TEST_SEED` is the seed that a failed test has
/// named.
#[derive(Debug)]
pub struct Chance {
    pub seed: u64,
    state: u64,
}

impl Chance {
    pub fn new() -> Self {
        let given = std::env::var("DSCTL_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        Self::of(given.unwrap_or_else(|| u64::try_from(Timestamp::now().as_microsecond()).unwrap()))
    }

    /// Those of one seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// The next number below a limit (splitmix64).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
