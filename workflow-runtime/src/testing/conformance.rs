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
//!
//! # For who writes a store
//!
//! [`promises`] are in the order in which a store is best built: terms and claims, journals and verdicts, keys, dead
//! letters, notes, lists, what is let go and forgotten, several threads at once, much of all of it, and then whatever
//! comes to mind. [`check_one`] checks one of them, for as long as the others do not hold. A [`Report`] names each promise
//! that is broken and what was seen; of a random run it names the seed and the operation, and both are the same in every
//! run.
//!
//! - **Each check asks `make` for stores of its own,** and some for several; they are in use side by side only within one
//!   check. Give each a file, a schema, a folder of its own. The suite takes a few seconds for a store in a file.
//! - **`reopen` is the end of a process and the begin of the next:** drop all connections, and connect anew. A store
//!   that keeps something in mind has to find it again. Nodes that had begun have begun.
//! - **Which numbers terms and epochs are is the store's own business,** as long as they grow. All other answers are told
//!   by the port, and the suite wants exactly those: which verdict comes first where several would do, how texts are
//!   ordered (by their bytes), what a list is like while others write.
//! - **A store that writes things down late** is written to some twenty thousand times in one run, so that it does that
//!   now and then. If it can be told how late, it is worth checking with a small number, too.
//! - **Threads find only what happens to happen.** Run the suite some hundred times before you believe it.
//!
//! What the suite does not look at: that what was written outlives the machine, what a store does when its disk is full
//! or its connection is cut, and how fast it is.

mod claims;
mod dice;
mod expiry;
mod forgetting;
mod invent;
mod jobs;
mod journals;
mod keys;
mod letters;
mod lists;
mod model;
mod much;
mod nodes;
mod notes;
mod random;
mod sharing;
mod terms;
mod threads;
mod verdicts;

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
    run(&table(), &Stand::new(&make, &reopen))
}

/// Checks one of the [promises], by its words.
///
/// # Errors
/// Says what was seen, if it is broken; or that there is no such promise.
pub fn check_one<S: Store>(
    promise: &'static str,
    make: impl Fn() -> S,
    reopen: impl Fn(S) -> S,
) -> Result<(), Report> {
    let mut wanted = table();
    wanted.retain(|(words, _)| *words == promise);
    if wanted.is_empty() {
        let what = "there is no such promise; `promises` gives those there are".to_owned();
        return Err(Report { broken: vec![Broken { promise, what }] });
    }
    run(&wanted, &Stand::new(&make, &reopen))
}

