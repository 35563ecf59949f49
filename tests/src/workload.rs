//! A workflow that uses every form, whose agents tell a [`Recorder`] what they do: what is killed in tests.
//!
//! Every value says which task of which job made it, in which attempt, so that whoever is given it can tell.

use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::{Queue, Registry, RuntimeBuilder};

use crate::history::{Read, Recorder, Rules};
use crate::random::Rng;

/// What a task made.
#[data]
pub struct Made {
    /// The job.
    pub job: String,
    /// The task, by its path.
    pub by: String,
    /// The attempt's number.
    pub attempt: u32,
    /// What it made.
    pub n: u64,
}

/// How long agents take, at most.
#[derive(Debug, Clone, Copy)]
pub struct Pace(pub Duration);

const QUEUE: &str = "narrow";
const PLACES: u32 = 3;

/// One attempt: it begins, takes its time, and makes something of what it was given, or fails.
async fn work(ctx: &TaskContext, queue: Option<&str>, from: &[&Made], n: u64) -> Result<Made, AgentError> {
    let (recorder, State(pace)) = (ctx.state::<Recorder>()?, ctx.state::<Pace>()?);
    let running = recorder.begin(ctx, queue, from.iter().filter_map(|made| read(made)).collect());
    let mut chance = Rng::new(hash(&ctx.idempotency_key()) ^ u64::from(ctx.attempt()));
    if chance.chance(70) {
        ctx.sleep(pace.0.mul_f64(chance.below(100) as f64 / 100.0)).await;
    }
    let result = if chance.chance(15) {
        Err(AgentError::retry("not this time"))
    } else {
        let (job, by) = (ctx.job_id().to_owned(), ctx.task_id().to_owned());
        let n = from.iter().fold(n, |sum, made| sum.wrapping_mul(31).wrapping_add(made.n)) % 1_000_000;
        Ok(Made { job, by, attempt: ctx.attempt(), n })
    };
    running.end(result.as_ref().map_err(|error| error.to_string()));
    result
}

fn read(made: &Made) -> Option<Read> {
    let value = serde_json::to_value(made).ok()?;
    Some(Read { job: made.job.parse().ok()?, task: made.by.clone(), value })
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte))
}

/// Begins with a number.
#[task_agent(retry(max = 20, first = "1ms", factor = 1))]
async fn load_make(n: u64, ctx: &TaskContext) -> Result<Made, AgentError> {
    work(ctx, None, &[], n).await
}

/// Makes something of something.
#[task_agent(retry(max = 20, first = "1ms", factor = 1))]
async fn load_refine(from: Made, ctx: &TaskContext) -> Result<Made, AgentError> {
    work(ctx, None, &[&from], 1).await
}

/// Makes one thing of several, in a queue of few places.
#[task_agent(retry(max = 20, first = "1ms", factor = 1), queue = "narrow")]
async fn load_join(parts: Vec<Made>, ctx: &TaskContext) -> Result<Made, AgentError> {
    work(ctx, Some(QUEUE), &parts.iter().collect::<Vec<_>>(), 2).await
}

/// The last step: now and then it fails for good, and everything is taken back.
#[task_agent(retry(max = 20, first = "1ms", factor = 1), queue = "narrow")]
async fn load_end(parts: Vec<Made>, go: u64, ctx: &TaskContext) -> Result<Made, AgentError> {
    let made = work(ctx, Some(QUEUE), &parts.iter().collect::<Vec<_>>(), go).await?;
    if made.n.is_multiple_of(4) { Err(AgentError::permanent("it was in vain")) } else { Ok(made) }
}

/// Takes back what was made.
#[task_agent(retry(max = 20, first = "1ms", factor = 1))]
async fn load_take_back(what: Made, ctx: &TaskContext) -> Result<Made, AgentError> {
    work(ctx, None, &[&what], 3).await
}

workflow! {
    /// What [`Load`] calls.
    pub workflow LoadChild(n: u64) -> Made {
        phase only {
            begun = load_make(n);
            made = load_refine(begun);
        }
        made
    }
}

workflow! {
    /// A chain, steps side by side, a loop, a child, a timer, an event, and things to take back.
    pub workflow Load(n: u64) -> Made {
        phase begin {
            #[undo(load_take_back)]
            left = load_make(n);
            #[undo(load_take_back)]
            right = load_make(n + 1);
        }
        phase chain {
            #[undo(load_take_back)]
            one = load_refine(left);
            two = load_refine(one);
            #[undo(load_take_back)]
            three = load_refine(right);
        }
        phase each {
            #[concurrency(2)]
            parts = for part in vec![one.clone(), two.clone(), three.clone(), left.clone()] { load_refine(part) };
            joined = load_join(parts);
        }
        phase apart {
            child = LoadChild(n);
            sleep("3ms");
            go = signal::<u64>("go");
        }
        phase end {
            last = load_end(vec![joined.clone(), child.clone()], go);
        }
        last
    }
}

/// The agents and workflows.
///
/// # Panics
/// When they are wrong.
pub fn registry() -> Arc<Registry> {
    let builder = Registry::builder().agent::<load_make>().agent::<load_refine>().agent::<load_join>();
    let builder = builder.agent::<load_end>().agent::<load_take_back>();
    let built = builder.workflow::<LoadChild>().workflow::<Load>().build();
    Arc::new(built.unwrap_or_else(|problems| panic!("{problems}")))
}

/// A runtime for it.
pub fn builder(recorder: &Recorder, pace: Duration) -> RuntimeBuilder {
    let queue = Queue::new(QUEUE).concurrency(PLACES);
    Runtime::builder().registry(registry()).state(recorder.clone()).state(Pace(pace)).queue(queue)
}

/// What its histories are judged by.
pub fn rules() -> Rules {
    Rules { limits: [(QUEUE.to_owned(), PLACES as usize)].into(), ticks: None }
}
