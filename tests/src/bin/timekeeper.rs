//! A program with a schedule in a file: it tells of every run that is over, a line each, until all that the schedule has
//! are. It is killed meanwhile, again and again.
//!
//! Its arguments are the file, and when the schedule ends.

use std::io::Write;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use workflow_runtime::prelude::*;
use workflow_runtime::schedule::{Missed, Overlap, every};
use workflow_runtime::{Event, Fact, JobFilter, JobState, Timestamp, What};

#[task_agent]
async fn strike(ctx: &TaskContext) -> String {
    ctx.tick().map(|tick| tick.key()).unwrap_or_default()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let ends: Timestamp = arguments.next().ok_or("until when?")?.parse()?;
    let (told, mut heard) = unbounded_channel();
    let observer = move |event: &Event| {
        if let What::Fact(Fact::JobSucceeded { .. }) = &event.what {
            let _ = told.send(event.job);
        }
    };
    let runtime = Runtime::builder().deaths(u32::MAX).observer(observer).open(file).await?;
    let at_a_time = NonZeroU32::new(20).ok_or("some")?;
    let rule = every(Duration::from_millis(5))?.aligned();
    let set = runtime.schedules().set("clock", rule, strike::with()).ends(ends);
    let set = set.missed(Missed::All { at_a_time }).overlap(Overlap::Allow).await?;
    let wanted = set.schedule.rule.between(set.schedule.since + Duration::from_micros(1), ends).count();
    runtime.recovered().await;
    loop {
        let over = JobFilter::new().tag("schedule:clock").state(JobState::Succeeded);
        if runtime.history(over).await?.len() >= wanted {
            break;
        }
        let job = heard.recv().await.ok_or("nothing happens any more")?;
        writeln!(std::io::stdout(), "{job}")?;
    }
    runtime.shutdown(Duration::from_secs(5)).await;
    writeln!(std::io::stdout(), "end")?;
    Ok(())
}
