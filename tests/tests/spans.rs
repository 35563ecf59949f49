//! Spans of jobs, tasks and attempts, as a subscriber of `tracing` sees them; and the context of a trace that jobs pass on.

use workflow_tests::trace;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};
use trace::seconds;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Fact, JobFilter};

const SECRET: &str = "hunter2";

/// A span, or an event, that was seen.
#[derive(Debug, Clone, Default)]
struct Seen {
    name: String,
    target: String,
    fields: BTreeMap<String, String>,
    /// The place of the span that it is in.
    inside: Option<usize>,
    is_closed: bool,
}

impl Seen {
    fn says(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

/// Keeps all that is said.
#[derive(Debug, Clone, Default)]
struct Listener {
    spans: Arc<std::sync::Mutex<Vec<Seen>>>,
    events: Arc<std::sync::Mutex<Vec<Seen>>>,
}

/// The place of a span among those that were seen.
struct Place(usize);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("it is there");
        let inside = span.parent().and_then(|parent| Some(parent.extensions().get::<Place>()?.0));
        let meta = attributes.metadata();
        let mut seen =
            Seen { name: meta.name().into(), target: meta.target().into(), inside, ..Seen::default() };
        attributes.record(&mut seen);
        let mut spans = self.spans.lock().expect("nobody panics");
        span.extensions_mut().insert(Place(spans.len()));
        spans.push(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is there");
        let place = span.extensions().get::<Place>().expect("it was seen").0;
        values.record(&mut self.spans.lock().expect("nobody panics")[place]);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let span = context.event_span(event);
        let inside = span.and_then(|span| Some(span.extensions().get::<Place>()?.0));
        let meta = event.metadata();
        let mut seen =
            Seen { name: meta.name().into(), target: meta.target().into(), inside, ..Seen::default() };
        event.record(&mut seen);
        self.events.lock().expect("nobody panics").push(seen);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let place = context.span(&id).and_then(|span| Some(span.extensions().get::<Place>()?.0));
        self.spans.lock().expect("nobody panics")[place.expect("it was seen")].is_closed = true;
    }
}

impl Listener {
    fn spans(&self) -> Vec<Seen> {
        self.spans.lock().expect("nobody panics").clone()
    }

    /// Those events that are of the runtime.
    fn events(&self) -> Vec<Seen> {
        let events = self.events.lock().expect("nobody panics");
        events.iter().filter(|event| event.target == "workflow").cloned().collect()
    }

    /// Where each span is, from the outermost to it, by what each is called.
    fn tree(&self) -> Vec<String> {
        let spans = self.spans();
        let name = |span: &Seen| match (span.says("path"), span.says("attempt")) {
            ("", _) => format!("{} {}", span.name, span.says("name")),
            (path, "") => format!("{} {path}", span.name),
            (path, number) => format!("{} {path} {number}", span.name),
        };
        let line = |span: &Seen| {
            let mut line = format!("{} {}", name(span), span.says("outcome"));
            let mut next = span.inside;
            while let Some(outer) = next.map(|place| &spans[place]) {
                line = format!("{} > {line}", name(outer));
                next = outer.inside;
            }
            line.replace("workflow.", "").trim_end().to_owned()
        };
        let mut lines: Vec<String> = spans.iter().map(line).collect();
        lines.sort();
        lines
    }
}

/// Held by each test: what `tracing` remembers of who wants to hear what is one for all threads.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn listen() -> (Listener, (tracing::subscriber::DefaultGuard, MutexGuard<'static, ()>)) {
    let alone = ALONE.lock().await;
    let listener = Listener::default();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(listener.clone()));
    (listener, (guard, alone))
}

/// Fails at first, and says what it does.
#[task_agent(retry(max = 2, first = "1s"))]
async fn stumble(word: String, ctx: &TaskContext) -> Result<String, AgentError> {
    let _inner = tracing::info_span!("agents_own").entered();
    tracing::info!("it has begun");
    if ctx.attempt() == 1 { Err(format!("{word} is not right").into()) } else { Ok(word) }
}

