//! Queues and schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::desk::Desk;
use super::endpoint::{Asked, Endpoint};
use super::looking::Nothing;
use super::trend::{EVERY, History};
use super::trouble::Trouble;
use crate::audit::deeds;
use crate::deed::Deed;
use crate::engine::orders;
use crate::record::Work;
use crate::timestamp::Timestamp;

/// How many records a page has, if nothing is said, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

/// How many of the next moments of a schedule are told.
const NEXT: usize = 5;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/queues", "The queues, and how they did over time", queues),
        Endpoint::get("/api/nodes", "Who works on the store", nodes),
        Endpoint::get("/api/audit", "What people had done, the newest first", audit),
        Endpoint::get("/api/schedules", "The schedules, and when they fire next", schedules),
    ]
}

/// A queue, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct Queue {
    pub(super) name: String,
    /// How many attempts hold a place.
    pub(super) running: u32,
    /// How many tasks, and jobs that have not begun, wait for one.
    pub(super) waiting: u32,
    pub(super) paused: bool,
    /// How many may run at once, in this process; not known where another works on the store.
    pub(super) limit: Option<u32>,
    /// For how many seconds that has waited which has waited longest.
    pub(super) oldest: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Queues {
    /// So many seconds are between two numbers of a history.
    every: u64,
    queues: Vec<WithHistory>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WithHistory {
    #[serde(flatten)]
    queue: Queue,
    history: History,
}

async fn queues(asked: Asked<Nothing>) -> Result<Queues, Trouble> {
    let queues = match asked.desk.behind.runtime() {
        Some(_) => queues_of(&asked.desk),
        None => queues_in_store(&asked.desk).await?,
    };
    let with_history = |queue: Queue| WithHistory { history: asked.desk.trend.of(&queue.name), queue };
    Ok(Queues { every: EVERY.as_secs(), queues: queues.into_iter().map(with_history).collect() })
}

/// The queues of the process that serves; none, if it does not work on the store itself.
pub(super) fn queues_of(desk: &Desk) -> Vec<Queue> {
    let Some(runtime) = desk.behind.runtime() else { return Vec::new() };
    let mut told: Vec<Queue> = runtime
        .metrics()
        .queues
        .iter()
        .map(|queue| Queue {
            name: queue.queue.to_string(),
            running: queue.running,
            waiting: queue.waiting,
            paused: queue.paused,
            limit: Some(queue.concurrency),
            oldest: queue.oldest.map(|oldest| oldest.as_secs_f64()),
        })
        .collect();
    told.sort_by(|one, other| one.name.cmp(&other.name));
    told
}

/// The queues as the jobs in the store tell of them.
#[cfg(feature = "cli")]
async fn queues_in_store(desk: &Desk) -> Result<Vec<Queue>, Trouble> {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let now = Timestamp::now();
    let queues = desk.behind.ask(|store, _| crate::queued::queued(store)).await?;
    let told = queues.into_iter().map(|(name, queue)| Queue {
        name: name.to_string(),
        running: count(queue.running),
        waiting: count(queue.waiting),
        paused: queue.paused,
        limit: None,
        oldest: queue.oldest.map(|since| now.since(since).as_secs_f64()),
    });
    Ok(told.collect())
}

/// Without a command line nobody serves what another process works on.
#[cfg(not(feature = "cli"))]
async fn queues_in_store(_: &Desk) -> Result<Vec<Queue>, Trouble> {
    Ok(Vec::new())
}

/// A process that works on the store.
#[derive(Debug, Serialize, JsonSchema)]
struct Node {
    node: String,
    version: String,
    /// The queues that it serves; all, if none are named.
    queues: Option<Vec<String>>,
    begun: Timestamp,
    /// When it was last heard of.
    seen: Timestamp,
    alive: bool,
    /// How many jobs it holds.
    holds: u64,
}

async fn nodes(asked: Asked<Nothing>) -> Result<Vec<Node>, Trouble> {
    let names = |names: &[std::sync::Arc<str>]| names.iter().map(|name| name.to_string()).collect();
    let nodes = asked.desk.behind.ask(|store, _| store.nodes()).await?;
    let told = nodes.iter().map(|node| Node {
        node: node.node.to_string(),
        version: node.version.to_string(),
        queues: node.queues.as_deref().map(names),
        begun: node.since,
        seen: node.seen,
        alive: !node.over,
        holds: node.jobs,
    });
    Ok(told.collect())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Audit {
    /// Only what was before this moment: for pages.
    before: Option<Timestamp>,
    /// So much at most.
    limit: Option<usize>,
}

/// What people had done.
#[derive(Debug, Serialize, JsonSchema)]
struct Deeds {
    records: Vec<Deed>,
    /// There is more.
    more: bool,
}

async fn audit(asked: Asked<Audit>) -> Result<Deeds, Trouble> {
    let Audit { before, limit } = asked.given;
    let limit = limit.unwrap_or(PAGE).min(MOST);
    let mut records = asked.desk.behind.ask(move |store, _| deeds(store, before, limit + 1)).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    Ok(Deeds { records, more })
}

/// A schedule, as it stands.
#[derive(Debug, Serialize, JsonSchema)]
struct Schedule {
    name: String,
    /// What it runs.
    what: String,
    /// When, in words.
    words: String,
    paused: bool,
    /// The next moments.
    next: Vec<Timestamp>,
    /// Why it cannot be read, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// Why nothing of it runs in this program, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// All of it, as it was set.
    schedule: Json,
}

impl Schedule {
    fn new(schedule: &crate::schedule::Schedule, what: String, problem: Option<String>) -> Self {
        let now = Timestamp::now();
        Self {
            name: schedule.name.clone(),
            what,
            words: schedule.describe(),
            paused: schedule.paused,
            next: if schedule.paused { Vec::new() } else { schedule.next_times(now, NEXT) },
            unreadable: None,
            problem,
            schedule: serde_json::to_value(schedule).unwrap_or_default(),
        }
    }

    fn unreadable(name: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            what: String::new(),
            words: String::new(),
            paused: false,
            next: Vec::new(),
            unreadable: Some(why),
            problem: None,
            schedule: Json::Null,
        }
    }
}

async fn schedules(asked: Asked<Nothing>) -> Result<Vec<Schedule>, Trouble> {
    let behind = &asked.desk.behind;
    if let Some(runtime) = behind.runtime() {
        let declined =
            |error: crate::schedules::ScheduleError| Trouble::from(crate::act::Declined::from(error));
        let schedules = runtime.schedules();
        let known = schedules.list().await.map_err(declined)?;
        let unreadable = schedules.unreadable().await.map_err(declined)?;
        let known =
            known.into_iter().map(|status| Schedule::new(&status.schedule, status.runs, status.problem));
        let unreadable = unreadable.into_iter().map(|(name, why)| Schedule::unreadable(&name, why));
        return Ok(known.chain(unreadable).collect());
    }
    let orders = behind.ask(|store, _| orders(store)).await?;
    let told = orders.into_iter().map(|(name, order)| match order {
        Ok(order) => {
            let what = match &order.work {
                Work::Call { callee, .. } => callee.name.to_string(),
                Work::Tasks(tasks) => tasks.name.clone(),
            };
            Schedule::new(&order.schedule, what, None)
        }
        Err(why) => Schedule::unreadable(&name, why.to_string()),
    });
    Ok(told.collect())
}
