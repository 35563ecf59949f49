//! What a power cut takes of what was written and not synced.

/// What a power cut takes of what was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// Nothing: the disk was quicker than it had to be.
    Nothing,
    /// What this seed says. Some seeds keep what came first, as a disk that works in order; others keep any blocks of
    /// 4,096 bytes, or any sectors of 512, of any file, as they were at any moment since the last sync. Names of files
    /// and their sizes come and go by themselves.
    Seeded(u64),
}

/// The size of a sector: what is written whole or not at all.
pub(crate) const SECTOR: usize = 512;
const BLOCK: usize = 4096;

/// What becomes of it as a whole.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Everything until this moment is kept.
    Until(u64),
    /// Each piece of so many bytes is kept as it was at a moment of its own, from the first to the last.
    Pieces { seed: u64, size: usize, first: u64, last: u64 },
}

/// Says until which moment changes are kept, for each part of a disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeper(Fate);

/// A part of a disk that is kept or lost by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// What a name stands for.
    Name(&'a str),
    /// The size of a file.
    Size(u32),
    /// The sector of a file in which this byte lies.
    Byte(u32, usize),
}

impl Keeper {
    /// Of changes that were not synced, whose moments are in this range.
    pub(crate) fn new(loss: Loss, (first, last): (u64, u64)) -> Self {
        Self(match loss {
            Loss::Everything => Fate::Until(0),
            Loss::Nothing => Fate::Until(u64::MAX),
            Loss::Seeded(seed) => {
                let seed = mixed(seed);
                match seed % 8 {
                    0 | 1 => {
                        Fate::Until(first.saturating_sub(1) + mixed(seed) % (last - first.min(last) + 2))
                    }
                    2..=4 => Fate::Pieces { seed, size: BLOCK, first, last },
                    _ => Fate::Pieces { seed, size: SECTOR, first, last },
                }
            }
        })
    }

    /// The last moment of which a change to this part is kept.
    pub(crate) fn until(&self, part: Part<'_>) -> u64 {
        match self.0 {
            Fate::Until(moment) => moment,
            Fate::Pieces { seed, size, first, last } => {
                let own = match part {
                    Part::Name(name) => name.bytes().fold(1, |hash, byte| mixed(hash ^ u64::from(byte))),
                    Part::Size(file) => mixed(u64::from(file) << 32 | 2),
                    Part::Byte(file, at) => mixed(u64::from(file) << 32 | 3) ^ (at / size) as u64,
                };
                let chance = mixed(seed ^ own);
                match chance % 4 {
                    0 => 0,
                    1 => u64::MAX,
                    _ => first.saturating_sub(1) + mixed(chance) % (last - first.min(last) + 2),
                }
            }
        }
    }
}

/// A number that looks like any other: the end of splitmix64.
pub(crate) fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
