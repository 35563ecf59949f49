//! A call of a tool, which is a job.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject, ProgressNotificationParam};
use rmcp::service::RequestContext;
use serde_json::{Value as Json, json};

use super::offer::Offer;
use crate::act::{Act, Done, How};
use crate::engine::Progress;
use crate::http::access::Person;
use crate::http::desk::Desk;
use crate::http::live::News;
use crate::http::trouble::{Kind, Trouble};
use crate::job_id::JobId;
use crate::state::JobState;

/// How soon it is looked at a job again, at first and at last: most are over soon.
const SOON: Duration = Duration::from_millis(2);
const LATE: Duration = Duration::from_millis(200);

/// It is looked at a job in a store for this share of the time at most.
const SHARE: u32 = 10;

/// Where in the result the job's id is told.
const JOB: &str = "workflow/job";

/// How much progress it is at least that something was said.
const LITTLE: f64 = 1e-3;

/// A call of a tool.
pub(super) struct Call<'a> {
    pub(super) desk: &'a Desk,
    pub(super) person: &'a Person,
    pub(super) offer: &'a Offer,
    pub(super) context: &'a RequestContext<RoleServer>,
    /// It is not the client who ends the conversation.
    pub(super) ends: &'a AtomicBool,
}

impl Call<'_> {
    /// Runs the tool to its end, or until its client does not want that any more.
    pub(super) async fn run(self, arguments: JsonObject) -> CallToolResult {
        let input = match self.offer.takes.take(arguments) {
            Ok(input) => input,
            Err(message) => return refused(&message),
        };
        let job = match submit(self.desk, self.person, &self.offer.tool.name, input).await {
            Ok(job) => job,
            Err(trouble) => return refused(&in_words(&trouble)),
        };
        let result = self.outcome(job).await.unwrap_or_else(|trouble| refused(&in_words(&trouble)));
        let id = [(JOB.to_owned(), json!(job))];
        result.with_meta(Some(MetaObject(id.into_iter().collect())))
    }

    async fn outcome(&self, job: JobId) -> Result<CallToolResult, Trouble> {
        let mut teller = Teller::new(self.context, self.offer.steps);
        tokio::select! {
            over = follow(self.desk, job, &mut teller) => over?,
            () = self.context.ct.cancelled() => return self.leave(job).await,
        }
        told(self.desk, job, self.offer).await
    }

    /// Nobody waits for it any more: it is cancelled, unless it is the program that ends, for then it goes on another time.
    async fn leave(&self, job: JobId) -> Result<CallToolResult, Trouble> {
        if !self.ends.load(Ordering::Relaxed) {
            let why = "the client that called it as a tool does not want it any more".to_owned();
            self.desk.perform(Some(self.person), Act::Cancel { job, why }).await?;
        }
        Ok(refused("nobody waits for it any more"))
    }
}

async fn submit(desk: &Desk, person: &Person, name: &str, input: Json) -> Result<JobId, Trouble> {
    let act = Act::Submit { name: name.to_owned(), input: input.clone(), how: How::default() };
    match desk.perform(Some(person), act).await {
        Ok(Done::Job { job }) => Ok(job),
        Ok(_) => Err(Trouble::new(Kind::Store, "it is not known which job it is")),
        Err(trouble) if trouble.kind == Kind::BadInput => Err(desk.placed(trouble, name, &input)),
        Err(trouble) => Err(trouble),
    }
}

/// Tells what happens to a job until it is over.
async fn follow(desk: &Desk, job: JobId, teller: &mut Teller<'_>) -> Result<(), Trouble> {
    let (mut first, mut heard, mut pause) = (0, 0, SOON);
    loop {
        let begun = Instant::now();
        let news = desk.news(job, first, &mut heard).await?;
        let news = news.ok_or_else(|| Trouble::new(Kind::Unknown, "the job is forgotten already"))?;
        let took = begun.elapsed();
        first += news.lines.len();
        teller.tell(&news).await;
        if news.more {
            continue;
        }
        if news.head.state.is_over() {
            return Ok(());
        }
        tokio::time::sleep(pause.max(took * SHARE)).await;
        pause = (pause * 2).min(LATE);
    }
}

/// What came of a job that is over.
async fn told(desk: &Desk, job: JobId, offer: &Offer) -> Result<CallToolResult, Trouble> {
    let view = desk.behind.ask(move |store, registry| registry.view(store, job)).await?;
    let view = view.ok_or_else(|| Trouble::new(Kind::Unknown, "the job is forgotten already"))?;
    if view.head.state == JobState::Succeeded {
        return Ok(CallToolResult::structured(offer.gives.put(view.output.unwrap_or_default())));
    }
    let why = view.failure.map(|failure| failure.to_string());
    let why = why.or(view.head.failure.map(|why| why.to_string()));
    Ok(refused(&why.unwrap_or_else(|| view.head.state.name().to_lowercase())))
}

fn refused(message: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}

/// What a trouble is, and where in the input.
fn in_words(trouble: &Trouble) -> String {
    let places = trouble.fields.iter().map(|field| format!("\n{}: {}", field.at, field.message));
    std::iter::once(trouble.message.clone()).chain(places).collect()
}

/// Tells a client how far its call is, if it has asked for that.
struct Teller<'a> {
    context: &'a RequestContext<RoleServer>,
    /// How many steps there are, and how many of them are done.
    steps: usize,
    done: usize,
    last: f64,
    heard: HashMap<u32, Progress>,
}

impl<'a> Teller<'a> {
    fn new(context: &'a RequestContext<RoleServer>, steps: usize) -> Self {
        Self { context, steps, done: 0, last: 0.0, heard: HashMap::new() }
    }

    async fn tell(&mut self, news: &News) {
        for line in &news.lines {
            let Some(step) = line["step"].as_str() else { continue };
            match line["fact"].as_str() {
                Some("started") => self.say(0.0, format!("{step}: begins")).await,
                Some("succeeded") => {
                    self.done += 1;
                    self.say(0.0, format!("{step}: done")).await;
                }
                _ => {}
            }
        }
        for (task, now) in &news.progress {
            if self.heard.get(task) != Some(now) {
                self.heard.insert(*task, now.clone());
                self.say(now.fraction, format!("{}: {}", now.step, now.message)).await;
            }
        }
    }

    /// Says how far it is: more than before, as the protocol wants it.
    async fn say(&mut self, fraction: f64, message: String) {
        let Some(token) = self.context.meta.get_progress_token() else { return };
        #[expect(clippy::cast_precision_loss, reason = "there are not so many steps")]
        let (done, steps) = (self.done as f64, self.steps as f64);
        self.last = (done + fraction.clamp(0.0, 1.0)).max(self.last + LITTLE);
        let told = ProgressNotificationParam::new(token, self.last)
            .with_total(steps.max(self.last))
            .with_message(message);
        // Who does not hear it hears the result, or has gone.
        let _ = self.context.peer.notify_progress(told).await;
    }
}
