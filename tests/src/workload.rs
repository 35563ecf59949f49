//! A workflow that uses every form, whose agents tell a [`Recorder`] what they do: what is killed in tests.
//!
//! Every value says which task of which job made it, in which attempt, so that whoever is given it can tell.

mod books;
mod outside;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::prelude::{AgentError, Runtime, State, TaskContext, data, sleep, task_agent, workflow};
use workflow_runtime::{Dag, Queue, Registry, RuntimeBuilder};

use crate::history::{Outcome, Read, Recorder, Rules, Running};
use crate::random::Rng;

pub use books::Books;
pub use outside::Outside;
pub use serve::{serve, signal, strike};

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

/// What is counted of the agent of which few run at once, in whatever processes.
const FEW: &str = "few";
const AT_ONCE: u32 = 2;

/// One attempt: it begins, takes its time, and makes something of what it was given, or fails.
async fn work(ctx: &TaskContext, queue: Option<&str>, from: &[&Made], n: u64) -> Result<Made, AgentError> {
    let running = begin(ctx, queue, from)?;
    let from: Vec<u64> = from.iter().map(|made| made.n).collect();
    finish(ctx, running, made_of(n, &from)).await
}

fn begin(ctx: &TaskContext, queue: Option<&str>, from: &[&Made]) -> Result<Running, AgentError> {
    let State(recorder) = ctx.state::<Recorder>()?;
    Ok(recorder.begin(ctx, queue, from.iter().filter_map(|made| read(made)).collect()))
}

/// Takes its time, and gives this, or fails.
async fn finish(ctx: &TaskContext, running: Running, n: u64) -> Result<Made, AgentError> {
    let State(pace) = ctx.state::<Pace>()?;
    let mut chance = Rng::new(hash(&ctx.idempotency_key()) ^ u64::from(ctx.attempt()));
    if chance.chance(70) {
        ctx.sleep(pace.0.mul_f64(chance.below(100) as f64 / 100.0)).await;
    }
    let result = if chance.chance(15) {
        Err(AgentError::retry("not this time"))
    } else {
        let (job, by) = (ctx.job_id().to_owned(), ctx.task_id().to_owned());
        Ok(Made { job, by, attempt: ctx.attempt(), n })
    };
    running.end(result.as_ref().map_err(|error| error.to_string()));
    result
}

/// What is made of numbers.
fn made_of(n: u64, from: &[u64]) -> u64 {
    from.iter().fold(n, |sum, from| sum.wrapping_mul(31).wrapping_add(*from)) % 1_000_000
}

/// Whether this cannot be made where there is doubt.
fn is_doubtful(n: u64) -> bool {
    n.is_multiple_of(3)
}

/// How many things are gathered.
const GATHERED: u64 = 3;

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

/// Makes something unless it is told to make one of every third.
#[task_agent(retry(max = 20, first = "1ms", factor = 1), concurrency = 2)]
async fn load_doubt(n: u64, ctx: &TaskContext) -> Result<Made, AgentError> {
    let made = work(ctx, Some(FEW), &[], n).await?;
    if is_doubtful(n) { Err(AgentError::permanent("it cannot be made")) } else { Ok(made) }
}

/// Makes things by subtasks, one after the other, saves how many there are, and makes one thing of them.
#[task_agent(retry(max = 20, first = "1ms", factor = 1))]
async fn load_gather(n: u64, ctx: &TaskContext) -> Result<Made, AgentError> {
    let State(recorder) = ctx.state::<Recorder>()?;
    let running = begin(ctx, None, &[])?;
    let saved: Option<u64> = ctx.restored()?;
    recorder.restored(ctx, saved);
    let mut parts = Vec::new();
    for part in 0..GATHERED {
        let subtask = ctx.spawn(load_make::with(n + part)).key(format!("part {part}")).await?;
        parts.push(subtask.join().await?.n);
        if saved.is_none_or(|saved| saved <= part) {
            ctx.checkpoint(&(part + 1)).await?;
            recorder.saved(ctx, part + 1);
        }
    }
    finish(ctx, running, made_of(4, &parts)).await
}

/// Writes down that it was done, once, if there are [`Books`].
#[task_agent(retry(max = 20, first = "1ms", factor = 1))]
async fn load_book(n: u64, ctx: &TaskContext) -> Result<Made, AgentError> {
    let running = begin(ctx, None, &[])?;
    if let Ok(State(books)) = ctx.state::<Books>() {
        books.enter(ctx).await?;
    }
    finish(ctx, running, made_of(n, &[])).await
}

