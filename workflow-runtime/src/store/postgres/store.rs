//! The store.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;
use sqlx::types::Uuid;

use super::batch::Batch;
use super::bridge::Bridge;
use super::connections::Connections;
use super::database::Database;
use super::failure::Trouble;
use super::known::Known;
use super::once::Transactions;
use super::options::PostgresOptions;
use super::pen::Pen;
use super::schema::Schema;
use super::terms::{self, Pages};
use super::write::{self, Answers};
use super::{forget, gates, read, watch, words};
use crate::job_id::JobId;
use crate::store::{
    Asking, Claimed, Entry, Expiry, Filter, Head, Kept, Leave, Most, News, NodeStatus, Note, Offer, Store,
    StoreError, Term, Verdict, Word, WordId,
};
use crate::timestamp::Timestamp;

/// Jobs in a PostgreSQL database, for as many processes and machines as share it.
///
/// Everything is in a schema of its own, `workflow` if nothing else is said; [`PostgresOptions`] says more. PostgreSQL
/// must be 13 or later.
///
/// ```no_run
/// use workflow_runtime::store::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://jobs:secret@db.example/production")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc = include_str!("operating.md")]
pub struct PostgresStore {
    inner: Arc<Inner>,
    bridge: Bridge,
}

/// What is asked of the database, on whatever thread.
struct Inner {
    described: String,
    schema: Schema,
    identity: Uuid,
    database: Database,
    lease: Duration,
    /// For how long what fails is tried again.
    patience: Duration,
    pages: Pages,
    /// How a connection is made that listens; none, where a pooler is in between.
    listen: Option<Box<PgConnectOptions>>,
    /// The statement by which all is written.
    write: Arc<str>,
    pen: Pen,
    transactions: Transactions,
    known: Known,
}

impl PostgresStore {
    /// Connects to a database, as [`PostgresOptions::open`] does with nothing else said.
    ///
    /// # Errors
    /// Those of [`PostgresOptions::open`].
    pub fn connect(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::with(PostgresOptions::new(address))
    }

    pub(super) fn with(options: PostgresOptions) -> Result<Self, StoreError> {
        let described = options.describe();
        let (connect, schema) = (options.connect()?, Schema::new(&options.schema, &described)?);
        let bridge = Bridge::new()?;
        let transactions = Transactions::new(connect.clone(), options.clone());
        let write = write::statement(&schema);
        let pen = Pen::new(connect.clone());
        let listen = (!options.is_pooled).then(|| Box::new(connect.clone()));
        let opened = bridge.wait(async move {
            // One of them writes.
            let connections = Connections::new(connect, options.connections - 1, options.patience);
            let database = if options.is_pooled {
                Database::pooled(connections, options.lease)
            } else {
                Database::direct(connections)
            };
            let prepare = async || {
                schema.prepare(&database, &described).await?;
                schema.identity(&database).await
            };
            match patiently(options.patience, prepare).await {
                Ok(identity) => {
                    let (lease, patience, pages) = (options.lease, options.patience, Pages::default());
                    Ok(Inner {
                        identity,
                        patience,
                        described,
                        schema,
                        database,
                        lease,
                        pages,
                        listen,
                        write,
                        pen,
                        transactions,
                        known: Known::default(),
                    })
                }
                Err(trouble) => Err(trouble.of(&described, "cannot be opened")),
            }
        });
        Ok(Self { inner: Arc::new(opened?), bridge })
    }

    pub(super) fn described(&self) -> &str {
        &self.inner.described
    }

    /// What tells this store from others of the same name.
    pub(super) fn identity(&self) -> Uuid {
        self.inner.identity
    }

    pub(super) fn schema_sql(&self, text: &str) -> AssertSqlSafe<String> {
        self.inner.schema.sql(text)
    }

    /// The connections for transactions of steps.
    pub(super) fn transactions(&self) -> &Transactions {
        &self.inner.transactions
    }

    /// The schema in which everything is kept.
    pub fn schema(&self) -> &str {
        self.inner.schema.name()
    }

