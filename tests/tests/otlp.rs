//! Spans as a collector gets them: from processes of ours that are killed in between, by OTLP over HTTP.

use workflow_tests::folder::Folder;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use workflow_runtime::prelude::*;
use workflow_runtime::telemetry::Otlp;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(120);

// ---------------------------------------------------------------------------------------------------------------
// The collector

/// A collector: all spans that it has got.
#[derive(Debug, Clone, Default)]
struct Collector {
    spans: Arc<(Mutex<Vec<Told>>, Condvar)>,
    address: String,
}

/// A span, as it was told.
#[derive(Debug, Clone)]
struct Told {
    name: String,
    trace: String,
    span: String,
    parent: String,
    links: Vec<(String, String)>,
    fields: BTreeMap<String, String>,
    is_error: bool,
    service: String,
}

impl Told {
    fn says(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    /// What it is about, in short.
    fn short(&self) -> String {
        let Self { name, .. } = self;
        let all = [name, self.says("path"), self.says("attempt"), self.says("outcome")];
        let about = if self.says("path").is_empty() { self.says("name") } else { "" };
        let words: Vec<&str> = all.into_iter().chain([about]).filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: Option<Any>) -> String {
    match value {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn told(span: Span, service: &str) -> Told {
    let fields =
        span.attributes.into_iter().map(|field| (field.key, text(field.value.and_then(|value| value.value))));
    Told {
        name: span.name,
        trace: hex(&span.trace_id),
        span: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
        fields: fields.collect(),
        is_error: span.status.is_some_and(|status| status.code == 2),
        service: service.to_owned(),
    }
}

impl Collector {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = format!("http://{}", listener.local_addr().expect("it has one"));
        let collector = Self { address, ..Self::default() };
        let own = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || while own.answer(&stream).is_some() {});
            }
        });
        collector
    }

    /// Takes one request; none when there is no other.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
        assert_eq!(first.trim(), "POST /v1/traces HTTP/1.1");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim().to_ascii_lowercase();
            if let Some(count) = line.strip_prefix("content-length:") {
                length = count.trim().parse().expect("it is a number");
            }
            if let Some(kind) = line.strip_prefix("content-type:") {
                assert_eq!(kind.trim(), "application/x-protobuf");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let request = ExportTraceServiceRequest::decode(&body[..]).expect("it is what OTLP says");
        let mut spans = self.spans.0.lock().expect("nobody panics");
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let service = attributes.into_iter().find(|field| field.key == "service.name");
            let service = text(service.and_then(|field| field.value?.value));
            let all = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(all.map(|span| told(span, &service)));
        }
        self.spans.1.notify_all();
        drop(spans);
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
    }

    /// Waits until what has come is enough.
    fn wait_for(&self, what: &str, is_enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let spans = self.spans.0.lock().expect("nobody panics");
        let (spans, waited) = self
            .spans
            .1
            .wait_timeout_while(spans, PATIENCE, |spans| !is_enough(spans))
            .expect("nobody panics");
        let all: Vec<String> = spans.iter().map(Told::short).collect();
        assert!(!waited.timed_out(), "{what} did not come: {all:#?}");
        spans.clone()
    }
}

// ---------------------------------------------------------------------------------------------------------------
// The processes

/// Fails at first.
#[task_agent(retry(max = 2, first = "10ms"))]
async fn stumble(number: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
    let span = tracing::info_span!("agents_own", traceparent = %ctx.traceparent().unwrap_or_default());
    span.in_scope(|| if ctx.attempt() == 1 { Err("it stumbles".into()) } else { Ok(number) })
}

#[task_agent]
async fn quick(number: u64) -> u64 {
    number + 1
}

/// Goes on only in the last process; in others it says that it has begun.
#[task_agent]
async fn hold(number: u64, ctx: &TaskContext) -> u64 {
    if role().as_deref() == Some("first") {
        println!("held");
        ctx.cancelled().await;
    }
    number
}

workflow! {
    /// In whose midst processes are killed.
    pub workflow Inner(number: u64) -> u64 {
        phase one { a = quick(*number); }
        phase two { b = hold(*a); }
        *b
    }
}

workflow! {
    /// A step that is tried again, another workflow, and a step.
    pub workflow Story(number: u64) -> u64 {
        phase one { a = stumble(*number); }
        phase two { b = Inner(*a); }
        phase three { c = quick(*b); }
        *c
    }
}

