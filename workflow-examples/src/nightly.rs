//! Every night, the report of the day that is over is sent to those who read it.

use std::error::Error;

use workflow_runtime::ScheduleStatus;
use workflow_runtime::prelude::*;
use workflow_runtime::schedule::{Cron, Missed, Overlap};

use crate::report::Report;

/// The day to be reported: that of the moment for which the job runs, be it late.
#[task_agent]
pub async fn day_to_report(ctx: &TaskContext) -> String {
    let moment = ctx.tick().map_or_else(|| ctx.now(), |tick| tick.moment);
    moment.to_string().chars().take_while(|letter| *letter != 'T').collect()
}

/// Sends it to those who read it.
#[task_agent(retry(max = 10, first = "1m", cap = "1h"))]
pub async fn send_report(
    report: String,
    readers: Vec<String>,
    ctx: &TaskContext,
) -> Result<String, AgentError> {
    let Some(first) = readers.first() else {
        return Err(AgentError::permanent("nobody reads it"));
    };
    ctx.log(format!("to {}", readers.join(", ")));
    Ok(format!("to {first} and {} others: {report}", readers.len() - 1))
}

workflow! {
    /// Reports the day, and sends the report.
    pub workflow NightlyReport(readers: Vec<String>) -> String {
        phase look {
            day = day_to_report();
        }
        phase report {
            report = Report(day);
        }
        phase send {
            sent = send_report(report, readers);
        }
        sent.clone()
    }
}

/// Sets the schedule. A program does so whenever it starts: what is set already goes on from where it is.
///
/// # Errors
/// When the schedule cannot be kept.
pub async fn set_schedule(runtime: &Runtime) -> Result<ScheduleStatus, Box<dyn Error>> {
    let at_three = Cron::parse("0 3 * * *")?.in_zone("Europe/Berlin")?;
    let readers = vec!["ada@example.com".to_owned(), "grace@example.com".to_owned()];
    let nightly = runtime.schedules().set("nightly-report", at_three, NightlyReport { readers });
    // For nights in which nothing ran there is one report; and none begins before the one before it is sent.
    Ok(nightly.missed(Missed::Once).overlap(Overlap::Queue).await?)
}
