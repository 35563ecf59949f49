//! What an operator sets without a rebuild: how it is read, checked, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::schedule::{Cron, every};
use workflow_runtime::store::{SqliteStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    AgentLimits, Configuration, FailureKind, JobFilter, JobState, Queue, Registry, RuntimeBuilder,
    StartError, SubmitError, TaskState,
};
use workflow_tests::folder::Folder;

const MINUTE: Duration = Duration::from_secs(60);

/// Fetches what never comes.
#[task_agent(timeout = "10s", queue = "net", retry(max = 2, first = "1s", factor = 3))]
async fn fetch_page(n: i64) -> Result<i64, AgentError> {
    Err(format!("page {n} is not there").into())
}

/// Takes a minute.
#[task_agent]
async fn dawdle(n: i64, ctx: &TaskContext) -> i64 {
    ctx.sleep(MINUTE).await;
    n
}

/// Doubles a number.
#[task_agent]
async fn double(n: i64) -> i64 {
    n * 2
}

workflow! {
    /// Fetches, and doubles.
    pub workflow Shop(n: i64) -> i64 {
        phase fetch {
            #[timeout("5s")]
            page = fetch_page(*n);
        }
        phase work {
            each = for one in vec![*page, *page] { double(one) };
            if *page > 1 { again = double(*page); } else { again = double(*n); }
        }
        each.len() as i64 + *again
    }
}

workflow! {
    /// Doubles.
    #[timeout("1h")]
    pub workflow Twice(n: i64) -> i64 {
        phase work { twice = double(*n); }
        *twice
    }
}

workflow! {
    /// Doubles, by another workflow.
    pub workflow Outer(n: i64) -> i64 {
        phase work { twice = Twice(*n); }
        *twice
    }
}

fn registry() -> Registry {
    Registry::collect().expect("the agents and workflows are right")
}

fn toml(text: &str) -> Configuration {
    Configuration::from_toml(text, "workflow.toml").expect("it is TOML")
}

fn variables<const N: usize>(variables: [(&str, &str); N]) -> Configuration {
    Configuration::from_variables(variables).expect("they are texts")
}

/// All that is wrong with a configuration, each in a line.
fn mistakes(configuration: &Configuration) -> Vec<String> {
    let mistakes = configuration.check(&registry()).expect_err("something is wrong");
    mistakes.iter().map(ToString::to_string).collect()
}

fn on_store(configuration: Configuration, store: &Arc<dyn Store>) -> TestRuntime {
    TestRuntime::on(set_up(configuration), 0, Arc::clone(store))
}

fn set_up(configuration: Configuration) -> RuntimeBuilder {
    Runtime::builder().configuration(configuration)
}

// ---------------------------------------------------------------------------------------------------------------
// What is wrong

