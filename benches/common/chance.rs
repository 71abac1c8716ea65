//! The same numbers for the same seed (splitmix64).
#![allow(unreachable_pub, reason = "a program has no outside")]

#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    /// Streams of one seed have nothing in common.
    pub fn new(seed: u64, stream: u32) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ u64::from(stream));
        chance.number();
        chance
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn between(&mut self, least: u64, limit: u64) -> u64 {
        least + self.number() % (limit - least)
    }
}