/// Goes on for a while.
#[task_agent]
async fn work(word: String, ctx: &TaskContext) -> String {
    ctx.sleep(seconds(5)).await;
    tracing::info!("it has slept");
    word
}

#[task_agent]
async fn fail(word: String) -> Result<String, AgentError> {
    Err(AgentError::permanent(format!("{word} is bad")))
}

#[task_agent]
async fn plain(word: String) -> String {
    tracing::info!("it is quick");
    word
}

#[task_agent]
async fn tell(number: u64, ctx: &TaskContext) -> Vec<String> {
    let _ = number;
    [ctx.traceparent(), ctx.tracestate()].into_iter().flatten().map(|text| text.to_string()).collect()
}

/// Has another do it.
#[task_agent]
async fn delegate(word: String, ctx: &TaskContext) -> Result<String, AgentError> {
    let made = ctx.spawn(plain::with(word)).await?;
    made.join().await
}

workflow! {
    /// Below another.
    pub workflow Inner(word: String) -> String {
        phase only { b = plain(word); }
        b.clone()
    }
}

workflow! {
    /// All kinds of steps.
    pub workflow Story(word: String) -> String {
        phase one { a = stumble(word); }
        phase two { b = work(a); c = Inner(a.clone()); d = delegate(a.clone()); }
        phase three { #[optional] e = fail(b); }
        if e.is_none() { d.clone() } else { c.clone() }
    }
}

workflow! {
    /// Waits for an hour.
    pub workflow Later(word: String) -> String {
        phase wait { nap = sleep("1h"); }
        phase work { #[after(nap)] a = plain(word); }
        a.clone()
    }
}

workflow! {
    /// One that tells what it was given, and has another tell it.
    pub workflow Telling(number: u64) -> Vec<String> {
        phase one { own = tell(*number); below = Below(*number); }
        own.iter().chain(below.iter()).cloned().collect::<Vec<String>>()
    }
}

workflow! {
    /// Tells what it was given.
    pub workflow Below(number: u64) -> Vec<String> {
        phase one { own = tell(*number); }
        own.clone()
    }
}

#[tokio::test]
async fn what_runs_is_told_as_a_tree_with_what_agents_say_inside() {
    let (listener, _guard) = listen().await;
    let runtime = TestRuntime::of(Runtime::builder().jitter(0.0));
    let job = runtime.submit(Story { word: SECRET.to_owned() }).await.expect("it is taken");
    let id = job.id().to_string();
    runtime.advance(seconds(60));
    assert_eq!(job.await.expect("it succeeds"), SECRET);

    assert_eq!(
        listener.tree(),
        [
            "job Inner > task b > attempt b 1 succeeded",
            "job Inner > task b succeeded",
            "job Inner succeeded",
            "job Story > task a > attempt a 1 > agents_own",
            "job Story > task a > attempt a 1 failed",
            "job Story > task a > attempt a 2 > agents_own",
            "job Story > task a > attempt a 2 succeeded",
            "job Story > task a succeeded",
            "job Story > task b > attempt b 1 succeeded",
            "job Story > task b succeeded",
            "job Story > task c succeeded",
            "job Story > task d > attempt d 1 succeeded",
            "job Story > task d > task d/plain-1 > attempt d/plain-1 1 succeeded",
            "job Story > task d > task d/plain-1 succeeded",
            "job Story > task d succeeded",
            "job Story > task e > attempt e 1 failed",
            "job Story > task e failed",
            "job Story succeeded",
        ]
    );
    let spans = listener.spans();
    let own: Vec<&Seen> = spans.iter().filter(|span| span.target == "workflow").collect();
    for span in &own {
        assert!(span.is_closed, "{span:?} has an end");
        assert!(!span.says("name").is_empty() && span.says("node") == "memory", "{span:?}");
    }
    let story = own.iter().find(|span| span.says("name") == "Story").expect("it was seen");
    assert_eq!((story.says("id"), story.says("queue")), (&*id, "default"));

    let events = listener.events.lock().expect("nobody panics").clone();
    let place_of = |said: &str| {
        let event = events.iter().find(|event| event.says("message") == said).expect("it was said");
        let span = &spans[event.inside.unwrap_or_else(|| panic!("{event:?} is inside of something"))];
        format!("{} {}", span.name, span.says("path"))
    };
    assert_eq!(place_of("it has slept"), "workflow.attempt b");
    assert_eq!(place_of("it has begun"), "agents_own ");

    let names: Vec<String> = listener.events().into_iter().map(|event| event.name).collect();
    for name in ["workflow.attempt.failed", "workflow.task.retrying", "workflow.task.failed"] {
        assert!(names.iter().any(|known| known == name), "{name} is in {names:?}");
    }
    let all = format!("{own:?} {:?}", listener.events());
    assert!(!all.contains(SECRET), "neither inputs nor messages are told: {all}");
}

#[tokio::test]
async fn a_job_that_fails_says_how() {
    let (listener, _guard) = listen().await;
    let runtime = TestRuntime::new();
    let job = runtime.submit(fail::with(SECRET.to_owned())).await.expect("it is taken");
    runtime.run_until_idle();
    job.await.expect_err("it fails");
    assert_eq!(
        listener.tree(),
        ["job fail > task fail > attempt fail 1 failed", "job fail > task fail failed", "job fail failed"]
    );
    let spans = listener.spans();
    assert!(
        spans.iter().all(|span| span.says("error") == "error" && span.says("otel.status_code") == "ERROR")
    );
    let events: Vec<String> = listener.events().into_iter().map(|event| event.name).collect();
    assert_eq!(events, ["workflow.attempt.failed", "workflow.task.failed", "workflow.job.failed"]);
}

#[tokio::test]
async fn what_goes_on_later_is_told_as_unfinished_and_again_where_it_goes_on() {
    let (listener, _guard) = listen().await;
    let runtime = TestRuntime::new();
    runtime.submit(Later { word: "on".to_owned() }).await.expect("it is taken");
    runtime.advance(seconds(1));
    runtime.shutdown(seconds(1)).await;
    let next = runtime.restart();
    assert!(listener.tree().contains(&"job Later unfinished".to_owned()), "{:?}", listener.tree());
    next.advance(seconds(4000));
    let tree = listener.tree();
    for line in ["job Later > task a > attempt a 1 succeeded", "job Later succeeded"] {
        assert!(tree.contains(&line.to_owned()), "{tree:?}");
    }
}

#[tokio::test]
async fn what_came_before_a_job_is_kept_and_passed_on_and_nothing_is_written_where_nothing_came() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let _alone = ALONE.lock().await;
    let runtime = TestRuntime::new();
    let given = runtime.submit(Telling { number: 1 }).traceparent(parent).tracestate("one=1").await;
    let given = given.expect("it is taken");
    runtime.run_until_idle();
    let journal = given.journal();
    assert_eq!(given.await.expect("it runs"), [parent, "one=1", parent, "one=1"], "the child has it, too");
    let Fact::Submitted { submission } = &journal[0].fact else { panic!("{journal:?} begins so") };
    let line = serde_json::to_value(submission).expect("it is JSON");
    assert_eq!(line["options"]["traceparent"], json!(parent));
    assert_eq!(line["options"]["tracestate"], json!("one=1"));

    for bad in ["", "00-1-2-3", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "\u{1b}[31m"] {
        let job =
            runtime.submit(Telling { number: 2 }).traceparent(bad).await.expect("it is taken all the same");
        runtime.run_until_idle();
        let Fact::Submitted { submission } = job.journal()[0].fact.clone() else { panic!("it begins so") };
        let line = serde_json::to_string(&submission).expect("it is JSON");
        assert!(!line.contains("trace"), "{line}");
        assert_eq!(job.await.expect("it runs"), [""; 0]);
    }
    assert!(runtime.jobs(&JobFilter::new()).len() >= 10);
}
