//! Who works on a store.

use serde_json::json;

use super::output::{Output, took};
use super::refusal::Refusal;
use super::stores::Stores;
use crate::store::NodeStatus;
use crate::timestamp::Timestamp;

pub(super) fn list(stores: &Stores, output: &mut Output<'_>) -> Result<(), Refusal> {
    let store = stores.look()?;
    if let Stores::File(path) = stores {
        let is_open = stores.is_open();
        let said = json!({ "file": path, "open": is_open });
        let path = path.display();
        return output.show(&said, |output| match is_open {
            true => output.line(format!("a process has {path} open, and works on it")),
            false => output.line(format!("no process that lets others in has {path} open")),
        });
    }
    let nodes = store.nodes()?;
    let now = store.now()?.unwrap_or_else(Timestamp::now);
    output.show(&nodes, |output| match nodes.is_empty() {
        true => output.line("nobody works on it"),
        false => output.table(&table(&nodes, now)),
    })
}

fn table(nodes: &[NodeStatus], now: Timestamp) -> Vec<[String; 7]> {
    let titles = ["NODE", "STATE", "VERSION", "JOBS", "SINCE", "HEARD OF", "QUEUES"].map(str::to_owned);
    let row = |node: &NodeStatus| {
        let queues = node.queues.as_ref().map(|queues| match queues.is_empty() {
            true => "none".to_owned(),
            false => queues.join(", "),
        });
        [
            node.node.to_string(),
            if node.over { "over" } else { "living" }.to_owned(),
            node.version.to_string(),
            node.jobs.to_string(),
            node.since.to_string(),
            format!("{} ago", took(node.seen, now)),
            queues.unwrap_or_else(|| "all".to_owned()),
        ]
    };
    std::iter::once(titles).chain(nodes.iter().map(row)).collect()
}
