//! What the places of a queue are made of; a test puts something else here.

pub(super) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{LockResult, PoisonError};
pub(super) use std::sync::{Mutex, MutexGuard};

/// Between two operations that all threads must see in one order: nothing, for sequentially consistent ones are.
pub(super) fn in_one_order() {}

/// A guard, though somebody panicked who held it: nothing that can panic runs under these locks.
pub(super) fn unpoisoned<T>(guard: LockResult<MutexGuard<'_, T>>) -> MutexGuard<'_, T> {
    guard.unwrap_or_else(PoisonError::into_inner)
}
