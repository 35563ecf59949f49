//! The connection on which all is written. Whoever writes drives it on his own thread: the answer wakes him, and nobody in
//! between; and the server finds its caches as it left them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::runtime::{Builder, Handle, Runtime};

use super::batch::Batch;
use super::connections::{IDLE, goes_on};
use super::database::Database;
use super::failure::Trouble;
use super::store::in_time;
use super::write::{self, Answers};

pub(super) struct Pen {
    connect: Box<PgConnectOptions>,
    /// Nobody has it who does not write.
    hand: Mutex<Hand>,
}

#[derive(Default)]
struct Hand {
    /// Since when nobody writes on it. Before the runtime: it is dropped first.
    connection: Option<(PgConnection, Instant)>,
    runtime: Option<Runtime>,
}

impl Pen {
    pub(super) fn new(connect: PgConnectOptions) -> Self {
        Self { connect: Box::new(connect), hand: Mutex::default() }
    }

    /// Writes a batch, if nobody else does so with it now, and if nothing asynchronous goes on on this thread: that must not
    /// be waited for here.
    pub(super) fn write(
        &self,
        database: &Database,
        statement: &Arc<str>,
        batch: &Batch,
        limit: Duration,
    ) -> Option<Result<Answers, Trouble>> {
        if Handle::try_current().is_ok() {
            return None;
        }
        let mut hand = match self.hand.try_lock() {
            Ok(hand) => hand,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        let Hand { connection, runtime } = &mut *hand;
        let runtime = match runtime {
            Some(runtime) => runtime,
            None => runtime.insert(Builder::new_current_thread().enable_all().build().ok()?),
        };
        let written = runtime.block_on(in_time(limit, async {
            // Nobody goes on with one in whose midst an answer was given up.
            let mut own = match connection.take() {
                Some((connection, since)) if since.elapsed() <= IDLE => connection,
                _ => PgConnection::connect_with(&self.connect).await?,
            };
            let rows = database.rows_on(&mut own, write::question(statement, batch)).await;
            if goes_on(&rows) {
                *connection = Some((own, Instant::now()));
            }
            write::answers(&rows?)
        }));
        Some(written)
    }
}

impl fmt::Debug for Pen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pen")
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        // A store may be dropped where nothing may block.
        let hand = self.hand.get_mut().unwrap_or_else(PoisonError::into_inner);
        hand.connection = None;
        hand.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
