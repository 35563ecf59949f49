//! Working on a store until somebody wants it to end.

use std::error::Error;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use super::refusal::{Exit, Refusal};
use super::stores::Stores;
use super::threads::{block_on, interrupted};
use crate::builder::RuntimeBuilder;
use crate::runtime::Runtime;

/// How long attempts may run on when it is to end.
const GRACE: Duration = Duration::from_secs(30);

/// What a program does once its runtime works.
pub(super) type Started =
    Box<dyn FnOnce(Runtime) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Error>>>>>>;

/// Begins to work on a store, and does what the program wants done then.
pub(super) async fn begin(
    builder: RuntimeBuilder,
    started: Started,
    stores: &Stores,
) -> Result<Runtime, Refusal> {
    let runtime = stores.open(builder).await?;
    if let Err(error) = started(runtime.clone()).await {
        runtime.shutdown(GRACE).await;
        return Err(Refusal::new(Exit::Failed, format!("what this program does first failed: {error}")));
    }
    Ok(runtime)
}

pub(super) fn work(
    builder: RuntimeBuilder,
    started: Started,
    stores: &Stores,
    err: &mut dyn Write,
) -> Result<Exit, Refusal> {
    block_on(async {
        let runtime = begin(builder, started, stores).await?;
        writeln!(err, "at work; interrupt to end")?;
        interrupted().await;
        writeln!(err, "ending: what runs may run on for {} s", GRACE.as_secs())?;
        let left = runtime.shutdown(GRACE).await;
        writeln!(err, "ended; {left} jobs go on when somebody works here again")?;
        Ok(Exit::Done)
    })
}