#[test]
fn each_mistake_is_told_at_its_place_with_its_cure() {
    let cases = [
        ("[agent.double]\ntimeout = \"1s\"", "1:2: there is no table `agent`; did you mean `agents`?"),
        (
            "[agents.fetch_pag]\ntimeout = \"1s\"",
            "1:9: there is no agent `fetch_pag`; did you mean `fetch_page`?",
        ),
        ("[agents.fetch_pag]", "1:9: there is no agent `fetch_pag`; did you mean `fetch_page`?"),
        ("[agents.Shop]\ntimeout = \"1s\"", "1:9: `Shop` is a workflow; set it under [workflows.Shop]"),
        ("[workflows.double]\ntimeout = \"1s\"", "1:12: `double` is an agent; set it under [agents.double]"),
        ("[workflows.Shp]\ntimeout = \"1s\"", "1:12: there is no workflow `Shp`; did you mean `Shop`?"),
        ("agents = 5", "1:10: `agents` is a table of tables: write [agents.NAME], and what is set below it"),
        (
            "[agents.double]\ntimout = \"1s\"",
            "2:1: an agent has no setting `timout`; did you mean `timeout`?",
        ),
        (
            "[agents.double]\nversion = 2",
            "2:1: an agent has no setting `version`; there is `adaptive`, `breaker`, `concurrency`, `deadline`, `enabled`, \
             `heartbeat`, `priority`, `queue`, `rate`, `retention`, `retry` and `timeout`",
        ),
        (
            "[workflows.Twice]\nretry = 3",
            "2:1: a workflow has no setting `retry`; there is `concurrency`, `enabled`, `priority`, `queue`, `rate`, \
             `retention` and `timeout`",
        ),
        (
            "[agents.double]\ntimeout = 30",
            "2:11: `timeout`: expected a duration in quotes, like \"30s\", \"5m\" or \"1h30m\", found a whole number",
        ),
        (
            "[agents.double]\ntimeout = \"30\"",
            "2:11: `timeout`: \"30\" has no unit; write \"30s\", \"30m\" or \"30ms\", say",
        ),
        (
            "[agents.double]\ntimeout = \"3 parsecs\"",
            "2:11: `timeout`: there is no unit \"parsecs\"; there are ms, s, m, h, d and w",
        ),
        (
            "[agents.double]\ntimeout = \"0s\"",
            "2:11: timeout is zero, so no attempt can finish; leave it out for none",
        ),
        (
            "[agents.double]\ntimeout = { a = 1 }",
            "2:13: `timeout`: expected a duration in quotes, like \"30s\", \"5m\" or \"1h30m\", found a table",
        ),
        (
            "[agents.double]\nconcurrency = 0",
            "2:15: `concurrency`: expected a whole number from 1, like 8, found 0",
        ),
        (
            "[agents.double]\nconcurrency = 5_000_000_000",
            "2:15: `concurrency`: expected a whole number from 1, like 8, and no more than 4294967295",
        ),
        (
            "[agents.double]\nconcurrency = 99999999999999999999",
            "2:15: `concurrency`: expected a whole number from 1, like 8, and no more than 4294967295",
        ),
        (
            "[agents.double]\nconcurrency = 1.5",
            "2:15: `concurrency`: expected a whole number from 1, like 8, found a number",
        ),
        ("[agents.double]\nenabled = \"no\"", "2:11: `enabled`: expected true or false, found a text"),
        (
            "[agents.double]\npriority = \"hihg\"",
            "2:12: `priority`: there is no priority \"hihg\"; write \"low\", \"normal\", \"high\" or \"critical\"; did you mean \"high\"?",
        ),
        (
            "[agents.double]\nrate = \"10\"",
            "2:8: `rate`: \"10\" is not a rate; write one like \"10/s\" or \"100/1m\"",
        ),
        ("[agents.double]\nqueue = \"\"", "2:9: `queue`: expected a name in quotes, found \"\""),
        ("[agents.double]\nqueue = 2026-11-20", "2:9: `queue`: expected a name in quotes, found a date"),
        ("[agents.double]\nretry = { mx = 5 }", "2:11: `retry` has no setting `mx`; did you mean `max`?"),
        (
            "[agents.double]\nretry.factor = 0.5",
            "2:16: `retry.factor`: expected a number from 1, like 2 or 1.5, found a number",
        ),
        (
            "[agents.double]\nretry.first = \"1s\"",
            "2:15: nothing says how often it is tried again: set `retry.max`, too",
        ),
        (
            "[agents.fetch_page]\nretry.cap = \"10ms\"",
            "2:13: retry cap 10ms is below its first delay 1s; raise the cap",
        ),
        (
            "[agents.double]\nadaptive = 3",
            "2:12: `adaptive` takes a table of `factor`, `least`, `most` and `percentile`",
        ),
        (
            "[agents.double]\nadaptive.least = \"1s\"",
            "2:18: an adaptive timeout needs both `least` and `most`, within which it is to be",
        ),
        (
            "[agents.double]\nadaptive = { least = \"2s\", most = \"1s\" }",
            "2:22: the least of an adaptive timeout is more than its most; exchange them",
        ),
        ("[agents.double]\nbreaker = 3", "2:11: `breaker` takes a table of `cooldown` and `failures`"),
        ("[agents.double]\nbreaker.failures = 3", "2:20: a breaker needs both `failures` and `cooldown`"),
        (
            "[agents.double]\nretention = \"some\"",
            "2:13: `retention`: expected \"all\", or { age = \"30d\", last = 100 }, found \"some\"",
        ),
        (
            "[agents.fetch_page]\nheartbeat = \"20s\"",
            "2:13: heartbeat 20s is not shorter than timeout 10s, so it can never be noticed; make it shorter",
        ),
        (
            "[agents.fetch_page]\nheartbeat = \"7s\"",
            "2:13: `page` of `Shop`: heartbeat 7s is not shorter than timeout 5s, so it can never be noticed; make it \
             shorter",
        ),
        (
            "[workflows.Shop.steps.pag]\ntimeout = \"1s\"",
            "1:23: `Shop` has no step `pag`; did you mean `page`?",
        ),
        (
            "[workflows.Shop.steps.page]\nconcurrency = 3",
            "2:1: `page` is a call, and how many run at once is set of what it calls, under [agents.fetch_page]",
        ),
        (
            "[workflows.Shop.steps.each]\nretry = 3",
            "2:1: `each` is a `for`, of which `concurrency` and `timeout` can be set",
        ),
        (
            "[workflows.Shop]\nsteps = 3",
            "2:1: `steps` is a table of tables: write [workflows.NAME.steps.STEP]",
        ),
        (
            "[workflows.Shop.steps.again]\ntimeout = \"1s\"",
            "1:23: `again` may be `if again/then/again` or `if again/else/again`; write which, in quotes",
        ),
        (
            "[queues.net]\nconcurency = 3",
            "2:1: a queue has no setting `concurency`; did you mean `concurrency`?",
        ),
        ("[queues.net]\npaused = 1", "2:10: `paused`: expected true or false, found a whole number"),
        (
            "[runtime]\njitter = 2",
            "2:10: `jitter`: expected a number from 0 to 1, like 0.25, found a whole number",
        ),
        (
            "[runtime]\nserves = [1]",
            "2:10: `serves`: expected a list of names, like [\"llm\", \"default\"]; one of these is no name",
        ),
        (
            "[runtime]\non_stall = \"panic\"",
            "2:12: `on_stall`: expected \"retry\" or \"cancel_job\", found \"panic\"",
        ),
        (
            "runtime = 3",
            "1:11: the runtime takes a table of `backlog`, `deaths`, `grace`, `jitter`, `keep`, `node`, `on_stall` and `serves`",
        ),
        (
            "[schedules.nightly]\nrule = \"every 1x\"",
            "2:8: `rule`: there is no unit \"x\"; there are ms, s, m, h, d and w",
        ),
        (
            "[schedules.nightly]\nrule = \"every 1h\"\nzone = \"UTC\"",
            "3:8: an interval is the same in all time zones; leave `zone` out",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(mistakes(&toml(text)), [format!("workflow.toml:{message}")], "of {text}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_all_its_places() {
    let text = "[agents.double]\ntimeout = \n[queues.net]\nrate = 'a\n";
    let mistakes = Configuration::from_toml(text, "workflow.toml").expect_err("it is none");
    let places: Vec<String> = mistakes.iter().map(|mistake| mistake.at.to_string()).collect();
    assert_eq!(places, ["workflow.toml:2:11", "workflow.toml:4:10"], "{mistakes}");
    let twice =
        Configuration::from_toml("[runtime]\nkeep = 1\nkeep = 2", "workflow.toml").expect_err("twice");
    assert!(twice.to_string().contains("workflow.toml:3:1"), "{twice}");
    let missing = Configuration::read("there/is/none.toml").expect_err("there is none");
    assert!(missing.to_string().contains("there/is/none.toml: it cannot be read: "), "{missing}");
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_runs() {
    let text = "[agents.dubble]\ntimeout = \"1s\"\n\n[agents.fetch_page]\nretry = \"x\"\nqueu = \"a\"\n";
    let both = toml(text).with(variables([("WORKFLOW_RUNTIME__GRACE", "soon")]));
    let expected = "4 mistakes in the configuration:
  workflow.toml:1:9: there is no agent `dubble`; did you mean `double`?
  workflow.toml:5:9: `retry.max`: expected a whole number, like 8, found a text
  workflow.toml:6:1: an agent has no setting `queu`; did you mean `queue`?
  env WORKFLOW_RUNTIME__GRACE: `grace`: \"soon\" is not a duration; write one like \"30s\", \"5m\" or \"1h30m\"";
    let threads = tokio::runtime::Builder::new_current_thread().build().expect("threads");
    let error = threads.block_on(set_up(both).in_memory()).expect_err("nothing runs");
    assert!(matches!(error, StartError::Configuration(_)));
    assert_eq!(error.to_string(), expected);
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        mistakes(&toml("[agents.double]\ntags = [\"é寿\"]\nrate = \"ä\"")).last().map(String::as_str),
        Some("workflow.toml:3:8: `rate`: \"ä\" is not a rate; write one like \"10/s\" or \"100/1m\"")
    );
    let quoted = mistakes(&toml("agents = { \"寿司\" = { rate = \"1/s\" }, double = { raet = 1 } }"));
    assert_eq!(quoted[1], "workflow.toml:1:48: an agent has no setting `raet`; did you mean `rate`?");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let cases = [
        ("WORKFLOW_AGENT__DOUBLE__TIMEOUT", "1s", "there is no table `AGENT`; did you mean `agents`?"),
        ("WORKFLOW_AGENTS__DUBBLE__TIMEOUT", "1s", "there is no agent `DUBBLE`; did you mean `double`?"),
        (
            "WORKFLOW_AGENTS__DOUBLE__TIMOUT",
            "1s",
            "an agent has no setting `TIMOUT`; did you mean `timeout`?",
        ),
        ("WORKFLOW_AGENTS__DOUBLE__ENABLED", "off", "`enabled`: expected true or false, found \"off\""),
        (
            "WORKFLOW_AGENTS__DOUBLE__CONCURRENCY",
            "many",
            "`concurrency`: expected a whole number from 1, like 8, found \"many\"",
        ),
        (
            "WORKFLOW_AGENTS__DOUBLE",
            "1",
            "an agent takes a table of `adaptive.factor`, `adaptive.least`, `adaptive.most`, `adaptive.percentile`, `breaker.cooldown`, `breaker.failures`, `concurrency`, `deadline`, `enabled`, `heartbeat`, `priority`, `queue`, `rate`, `retention`, `retention.age`, `retention.last`, `retry.cap`, `retry.factor`, `retry.first`, `retry.max` and `timeout`",
        ),
    ];
    for (name, value, message) in cases {
        assert_eq!(mistakes(&variables([(name, value)])), [format!("env {name}: {message}")]);
    }
    let twice =
        variables([("WORKFLOW_AGENTS__DOUBLE__TIMEOUT", "1s"), ("WORKFLOW_agents__double__timeout", "2s")]);
    let message = "env WORKFLOW_agents__double__timeout: env WORKFLOW_AGENTS__DOUBLE__TIMEOUT sets this, too; leave one of \
                   them out";
    assert_eq!(mistakes(&twice), [message]);
}

// ---------------------------------------------------------------------------------------------------------------
// What counts

#[test]
fn the_environment_counts_for_more_than_the_file() {
    let file = toml(
        "[agents.fetch_page]\ntimeout = \"20s\"\nretry = { max = 5, first = \"2s\" }\n[queues.net]\nrate = \"5/s\"\n",
    );
    let environment = variables([
        ("WORKFLOW_AGENTS__FETCH_PAGE__RETRY", "9"),
        ("WORKFLOW_QUEUES__NET__CONCURRENCY", "3"),
        ("WORKFLOW_QUEUES__Extra_One__CONCURRENCY", "4"),
        ("WORKFLOW_WORKFLOWS__SHOP__STEPS__IF_AGAIN_THEN_AGAIN__TIMEOUT", "7s"),
        ("WORKFLOW_RUNTIME__SERVES", "net, default"),
        ("WORKFLOW_AGENTS__DOUBLE__TIMEOUT", ""),
        ("WORKFLOW_STORE", "jobs.db"),
        ("OTHER__TIMEOUT", "x"),
    ]);
    let settings = file.with(environment).check(&registry()).expect("all is right");
    let expected = r#"[runtime]
serves = ["net", "default"]

[queues.extra_one]
concurrency = 4

[queues.net]
concurrency = 3
rate = "5/1s"

[agents.fetch_page]
retry.first = "2s"
retry.max = 9
timeout = "20s"

[workflows.Shop.steps."if again/then/again"]
timeout = "7s"
"#;
    assert_eq!(settings.to_string(), expected);
    let of =
        |name: &str| settings.iter().find(|setting| setting.name == name).expect("it is set").at.to_string();
    assert_eq!(of("agents.fetch_page.retry.max"), "env WORKFLOW_AGENTS__FETCH_PAGE__RETRY");
    assert_eq!(of("agents.fetch_page.retry.first"), "workflow.toml:3:28");
    let doubts: Vec<String> = settings.doubts().iter().map(ToString::to_string).collect();
    let doubt =
        "env WORKFLOW_QUEUES__Extra_One__CONCURRENCY: nothing in the program names the queue `extra_one`";
    assert_eq!(doubts, [doubt]);
}

#[tokio::test]
async fn what_is_set_is_what_runs() {
    let file = "[runtime]\njitter = 0\n[agents.fetch_page]\nretry.max = 3\n";
    let environment = variables([("WORKFLOW_AGENTS__FETCH_PAGE__RETRY__FIRST", "2s")]);
    let runtime = TestRuntime::of(set_up(toml(file).with(environment)).jitter(0.5));
    let failure = runtime.run(fetch_page::with(1)).await.expect_err("it never comes");
    assert!(failure.to_string().contains("attempt 4"), "{failure}");
    // The factor is that of the code.
    assert_eq!(runtime.elapsed(), Duration::from_secs(2 + 6 + 18));
}

#[test]
fn a_step_counts_for_more_than_its_agent_and_the_configuration_for_more_than_code() {
    let options = |text: &str| {
        let runtime = TestRuntime::of(set_up(toml(text)));
        let agent = runtime.registry().agent("fetch_page").expect("it is there").options().clone();
        let shop = runtime.registry().workflow("Shop").expect("it is there").plan().node(0).options.clone();
        shop.over(&agent)
    };
    let timeout = |text: &str| options(text).timeout.map(|time| time.as_secs());
    assert_eq!(timeout(""), Some(5));
    assert_eq!(timeout("[agents.fetch_page]\ntimeout = \"20s\""), Some(5));
    assert_eq!(timeout("[workflows.Shop.steps.page]\ntimeout = \"6s\""), Some(6));
    let retry = options("[workflows.Shop.steps.page]\nretry = 8\n[agents.fetch_page]\nretry.factor = 1.5")
        .retry
        .expect("set");
    assert_eq!((retry.max, retry.first.as_secs(), retry.factor), (8, 1, 1.5));
}

#[tokio::test]
async fn limits_of_an_agent_bound_its_steps_and_count_for_more_than_those_in_code() {
    let text = "[agents.dawdle]\nconcurrency = 2\n";
    let builder = set_up(toml(text)).limits("dawdle", AgentLimits::new().concurrency(7));
    let runtime = TestRuntime::of(builder);
    let jobs = runtime.submit_all((0..5).map(dawdle::with)).await.expect("they are taken in");
    runtime.run_until_idle();
    assert_eq!(runtime.stats("dawdle").expect("it is there").active, 2);
    for job in jobs {
        job.await.expect("it is done");
    }
    assert_eq!(runtime.elapsed(), MINUTE * 3);
}

#[tokio::test]
async fn queues_are_bounded_and_paused() {
    let text = "[queues.slow]\nconcurrency = 1\npaused = true\n[agents.dawdle]\nqueue = \"slow\"\n";
    let runtime = TestRuntime::of(set_up(toml(text)).queue(Queue::new("slow").concurrency(9).capacity(5)));
    let jobs = runtime.submit_all((0..2).map(dawdle::with)).await.expect("they are taken in");
    runtime.advance(MINUTE);
    assert!(jobs.iter().all(|job| job.state() == JobState::Pending));
    runtime.resume_queue("slow").await.expect("it goes on");
    for job in jobs {
        job.await.expect("it is done");
    }
    assert_eq!(runtime.elapsed(), MINUTE * 3);
}

#[test]
fn what_can_be_set_changes_nothing_that_jobs_depend_on() {
    let text = "[agents.fetch_page]\ntimeout = \"7s\"\nqueue = \"other\"\nretry = 9\n[workflows.Shop]\nqueue = \"slow\"\n\
                [workflows.Shop.steps.each]\nconcurrency = 1\n[workflows.Outer]\nenabled = false\n";
    let (plain, set) = (TestRuntime::new(), TestRuntime::of(set_up(toml(text))));
    for workflow in plain.registry().workflows() {
        let (one, other) = (plain.registry(), set.registry());
        let same = other.workflow(workflow.name()).expect("it is there").plan();
        assert_eq!(one.fingerprint(workflow.plan()), other.fingerprint(same));
        assert_eq!(one.step_fingerprints(workflow.plan()), other.step_fingerprints(same));
    }
    let shop = set.registry().workflow("Shop").expect("it is there").plan().definition();
    assert_eq!(shop.options.queue.as_deref(), Some("slow"), "it was set");
}

#[tokio::test]
async fn jobs_are_kept_as_it_is_set() {
    let folder = Folder::new("configured-retention");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.file("jobs.db")).expect("a file"));
    let text = "[retention]\nage = \"1h\"\n[agents.double]\nretention.last = 1\n[workflows.Twice]\nretention = \"all\"\n";
    let runtime = TestRuntime::on(set_up(toml(text)), 0, store);
    for n in 0..3 {
        runtime.run(double::with(n)).await.expect("it works");
        runtime.run(dawdle::with(n)).await.expect("it works");
        runtime.run(Twice { n }).await.expect("it works");
    }
    runtime.advance(MINUTE * 90);
    let mut kept = Vec::new();
    for name in ["double", "dawdle", "Twice"] {
        kept.push(runtime.history(JobFilter::new().name(name)).await.expect("it works").len());
    }
    assert_eq!(kept, [1, 0, 3]);
}

// ---------------------------------------------------------------------------------------------------------------
// What is switched off

#[tokio::test]
async fn what_is_switched_off_is_refused_by_name_and_place() {
    let runtime = TestRuntime::of(set_up(toml(
        "[agents.double]\nenabled = false\n[workflows.Outer]\nenabled = false\n",
    )));
    let refused = runtime.submit(double::with(1)).await.expect_err("it is off");
    let message =
        "`double` is switched off (workflow.toml:2:11); take `enabled = false` away there, and start again";
    assert_eq!(refused.to_string(), message);
    for refused in [
        runtime.submit_json("Outer", json!({ "n": 1 })).await.map(drop),
        runtime.submit_all([Outer { n: 1 }]).await.map(drop),
    ] {
        assert!(matches!(refused, Err(SubmitError::Disabled { name, .. }) if name == "Outer"));
    }
    assert!(runtime.run(Outer { n: 1 }).await.is_err());
    assert!(runtime.run(dawdle::with(1)).await.is_ok(), "others run");
    let on = TestRuntime::of(set_up(toml("[agents.double]\nenabled = true\n")));
    assert_eq!(on.run(double::with(1)).await.expect("it is on"), 2);
}

#[tokio::test]
async fn steps_of_what_is_switched_off_wait_and_go_on_when_it_is_on_again() {
    let folder = Folder::new("configured-off");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.file("jobs.db")).expect("a file"));
    let text = "[agents.double]\nenabled = false\n";
    let runtime = TestRuntime::on(set_up(toml(text)), 0, Arc::clone(&store));
    let job = runtime.submit(Outer { n: 4 }).await.expect("it is on");
    let (id, given_up) = (job.id(), runtime.submit(Twice { n: 1 }).await.expect("it is on"));
    runtime.advance(MINUTE * 10);
    assert_eq!(job.state(), JobState::Running);
    assert_eq!(given_up.tasks()[0].state, TaskState::Queued);
    assert!(runtime.cancel(given_up.id(), "it takes too long").await);
    runtime.run_until_idle();
    assert_eq!(given_up.state(), JobState::Cancelled, "who waits can be cancelled");
    let late = runtime.submit(Twice { n: 1 }).deadline("5m").await.expect("it is on");
    assert_eq!(late.outcome().await.expect_err("it is late").kind, FailureKind::Expired);
    drop((runtime, job));

    // Restarted with the workflow off that it calls, in whose job the step is.
    let off = "[agents.double]\nenabled = true\n[workflows.Twice]\nenabled = false\n[agents.dawdle]\nenabled = false\n";
    let runtime = TestRuntime::on(set_up(toml(off)), 0, Arc::clone(&store));
    runtime.recovered().await;
    runtime.advance(MINUTE);
    let waiting = runtime.submit_json("Outer", json!({ "n": 5 })).await.expect("it is on");
    runtime.advance(MINUTE);
    assert_eq!(waiting.state(), JobState::Running, "the job that it calls does not begin");
    let second = waiting.id();
    drop((runtime, waiting));

    let runtime = TestRuntime::on(set_up(Configuration::new()), 0, store);
    runtime.recovered().await;
    for (id, gives) in [(id, 8), (second, 10)] {
        let job = runtime.fetch(id).await.expect("it can be read").expect("it is there");
        assert_eq!(job.await.expect("it goes on"), json!(gives));
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Schedules

#[tokio::test]
async fn schedules_are_paused_and_ruled_and_go_back_to_what_they_were() {
    let folder = Folder::new("configured-schedules");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.file("jobs.db")).expect("a file"));
    let text = "[schedules.often]\nenabled = false\n[schedules.nightly]\nrule = \"0 5 * * *\"\n";
    let runs = async |runtime: &TestRuntime| {
        runtime.history(JobFilter::new().name("double")).await.expect("read").len()
    };
    let set = async |runtime: &TestRuntime| {
        let schedules = runtime.schedules();
        schedules
            .set("often", every(MINUTE).expect("it is long enough"), double::with(1))
            .await
            .expect("it is set");
        let cron = Cron::parse("0 3 * * *").map(|cron| cron.in_zone("Europe/Berlin").expect("a zone"));
        schedules.set("nightly", cron.expect("a pattern"), double::with(2)).await.expect("it is set");
    };

    let runtime = on_store(Configuration::new(), &store);
    set(&runtime).await;
    runtime.advance(MINUTE * 3);
    assert_eq!(runs(&runtime).await, 3);
    let now = runtime.now();
    drop(runtime);

    let runtime = on_store(toml(text), &store);
    runtime.set_clock(now);
    set(&runtime).await;
    let status = runtime.schedules().get("nightly").await.expect("it is there");
    assert_eq!(status.schedule.describe(), "at 05:00 every day, Europe/Berlin");
    let status = runtime.schedules().get("often").await.expect("it is there");
    assert!(status.schedule.paused && status.next.is_none());
    runtime.advance(MINUTE * 10);
    assert_eq!(runs(&runtime).await, 3);
    let now = runtime.now();
    drop(runtime);

    // Nobody sets them any more; what the configuration had set is taken back all the same.
    let runtime = on_store(Configuration::new(), &store);
    runtime.set_clock(now);
    runtime.recovered().await;
    runtime.run_until_idle();
    let status = runtime.schedules().get("nightly").await.expect("it is there");
    assert_eq!(status.schedule.describe(), "at 03:00 every day, Europe/Berlin");
    runtime.advance(MINUTE * 2);
    assert_eq!(runs(&runtime).await, 5, "ticks of the pause are not run");
}

