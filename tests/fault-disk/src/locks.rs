//! What connections of this process keep one another from: the locks of a file, and the memory that they share in WAL
//! mode.

use std::sync::atomic::AtomicU64;

use rusqlite::ffi::{
    SQLITE_LOCK_EXCLUSIVE, SQLITE_LOCK_NONE, SQLITE_LOCK_PENDING, SQLITE_LOCK_RESERVED, SQLITE_LOCK_SHARED,
};

/// Who holds locks of one file. Levels are SQLite's: shared, reserved, pending, exclusive.
#[derive(Debug, Default)]
pub(crate) struct FileLocks {
    /// How many hold at least a shared one.
    shared: usize,
    /// The highest level that anybody holds above shared; at most one does.
    top: i32,
}

impl FileLocks {
    /// Raises the level of one holder. He may end between the two, at pending: nobody new comes then.
    pub(crate) fn raise(&mut self, own: &mut i32, wanted: i32) -> bool {
        if *own >= wanted {
            return true;
        }
        let other = if *own > SQLITE_LOCK_SHARED { SQLITE_LOCK_NONE } else { self.top };
        if wanted == SQLITE_LOCK_SHARED {
            if other >= SQLITE_LOCK_PENDING {
                return false;
            }
            self.shared += 1;
            *own = wanted;
            return true;
        }
        if other >= SQLITE_LOCK_RESERVED {
            return false;
        }
        let alone = wanted != SQLITE_LOCK_EXCLUSIVE || self.shared == 1;
        *own = if alone { wanted } else { SQLITE_LOCK_PENDING };
        self.top = *own;
        alone
    }

    /// Lowers the level of one holder, to shared or to none.
    pub(crate) fn lower(&mut self, own: &mut i32, wanted: i32) {
        if *own > SQLITE_LOCK_SHARED && wanted <= SQLITE_LOCK_SHARED {
            self.top = SQLITE_LOCK_NONE;
        }
        if *own >= SQLITE_LOCK_SHARED && wanted == SQLITE_LOCK_NONE {
            self.shared -= 1;
        }
        *own = wanted.min(*own);
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.top >= SQLITE_LOCK_RESERVED
    }
}

/// How many locks there are beside shared memory.
const SLOTS: usize = 8;

/// The memory that the connections of one file share, and the locks beside it.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    /// Zeroed at first. They never move, for SQLite keeps pointers to them until the last connection has let go.
    regions: Vec<Box<[AtomicU64]>>,
    /// For each lock: how many share it, or -1 if one has it alone.
    slots: [i32; SLOTS],
    /// How many connections use it.
    users: usize,
}

/// What one connection has of the shared memory.
#[derive(Debug, Default)]
pub(crate) struct Share {
    uses: bool,
    shared: [bool; SLOTS],
    alone: [bool; SLOTS],
}

impl SharedMemory {
    /// The place of a region, if it is there or may be made.
    pub(crate) fn region(
        &mut self,
        own: &mut Share,
        number: usize,
        size: usize,
        make: bool,
    ) -> Option<*mut u64> {
        if !own.uses {
            own.uses = true;
            self.users += 1;
        }
        while make && self.regions.len() <= number {
            self.regions.push((0..size.div_ceil(8)).map(|_| AtomicU64::new(0)).collect());
        }
        // What is behind an `AtomicU64` may be changed by who has but a shared reference.
        self.regions.get(number).map(|region| region.as_ptr().cast_mut().cast())
    }

    /// Takes locks, all or none.
    pub(crate) fn take(&mut self, own: &mut Share, slots: std::ops::Range<usize>, alone: bool) -> bool {
        let is_free = |slot: usize| match (alone, self.slots[slot]) {
            (true, held) => held == 0 || own.alone[slot],
            (false, held) => held >= 0,
        };
        if !slots.clone().all(is_free) {
            return false;
        }
        for slot in slots {
            if alone {
                self.slots[slot] = -1;
                own.alone[slot] = true;
            } else if !own.shared[slot] {
                self.slots[slot] += 1;
                own.shared[slot] = true;
            }
        }
        true
    }

    /// Gives locks back.
    pub(crate) fn give_back(&mut self, own: &mut Share, slots: std::ops::Range<usize>) {
        for slot in slots {
            if std::mem::take(&mut own.alone[slot]) {
                self.slots[slot] = 0;
            } else if std::mem::take(&mut own.shared[slot]) {
                self.slots[slot] -= 1;
            }
        }
    }

    /// Lets go; says whether nobody uses it any more.
    pub(crate) fn leave(&mut self, own: &mut Share) -> bool {
        self.give_back(own, 0..SLOTS);
        if std::mem::take(&mut own.uses) {
            self.users -= 1;
        }
        self.users == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_when_nobody_reads() {
        let mut locks = FileLocks::default();
        let (mut one, mut other) = (0, 0);
        assert!(locks.raise(&mut one, SQLITE_LOCK_SHARED) && locks.raise(&mut other, SQLITE_LOCK_SHARED));
        assert!(locks.raise(&mut one, SQLITE_LOCK_RESERVED));
        assert!(!locks.raise(&mut other, SQLITE_LOCK_RESERVED) && locks.is_reserved());
        assert!(!locks.raise(&mut one, SQLITE_LOCK_EXCLUSIVE));
        assert_eq!(one, SQLITE_LOCK_PENDING);
        let mut third = 0;
        assert!(!locks.raise(&mut third, SQLITE_LOCK_SHARED), "nobody comes while one waits to write");
        locks.lower(&mut other, SQLITE_LOCK_NONE);
        assert!(locks.raise(&mut one, SQLITE_LOCK_EXCLUSIVE));
        assert!(!locks.raise(&mut other, SQLITE_LOCK_SHARED));
        locks.lower(&mut one, SQLITE_LOCK_SHARED);
        assert!(locks.raise(&mut other, SQLITE_LOCK_SHARED) && !locks.is_reserved());
    }

    #[test]
    fn a_slot_is_shared_or_one_has_it_alone() {
        let mut memory = SharedMemory::default();
        let (mut one, mut other) = (Share::default(), Share::default());
        assert!(memory.region(&mut one, 0, 32768, false).is_none());
        assert!(memory.region(&mut one, 0, 32768, true) == memory.region(&mut other, 0, 32768, false));
        assert!(memory.take(&mut one, 3..4, false) && memory.take(&mut other, 3..4, false));
        assert!(!memory.take(&mut one, 3..4, true));
        assert!(memory.take(&mut one, 0..1, true) && !memory.take(&mut other, 0..2, true));
        assert!(memory.take(&mut other, 1..2, true));
        memory.give_back(&mut other, 3..4);
        memory.give_back(&mut one, 3..4);
        assert!(memory.take(&mut one, 3..4, true) && !memory.take(&mut other, 3..4, false));
        assert!(!memory.leave(&mut one) && memory.take(&mut other, 0..1, true));
        assert!(memory.leave(&mut other));
    }
}