    /// Writes a batch. Who writes decides himself whether it is tried again, when the answer is lost.
    fn write_batch(&self, batch: Batch) -> Result<Answers, Trouble> {
        let (batch, mut left) = (Arc::new(batch), AGAIN);
        loop {
            let Inner { pen, database, write, lease, .. } = &*self.inner;
            let written = pen.write(database, write, &batch, long(*lease)).unwrap_or_else(|| {
                let (inner, batch) = (Arc::clone(&self.inner), Arc::clone(&batch));
                self.bridge.wait(in_time(long(*lease), async move {
                    write::answers(&inner.database.rows(write::question(&inner.write, &batch)).await?)
                }))
            });
            match written {
                Err(trouble) if trouble.has_given_way() && left > 0 => left -= 1,
                other => return other,
            }
        }
    }

    /// Asks until there is an answer, for a while.
    pub(super) async fn in_patience<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        patiently(self.inner.patience, || in_time(long(self.inner.lease), ask())).await
    }

    /// Asks the database, and waits for the answer. When the connection is cut, it is asked again, for a while.
    fn ask<T, F>(
        &self,
        what: &'static str,
        ask: impl Fn(Arc<Inner>) -> F + Send + Sync + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let answer = self.bridge.wait(async move {
            patiently(inner.patience, || in_time(long(inner.lease), ask(Arc::clone(&inner)))).await
        });
        answer.map_err(|trouble| trouble.of(&self.inner.described, what))
    }
}

/// How long an answer is waited for: a network may swallow what is sent, and say nothing.
fn long(lease: Duration) -> Duration {
    (lease * 2).max(Duration::from_secs(5))
}

pub(super) async fn in_time<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
        let silence = format!("there is no answer within {limit:?}");
        Err(Trouble::Sql(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, silence))))
    })
}

/// How long who shuts down tries to say so.
const LAST: Duration = Duration::from_secs(1);

/// How soon, and how late, it is asked again.
const SOON: Duration = Duration::from_millis(10);
const LATE: Duration = Duration::from_millis(500);

