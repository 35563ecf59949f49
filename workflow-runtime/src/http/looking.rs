//! What there is to look at.

use std::collections::BTreeMap;

use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::access::Person;
use super::endpoint::{Asked, Endpoint, Form, text};
use super::long::shorten;
use super::trouble::{Kind, Trouble};
use crate::job_id::JobId;
use crate::registry::Registry;
use crate::report::AgentReport;
use crate::secret::Secrets;
use crate::state::JobState;
use crate::store::{Filter, Head, Store, StoreError};
use crate::timestamp::Timestamp;
use crate::transfer::Export;
use crate::view::JobView;

/// How many jobs a page of a list has, if nothing is said, and at most.
const PAGE: usize = 50;
const MOST: usize = 1000;

/// How many steps of a job are told, if nothing is said, and at most.
const STEPS: usize = 2000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/about", "Which program this is, and who asks", about),
        Endpoint::get("/api/catalogue", "All agents and workflows, with their schemas", catalogue),
        Endpoint::raw::<Picture, String, _, _>(
            Form::Svg,
            "/api/workflows/{name}/picture",
            "A workflow as it is drawn; `open` names steps whose workflows are drawn in place",
            picture,
        ),
        Endpoint::get("/api/jobs", "Lists jobs, the newest first", jobs),
        Endpoint::get("/api/jobs/{id}", "A job, step by step", job).gives::<JobView>(),
        Endpoint::get("/api/jobs/{id}/journal", "The records of a job", journal),
        Endpoint::get(
            "/api/jobs/{id}/export",
            "A job as it can be imported elsewhere, with its secrets",
            export,
        )
        .guarded(),
        Endpoint::get("/api/agents", "How agents have done in this process", agents),
        Endpoint::get("/api/report", "How agents have done on all machines, hour by hour", report),
    ]
}

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A program, and who asks it.
#[derive(Debug, Serialize, JsonSchema)]
struct About {
    program: String,
    version: String,
    /// Where jobs are kept.
    store: String,
    person: Option<Person>,
    /// Whether people log in here, by a token.
    login: bool,
    now: Timestamp,
}

async fn about(asked: Asked<Nothing>) -> Result<About, Trouble> {
    let desk = asked.desk;
    Ok(About {
        program: desk.program.clone(),
        version: desk.version.clone(),
        store: desk.behind.place(),
        person: asked.person,
        login: desk.guard.has_tokens(),
        now: Timestamp::now(),
    })
}

async fn catalogue(asked: Asked<Nothing>) -> Result<Json, Trouble> {
    let catalogue = asked.desk.behind.registry().catalogue();
    serde_json::to_value(catalogue).map_err(|error| Trouble::new(Kind::Store, error.to_string()))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Picture {
    name: String,
    /// The paths of steps whose workflows are drawn in place.
    #[serde(default)]
    open: Vec<String>,
}

async fn picture(asked: Asked<Picture>) -> Result<Response, Trouble> {
    let Picture { name, open } = asked.given;
    let registry = asked.desk.behind.registry();
    let workflow = registry
        .workflow(&name)
        .ok_or_else(|| Trouble::unknown(format_args!("workflow `{name}` in this program")))?;
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    Ok(text(Form::Svg, workflow.plan().to_svg_opened(registry, &open)))
}

/// Which jobs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Which {
    /// In one of these states.
    state: Vec<JobState>,
    /// What they run.
    name: Option<String>,
    tag: Option<String>,
    queue: Option<String>,
    /// The job that waits for them.
    parent: Option<JobId>,
    /// Dead letters.
    dead: bool,
    /// Those that no program at work can go on with.
    parked: bool,
    /// Words in their name, a tag, or in why they failed; or an id.
    text: Option<String>,
    /// Submitted then or later.
    since: Option<Timestamp>,
    /// Submitted before.
    until: Option<Timestamp>,
    /// Those after this one in time: for pages.
    after: Option<JobId>,
    /// Those before this one in time: for pages.
    before: Option<JobId>,
    /// The oldest first.
    oldest: bool,
    /// So many at most.
    limit: Option<usize>,
}

/// A page of jobs.
#[derive(Debug, Serialize, JsonSchema)]
struct Jobs {
    jobs: Vec<Head>,
    /// There are more on this side.
    more: bool,
}

