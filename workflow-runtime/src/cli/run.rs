//! Running something to its end.

use std::fs;
use std::io::{self, Read, Write};
use std::time::Duration;

use serde_json::Value as Json;

use super::arguments::GivenInput;
use super::live::Live;
use super::looks::Looks;
use super::output::{Output, plain, took};
use super::refusal::{Exit, Refusal};
use super::stores::Stores;
use super::strays::warn_of_input;
use super::threads::{block_on, interrupted};
use super::watch::until_over;
use crate::act::{Act, Done, How};
use crate::builder::RuntimeBuilder;
use crate::engine::What as Happened;
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::Fact;
use crate::registry::Registry;
use crate::runtime::Runtime;
use crate::secret::Secrets;
use crate::store::Store;

/// How long attempts may run on when the program is interrupted.
const GRACE: Duration = Duration::from_secs(5);

impl GivenInput {
    /// What is given; an empty object, if nothing is.
    pub(super) fn read(&self) -> Result<Json, Refusal> {
        Ok(self.read_any()?.unwrap_or_else(|| Json::Object(serde_json::Map::new())))
    }

    /// What is given, if anything is.
    pub(super) fn read_any(&self) -> Result<Option<Json>, Refusal> {
        let (text, place) = match (&self.input, &self.input_file) {
            (Some(text), _) => (text.clone(), "--input".to_owned()),
            (None, Some(file)) if file.as_os_str() == "-" => {
                let mut text = String::new();
                let read = io::stdin().lock().read_to_string(&mut text);
                read.map_err(|error| {
                    Refusal::new(Exit::BadInput, format!("what is given to read: {error}"))
                })?;
                (text, "what is given to read".to_owned())
            }
            (None, Some(file)) => {
                let read = fs::read_to_string(file);
                let wrong =
                    |error: io::Error| Refusal::new(Exit::BadInput, format!("{}: {error}", file.display()));
                (read.map_err(wrong)?, file.display().to_string())
            }
            (None, None) => return Ok(None),
        };
        read_json(&text, &place).map(Some)
    }
}

/// Reads JSON from a place.
pub(super) fn read_json(text: &str, place: &str) -> Result<Json, Refusal> {
    serde_json::from_str(text)
        .map_err(|error| Refusal::new(Exit::BadInput, format!("{place} is no JSON: {error}")))
}

/// What is to be run.
#[derive(Clone)]
pub(super) struct What {
    pub(super) name: String,
    pub(super) input: Json,
    pub(super) how: How,
}

/// Where what goes on is told.
pub(super) struct Told<'a> {
    pub(super) to: &'a mut dyn Write,
    /// It is a terminal, on which what was told can be told anew.
    pub(super) is_terminal: bool,
    pub(super) looks: Looks,
    /// Somebody sits there, who can be asked.
    pub(super) asks: bool,
}

pub(super) fn run(
    builder: RuntimeBuilder,
    stores: &Stores,
    what: What,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    let registry = builder.registered()?;
    warn_of_input(&registry, &what.name, &what.input, told)?;
    let mut secrets = Secrets::of_input(&registry, &what.name, &what.input);
    let What { name, input, how } = what.clone();
    let act = Act::Submit { name, input, how };
    if let Some(Done::Job { job }) = stores.ask(&act)? {
        return elsewhere(&registry, &*stores.look()?, job, &mut secrets, output, told);
    }
    block_on(async {
        let Some(runtime) = stores.open_unless_at_work(builder).await? else {
            let message = "who had the file open has ended meanwhile; say it again";
            let Some(Done::Job { job }) = stores.ask(&act)? else {
                return Err(Refusal::new(Exit::Store, message));
            };
            return elsewhere(&registry, &*stores.look()?, job, &mut secrets, output, told);
        };
        let done = run_in(&runtime, what, &mut secrets, output, told).await;
        runtime.shutdown(GRACE).await;
        done
    })
}