workflow! {
    /// Goes on when its process is gone.
    pub workflow Nap(number: u64) -> u64 {
        phase wait { nap = sleep("1h"); }
        phase work { #[after(nap)] a = quick(*number); }
        *a
    }
}

#[task_agent]
async fn bad(number: u64) -> Result<u64, AgentError> {
    Err(AgentError::permanent(format!("{number} is bad")))
}

fn role() -> Option<String> {
    std::env::var("OTLP_TEST_ROLE").ok()
}

/// Another process that runs what [`is_another_process`] does.
fn start(role: &str, file: &Path, endpoint: &str) -> Child {
    let program = std::env::current_exe().expect("it is known");
    let mut command = Command::new(program);
    command.args(["--exact", "is_another_process", "--nocapture"]);
    command.env("OTLP_TEST_ROLE", role).env("OTLP_TEST_FILE", file);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_SERVICE_NAME", role);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "20");
    command.stdout(Stdio::piped()).spawn().expect("a process can be started")
}

/// Waits until a process has said this so often.
fn wait_until_said(process: &mut Child, word: &str, times: usize) {
    let lines = BufReader::new(process.stdout.as_mut().expect("it is heard")).lines();
    let said = lines.map_while(Result::ok).filter(|line| line.contains(word)).take(times).count();
    assert_eq!(said, times, "`{word}` is said");
}

#[test]
fn is_another_process() {
    let Some(role) = role() else { return };
    let file = std::env::var("OTLP_TEST_FILE").expect("there is a file");
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build();
    tokio.expect("tokio's runtime can be made").block_on(async {
        let otlp = Otlp::from_env().expect("the environment is right");
        otlp.install().expect("there is no other");
        let runtime = Runtime::open(&file).await.expect("the file can be used");
        match &*role {
            "first" => {
                runtime.submit(Story { number: 1 }).traceparent(GIVEN).await.expect("it is taken");
                runtime.submit(Story { number: 2 }).await.expect("it is taken");
                std::future::pending::<()>().await;
            }
            "last" => {
                runtime.recovered().await;
                for head in runtime.history(workflow_runtime::JobFilter::new()).await.expect("it can be read")
                {
                    let job = runtime.fetch(head.id).await.expect("it can be read").expect("it is there");
                    job.await.expect("it succeeds");
                }
            }
            "caller" => call(&runtime).await,
            "busy" => {
                for number in 0..2000 {
                    assert_eq!(runtime.run(quick::with(number)).await.expect("it runs"), number + 1);
                }
                println!("ran");
            }
            other => panic!("there is no role {other}"),
        }
        runtime.shutdown(Duration::from_secs(5)).await;
        let began = Instant::now();
        let is_sent = otlp.shutdown(Duration::from_secs(2));
        assert_eq!(is_sent, role != "busy", "only a collector that answers has all of it");
        assert!(began.elapsed() < Duration::from_secs(30), "it ends all the same");
    });
}

async fn call(runtime: &Runtime) {
    let request = tracing::info_span!("request");
    let submission = request.in_scope(|| runtime.submit(stumble::with(7)));
    let job =
        tracing::Instrument::instrument(async { submission.await }, request).await.expect("it is taken");
    assert_eq!(job.await.expect("it runs"), 7);
    runtime.submit(Nap { number: 1 }).await.expect("it is taken, and has begun");
    let job = runtime.submit(bad::with(13)).await.expect("it is taken");
    let id = job.id();
    job.await.expect_err("it fails");
    let again = runtime.rerun(id).await.expect("it can be done again");
    again.await.expect_err("it fails again");
}

// ---------------------------------------------------------------------------------------------------------------
// The stories

/// Checks that spans of one trace are a tree, all of whose parents were told, but for one that came from outside.
fn check_tree(spans: &[Told], outside: &str) {
    let ids: HashSet<&str> = spans.iter().map(|span| &*span.span).collect();
    assert_eq!(ids.len(), spans.len(), "each span is told once: {spans:#?}");
    for span in spans {
        assert!(
            ids.contains(&*span.parent) || span.parent == outside,
            "{} has a parent that was told",
            span.short()
        );
    }
}

fn path_to_root(spans: &[Told], span: &Told) -> String {
    let outer = spans.iter().find(|other| other.span == span.parent);
    outer.map_or(String::new(), |outer| format!("{} > ", path_to_root(spans, outer))) + &span.short()
}

#[test]
fn a_job_is_one_trace_through_a_retry_a_child_job_and_a_process_that_is_killed() {
    let (folder, collector) = (Folder::new("otlp-killed"), Collector::new());
    let file = folder.file("jobs.db");
    let mut first = start("first", &file, &collector.address);
    wait_until_said(&mut first, "held", 2);
    // What is over has been sent before the process is killed: two attempts and a task of each job.
    let is_there = |spans: &[Told]| {
        spans.iter().filter(|span| span.says("path") == "a" && span.name == "workflow.task").count() == 4
    };
    collector.wait_for("what the first process has done", is_there);
    first.kill().expect("it can be killed");
    first.wait().expect("it is gone");
    let last = start("last", &file, &collector.address).wait_with_output().expect("it ends");
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stdout));

    let is_over = |span: &&Told| span.name == "workflow.job" && span.says("name") == "Story";
    let spans = collector.wait_for("both jobs", |spans| spans.iter().filter(is_over).count() == 2);
    let mut traces: HashMap<String, Vec<Told>> = HashMap::new();
    spans.iter().for_each(|span| traces.entry(span.trace.clone()).or_default().push(span.clone()));
    assert_eq!(traces.len(), 2, "each job is one trace: {:?}", traces.keys());
    for (trace, spans) in traces {
        let is_given = trace == GIVEN[3..35];
        check_tree(&spans, if is_given { &GIVEN[36..52] } else { "" });
        let job = "workflow.job succeeded Story";
        let inner = format!("{job} > workflow.task b succeeded > workflow.job succeeded Inner");
        let mut lines: Vec<String> = spans.iter().map(|span| path_to_root(&spans, span)).collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                job.to_owned(),
                format!("{job} > workflow.task a succeeded"),
                format!("{job} > workflow.task a succeeded > workflow.attempt a 1 failed"),
                format!("{job} > workflow.task a succeeded > workflow.attempt a 1 failed > agents_own"),
                format!("{job} > workflow.task a succeeded > workflow.attempt a 2 succeeded"),
                format!("{job} > workflow.task a succeeded > workflow.attempt a 2 succeeded > agents_own"),
                format!("{job} > workflow.task b succeeded"),
                inner.clone(),
                format!("{inner} > workflow.task a succeeded"),
                format!("{inner} > workflow.task a succeeded > workflow.attempt a 1 succeeded"),
                format!("{inner} > workflow.task b succeeded"),
                format!("{inner} > workflow.task b succeeded > workflow.attempt b 2 succeeded"),
                format!("{job} > workflow.task c succeeded"),
                format!("{job} > workflow.task c succeeded > workflow.attempt c 1 succeeded"),
            ]
        );
        let by = |service: &str| spans.iter().filter(|span| span.service == service).count();
        assert!(by("first") >= 5 && by("last") >= 5, "both processes have told of it");
        let failed = spans.iter().find(|span| span.says("outcome") == "failed").expect("one attempt did");
        assert!(failed.is_error && failed.says("error") == "error");
        for own in spans.iter().filter(|span| span.name == "agents_own") {
            let wanted = format!("00-{trace}-{}-01", own.parent);
            assert_eq!(own.says("traceparent"), wanted, "an agent can pass its attempt's span on");
        }
    }
}

