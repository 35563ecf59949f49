//! Everything that was done to a disk, and what was on it at every moment.

use crate::image::Image;
use crate::loss::Loss;
use crate::platter::{Change, Platter};

/// Everything that was done to a disk since it was told to record.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The disk as it was at first, and how many operations there had been.
    pub(crate) start: Platter,
    pub(crate) since: u64,
    pub(crate) changes: Vec<(u64, Change)>,
}

impl Recording {
    /// How many changes there were.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Goes through it from the beginning.
    pub fn replay(&self) -> Replay<'_> {
        Replay { platter: self.start.clone(), at: self.since, left: &self.changes }
    }
}

/// A disk at a moment of its past.
#[derive(Debug)]
pub struct Replay<'a> {
    platter: Platter,
    at: u64,
    left: &'a [(u64, Change)],
}

impl Replay<'_> {
    /// Goes on by one change; says whether there was one.
    pub fn step(&mut self) -> bool {
        let Some(((moment, change), left)) = self.left.split_first() else { return false };
        self.platter.apply(*moment, change.clone());
        (self.at, self.left) = (*moment, left);
        true
    }

    /// The number of the last operation that was done: what [`Disk::operations`](crate::Disk::operations) said then.
    pub fn operations(&self) -> u64 {
        self.at
    }

    /// What would be left if the power went now.
    pub fn image(&self, loss: Loss) -> Image {
        self.platter.image(loss)
    }
}
