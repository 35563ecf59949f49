//! The schedules that are known here, as they were read or written last.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::agenda::Agenda;
use super::busy::Desk;
use super::edit::Unedited;
use super::order::{FORMAT, Order};
use crate::engine::executor::lock;
use crate::job_id::JobId;
use crate::schedule::{Cause, Tick};
use crate::timestamp::Timestamp;

/// The schedules that are known here.
#[derive(Default)]
pub(crate) struct Timetable {
    pages: Mutex<BTreeMap<Arc<str>, Arc<Page>>>,
    pub(super) agenda: Mutex<Agenda>,
    pub(super) desk: Desk,
    /// Where there is no store: which ticks have run, by schedule; and whether by hand.
    taken: Mutex<BTreeMap<String, BTreeSet<(Timestamp, bool)>>>,
}

/// A schedule that is known here.
pub(crate) struct Page {
    pub(crate) name: Arc<str>,
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    /// What is kept of it, or why that cannot be read.
    content: Result<Order, String>,
    /// How often its note was written.
    version: u64,
    looking: Looking,
    /// The runs that somebody here is about to hand in.
    handing: HashSet<JobId>,
    /// When runs were found missing first that another process should have handed in.
    pub(super) doubted: HashMap<JobId, Timestamp>,
    /// It was looked at since this process has begun.
    pub(super) is_seen: bool,
    /// What the configuration says of it was taken over.
    pub(super) is_configured: bool,
    /// What was said last of why nothing of it can run.
    pub(super) problem: Option<String>,
    /// It waits until runs are handed in.
    pub(super) is_full: bool,
}

/// Whether somebody looks at what of a schedule is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looking {
    No,
    Yes,
    /// And looks again when that is done.
    Again,
}

impl fmt::Debug for Timetable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Timetable({} schedules)", lock(&self.pages).len())
    }
}

impl Timetable {
    pub(crate) fn page(&self, name: &str) -> Option<Arc<Page>> {
        lock(&self.pages).get(name).cloned()
    }

    /// All of them, by name.
    pub(crate) fn pages(&self) -> Vec<Arc<Page>> {
        lock(&self.pages).values().cloned().collect()
    }

    /// Takes over what was written or read, unless something newer is known.
    pub(super) fn adopt(&self, name: &Arc<str>, version: u64, content: Result<Order, String>) {
        let mut pages = lock(&self.pages);
        match pages.get(name) {
            Some(page) => page.adopt(version, content),
            None => drop(pages.insert(Arc::clone(name), Arc::new(Page::new(name, version, content)))),
        }
    }

    /// Forgets a schedule, unless something newer than this version is known.
    pub(super) fn forget(&self, name: &str, version: u64) {
        let mut pages = lock(&self.pages);
        if pages.get(name).is_some_and(|page| page.version() <= version) {
            pages.remove(name);
        }
    }

    /// Writes an order, where there is no store; says whether it was the one that was known.
    pub(super) fn put(&self, name: &Arc<str>, order: Option<Order>, was: u64) -> bool {
        let mut pages = lock(&self.pages);
        let version = pages.get(name).map_or(0, |page| page.version());
        if version != was {
            return false;
        }
        match (order, pages.get(name)) {
            (Some(order), Some(page)) => page.adopt(version + 1, Ok(order)),
            (Some(order), None) => {
                pages.insert(Arc::clone(name), Arc::new(Page::new(name, version + 1, Ok(order))));
            }
            (None, _) => {
                pages.remove(name);
            }
        }
        true
    }

    /// Takes a tick's key, where there is no store; says whether nobody had it.
    pub(super) fn take(&self, tick: &Tick) -> bool {
        let mut taken = lock(&self.taken);
        let place = (tick.moment, tick.cause == Cause::ByHand);
        match taken.get_mut(&tick.schedule) {
            Some(own) => own.insert(place),
            None => taken.insert(tick.schedule.clone(), BTreeSet::from([place])).is_none(),
        }
    }

    pub(super) fn is_taken(&self, tick: &Tick) -> bool {
        let place = (tick.moment, tick.cause == Cause::ByHand);
        lock(&self.taken).get(&tick.schedule).is_some_and(|own| own.contains(&place))
    }

    /// What another timetable had, written as JSON and read again.
    pub(crate) fn take_over(&self, other: &Self) {
        for page in other.pages() {
            if let Ok((order, version)) = page.order() {
                let text = serde_json::to_string(&order).unwrap_or_default();
                self.adopt(&page.name, version, read(&text));
            }
        }
        lock(&self.taken).clone_from(&lock(&other.taken));
    }
}

/// An order as it was written, or why it cannot be read.
pub(super) fn read(text: &str) -> Result<Order, String> {
    let order: Order = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if order.format > FORMAT {
        let format = order.format;
        return Err(format!("it is of version {format}, and this program knows {FORMAT}"));
    }
    Ok(order)
}

impl Page {
    fn new(name: &Arc<str>, version: u64, content: Result<Order, String>) -> Self {
        let inner = Inner {
            content,
            version,
            looking: Looking::No,
            handing: HashSet::new(),
            doubted: HashMap::new(),
            is_seen: false,
            is_configured: false,
            problem: None,
            is_full: false,
        };
        Self { name: Arc::clone(name), inner: Mutex::new(inner) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    pub(super) fn version(&self) -> u64 {
        self.lock().version
    }

    /// What is kept, and the version of that.
    pub(crate) fn order(&self) -> Result<(Order, u64), Unedited> {
        let inner = self.lock();
        match &inner.content {
            Ok(order) => Ok((order.clone(), inner.version)),
            Err(problem) => Err(Unedited::Unreadable(problem.clone())),
        }
    }

    fn adopt(&self, version: u64, content: Result<Order, String>) {
        let mut inner = self.lock();
        if inner.version < version {
            (inner.version, inner.content) = (version, content);
        }
    }

    /// Forgets what need not be written that it is forgotten: runs that are over.
    pub(super) fn tidy(&self, order: Order, version: u64) {
        let mut inner = self.lock();
        if inner.version == version {
            inner.content = Ok(order);
        }
    }

    /// Somebody is to look; says whether the caller is the one.
    pub(super) fn begin_look(&self) -> bool {
        let mut inner = self.lock();
        let was = inner.looking;
        inner.looking = if was == Looking::No { Looking::Yes } else { Looking::Again };
        was == Looking::No
    }

    /// Who looked has seen all; says whether there is something new.
    pub(super) fn end_look(&self) -> bool {
        let mut inner = self.lock();
        let again = inner.looking == Looking::Again;
        inner.looking = if again { Looking::Yes } else { Looking::No };
        again
    }

    /// A run is about to be handed in; says whether nobody else is at it.
    pub(super) fn begin_handing(&self, job: JobId) -> bool {
        self.lock().handing.insert(job)
    }

    /// A run was handed in, or will not be; says whether somebody should look at what is due now.
    pub(super) fn end_handing(&self, job: JobId) -> bool {
        let mut inner = self.lock();
        inner.handing.remove(&job);
        let waits = inner.content.as_ref().is_ok_and(|order| order.waiting.is_some());
        std::mem::take(&mut inner.is_full) || waits
    }

    pub(super) fn is_handing(&self, job: JobId) -> bool {
        self.lock().handing.contains(&job)
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.lock().content.as_ref().is_ok_and(|order| order.waiting.is_some())
    }

    /// Whether another has taken the place of a run.
    pub(super) fn is_replaced(&self, job: JobId) -> bool {
        let inner = self.lock();
        let mut runs = inner.content.iter().flat_map(|order| &order.runs);
        runs.any(|run| run.job == job && run.replaced)
    }
}
