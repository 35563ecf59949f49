//! Working on a store until somebody wants it to end.

use std::io::Write;
use std::time::Duration;

use super::refusal::{Exit, Refusal};
use super::stores::Stores;
use super::threads::{block_on, interrupted};
use crate::builder::RuntimeBuilder;

/// How long attempts may run on when it is to end.
const GRACE: Duration = Duration::from_secs(30);

pub(super) fn work(builder: RuntimeBuilder, stores: &Stores, err: &mut dyn Write) -> Result<Exit, Refusal> {
    block_on(async {
        let runtime = stores.open(builder).await?;
        writeln!(err, "at work; interrupt to end")?;
        interrupted().await;
        writeln!(err, "ending: what runs may run on for {} s", GRACE.as_secs())?;
        let left = runtime.shutdown(GRACE).await;
        writeln!(err, "ended; {left} jobs go on when somebody works here again")?;
        Ok(Exit::Done)
    })
}
