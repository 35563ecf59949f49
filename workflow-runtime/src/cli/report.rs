//! How agents have done, as the store knows it: who works on it tells it every few seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::output::Output;
use super::refusal::{Exit, Refusal};
use crate::registered::RegisteredAgent;
use crate::registry::Registry;
use crate::report::{AgentHour, AgentReport, Span};
use crate::store::Store;
use crate::timestamp::Timestamp;

pub(super) fn tell(
    registry: &Registry,
    store: &dyn Store,
    agent: Option<&str>,
    last: Duration,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let now = store.now()?.unwrap_or_else(Timestamp::now);
    let span = Span::last(last.as_secs().div_ceil(3600), now);
    let mut agents = span.tell(&span.read(store)?);
    let Some(agent) = agent else {
        return all(&agents, output);
    };
    match agents.remove(agent) {
        Some(report) => one(&report, output),
        None if registry.agent(agent).is_none() => Err(unknown(agent, registry)),
        None => output.show(&serde_json::Value::Null, |output| {
            output.line(format!("no attempt of `{agent}` has ended in this time"))
        }),
    }
}

fn unknown(agent: &str, registry: &Registry) -> Refusal {
    let names = registry.agents().iter().map(RegisteredAgent::name);
    let cure = match workflow_graph::nearest(agent, names) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`agents` lists what there is".to_owned(),
    };
    Refusal::new(Exit::Unknown, format!("there is no agent `{agent}` in this program; {cure}"))
}

fn all(agents: &BTreeMap<String, AgentReport>, output: &mut Output<'_>) -> Result<(), Refusal> {
    output.show(agents, |output| {
        if agents.is_empty() {
            return output.line("no attempt has ended in this time");
        }
        let rows = agents.iter().map(|(agent, report)| row(agent.clone(), &report.whole));
        output.table(&under(titles("AGENT"), rows))
    })
}

fn one(report: &AgentReport, output: &mut Output<'_>) -> Result<(), Refusal> {
    output.show(report, |output| {
        let hours = report.hours.iter().map(|hour| row(to_the_minute(hour.at), hour));
        output.table(&under(titles("HOUR"), hours.chain([row("all".to_owned(), &report.whole)])))
    })
}

fn titles(first: &str) -> [String; 8] {
    [first, "ATTEMPTS", "SUCCEEDED", "TIMED OUT", "RETRIES", "MEDIAN", "95 % WITHIN", "CENTS"]
        .map(str::to_owned)
}

fn under(titles: [String; 8], rows: impl Iterator<Item = [String; 8]>) -> Vec<[String; 8]> {
    std::iter::once(titles).chain(rows).collect()
}

fn row(what: String, did: &AgentHour) -> [String; 8] {
    [
        what,
        did.count.to_string(),
        share(did.succeeded, did.count),
        did.timed_out.to_string(),
        did.retries.to_string(),
        seconds(did.p50),
        seconds(did.p95),
        if did.cents == 0.0 { String::new() } else { format!("{:.2}", did.cents) },
    ]
}

/// Of a hundred, rounded down: what is not all does not look like it.
fn share(part: u64, of: u64) -> String {
    (part * 100).checked_div(of).map(|share| format!("{share} %")).unwrap_or_default()
}

fn seconds(time: f64) -> String {
    if time < 1.0 { format!("{:.0} ms", time * 1000.0) } else { format!("{time:.1} s") }
}

/// A moment without its seconds.
fn to_the_minute(at: Timestamp) -> String {
    at.to_string().chars().take(16).collect()
}
