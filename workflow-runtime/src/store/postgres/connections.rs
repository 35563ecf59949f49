//! Few connections, for whoever asks something. One on which something was not answered is not asked again, and what is left
//! idle for long neither: who knows what a network does with it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection, Error, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

/// For how long one may be idle.
pub(super) const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Connections {
    connect: Box<PgConnectOptions>,
    places: Semaphore,
    /// For how long a place is waited for.
    patience: Duration,
    /// Those that nobody uses, and since when; the last is used next.
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

/// A connection that somebody uses. It is closed when it is dropped, unless it is [given back](Self::give_back).
pub(super) struct Used<'a> {
    connections: &'a Connections,
    /// There, until it is given back.
    connection: Option<PgConnection>,
    _place: SemaphorePermit<'a>,
}

impl Connections {
    pub(super) fn new(connect: PgConnectOptions, most: u32, patience: Duration) -> Self {
        let places = Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX));
        Self { connect: Box::new(connect), places, patience, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of them, when there is a place for it.
    pub(super) async fn take(&self) -> Result<Used<'_>, Error> {
        let place = tokio::time::timeout(self.patience, self.places.acquire()).await;
        let place = place.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let (old, connection) = {
            let mut idle = self.idle();
            let connection = idle.pop();
            let young = idle.partition_point(|(_, since)| since.elapsed() > IDLE);
            (idle.drain(..young).collect::<Vec<_>>(), connection)
        };
        drop(old);
        let connection = match connection {
            Some((connection, since)) if since.elapsed() <= IDLE => connection,
            _ => PgConnection::connect_with(&self.connect).await?,
        };
        Ok(Used { connections: self, connection: Some(connection), _place: place })
    }
}

impl Used<'_> {
    /// It has answered all that it was asked.
    pub(super) fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.connections.idle().push((connection, Instant::now()));
        }
    }
}

impl Deref for Used<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("it is not given back")
    }
}

impl DerefMut for Used<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("it is not given back")
    }
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        if self.connection.is_some() {
            // What has befallen one has mostly befallen all.
            self.connections.idle().clear();
        }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Connections({} idle)", self.idle().len())
    }
}

/// Whether a connection that gave this can be asked more.
pub(super) fn goes_on(answer: &Result<Vec<PgRow>, Error>) -> bool {
    match answer {
        Ok(_) => true,
        // The server goes, or is not the one that is written any more.
        Err(Error::Database(error)) => {
            !error.code().is_some_and(|code| code.starts_with("57P") || code == "25006")
        }
        Err(_) => false,
    }
}
