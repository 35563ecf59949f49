//! By how much a tick runs later than its moment: the same on every machine.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// A time shorter than `most`, which follows from a name and a moment.
pub(super) fn jitter(name: &str, moment: Timestamp, most: Duration) -> Duration {
    let bytes = name.bytes().chain(moment.as_micros().to_le_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    // The upper half of a product is the hash as a part of the whole, without the bias of a remainder.
    let part = (u128::from(mixed(hash)) * u128::from(most)) >> 64;
    Duration::from_micros(u64::try_from(part).unwrap_or(0))
}

/// FNV leaves what the last bytes say in the lower bits; this carries it everywhere (the finish of splitmix64).
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
