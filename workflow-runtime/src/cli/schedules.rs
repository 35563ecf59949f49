//! The schedules of a store, in plain words.

use serde_json::{Value as Json, json};

use super::output::Output;
use super::refusal::Refusal;
use crate::engine::orders;
use crate::record::Work;
use crate::store::Store;
use crate::timestamp::Timestamp;

/// How many of the next moments programs are told.
const NEXT: usize = 3;

pub(super) fn list(store: &dyn Store, output: &mut Output<'_>) -> Result<(), Refusal> {
    let now = Timestamp::now();
    let titles = ["SCHEDULE", "WHEN", "RUNS", "NEXT"].map(str::to_owned);
    let (mut rows, mut documents) = (vec![titles], Vec::<Json>::new());
    for (name, order) in orders(store)? {
        let order = match order {
            Ok(order) => order,
            Err(problem) => {
                rows.push([
                    name.to_string(),
                    format!("cannot be read: {problem}"),
                    String::new(),
                    String::new(),
                ]);
                documents.push(json!({ "name": name, "problem": problem }));
                continue;
            }
        };
        let schedule = &order.schedule;
        let runs = match &order.work {
            Work::Call { callee, .. } => callee.name.to_string(),
            Work::Tasks(tasks) => tasks.name.clone(),
        };
        let next = if schedule.paused { Vec::new() } else { schedule.next_times(now, NEXT) };
        let when = next.first().map_or_else(
            || if schedule.paused { "paused".to_owned() } else { "never".to_owned() },
            Timestamp::to_string,
        );
        rows.push([schedule.name.clone(), schedule.describe(), runs.clone(), when]);
        let words = schedule.describe();
        documents
            .push(json!({ "name": name, "when": words, "runs": runs, "next": next, "schedule": schedule }));
    }
    output.show(&documents, |output| match documents.len() {
        0 => output.line("there are no schedules"),
        _ => output.table(&rows),
    })
}
