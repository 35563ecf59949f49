//! What an operator sets without a rebuild: how it is read, checked, and what comes of it.

use std::time::Duration;

use proptest::prelude::*;
use workflow_runtime::prelude::*;
use workflow_runtime::schedule::{Cron, every};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    AgentLimits, Configuration, Event, FailureKind, Observer, Queue, Registry, RunError, RuntimeBuilder,
    StartError, SubmitError, What,
};
use workflow_tests::folder::Folder;

/// Fetches what never comes.
#[task_agent(timeout = "10s", queue = "net", retry(max = 2, first = "1s", factor = 3))]
async fn fetch_page(n: i64) -> Result<i64, AgentError> {
    Err(format!("page {n} is not there").into())
}

/// Takes its time.
#[task_agent]
async fn dawdle(n: i64, ctx: &TaskContext) -> i64 {
    ctx.cancelled().await;
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

fn set_up(configuration: Configuration) -> RuntimeBuilder {
    Runtime::builder().configuration(configuration)
}

// ---------------------------------------------------------------------------------------------------------------
// What is wrong

#[test]
fn each_mistake_is_told_at_its_place_with_its_cure() {
    let cases = [
        ("[agent.double]\ntimeout = \"1s\"", "1:2: there is no table `agent`; did you mean `agents`?"),
        ("[agents.fetch_pag]\ntimeout = \"1s\"", "1:9: there is no agent `fetch_pag`; did you mean `fetch_page`?"),
        ("[agents.fetch_pag]", "1:9: there is no agent `fetch_pag`; did you mean `fetch_page`?"),
        ("[agents.Shop]\ntimeout = \"1s\"", "1:9: `Shop` is a workflow; set it under [workflows.Shop]"),
        ("[workflows.double]\ntimeout = \"1s\"", "1:12: `double` is an agent; set it under [agents.double]"),
        ("[workflows.Shp]\ntimeout = \"1s\"", "1:12: there is no workflow `Shp`; did you mean `Shop`?"),
        ("agents = 5", "1:10: `agents` is a table of tables: write [agents.NAME], and what is set below it"),
        ("[agents.double]\ntimout = \"1s\"", "2:1: an agent has no setting `timout`; did you mean `timeout`?"),
        (
            "[agents.double]\nversion = 2",
            "2:1: an agent has no setting `version`; there is `breaker`, `concurrency`, `deadline`, `enabled`, \
             `heartbeat`, `priority`, `queue`, `rate`, `retention`, `retry` and `timeout`",
        ),
        (
            "[workflows.Twice]\nretry = 3",
            "2:1: a workflow has no setting `retry`; did you mean `rate`?",
        ),
        ("[agents.double]\ntimeout = 30", "2:11: `timeout`: expected a duration in quotes, like \"30s\", \"5m\" or \"1h30m\", found a whole number"),
        ("[agents.double]\ntimeout = \"30\"", "2:11: `timeout`: \"30\" has no unit; write \"30s\", \"30m\" or \"30ms\", say"),
        ("[agents.double]\ntimeout = \"3 parsecs\"", "2:11: `timeout`: there is no unit \"parsecs\"; there are ms, s, m, h, d and w"),
        ("[agents.double]\ntimeout = \"0s\"", "2:11: timeout is zero, so no attempt can finish; leave it out for none"),
        ("[agents.double]\ntimeout = { a = 1 }", "2:13: `timeout`: expected a duration in quotes, like \"30s\", \"5m\" or \"1h30m\", found a table"),
        ("[agents.double]\nconcurrency = 0", "2:15: `concurrency`: expected a whole number from 1, like 8, found 0"),
        ("[agents.double]\nconcurrency = 5_000_000_000", "2:15: `concurrency`: expected a whole number from 1, like 8, and no more than 4294967295"),
        ("[agents.double]\nconcurrency = 99999999999999999999", "2:15: `concurrency`: expected a whole number from 1, like 8, and no more than 4294967295"),
        ("[agents.double]\nconcurrency = 1.5", "2:15: `concurrency`: expected a whole number from 1, like 8, found a number"),
        ("[agents.double]\nenabled = \"no\"", "2:11: `enabled`: expected true or false, found a text"),
        ("[agents.double]\npriority = \"hihg\"", "2:12: `priority`: there is no priority \"hihg\"; write \"low\", \"normal\", \"high\" or \"critical\"; did you mean \"high\"?"),
        ("[agents.double]\nrate = \"10\"", "2:8: `rate`: \"10\" is not a rate; write one like \"10/s\" or \"100/1m\""),
        ("[agents.double]\nqueue = \"\"", "2:9: `queue`: expected a name in quotes, found \"\""),
        ("[agents.double]\nqueue = 2026-11-20", "2:9: `queue`: expected a name in quotes, found a date"),
        ("[agents.double]\nretry = { mx = 5 }", "2:11: `retry` has no setting `mx`; did you mean `max`?"),
        ("[agents.double]\nretry.factor = 0.5", "2:16: `retry.factor`: expected a number from 1, like 2 or 1.5, found a number"),
        ("[agents.double]\nretry.first = \"1s\"", "2:15: nothing says how often it is tried again: set `retry.max`, too"),
        ("[agents.fetch_page]\nretry.cap = \"10ms\"", "2:13: retry cap 10ms is below its first delay 1s; raise the cap"),
        ("[agents.double]\nbreaker = 3", "2:11: `breaker` takes a table of `cooldown` and `failures`"),
        ("[agents.double]\nbreaker.failures = 3", "2:20: a breaker needs both `failures` and `cooldown`"),
        ("[agents.double]\nretention = \"some\"", "2:13: `retention`: expected \"all\", or { age = \"30d\", last = 100 }, found \"some\""),
        (
            "[agents.fetch_page]\nheartbeat = \"20s\"",
            "2:13: heartbeat 20s is not shorter than timeout 10s, so it can never be noticed; make it shorter",
        ),
        (
            "[agents.fetch_page]\nheartbeat = \"7s\"",
            "2:13: `page` of `Shop`: heartbeat 7s is not shorter than timeout 5s, so it can never be noticed; make it \
             shorter",
        ),
        ("[workflows.Shop.steps.pag]\ntimeout = \"1s\"", "1:23: `Shop` has no step `pag`; did you mean `page`?"),
        (
            "[workflows.Shop.steps.page]\nconcurrency = 3",
            "2:1: `page` is a call, and how many run at once is set of what it calls, under [agents.fetch_page]",
        ),
        ("[workflows.Shop.steps.each]\nretry = 3", "2:1: `each` is a `for`, of which `concurrency` and `timeout` can be set"),
        ("[workflows.Shop]\nsteps = 3", "2:1: `steps` is a table of tables: write [workflows.NAME.steps.STEP]"),
        (
            "[workflows.Shop.steps.again]\ntimeout = \"1s\"",
            "1:23: `again` may be `if/then/again` or `if/else/again`; write which, in quotes",
        ),
        ("[queues.net]\nconcurency = 3", "2:1: a queue has no setting `concurency`; did you mean `concurrency`?"),
        ("[queues.net]\npaused = 1", "2:10: `paused`: expected true or false, found a whole number"),
        ("[runtime]\njitter = 2", "2:10: `jitter`: expected a number from 0 to 1, like 0.25, found a whole number"),
        ("[runtime]\nserves = [1]", "2:10: `serves`: expected a list of names, like [\"llm\", \"default\"]; one of these is no name"),
        ("[runtime]\non_stall = \"panic\"", "2:12: `on_stall`: expected \"retry\" or \"cancel_job\", found \"panic\""),
        ("runtime = 3", "1:11: the runtime takes a table of `backlog`, `deaths`, `grace`, `jitter`, `keep`, `node`, `on_stall` and `serves`"),
        ("[schedules.nightly]\nrule = \"every 1x\"", "2:8: `rule`: there is no unit \"x\"; there are ms, s, m, h, d and w"),
        ("[schedules.nightly]\nrule = \"every 1h\"\nzone = \"UTC\"", "3:8: an interval is the same in all time zones; leave `zone` out"),
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
    let twice = Configuration::from_toml("[runtime]\nkeep = 1\nkeep = 2", "workflow.toml").expect_err("twice");
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
        ("WORKFLOW_AGENTS__DOUBLE__TIMOUT", "1s", "an agent has no setting `TIMOUT`; did you mean `timeout`?"),
        ("WORKFLOW_AGENTS__DOUBLE__ENABLED", "off", "`enabled`: expected true or false, found \"off\""),
        ("WORKFLOW_AGENTS__DOUBLE__CONCURRENCY", "many", "`concurrency`: expected a whole number from 1, like 8, found \"many\""),
        ("WORKFLOW_AGENTS__DOUBLE", "1", "an agent takes a table of `breaker.cooldown`, `breaker.failures`, `concurrency`, `deadline`, `enabled`, `heartbeat`, `priority`, `queue`, `rate`, `retention`, `retention.age`, `retention.last`, `retry.cap`, `retry.factor`, `retry.first`, `retry.max` and `timeout`"),
    ];
    for (name, value, message) in cases {
        assert_eq!(mistakes(&variables([(name, value)])), [format!("env {name}: {message}")]);
    }
    let twice = variables([("WORKFLOW_AGENTS__DOUBLE__TIMEOUT", "1s"), ("WORKFLOW_agents__double__timeout", "2s")]);
    let message = "env WORKFLOW_agents__double__timeout: env WORKFLOW_AGENTS__DOUBLE__TIMEOUT sets this, too; leave one of \
                   them out";
    assert_eq!(mistakes(&twice), [message]);
}
