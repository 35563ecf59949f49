//! A workflow that uses every form, whose agents tell a [`Recorder`] what they do: what is killed in tests.
//!
//! Every value says which task of which job made it, in which attempt, so that whoever is given it can tell.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use workflow_runtime::prelude::{AgentError, Runtime, State, TaskContext, data, sleep, task_agent, workflow};
use workflow_runtime::{JobFilter, JobHandle, Queue, Registry, RuntimeBuilder};

use crate::history::{Event, Kept, Outcome, Read, Recorder, Rules};
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
        let from: Vec<u64> = from.iter().map(|made| made.n).collect();
        Ok(Made { job, by, attempt: ctx.attempt(), n: made_of(n, &from) })
    };
    running.end(result.as_ref().map_err(|error| error.to_string()));
    result
}

/// What is made of numbers.
fn made_of(n: u64, from: &[u64]) -> u64 {
    from.iter().fold(n, |sum, from| sum.wrapping_mul(31).wrapping_add(*from)) % 1_000_000
}

/// Whether it was in vain to make this.
fn is_in_vain(n: u64) -> bool {
    n.is_multiple_of(4)
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
    if is_in_vain(made.n) { Err(AgentError::permanent("it was in vain")) } else { Ok(made) }
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
            go = workflow_runtime::signal::<u64>("go");
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
    // A process that another kills is no fault of its tasks.
    let builder = Runtime::builder().registry(registry()).state(recorder.clone()).state(Pace(pace));
    builder.queue(queue).deaths(u32::MAX)
}

/// What its histories are judged by.
pub fn rules() -> Rules {
    let limits = [(QUEUE.to_owned(), PLACES as usize)].into();
    Rules { limits, ticks: None, expected: Some(is_right) }
}

/// The input of a job that is asked for by this name.
pub fn input(request: &str) -> Load {
    Load { n: hash(request) % 100 }
}

/// The value of the event that every job awaits.
const GO: u64 = 5;

/// Whether a job may end so: worked out without any runtime.
fn is_right(request: &str, outcome: &Outcome) -> bool {
    let Load { n } = input(request);
    let refine = |from: u64| made_of(1, &[from]);
    let (left, right) = (made_of(n, &[]), made_of(n + 1, &[]));
    let (one, three) = (refine(left), refine(right));
    let parts = [one, refine(one), three, left].map(refine);
    let last = made_of(GO, &[made_of(2, &parts), refine(made_of(n, &[]))]);
    match outcome {
        Outcome::Done(value) => !is_in_vain(last) && value["n"] == last,
        Outcome::Failed(why) => is_in_vain(last) && why.contains("in vain"),
    }
}

/// Tells a job the event that it awaits. It may have been told, or be over.
pub async fn signal<T>(job: &JobHandle<T>) {
    let _ = job.signal("go", GO).await;
}

/// Does what it is told to, as [`killing`](crate::killing) says, until it is to end.
///
/// # Panics
/// When the runtime refuses a job.
pub async fn serve(runtime: &Runtime, recorder: &Recorder, commands: std::sync::mpsc::Receiver<String>) {
    let mut waiting = JoinSet::new();
    for status in runtime.jobs(&JobFilter::new().name("Load")).iter().filter(|job| !job.state.is_over()) {
        if let Some(job) = runtime.job(status.id) {
            waiting.spawn(attend(job, recorder.clone()));
        }
    }
    let (to, mut heard) = unbounded_channel();
    std::thread::spawn(move || commands.into_iter().all(|command| to.send(command).is_ok()));
    while let Some(command) = heard.recv().await {
        let Some(("job", request)) = command.split_once(' ') else { break };
        let Load { n } = input(request);
        let submitted = runtime.submit_json("Load", json!({ "n": n })).await;
        let job = submitted.unwrap_or_else(|error| panic!("it is refused: {error}"));
        recorder.note(Event::Accepted { request: request.to_owned(), job: job.id() });
        waiting.spawn(attend(job, recorder.clone()));
    }
    waiting.join_all().await;
    for head in runtime.history(JobFilter::new()).await.expect("the store can be read") {
        let job = runtime.fetch(head.id).await.expect("the store can be read").expect("it is there");
        recorder.note(Event::Kept(Kept::of(&job).into()));
    }
}

async fn attend(job: JobHandle<Json>, recorder: Recorder) {
    signal(&job).await;
    let outcome = Outcome::of(job.outcome().await);
    recorder.note(Event::Told { job: job.id(), outcome });
}