#[tokio::test]
async fn what_is_switched_off_is_run_by_no_schedule() {
    let runtime = TestRuntime::of(set_up(toml("[agents.double]\nenabled = false\n")));
    let rule = every(MINUTE).expect("it is long enough");
    runtime.schedules().set("often", rule, double::with(1)).await.expect("it can be set");
    runtime.advance(MINUTE * 5);
    assert_eq!(runtime.jobs(&JobFilter::new()).len(), 0);
    let status = runtime.schedules().get("often").await.expect("it is there");
    assert_eq!(status.problem.as_deref(), Some("`double` is switched off (workflow.toml:2:11)"));
}

// ---------------------------------------------------------------------------------------------------------------
// What is printed

/// A key, and what it may be set to.
fn setting() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let time = || (1_u64..5_000_000).prop_map(|millis| format!("\"{millis}ms\"")).boxed();
    let count = || (1_u32..=u32::MAX).prop_map(|count| count.to_string()).boxed();
    let rate = || (1_u32..1000, 1_u32..100).prop_map(|(count, per)| format!("\"{count}/{per}s\"")).boxed();
    let text = || ".*[a-z].*".prop_map(|text| format!("{}", json!(text)).replace('\u{7f}', "")).boxed();
    let flag = || any::<bool>().prop_map(|flag| flag.to_string()).boxed();
    let share = || (0.0..=1.0_f64).prop_map(|share| format!("{share:?}")).boxed();
    prop_oneof![
        (Just("agents.double"), Just("timeout"), time()),
        (Just("agents.double"), Just("retry.max"), count()),
        (Just("agents.double"), Just("concurrency"), count()),
        (Just("agents.double"), Just("rate"), rate()),
        (Just("agents.double"), Just("queue"), text()),
        (Just("agents.dawdle"), Just("enabled"), flag()),
        (Just("agents.dawdle"), Just("priority"), Just("\"high\"".to_owned()).boxed()),
        (Just("agents.dawdle"), Just("retention.age"), time()),
        (Just("workflows.Twice"), Just("retention"), Just("\"all\"".to_owned()).boxed()),
        (Just("workflows.Twice"), Just("timeout"), time()),
        (Just("workflows.Shop.steps.each"), Just("concurrency"), count()),
        (Just("workflows.Shop.steps.\"if again/else/again\""), Just("deadline"), time()),
        (Just("queues.\"a queue\""), Just("rate"), rate()),
        (Just("queues.\"a queue\""), Just("paused"), flag()),
        (Just("schedules.nightly"), Just("rule"), Just("\"every 1h\"".to_owned()).boxed()),
        (Just("schedules.daily"), Just("zone"), Just("\"Europe/Berlin\"".to_owned()).boxed()),
        (Just("runtime"), Just("jitter"), share()),
        (Just("runtime"), Just("node"), text()),
        (Just("retention"), Just("letters.last"), count()),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(settings in proptest::collection::vec(setting(), 0..12)) {
        let (mut layers, mut last) = (Configuration::new(), BTreeMap::new());
        for (table, key, value) in settings {
            last.insert(format!("{table}.{key}"), value.clone());
            layers = layers.with(toml(&format!("[{table}]\n{key} = {value}\n")));
        }
        let registry = registry();
        let first = layers.check(&registry).expect("all is right");
        for setting in first.iter() {
            // Numbers and flags are printed as they were written, all digits of them; texts may be written otherwise.
            let written = &last[&setting.name];
            prop_assert!(written.starts_with('"') || *written == setting.value, "{written}: {}", setting.value);
        }
        let printed = first.to_string();
        let again = Configuration::from_toml(&printed, "printed").expect("it is TOML").check(&registry).expect("it is right");
        prop_assert_eq!(printed, again.to_string());
        let values = |settings: &workflow_runtime::Settings| -> Vec<(String, String)> {
            settings.iter().map(|setting| (setting.name, setting.value)).collect()
        };
        prop_assert_eq!(values(&first), values(&again));
    }

    #[test]
    fn nothing_that_is_written_panics(text in ".{0,200}", name in "[A-Z_]{0,30}", value in ".{0,30}") {
        let text = Configuration::from_toml(&text, "any").unwrap_or_default();
        let name = format!("WORKFLOW_{name}");
        let variables = Configuration::from_variables([(name, value)]).unwrap_or_default();
        drop(text.with(variables).check(&registry()));
    }

    #[test]
    fn nothing_that_is_almost_right_panics(cut in 0_usize..400, with in "[\\[\\]{}=.\"a-z0-9\\n]{0,3}") {
        let right = "[agents.double]\ntimeout = \"1s\"\nretry = { max = 3, first = \"1s\" }\n[workflows.Shop.steps.page]\nrate \
                     = \"1/s\"\n[queues.net]\npaused = true\n[schedules.a]\nrule = \"0 3 * * *\"\n[retention.letters]\nage = \"3d\"\n";
        let cut = cut.min(right.len());
        let text = format!("{}{with}{}", &right[..cut], &right[(cut + 1).min(right.len())..]);
        if let Ok(configuration) = Configuration::from_toml(&text, "almost") {
            drop(configuration.check(&registry()));
        }
    }
}