/// Asks again until there is an answer, or no more patience; once at least, for what was silent may have been the connection.
async fn patiently<T, F>(patience: Duration, mut ask: impl FnMut() -> F) -> Result<T, Trouble>
where
    F: Future<Output = Result<T, Trouble>>,
{
    let (until, mut pause, mut is_first) = (Instant::now() + patience, SOON, true);
    loop {
        match ask().await {
            Err(trouble) if trouble.passes() && (is_first || Instant::now() + pause < until) => {
                tokio::time::sleep(pause).await;
                (pause, is_first) = ((pause * 2).min(LATE), false);
            }
            answer => return answer,
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PostgresStore({})", self.inner.described)
    }
}

/// How often what gave way to another is asked again.
const AGAIN: u32 = 5;

impl Store for PostgresStore {
    fn describe(&self) -> String {
        self.inner.described.clone()
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        let node = Arc::<str>::from(node);
        self.ask("a term cannot begin", move |inner| {
            let node = Arc::clone(&node);
            async move { terms::begin(&inner.database, &inner.schema, &node, inner.lease).await }
        })
    }

    fn offer(&self, term: Term, offer: &Offer) -> Result<(), StoreError> {
        let offer = Arc::new(offer.clone());
        self.ask("it cannot be said what this process can do", move |inner| {
            let offer = Arc::clone(&offer);
            async move { terms::offer(&inner.database, &inner.schema, term, &offer).await }
        })
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        let told = |trouble: Trouble| trouble.of(&self.inner.described, "cannot be written");
        let known = self.inner.known.of(entries);
        self.inner.known.forget(entries);
        let mut answers = self.write_batch(Batch::new(entries, &known).map_err(told)?);
        if answers.as_ref().is_err_and(Trouble::is_of_one) {
            answers = self.write_batch(Batch::one_by_one(entries).map_err(told)?);
        }
        let answers = answers.map_err(told)?;
        let mut verdicts: Vec<Verdict> = entries.iter().map(write::usual).collect();
        for (at, verdict) in answers {
            if let Some(place) = verdicts.get_mut(at) {
                *place = verdict;
            }
        }
        self.inner.known.learn(entries, &known, &verdicts);
        Ok(verdicts)
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.ask("jobs cannot be taken over", move |inner| async move {
            terms::claim(&inner.database, &inner.schema, &inner.pages, term, most).await
        })?;
        self.inner.known.learn_claimed(term, &claimed);
        Ok(claimed)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.ask("cannot be read", move |inner| async move {
            read::job(&inner.database, &inner.schema, job).await
        })
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        let filter = Arc::new(filter.clone());
        self.ask("cannot be read", move |inner| {
            let filter = Arc::clone(&filter);
            async move { read::list(&inner.database, &inner.schema, &filter).await }
        })
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        let once = Arc::<str>::from(once);
        self.ask("cannot be read", move |inner| {
            let once = Arc::clone(&once);
            async move { read::taker(&inner.database, &inner.schema, &once).await }
        })
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        let topic = Arc::<str>::from(topic);
        self.ask("cannot be read", move |inner| {
            let topic = Arc::clone(&topic);
            async move { read::notes(&inner.database, &inner.schema, &topic).await }
        })
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        let rule = Arc::new(rule.clone());
        self.ask("cannot be read", move |inner| {
            let rule = Arc::clone(&rule);
            async move { forget::expired(&inner.database, &inner.schema, &rule).await }
        })
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let jobs = Arc::<[JobId]>::from(jobs);
        self.ask("jobs cannot be forgotten", move |inner| {
            let jobs = Arc::clone(&jobs);
            async move { forget::forget(&inner.database, &inner.schema, &jobs).await }
        })
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.inner.lease)
    }

    fn now(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ask("its clock cannot be read", move |inner| async move { terms::now(&inner.database).await })
    }

    fn beat(&self, term: Term) -> Result<(), StoreError> {
        self.ask("it cannot be said that this process is there", move |inner| async move {
            in_time(inner.lease / 2, terms::beat(&inner.database, &inner.schema, term)).await
        })
    }

    fn end(&self, term: Term) -> Result<(), StoreError> {
        // Who does not hear of it waits for the lease: no reason to keep a process that ends.
        let inner = Arc::clone(&self.inner);
        let ended = self.bridge.wait(async move {
            let end = || in_time(LAST, terms::end(&inner.database, &inner.schema, term));
            patiently(LAST, end).await
        });
        ended.map_err(|trouble| trouble.of(&self.inner.described, "a term cannot be ended"))
    }

    fn ended(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let jobs = Arc::<[JobId]>::from(jobs);
        self.ask("cannot be read", move |inner| {
            let jobs = Arc::clone(&jobs);
            async move { read::ended(&inner.database, &inner.schema, &jobs).await }
        })
    }

    fn pass(&self, asking: &Asking) -> Result<Vec<Leave>, StoreError> {
        let asking = Arc::new(asking.clone());
        self.ask("no leave can be asked for", move |inner| {
            let asking = Arc::clone(&asking);
            async move { gates::pass(&inner.database, &inner.schema, &asking).await }
        })
    }

    fn leave(&self, word: &Word) -> Result<bool, StoreError> {
        let word = Arc::new(word.clone());
        self.ask("cannot be written", move |inner| {
            let word = Arc::clone(&word);
            async move { words::leave(&inner.database, &inner.schema, &word).await }
        })
    }

    fn words(&self, term: Term) -> Result<Vec<Word>, StoreError> {
        self.ask("cannot be read", move |inner| async move {
            words::of_term(&inner.database, &inner.schema, term).await
        })
    }

    fn reply(&self, word: WordId) -> Result<Option<Arc<str>>, StoreError> {
        self.ask("cannot be read", move |inner| async move {
            words::reply(&inner.database, &inner.schema, word).await
        })
    }

    fn nodes(&self) -> Result<Vec<NodeStatus>, StoreError> {
        self.ask(
            "cannot be read",
            move |inner| async move { terms::nodes(&inner.database, &inner.schema).await },
        )
    }

    fn watch(&self, tell: Arc<dyn Fn(News) + Send + Sync>) {
        let inner = &self.inner;
        match &inner.listen {
            Some(connect) => {
                self.bridge.spawn(watch::listen((**connect).clone(), inner.schema.clone(), inner.lease, tell))
            }
            None => tracing::info!(
                "{}: a pooler passes no notifications on: what other nodes do is noticed several times in a lease",
                inner.described
            ),
        }
    }
}
