//! How much memory a component may have.

use wasmtime::{ResourceLimiter, Result};

/// How many bytes an element of a table is.
const ELEMENT: usize = 16;

/// How much memory a component may have, all of its memories and tables together.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    /// Whether it has asked for more than was left.
    pub(super) was_short: bool,
}

impl Room {
    /// So many bytes, or as many as it likes.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        let left = bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Self { left, was_short: false }
    }

    fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.was_short = true;
                false
            }
        }
    }
}

impl ResourceLimiter for Room {
    fn memory_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> Result<bool> {
        Ok(most.is_none_or(|most| desired <= most) && self.take(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> Result<bool> {
        let grown = desired.saturating_sub(current).saturating_mul(ELEMENT);
        Ok(most.is_none_or(|most| desired <= most) && self.take(grown))
    }
}