#[test]
fn a_job_is_below_the_span_in_which_it_was_handed_in_and_one_that_is_done_again_has_a_link() {
    let (folder, collector) = (Folder::new("otlp-caller"), Collector::new());
    let caller =
        start("caller", &folder.file("jobs.db"), &collector.address).wait_with_output().expect("it ends");
    assert!(caller.status.success(), "{}", String::from_utf8_lossy(&caller.stdout));
    let spans = collector.wait_for("all of it", |spans| {
        spans.iter().filter(|span| span.name == "workflow.job" && span.says("name") != "Nap").count() == 3
    });
    let request = spans.iter().find(|span| span.name == "request").expect("it was told");
    let jobs = |name: &str| -> Vec<&Told> {
        spans.iter().filter(|span| span.name == "workflow.job" && span.says("name") == name).collect()
    };
    let stumble = jobs("stumble")[0];
    assert_eq!((&stumble.parent, &stumble.trace), (&request.span, &request.trace));
    assert!(jobs("Nap").is_empty(), "whoever ends it tells of it");
    let [one, other] = jobs("bad")[..] else { panic!("it ran twice: {spans:#?}") };
    let (old, new) = if one.links.is_empty() { (one, other) } else { (other, one) };
    assert_eq!(new.links, [(old.trace.clone(), old.span.clone())]);
    assert!(old.is_error && new.is_error && old.links.is_empty());
    for trace in spans.iter().map(|span| &span.trace).collect::<HashSet<_>>() {
        let own: Vec<Told> = spans.iter().filter(|span| span.trace == *trace).cloned().collect();
        check_tree(&own, "");
    }
}

#[test]
fn a_collector_that_is_away_or_never_answers_holds_nobody_up() {
    let folder = Folder::new("otlp-away");
    let silent = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let silent_address = format!("http://{}", silent.local_addr().expect("it has one"));
    let closed = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let closed_address = format!("http://{}", closed.local_addr().expect("it has one"));
    drop(closed);
    for (name, address) in [("silent.db", silent_address), ("away.db", closed_address)] {
        let process = start("busy", &folder.file(name), &address);
        let output = process.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("ran"), "{address}: {said}");
    }
}
