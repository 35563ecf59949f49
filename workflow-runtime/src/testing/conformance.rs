//! Whether a store keeps its promises: those of [`Store`], one by one, and all of them together against a model.
//!
//! Whoever writes a store runs this over it:
//!
//! ```
//! use workflow_runtime::store::MemoryStore;
//! use workflow_runtime::testing::conformance;
//!
//! // Makes a store in which nothing is kept; makes another of what one has kept, as after a restart.
//! conformance::check(MemoryStore::new, |store| store)?;
//! # Ok::<(), conformance::Report>(())
//! ```

mod jobs;
mod model;
mod promises;
mod random;

use std::fmt;

use crate::store::Store;
use jobs::Stand;

/// Checks a store.
///
/// `make` gives one in which nothing is kept yet, each time another. `reopen` ends one and gives one that keeps the
/// same, as if the process had ended and begun again.
///
/// # Errors
/// Names each promise that is broken, and what was seen.
pub fn check<S: Store>(make: impl Fn() -> S, reopen: impl Fn(S) -> S) -> Result<(), Report> {
    let stand = Stand::new(&make, &reopen);
    let broken = |(promise, check): &(&'static str, Check<S>)| {
        check(&stand).err().map(|what| Broken { promise, what })
    };
    let broken: Vec<Broken> = table().iter().filter_map(broken).collect();
    if broken.is_empty() { Ok(()) } else { Err(Report { broken }) }
}

/// Every promise, by the words by which a [`Report`] names it.
pub fn promises() -> Vec<&'static str> {
    table::<crate::store::MemoryStore>().iter().map(|(promise, _)| *promise).collect()
}

/// The promises that a store does not keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    broken: Vec<Broken>,
}

/// A promise that a store does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

impl Report {
    /// Each of them; there is one at least.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the store breaks {} of {} promises:", self.broken.len(), promises().len())?;
        self.broken.iter().try_for_each(|broken| write!(out, "\n- {}: {}", broken.promise, broken.what))
    }
}

// `main` and `unwrap` show an error so.
impl fmt::Debug for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Report {}

/// `Err` says what was seen.
type Held = Result<(), String>;

type Check<S> = fn(&Stand<'_, S>) -> Held;

fn table<S: Store>() -> Vec<(&'static str, Check<S>)> {
    vec![
        ("a term is greater than those before it", promises::terms_grow),
        ("records are read as they were written, in their order", promises::records_are_kept),
        ("a head is kept as it was given", promises::heads_are_kept),
        ("what changes of a head is seen", promises::changes_are_seen),
        ("texts of every kind are kept", promises::texts_are_kept),
        ("what was acknowledged outlives a restart", promises::restarts_lose_nothing),
        ("each entry has a verdict of its own", promises::verdicts_are_each_ones_own),
        ("an id is given to one job", promises::ids_are_taken_once),
        ("lines continue where the journal ends", promises::lines_continue),
        ("an entry is written whole or not at all", promises::entries_are_whole),
        ("who does not hold a job writes nothing of it", promises::stale_epochs_write_nothing),
        ("who begins shuts out the terms of his node before", promises::terms_end),
        ("terms of several nodes live side by side", promises::nodes_live_side_by_side),
        ("a unique key is one job's until that is over", promises::keys_are_unique),
        ("a unique key is free when its job is over", promises::keys_are_freed),
        ("what is refused leaves nothing behind", promises::what_is_refused_is_gone),
        ("what nobody holds is claimed, whole and once, lowest ids first", promises::claims_are_complete),
        ("what is over or held is not claimed", promises::claims_leave_alone),
        ("a term that is over claims nothing", promises::claims_need_a_term),
        ("who takes a job over holds it under a greater epoch", promises::epochs_grow),
        ("a job that is not there is not read", promises::unknown_jobs),
        ("a list holds what its filter lets through", promises::lists_are_filtered),
        ("a list is in the order of ids, and has pages", promises::lists_have_pages),
        ("what ended first is forgotten first, with all that was kept of it", promises::forgets_in_order),
        ("what is not over is not forgotten", promises::forgets_only_what_is_over),
        ("a child is not forgotten before its parent is over", promises::children_stay),
        ("several threads use it at once", promises::threads),
        ("whatever is done in whatever order, it does what the model does", random::follows_the_model),
    ]
}