/// The process that has the file open runs it: that is looked at until it is over.
fn elsewhere(
    registry: &Registry,
    store: &dyn Store,
    job: JobId,
    secrets: &mut Secrets<'_>,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    writeln!(told.to, "job {job}, run by the process that has {} open", store.describe())?;
    let (head, last) = until_over(registry, store, job, |line, name, secrets| {
        if let Some(what) = in_words(&line.record.fact) {
            let step = line.step.as_deref().unwrap_or(name);
            writeln!(told.to, "{}", plain(&format!("{step}: {}", secrets.without(&what))))?;
        }
        Ok(())
    })?;
    match last.map(|line| line.record.fact) {
        Some(Fact::JobSucceeded { output: gave }) => {
            let mut gave = gave.json().map_err(|error| Refusal::new(Exit::Failed, error.to_string()))?;
            secrets.hide_result(&mut gave);
            output.document(&gave)?;
            Ok(Exit::Done)
        }
        Some(Fact::JobFailed { failure }) => Err(refusal(&failure.to_string(), secrets)),
        _ => Err(refusal(head.failure.as_deref().unwrap_or_default(), secrets)),
    }
}

/// Why a job did not succeed.
fn refusal(why: &str, secrets: &Secrets<'_>) -> Refusal {
    Refusal::new(Exit::Failed, secrets.without(why))
}

async fn run_in(
    runtime: &Runtime,
    what: What,
    secrets: &mut Secrets<'_>,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    let job = runtime.submit_so(&what.name, what.input, what.how).await?;
    writeln!(told.to, "job {}", job.id())?;
    let interrupted = tokio::select! {
        followed = follow(&job, secrets, told) => { followed?; false }
        () = interrupted() => true,
    };
    if interrupted {
        let message = format!("interrupted; job {} goes on when its store is opened again", job.id());
        return Err(Refusal::new(Exit::Interrupted, message));
    }
    let mut gave = job.await.map_err(|failure| refusal(&failure.to_string(), secrets))?;
    secrets.hide_result(&mut gave);
    output.document(&gave)?;
    Ok(Exit::Done)
}

/// Tells what happens to a job until it is over.
async fn follow(job: &JobHandle<Json>, secrets: &Secrets<'_>, told: &mut Told<'_>) -> io::Result<()> {
    if told.is_terminal {
        return draw(job, secrets).await;
    }
    let mut events = job.events();
    while let Some(event) = events.next().await {
        let Happened::Fact(fact) = &event.what else { continue };
        if let Some(what) = in_words(fact) {
            let step = event.step.as_deref().unwrap_or(&event.name);
            writeln!(told.to, "{}", plain(&format!("{step}: {}", secrets.without(&what))))?;
        }
    }
    Ok(())
}

/// Draws a job until it is over.
async fn draw(job: &JobHandle<Json>, secrets: &Secrets<'_>) -> io::Result<()> {
    let (mut live, mut events, mut progress) = (Live::new(secrets), job.events(), job.progress());
    let (mut last, mut has_news) = (job.id().made_at(), false);
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(live.look_at().into()), if has_news => {
                live.look(job)?;
                has_news = false;
            }
            Some(word) = progress.next() => live.progress(&word),
            event = events.next() => match event {
                Some(event) => {
                    (last, has_news) = (event.at, true);
                    live.event(&event)?;
                }
                None => break,
            },
        }
    }
    live.look(job)?;
    live.end(&job.state().name().to_lowercase(), &took(job.id().made_at(), last))
}

/// What has happened to a step, if people want to hear of it.
pub(super) fn in_words(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Started { attempt: 1, .. } => "begins".to_owned(),
        Fact::Started { attempt, .. } => format!("begins again, attempt {attempt}"),
        Fact::Called { job, .. } => format!("is job {job}"),
        Fact::Retrying { due, failure, .. } => format!("{}; again at {due}", failure.message),
        Fact::Fell { failure, .. } => format!("{}; what stands in for it is tried", failure.message),
        Fact::Lost { .. } => "its process ended".to_owned(),
        Fact::Succeeded { .. } => "done".to_owned(),
        Fact::Failed { failure, .. } => failure.message.clone(),
        Fact::Slept { until, .. } => format!("waits until {until}"),
        Fact::Signalled { event, .. } => format!("hears of `{event}`"),
        Fact::Logged { message, .. } => message.to_string(),
        Fact::Paused => "paused".to_owned(),
        Fact::Resumed => "goes on".to_owned(),
        Fact::Stopped { failure } => format!("is to end: {}", failure.message),
        _ => return None,
    })
}