fn run<S: Store>(checks: &[(&'static str, Check<S>)], stand: &Stand<'_, S>) -> Result<(), Report> {
    let broken =
        |(promise, check): &(&'static str, Check<S>)| check(stand).err().map(|what| Broken { promise, what });
    let broken: Vec<Broken> = checks.iter().filter_map(broken).collect();
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
        ("a term is greater than those before it", terms::terms_grow),
        ("who does not hold a job writes nothing of it", terms::stale_epochs_write_nothing),
        ("who begins shuts out the terms of his node before", terms::terms_end),
        ("terms of several nodes live side by side", terms::nodes_live_side_by_side),
        ("who takes a job over holds it under a greater epoch", terms::epochs_grow),
        ("a term that was ended holds nothing", nodes::ended_terms_hold_nothing),
        ("who lets himself be heard is told whether his term is over", nodes::beats_are_answered),
        ("it is told which jobs are over", nodes::ends_are_told),
        ("a word reaches who holds its job, until he has replied", nodes::words_reach_who_holds_the_job),
        ("who does not hold a job replies to no word for it", nodes::replies_need_the_job),
        ("who says what he can do lives", sharing::who_offers_lives),
        (
            "what is free is nobody's until it is claimed, the most urgent first",
            sharing::free_jobs_are_nobodys,
        ),
        ("a term is given jobs of the queues that it serves", sharing::queues_are_served),
        ("so many that wait are claimed as there is room for", sharing::so_many_wait),
        ("what is parked is offered to other programs", sharing::parked_jobs_are_offered),
        ("all nodes together hold no more of a limit than there is", sharing::limits_are_shared),
        ("all nodes together start no more in a time than a rate lets", sharing::rates_are_shared),
        ("what nobody holds is claimed, whole and once, lowest ids first", claims::claims_are_complete),
        ("what is over or held is not claimed", claims::claims_leave_alone),
        ("a term that is over claims nothing", claims::claims_need_a_term),
        ("records are read as they were written, in their order", journals::records_are_kept),
        ("a head is kept as it was given", journals::heads_are_kept),
        ("what changes of a head is seen", journals::changes_are_seen),
        ("texts of every kind are kept", journals::texts_are_kept),
        ("what was acknowledged outlives a restart", journals::restarts_lose_nothing),
        ("a job that is not there is not read", journals::unknown_jobs),
        ("each entry has a verdict of its own", verdicts::verdicts_are_each_ones_own),
        ("an id is given to one job", verdicts::ids_are_taken_once),
        ("who has not made a job is not told that he has", verdicts::nobody_makes_anothers_job),
        ("lines continue where the journal ends", verdicts::lines_continue),
        ("an entry is written whole or not at all", verdicts::entries_are_whole),
        ("what is refused leaves nothing behind", verdicts::what_is_refused_is_gone),
        ("a unique key is one job's until that is over", keys::keys_are_unique),
        ("a unique key is free when its job is over", keys::keys_are_freed),
        ("a key for ever is one job's, though that is over or forgotten", keys::keys_are_for_ever),
        ("what is refused takes no key", keys::what_is_refused_takes_no_key),
        ("dead letters are listed, and nothing else with them", letters::letters_are_listed),
        ("a dead letter is settled once", letters::letters_are_settled_once),
        ("what is no dead letter is not settled", letters::only_letters_are_settled),
        (
            "one job comes in the place of a dead letter, and hears so when it asks again",
            letters::one_comes_in_a_letters_place,
        ),
        ("what is refused settles no dead letter", letters::what_is_refused_settles_nothing),
        ("a note is written by who knows its version", notes::notes_are_compared),
        ("the version of a note goes on when it is taken away", notes::versions_go_on),
        ("notes are told apart by topic and name, and listed by name", notes::topics_are_apart),
        ("a term that is over writes no note", notes::notes_need_a_term),
        ("entries of all kinds are written in one batch", notes::batches_are_of_all_kinds),
        ("a list holds what its filter lets through", lists::lists_are_filtered),
        ("a list is in the order of ids, and has pages", lists::lists_have_pages),
        ("what is parked is listed until its next change", lists::parked_jobs_are_listed),
        ("a rule that says nothing lets nothing go", expiry::a_rule_that_says_nothing),
        ("by age, what ended before a moment is let go, the first first", expiry::by_age),
        ("by number, the newest of each name are kept", expiry::by_number),
        ("by age and number, what either says is let go", expiry::by_either),
        ("a rule of one name lets nothing else go", expiry::of_one_name),
        ("dead letters are let go only if the rule says so", expiry::letters_stay),
        ("a child is not let go before its parent is over", expiry::children_wait),
        ("what is forgotten is gone, with all that was kept of it", forgetting::forgets_in_order),
        ("what is not over is not forgotten", forgetting::forgets_only_what_is_over),
        ("a child is not forgotten before its parent is over", forgetting::children_stay),
        ("it says what it has forgotten of what it was told", forgetting::forgets_what_it_is_told),
        ("several threads use it at once", threads::threads),
        ("a job is read as of one moment", threads::reads_are_of_one_moment),
        ("a list is of one moment", threads::lists_are_of_one_moment),
        ("what is written at once is seen at once", threads::batches_are_seen_whole),
        ("what is written is seen by all from then on", threads::what_is_written_is_seen),
        ("of those who ask for the same at once, one gets it", threads::races_have_one_winner),
        ("much is kept as little is", much::much_is_kept),
        ("whatever is done in whatever order, it does what the model does", random::follows_the_model),
        ("so it does when it has done much", random::follows_the_model_for_long),
    ]
}
