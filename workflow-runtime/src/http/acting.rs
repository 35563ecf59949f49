//! What people do.

use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::desk::Desk;
use super::endpoint::{Asked, Endpoint, Method, json};
use super::trouble::{Kind, Trouble};
use crate::act::{Act, Done, How};
use crate::job_id::JobId;
use crate::schema::Schema;
use crate::stray::strays;

/// How many jobs something is done to at once, at most.
const MOST: usize = 1000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new::<Submit, Submitted, _, _>(Method::Post, "/api/jobs", "Hands a job in", submit)
            .guarded()
            .creates(),
        Endpoint::post("/api/jobs/{id}/cancel", "Cancels a job: what was done is taken back", cancel),
        Endpoint::post("/api/jobs/{id}/pause", "Lets nothing more of a job start", pause),
        Endpoint::post("/api/jobs/{id}/resume", "Lets a job go on", resume),
        Endpoint::post("/api/jobs/{id}/signal", "Tells a job of something that it waits for", signal),
        Endpoint::post("/api/jobs/{id}/retry", "Lets a dead letter go on from where it failed", retry),
        Endpoint::post("/api/jobs/{id}/discard", "Takes a job off the dead letters", discard),
        Endpoint::post("/api/jobs/{id}/rerun", "Runs a job that is over again, or from a step on", rerun),
        Endpoint::post("/api/bulk", "Does the same to many jobs", bulk),
        Endpoint::post("/api/queues/{name}/pause", "Lets nothing of a queue start", pause_queue),
        Endpoint::post("/api/queues/{name}/resume", "Lets a queue go on", resume_queue),
        Endpoint::post("/api/schedules/{name}/pause", "Pauses a schedule", pause_schedule),
        Endpoint::post("/api/schedules/{name}/resume", "Lets a schedule go on", resume_schedule),
        Endpoint::post("/api/schedules/{name}/trigger", "Runs a schedule once, now", trigger),
    ]
}

