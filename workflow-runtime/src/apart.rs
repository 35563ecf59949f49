//! What cores share without waiting for one another: a part for each of a few threads, on cache lines of its own.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many parts there are of what is kept in parts.
pub(crate) const PARTS: usize = 16;

thread_local! {
    static OWN: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed) % PARTS
    };
}

/// The part of this thread, and of few others.
pub(crate) fn own_part() -> usize {
    OWN.with(|own| *own)
}

/// Something on cache lines of its own: whoever writes what lies beside it does not take it from other cores.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