/// Takes back what was made.
#[task_agent(retry(max = 20, first = "1ms", factor = 1))]
async fn load_take_back(what: Made, ctx: &TaskContext) -> Result<Made, AgentError> {
    work(ctx, None, &[&what], 3).await
}

/// Whether this is to be refined once more.
fn is_rough(n: u64) -> bool {
    !n.is_multiple_of(3)
}

fn all_of(certain: [&Made; 6], more: &Option<Made>) -> Vec<Made> {
    certain.into_iter().chain(more).cloned().collect()
}

/// Tasks that were put together in code: two, and one of both.
fn load_tasks(n: u64) -> Dag<Made> {
    let mut dag = Dag::new("LoadTasks");
    let one = dag.task::<load_make>(n);
    let other = dag.task::<load_refine>(one);
    let both = dag.task::<load_gather>(n);
    dag.after_any(both, other);
    dag.giving(both)
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
    /// A chain, steps side by side, loops, a choice, a child, subtasks, a timer, an event, what may fail, and things to
    /// take back.
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
        phase choose {
            if left.n.is_multiple_of(2) {
                chosen = load_refine(left);
            } else {
                chosen = load_join(vec![right.clone()]);
            }
            best = repeat draft = chosen.clone() while is_rough(draft.n) max 3 { load_refine(draft) };
        }
        phase apart {
            child = LoadChild(n);
            booked = load_book(n);
            #[after(child)]
            gathered = load_gather(n);
            #[optional]
            maybe = load_doubt(n);
            #[or(load_make)]
            either = load_doubt(n);
            sleep("3ms");
            #[timeout("1h")]
            go = workflow_runtime::signal::<u64>("go");
        }
        phase end {
            last = load_end(all_of([joined, best, child, gathered, either, booked], maybe), go);
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
    let builder = builder.agent::<load_doubt>().agent::<load_gather>().agent::<load_book>();
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
    let limits = [(QUEUE.to_owned(), PLACES as usize), (FEW.to_owned(), AT_ONCE as usize)].into();
    Rules { limits, ticks: None, expected: Some(is_right) }
}

/// What the histories of several processes on one store are judged by: how many attempts a queue runs at once, each sees to
/// by itself.
pub fn rules_of_several() -> Rules {
    Rules { limits: [(FEW.to_owned(), AT_ONCE as usize)].into(), ..rules() }
}

/// The input of a job that is asked for by this name.
pub fn input(request: &str) -> Load {
    Load { n: hash(request) % 100 }
}

/// Whether a job may end so: worked out without any runtime. What a job is asked for by says what it is.
fn is_right(request: &str, outcome: &Outcome) -> bool {
    let Load { n } = input(request);
    match (request.split_once(' ').map(|(kind, _)| kind), outcome) {
        (Some("cancelled"), Outcome::Failed(why)) if why.contains(ENOUGH) => true,
        (Some("late"), Outcome::Failed(why)) if why.contains("deadline") => true,
        (Some("gathered" | "tasks"), Outcome::Done(value)) => value["n"] == gathered(n),
        (Some("gathered" | "tasks"), Outcome::Failed(_)) => false,
        (_, Outcome::Done(value)) => !is_in_vain(last(n)) && value["n"] == last(n),
        (_, Outcome::Failed(why)) => is_in_vain(last(n)) && why.contains("in vain"),
    }
}

/// The value of the event that every job awaits.
const GO: u64 = 5;

/// Why jobs are cancelled.
const ENOUGH: &str = "it is enough";

fn gathered(n: u64) -> u64 {
    let parts: Vec<u64> = (0..GATHERED).map(|part| made_of(n + part, &[])).collect();
    made_of(4, &parts)
}

/// What [`Load`] makes last.
fn last(n: u64) -> u64 {
    let refine = |from: u64| made_of(1, &[from]);
    let (left, right) = (made_of(n, &[]), made_of(n + 1, &[]));
    let (one, three) = (refine(left), refine(right));
    let joined = made_of(2, &[one, refine(one), three, left].map(refine));
    let chosen = if left.is_multiple_of(2) { refine(left) } else { made_of(2, &[right]) };
    let best = (0..3).fold(chosen, |best, _| if is_rough(best) { refine(best) } else { best });
    let made = made_of(n, &[]);
    let mut all = vec![joined, best, refine(made), gathered(n), made, made];
    all.extend((!is_doubtful(n)).then_some(made));
    made_of(GO, &all)
}
