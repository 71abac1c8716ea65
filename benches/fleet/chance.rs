//! The same numbers for the same seed (splitmix64).

use crate::week::Millis;

#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64, instance: u32) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ u64::from(instance));
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

    pub fn between(&mut self, least: Millis, limit: Millis) -> Millis {
        least + self.number() % (limit - least)
    }
}