/// Has something done for somebody.
async fn perform<Q>(asked: &Asked<Q>, act: Act) -> Result<Done, Trouble> {
    asked.desk.perform(asked.person.as_ref(), act).await
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Submit {
    /// The workflow or the agent.
    name: String,
    #[serde(default)]
    input: Json,
    #[serde(default)]
    how: How,
}

/// What came of a job that was handed in.
#[derive(Debug, Serialize, JsonSchema)]
struct Submitted {
    #[serde(flatten)]
    done: Done,
    /// What was given and nobody takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

async fn submit(asked: Asked<Submit>) -> Result<Response, Trouble> {
    let Submit { name, input, how } = &asked.given;
    let act = Act::Submit { name: name.clone(), input: input.clone(), how: how.clone() };
    match perform(&asked, act).await {
        Ok(done) => {
            json(StatusCode::CREATED, &Submitted { done, warnings: asked.desk.warnings(name, input) })
        }
        Err(trouble) if trouble.kind == Kind::BadInput => Err(asked.desk.placed(trouble, name, input)),
        Err(trouble) => Err(trouble),
    }
}

impl Desk {
    /// What of an input nobody takes.
    fn warnings(&self, name: &str, input: &Json) -> Vec<String> {
        let Some(schema) = self.behind.registry().input_schema(name) else { return Vec::new() };
        let of = format!("the input of `{name}`");
        strays(&schema, input).iter().map(|stray| stray.warning(&of)).collect()
    }

    /// Says where in an input something is wrong, if its schema tells.
    pub(super) fn placed(&self, trouble: Trouble, name: &str, input: &Json) -> Trouble {
        let schema = self.behind.registry().input_schema(name);
        match schema.and_then(|schema| Schema::new(schema).ok()?.check(input).err()) {
            Some(violations) => trouble.with_fields(&violations),
            None => trouble,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    id: JobId,
    /// Why, for who looks at it later.
    why: Option<String>,
}

async fn cancel(asked: Asked<Cancel>) -> Result<Done, Trouble> {
    let why = asked.given.why.clone().unwrap_or_else(|| "cancelled by hand".to_owned());
    let act = Act::Cancel { job: asked.given.id, why };
    perform(&asked, act).await
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Id {
    id: JobId,
}

async fn pause(asked: Asked<Id>) -> Result<Done, Trouble> {
    perform(&asked, Act::Pause { job: asked.given.id }).await
}

async fn resume(asked: Asked<Id>) -> Result<Done, Trouble> {
    perform(&asked, Act::Resume { job: asked.given.id }).await
}

async fn discard(asked: Asked<Id>) -> Result<Done, Trouble> {
    perform(&asked, Act::Discard { job: asked.given.id }).await
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Signal {
    id: JobId,
    /// What has happened.
    event: String,
    /// What comes with it.
    #[serde(default)]
    value: Json,
}

async fn signal(asked: Asked<Signal>) -> Result<Done, Trouble> {
    let Signal { id, event, value } = &asked.given;
    let act = Act::Signal { job: *id, event: event.clone(), value: value.clone() };
    perform(&asked, act).await
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Retry {
    id: JobId,
    /// From its beginning.
    #[serde(default)]
    from_start: bool,
    /// Another input: of the step that failed, or, from the beginning, of the job.
    #[serde(default, deserialize_with = "some")]
    input: Option<Json>,
}

/// What is there, also if it is `null`.
fn some<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(from).map(Some)
}

async fn retry(asked: Asked<Retry>) -> Result<Done, Trouble> {
    let Retry { id, from_start, input } = &asked.given;
    let act = Act::Retry { job: *id, from_start: *from_start, input: input.clone() };
    perform(&asked, act).await
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rerun {
    id: JobId,
    /// From this step on: what was done before it stays done.
    from: Option<String>,
    /// Another input: of that step, or of the job.
    #[serde(default, deserialize_with = "some")]
    input: Option<Json>,
}

async fn rerun(asked: Asked<Rerun>) -> Result<Done, Trouble> {
    let Rerun { id, from, input } = &asked.given;
    let act = Act::Rerun { job: *id, from: from.clone(), input: input.clone() };
    perform(&asked, act).await
}

/// What can be done to many jobs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Bulk {
    Cancel,
    Pause,
    Resume,
    Retry,
    Discard,
    Rerun,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Many {
    act: Bulk,
    /// A thousand at most.
    jobs: Vec<JobId>,
    why: Option<String>,
}

/// What came of each, in the order in which they were named.
#[derive(Debug, Serialize, JsonSchema)]
struct Results {
    results: Vec<Came>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Came {
    job: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<Done>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Trouble>,
}

async fn bulk(asked: Asked<Many>) -> Result<Results, Trouble> {
    let Many { act, jobs, why } = &asked.given;
    if jobs.len() > MOST {
        let message = format!("{} jobs are too many at once: name {MOST} at most", jobs.len());
        return Err(Trouble::new(Kind::Misunderstood, message));
    }
    let why = why.clone().unwrap_or_else(|| "cancelled by hand".to_owned());
    let mut results = Vec::new();
    for job in jobs.iter().copied() {
        let act = match act {
            Bulk::Cancel => Act::Cancel { job, why: why.clone() },
            Bulk::Pause => Act::Pause { job },
            Bulk::Resume => Act::Resume { job },
            Bulk::Retry => Act::Retry { job, from_start: false, input: None },
            Bulk::Discard => Act::Discard { job },
            Bulk::Rerun => Act::Rerun { job, from: None, input: None },
        };
        results.push(match perform(&asked, act).await {
            Ok(done) => Came { job, done: Some(done), error: None },
            Err(trouble) => Came { job, done: None, error: Some(trouble) },
        });
    }
    Ok(Results { results })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

async fn pause_queue(asked: Asked<Name>) -> Result<Done, Trouble> {
    let queue = asked.given.name.clone();
    perform(&asked, Act::PauseQueue { queue }).await
}

async fn resume_queue(asked: Asked<Name>) -> Result<Done, Trouble> {
    let queue = asked.given.name.clone();
    perform(&asked, Act::ResumeQueue { queue }).await
}

async fn pause_schedule(asked: Asked<Name>) -> Result<Done, Trouble> {
    let schedule = asked.given.name.clone();
    perform(&asked, Act::PauseSchedule { schedule }).await
}

async fn resume_schedule(asked: Asked<Name>) -> Result<Done, Trouble> {
    let schedule = asked.given.name.clone();
    perform(&asked, Act::ResumeSchedule { schedule }).await
}

async fn trigger(asked: Asked<Name>) -> Result<Done, Trouble> {
    let schedule = asked.given.name.clone();
    perform(&asked, Act::Trigger { schedule }).await
}
