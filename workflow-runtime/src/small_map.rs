//! Maps by numbers of our own making, for which any spreading of bits is good enough.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by numbers that we made ourselves, so that nobody can choose them badly on purpose.
pub(crate) type SmallMap<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Spreads the bits of a number by one multiplication.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread(u64);

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(FACTOR);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_u128(&mut self, number: u128) {
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let (low, high) = (number as u64, (number >> 64) as u64);
        self.write_u64(low);
        self.write_u64(high);
    }
}
