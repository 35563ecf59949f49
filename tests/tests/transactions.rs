//! What steps do in the database exactly once, on a real PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use workflow_runtime::prelude::*;
use workflow_runtime::store::sqlx::{self, AssertSqlSafe, Connection, PgConnection};
use workflow_runtime::store::{PostgresOptions, Store, Term};
use workflow_runtime::{AgentError, FailureKind, JobId, Registry};
use workflow_tests::postgres;

/// A table of the user's, in the same database, and what is to go wrong.
#[derive(Clone)]
struct Ledger {
    schema: Arc<str>,
    attempts: Arc<AtomicU32>,
    /// Told when a transaction has begun; told to go on.
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Ledger {
    /// Writes an entry; gives its number.
    async fn enter(&self, database: &mut PgConnection, what: &str) -> Result<i64, sqlx::Error> {
        let sql = format!("INSERT INTO {}.entries (what) VALUES ($1) RETURNING number", self.schema);
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(what).fetch_one(database).await
    }

    fn attempt(&self) -> u32 {
        self.attempts.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// All entries, as somebody else sees them.
    async fn entries(&self) -> Vec<(i64, String)> {
        let mut connection = PgConnection::connect(postgres::address()).await.expect("it connects");
        let sql = format!("SELECT number, what FROM {}.entries ORDER BY number", self.schema);
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("it reads")
    }
}

#[task_agent(retry(max = 3, first = "1ms"))]
async fn twice(what: String, ledger: State<Ledger>, ctx: &TaskContext) -> Result<(i64, i64), AgentError> {
    let attempt = ledger.attempt();
    let first = ctx.transaction(async |database| ledger.enter(database, &what).await).await?;
    if attempt == 1 {
        return Err(AgentError::retry("it fails between the two"));
    }
    let second = ctx.transaction(async |database| ledger.enter(database, "it's \\ \u{1F600}").await).await?;
    if attempt == 2 {
        return Err(AgentError::retry("it fails after both"));
    }
    Ok((first, second))
}

#[task_agent(retry(max = 3, first = "1ms"))]
async fn undecided(ledger: State<Ledger>, ctx: &TaskContext) -> Result<i64, AgentError> {
    let attempt = ledger.attempt();
    ctx.transaction(async |database| {
        let number = ledger.enter(database, "undecided").await.map_err(AgentError::retry)?;
        if attempt == 1 { Err(AgentError::retry("not yet")) } else { Ok(number) }
    })
    .await
}

/// Stands still in the midst of its transaction, the first time.
#[task_agent]
async fn slow(ledger: State<Ledger>, ctx: &TaskContext) -> Result<i64, AgentError> {
    let attempt = ledger.attempt();
    ctx.transaction(async |database| {
        let number = ledger.enter(database, &format!("attempt {attempt}")).await?;
        if attempt == 1 {
            ledger.begun.notify_one();
            ledger.go_on.notified().await;
        }
        Ok::<_, sqlx::Error>(number)
    })
    .await
}

async fn ledger(schema: &str) -> Ledger {
    let mut connection = PgConnection::connect(postgres::address()).await.expect("it connects");
    let make = format!(
        "CREATE SCHEMA {schema}_own; CREATE TABLE {schema}_own.entries (number bigserial PRIMARY KEY, what text)"
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut connection).await.expect("it is made");
    Ledger {
        schema: format!("{schema}_own").into(),
        attempts: Arc::default(),
        begun: Arc::default(),
        go_on: Arc::default(),
    }
}

fn registry() -> Registry {
    let builder = Registry::builder().agent::<twice>().agent::<undecided>().agent::<slow>();
    builder.build().expect("they are right")
}

async fn node(schema: &str, name: &str, ledger: &Ledger) -> Runtime {
    let options = PostgresOptions::new(postgres::address()).schema(schema).transactions(2);
    let store = options.open().expect("it opens");
    let builder = Runtime::builder().registry(registry()).state(ledger.clone()).node(name);
    // Who is told to stop has time to do something else first.
    builder.grace(Duration::from_secs(30)).on(Arc::new(store)).await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_step_writes_is_written_once_however_often_it_is_tried() {
    let schema = postgres::schema();
    let ledger = ledger(&schema).await;
    let runtime = node(&schema, "one", &ledger).await;
    let job = runtime.submit(twice::with("once\0 \u{1F600}".replace('\0', "0"))).await.unwrap();
    let id: JobId = job.id();
    assert_eq!(job.await.unwrap(), (1, 2));
    assert_eq!(ledger.attempts.load(Ordering::SeqCst), 3);
    let entries = ledger.entries().await;
    assert_eq!(entries, [(1, "once0 \u{1F600}".to_owned()), (2, "it's \\ \u{1F600}".to_owned())]);
    // What is forgotten of the job is forgotten of them, too.
    let count = async || {
        let mut connection = PgConnection::connect(postgres::address()).await.unwrap();
        let sql = format!("SELECT count(*) FROM {schema}.once");
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap()
    };
    assert_eq!(count().await, 2);
    runtime.shutdown(Duration::from_secs(5)).await;
    let store = PostgresOptions::new(postgres::address()).schema(&schema).open();
    let forgotten = tokio::task::spawn_blocking(move || store.unwrap().forget(&[id]).unwrap()).await.unwrap();
    assert_eq!(forgotten, [id]);
    assert_eq!(count().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_rolled_back() {
    let schema = postgres::schema();
    let ledger = ledger(&schema).await;
    let runtime = node(&schema, "one", &ledger).await;
    assert_eq!(runtime.run(undecided::with()).await.unwrap(), 2);
    assert_eq!(ledger.entries().await, [(2, "undecided".to_owned())]);
    runtime.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stood_still_commits_nothing() {
    let schema = postgres::schema();
    let ledger = ledger(&schema).await;
    let one = node(&schema, "one", &ledger).await;
    let job = one.submit(slow::with()).await.unwrap();
    ledger.begun.notified().await;
    // Others take it over meanwhile, and do it.
    let store = PostgresOptions::new(postgres::address()).schema(&schema).open();
    tokio::task::spawn_blocking(move || store.unwrap().end(Term(1)).unwrap()).await.unwrap();
    let two = node(&schema, "two", &ledger).await;
    let done = async { while ledger.entries().await.is_empty() {} };
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("the other does it");
    ledger.go_on.notify_one();
    assert_eq!(job.await.unwrap(), 2, "it hears what the other has done");
    assert_eq!(ledger.entries().await, [(2, "attempt 2".to_owned())]);
    one.shutdown(Duration::from_secs(5)).await;
    two.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_transaction_needs_a_database() {
    let ledger = Ledger {
        schema: "none".into(),
        attempts: Arc::default(),
        begun: Arc::default(),
        go_on: Arc::default(),
    };
    let runtime = Runtime::builder().registry(registry()).state(ledger.clone()).in_memory().await.unwrap();
    let failure = runtime.submit(undecided::with()).await.unwrap().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Error);
    assert!(failure.message.contains("PostgreSQL"), "{failure}");
    assert_eq!(ledger.attempts.load(Ordering::SeqCst), 1, "it is not tried again");
}