async fn jobs(asked: Asked<Which>) -> Result<Jobs, Trouble> {
    let which = asked.given;
    let limit = which.limit.unwrap_or(PAGE).min(MOST);
    let id = which.text.as_ref().and_then(|text| text.trim().parse::<JobId>().ok());
    let filter = Filter {
        states: which.state,
        name: which.name,
        tag: which.tag,
        queue: which.queue,
        parent: which.parent,
        dead: which.dead,
        parked: which.parked,
        text: which.text.filter(|_| id.is_none()),
        since: which.since,
        until: which.until,
        after: which.after,
        before: which.before,
        newest: !which.oldest,
        limit: Some(limit + 1),
    };
    let mut jobs = asked
        .desk
        .behind
        .ask(move |store, registry| {
            let mut heads: Vec<Head> = match id {
                Some(id) => {
                    let head = store.read(id)?.map(|kept| kept.head);
                    head.into_iter().filter(|head| filter.lets(head)).collect()
                }
                None => store.list(&filter)?,
            };
            Secrets::hide_in_heads(registry, store, &mut heads)?;
            Ok(heads)
        })
        .await?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    Ok(Jobs { jobs, more })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Job {
    id: JobId,
    /// Long values are told as a whole, too.
    #[serde(default)]
    whole: bool,
    /// The steps from this one on.
    #[serde(default)]
    first: usize,
    /// So many steps at most.
    limit: Option<usize>,
}

async fn job(asked: Asked<Job>) -> Result<Json, Trouble> {
    let Job { id, whole, first, limit } = asked.given;
    let view = asked.desk.behind.ask(move |store, registry| registry.view(store, id)).await?;
    let mut view = view.ok_or_else(|| no_job(id))?;
    let all = view.steps.len();
    view.steps.drain(..first.min(all));
    view.steps.truncate(limit.unwrap_or(STEPS).min(STEPS));
    let mut document =
        serde_json::to_value(&view).map_err(|error| Trouble::new(Kind::Store, error.to_string()))?;
    document["all_steps"] = json!(all);
    if !whole {
        shorten(&mut document);
    }
    Ok(document)
}

pub(super) fn no_job(id: JobId) -> Trouble {
    Trouble::unknown(format_args!("job {id}"))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Journal {
    id: JobId,
    /// The records after the one of this number.
    after: Option<usize>,
    /// So many at most.
    limit: Option<usize>,
}

/// Some records of a job.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Records {
    pub(super) lines: Vec<Json>,
    /// There are more.
    pub(super) more: bool,
}

async fn journal(asked: Asked<Journal>) -> Result<Records, Trouble> {
    let Journal { id, after, limit } = asked.given;
    let limit = limit.unwrap_or(MOST).min(MOST);
    let first = after.map_or(0, |after| after.saturating_add(1));
    let read =
        asked.desk.behind.ask(move |store, registry| records(store, registry, id, first, limit)).await?;
    read.map(|(_, records)| records).ok_or_else(|| no_job(id))
}

/// The records of a job from one on, as people may see them, each with its number; and its head.
pub(super) fn records(
    store: &dyn Store,
    registry: &Registry,
    id: JobId,
    first: usize,
    limit: usize,
) -> Result<Option<(Head, Records)>, StoreError> {
    let Some(mut kept) = store.read(id)? else { return Ok(None) };
    let lines = kept.records()?;
    let secrets = Secrets::of_job(registry, store, id)?;
    secrets.hide_in_head(&mut kept.head);
    let some = lines.iter().enumerate().skip(first).take(limit);
    let lines_told = some.map(|(number, line)| {
        let mut line = serde_json::to_value(line).unwrap_or_default();
        secrets.hide_line(&mut line);
        shorten(&mut line);
        line["number"] = json!(number);
        line
    });
    let records = Records { lines: lines_told.collect(), more: lines.len() > first.saturating_add(limit) };
    Ok(Some((kept.head, records)))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Only {
    id: JobId,
}

async fn export(asked: Asked<Only>) -> Result<Json, Trouble> {
    let id = asked.given.id;
    let export = asked.desk.behind.ask(move |store, _| Export::read(store, id)).await?;
    let export = export.ok_or_else(|| no_job(id))?;
    serde_json::to_value(export).map_err(|error| Trouble::new(Kind::Store, error.to_string()))
}

/// How an agent has done.
#[derive(Debug, Serialize, JsonSchema)]
struct Agent {
    name: String,
    /// Attempts that ended.
    count: u64,
    succeeded: u64,
    retries: u64,
    active: u64,
    /// Milliseconds.
    p50: f64,
    p95: f64,
    p99: f64,
}

async fn agents(asked: Asked<Nothing>) -> Result<Vec<Agent>, Trouble> {
    let Some(runtime) = asked.desk.behind.runtime() else { return Ok(Vec::new()) };
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    let told = runtime.registry().agents().iter().filter_map(|agent| {
        let stats = runtime.stats(agent.name())?;
        Some(Agent {
            name: agent.name().to_owned(),
            count: stats.count,
            succeeded: stats.succeeded,
            retries: stats.retries,
            active: stats.active,
            p50: millis(stats.p50),
            p95: millis(stats.p95),
            p99: millis(stats.p99),
        })
    });
    Ok(told.collect())
}

/// Of whom, and over how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Over {
    /// So many hours, up to now; a day, if nothing is said, and two weeks at most.
    hours: Option<u64>,
    /// Only this agent.
    agent: Option<String>,
}

async fn report(asked: Asked<Over>) -> Result<BTreeMap<String, AgentReport>, Trouble> {
    let Over { hours, agent } = asked.given;
    let mut agents = asked.desk.behind.report(hours.unwrap_or(24)).await?;
    if let Some(agent) = agent {
        agents.retain(|name, _| *name == agent);
    }
    Ok(agents)
}
