//! The runtime on a real PostgreSQL: several nodes, and transactions of users.

use std::sync::Arc;
use std::time::{Duration, Instant};

use private_postgres::{Proxy, Server};
use workflow_runtime::prelude::*;
use workflow_runtime::store::sqlx::{self, AssertSqlSafe, Connection, PgConnection};
use workflow_runtime::store::{PostgresOptions, Store, StoreErrorKind};
use workflow_runtime::{FailureKind, JobFilter, JobState, Registry, SubmitError};
use workflow_tests::folder::Folder;
use workflow_tests::postgres;

#[task_agent]
async fn double(n: i64) -> i64 {
    n * 2
}

#[task_agent]
async fn hang(n: i64, ctx: &TaskContext) -> i64 {
    ctx.sleep(Duration::from_secs(600)).await;
    n
}

workflow! {
    /// Waits for a number.
    pub workflow Patient() -> i64 {
        phase first { n = signal::<i64>("number"); }
        phase second { twice = double(n); }
        *twice
    }
}

async fn node(options: &PostgresOptions, name: &str) -> Runtime {
    let registry = Registry::builder()
        .agent::<double>()
        .agent::<hang>()
        .workflow::<Patient>()
        .build()
        .expect("they are right");
    let store = options.clone().open().expect("it opens");
    let runtime =
        Runtime::builder().registry(registry).node(name).on(Arc::new(store)).await.expect("it starts");
    runtime.recovered().await;
    runtime
}

async fn ends(runtimes: &[&Runtime]) {
    for runtime in runtimes {
        runtime.shutdown(Duration::from_secs(5)).await;
    }
}

/// Within less than a beat: it is told, and not looked for.
async fn soon<T>(what: &str, done: impl Future<Output = T>) -> T {
    let told = tokio::time::timeout(Duration::from_secs(10), done).await;
    told.unwrap_or_else(|_| panic!("{what}: nobody hears of it"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_hear_of_one_another_at_once() {
    // Beats come once in a minute.
    let options = postgres::options().lease(Duration::from_secs(300));
    let (one, two) = (node(&options, "one").await, node(&options, "two").await);
    let job = one.submit(hang::with(1)).await.unwrap();
    let far = two.fetch(job.id()).await.unwrap().unwrap();
    assert!(soon("a cancellation", two.cancel(job.id(), "not wanted")).await);
    let failure = soon("its end", far.outcome()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Cancelled);
    assert_eq!(job.outcome().await.unwrap_err().message, "not wanted");

    let job = two.submit(Patient {}).await.unwrap();
    let far = one.fetch(job.id()).await.unwrap().unwrap();
    soon("a signal", far.signal("number", 21)).await.unwrap();
    assert_eq!(soon("a result", far.outcome()).await.unwrap(), serde_json::json!(42));

    let left = one.submit(Patient {}).await.unwrap().id();
    one.shutdown(Duration::ZERO).await;
    soon("a departure", async {
        while two.job(left).is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    two.job(left).unwrap().signal("number", 1).await.unwrap();
    assert_eq!(two.job(left).unwrap().outcome().await.unwrap(), serde_json::json!(2));

    let paused = node(&options, "three").await;
    two.pause_queue("slow").await.unwrap();
    soon("a pause", async {
        while !paused.queues().iter().any(|queue| &*queue.name == "slow" && queue.paused) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    ends(&[&two, &paused]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_tasks_and_nodes() {
    let options = postgres::options();
    let runtime = node(&options, "one").await;
    let job = runtime.submit(Patient {}).await.unwrap();
    job.signal("number", 21).await.unwrap();
    let (id, done) = (job.id(), job.await.unwrap());
    let hanging = runtime.submit(hang::with(1)).await.unwrap();
    assert_eq!(done, 42);
    let mut connection = PgConnection::connect(postgres::address()).await.unwrap();
    let store = options.open().unwrap();
    let schema = store.schema().to_owned();
    drop(store);
    let sql =
        format!("SELECT step, state, output::text FROM {schema}.tasks WHERE job = '{id}' ORDER BY task");
    let tasks: Vec<(String, String, Option<String>)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    let twice = ("twice".to_owned(), "succeeded".to_owned(), Some("42".to_owned()));
    assert_eq!(tasks.last(), Some(&twice), "{tasks:?}");
    let sql = format!("SELECT node, workflows, jobs, is_heard FROM {schema}.nodes");
    let (name, workflows, jobs, is_heard): (String, Vec<String>, i64, bool) =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
    assert_eq!((&*name, &workflows[..], jobs, is_heard), ("one", &["Patient".to_owned()][..], 1, true));
    hanging.cancel("enough").await;
    ends(&[&runtime]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_there_if_and_only_if_its_transaction_is() {
    let options = postgres::options();
    let runtime = node(&options, "one").await;
    let mut own = PgConnection::connect(postgres::address()).await.unwrap();
    let table = format!("orders_{}", std::process::id());
    let sql = |text: &str| AssertSqlSafe(text.replace("orders", &table));
    sqlx::query(sql("CREATE TABLE orders (id bigint PRIMARY KEY)")).execute(&mut own).await.unwrap();

    let mut transaction = own.begin().await.unwrap();
    sqlx::query(sql("INSERT INTO orders VALUES (1)")).execute(&mut *transaction).await.unwrap();
    let never = runtime.submit(double::with(1)).within_postgres(&mut transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    let id = never.id();
    let missing = never.begin().await.unwrap_err().to_string();
    assert!(missing.contains(&format!("job {id} is not there")), "{missing}");

    let mut transaction = own.begin().await.unwrap();
    sqlx::query(sql("INSERT INTO orders VALUES (2)")).execute(&mut *transaction).await.unwrap();
    let order =
        runtime.submit(double::with(2)).unique("order 2").within_postgres(&mut transaction).await.unwrap();
    assert!(runtime.fetch(order.id()).await.unwrap().is_none(), "it is not committed");
    transaction.commit().await.unwrap();
    assert_eq!(order.begin().await.unwrap().await.unwrap(), 4);

    // Nobody has to begin it, and none is told twice of a key.
    let mut transaction = own.begin().await.unwrap();
    let id =
        runtime.submit(Patient {}).unique("patient").within_postgres(&mut transaction).await.unwrap().id();
    transaction.commit().await.unwrap();
    let taken = runtime.submit(Patient {}).unique("patient").within_postgres(&mut own).await.unwrap_err();
    assert!(matches!(&taken, SubmitError::Duplicate { job, .. } if *job == id), "{taken}");

    // The same for a signal.
    let mut transaction = own.begin().await.unwrap();
    assert!(runtime.signal_within_postgres(&mut transaction, id, "number", 1).await.unwrap());
    transaction.rollback().await.unwrap();
    let mut transaction = own.begin().await.unwrap();
    assert!(runtime.signal_within_postgres(&mut transaction, id, "number", 5).await.unwrap());
    transaction.commit().await.unwrap();
    let job = runtime.fetch(id).await.unwrap().unwrap();
    assert_eq!(soon("a signal", job.outcome()).await.unwrap(), serde_json::json!(10));
    assert!(!runtime.signal_within_postgres(&mut own, id, "number", 5).await.unwrap(), "it is over");

    let kept = runtime.history(JobFilter::new()).await.unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|head| head.state == JobState::Succeeded));
    sqlx::query(sql("DROP TABLE orders")).execute(&mut own).await.unwrap();
    ends(&[&runtime]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_elsewhere_is_refused() {
    let options = postgres::options();
    let runtime = node(&options, "one").await;
    let mut own = PgConnection::connect(postgres::address()).await.unwrap();
    let other = format!("other_{}", std::process::id());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {other}"))).execute(&mut own).await.unwrap();
    let address = postgres::address().replacen("/postgres?", &format!("/{other}?"), 1);
    let mut connection = PgConnection::connect(&address).await.unwrap();
    let without = runtime.submit(double::with(1)).within_postgres(&mut connection).await.unwrap_err();
    assert!(
        matches!(&without, SubmitError::Store(error) if error.kind() == StoreErrorKind::Corrupt),
        "{without}"
    );
    let schema = runtime_schema(&options);
    drop(PostgresOptions::new(&address).schema(schema).open().expect("it opens"));
    let refused = runtime.submit(double::with(1)).within_postgres(&mut connection).await.unwrap_err();
    assert!(refused.to_string().contains("it is one to another database"), "{refused}");
    drop(connection);

    let memory = Runtime::in_memory().await.unwrap();
    let refused = memory.submit(double::with(1)).within_postgres(&mut own).await.unwrap_err();
    assert!(refused.to_string().contains("open the runtime by `Runtime::connect`"), "{refused}");
    ends(&[&runtime]).await;
}

/// Who may make no schema has one that somebody has made for him.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_ones_own_and_empty_will_do() {
    let mut own = PgConnection::connect(postgres::address()).await.unwrap();
    let (name, schema) = (format!("poor_{}", std::process::id()), postgres::schema());
    let mut done = async |sql: &str| {
        let sql = sql.replace("NAME", &name).replace("SCHEMA_OF", &schema);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut own).await.unwrap();
    };
    done("CREATE ROLE NAME LOGIN").await;
    done("CREATE DATABASE NAME").await;
    done("REVOKE CREATE ON DATABASE NAME FROM PUBLIC").await;
    let address = postgres::address().replacen("/postgres?", &format!("/{name}?"), 1);
    let poor = address.replacen("postgres@", &format!("{name}@"), 1);
    let options = PostgresOptions::new(&poor).schema(&schema);
    let refused = options.clone().open().unwrap_err();
    assert!(refused.to_string().contains("CREATE SCHEMA … AUTHORIZATION"), "{refused}");
    let mut there = PgConnection::connect(&address).await.unwrap();
    let sql = format!("CREATE SCHEMA {schema} AUTHORIZATION {name}");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut there).await.unwrap();
    drop(there);
    let runtime = node(&options, "one").await;
    assert_eq!(runtime.run(double::with(2)).await.unwrap(), 4);
    ends(&[&runtime]).await;
}

/// The clock of the database is all that counts, so it is enough to set what it has written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_with_the_database_ends_nobody() {
    let store = postgres::options().open().expect("it opens");
    let mut own = PgConnection::connect(postgres::address()).await.unwrap();
    let (one, two) = (store.begin("one").unwrap(), store.begin("two").unwrap());
    let schema = store.schema().to_owned();
    let mut back = async |what: &str, node: &str| {
        let sql =
            format!("UPDATE {schema}.terms SET {what} = {what} - interval '1 hour' WHERE node ~ '{node}'");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut own).await.unwrap();
    };
    back("seen", "one|two").await;
    store.beat(two).unwrap();
    store.beat(one).expect("the other was as silent as this one");

    back("seen", "one").await;
    store.beat(two).unwrap();
    store.beat(one).expect("the other has not been back for long enough to know");

    back("seen", "one").await;
    back("steady", "two").await;
    store.beat(two).unwrap();
    assert_eq!(store.beat(one).unwrap_err().kind(), StoreErrorKind::Superseded);
    store.beat(two).unwrap();
}

/// A disk that takes a tenth of a second for each commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_slow_disk_what_waits_is_written_together() {
    let slow = ["fsync=on", "commit_delay=100000", "commit_siblings=0"];
    let server = Server::start(&slow).unwrap_or_else(|why| panic!("{why}"));
    let options = PostgresOptions::new(server.address()).lease(Duration::from_secs(2));
    let (one, two) = (node(&options, "one").await, node(&options, "two").await);
    let since = Instant::now();
    let job = one.submit(double::with(1)).await.unwrap();
    let each = since.elapsed();
    // Nearly: two clocks measure it.
    assert!(each >= Duration::from_millis(90), "{each:?}");
    assert_eq!(job.outcome().await.unwrap(), 2);

    let since = Instant::now();
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..200 {
        let runtime = if n % 2 == 0 { one.clone() } else { two.clone() };
        asked.spawn(async move {
            let job = runtime.submit(Patient {}).await.expect("it is taken in");
            job.signal("number", n).await.expect("it is heard");
            assert_eq!(job.outcome().await.expect("it succeeds"), n * 2);
        });
    }
    asked.join_all().await;
    // Each is written several times.
    assert!(since.elapsed() < each * 200, "{:?}", since.elapsed());

    let mut own = PgConnection::connect(&server.address()).await.unwrap();
    let over = "SELECT count(*) FROM workflow.terms WHERE over";
    let over: i64 = sqlx::query_scalar(over).fetch_one(&mut own).await.unwrap();
    assert_eq!(over, 0, "a node was not heard of in time");
    ends(&[&one, &two]).await;
}

/// A network in between that forgets its connections, as some do: what is sent on them is lost, and nobody is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_nothing_asks_on_another_connection() {
    let server = Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let proxy = Proxy::to(server.port()).expect("there is a network");
    let address = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port());
    let options = PostgresOptions::new(address).lease(Duration::from_secs(1));
    let runtime = node(&options, "one").await;
    for round in 0..3 {
        assert_eq!(soon("a job", runtime.run(double::with(round))).await.unwrap(), round * 2);
        proxy.lose();
        let (read, run) = tokio::join!(runtime.history(JobFilter::new()), runtime.run(double::with(round)));
        // It was not kept waiting for longer than it may be; the next goes by another connection.
        let run = match run {
            Ok(done) => done,
            Err(_) => runtime.run(double::with(round)).await.unwrap(),
        };
        assert_eq!(run, round * 2);
        assert!(!read.expect("it is read, on another connection").is_empty());
    }
    // It listens again, too; what was lost nobody has closed.
    let mut own = PgConnection::connect(&server.address()).await.unwrap();
    let listens = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'";
    soon("a listener", async {
        while sqlx::query_scalar::<_, i64>(listens).fetch_one(&mut own).await.unwrap() < 2 {}
    })
    .await;
    ends(&[&runtime]).await;
}

/// The database is gone for good. Of two that followed it one goes on reading, to which everybody comes at first; the other is
/// promoted, and nobody is cut off from the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_promoted_has_everything() {
    let primary = Server::start(&["synchronous_standby_names=2 (*)"]).unwrap_or_else(|why| panic!("{why}"));
    let [reader, standby] = [(); 2].map(|()| primary.standby(&[]).unwrap_or_else(|why| panic!("{why}")));
    let proxy = Proxy::to(primary.port()).expect("there is a network");
    let address = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port());
    let options = PostgresOptions::new(address).lease(Duration::from_secs(2));
    let (one, two) = (node(&options, "one").await, node(&options, "two").await);
    let mut jobs = Vec::new();
    for n in 0..40_i64 {
        let runtime = if n % 2 == 0 { &one } else { &two };
        let job = runtime.submit(Patient {}).await.expect("it is taken in");
        if n % 4 < 2 {
            job.signal("number", n).await.expect("it is heard");
        }
        jobs.push(job);
    }
    primary.stop().expect("it stops");
    proxy.lead_to(reader.port());
    proxy.cut();
    let fetched = one.fetch(jobs[3].id()).await;
    assert!(fetched.expect("a standby is read").is_some());
    let refused = one.submit(double::with(1)).await.expect_err("a standby is not written").to_string();
    assert!(refused.contains("it is a standby that only reads"), "{refused}");
    standby.promote().expect("it is promoted");
    proxy.lead_to(standby.port());
    for (n, job) in (0_i64..).zip(jobs) {
        soon("a signal", async { while n % 4 >= 2 && job.signal("number", n).await.is_err() {} }).await;
        assert_eq!(soon("an end", job.outcome()).await.expect("it succeeds"), n * 2);
    }
    ends(&[&one, &two]).await;
}

/// A certificate for `localhost`, and its key, in a folder; none, where nothing makes one.
fn certificate(folder: &Folder) -> Option<[std::path::PathBuf; 2]> {
    let [certificate, key] = ["server.crt", "server.key"].map(|name| folder.file(name));
    let mut make = std::process::Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    make.args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
    let made = make.arg("-out").arg(&certificate).arg("-keyout").arg(&key).output();
    made.is_ok_and(|made| made.status.success()).then_some([certificate, key])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_encrypted_and_the_server_is_who_it_says() {
    let folder = Folder::new("tls");
    let Some([certificate, key]) = certificate(&folder) else {
        return eprintln!("skipped: there is no `openssl` to make a certificate");
    };
    let server = Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    server.encrypt(&certificate, &key).unwrap_or_else(|why| panic!("{why}"));
    let address = |host: &str, more: &str| {
        format!("postgres://postgres@{host}:{}/postgres?sslmode={more}", server.port())
    };
    let own = format!("verify-full&sslrootcert={}", certificate.display());
    let options = PostgresOptions::new(address("localhost", &own));
    let runtime = node(&options, "one").await;
    assert_eq!(runtime.run(double::with(2)).await.unwrap(), 4);
    let mut own = PgConnection::connect(&server.address()).await.unwrap();
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'workflow' AND NOT ssl";
    let plain: i64 = sqlx::query_scalar(plain).fetch_one(&mut own).await.unwrap();
    assert_eq!(plain, 0, "something is not encrypted");
    ends(&[&runtime]).await;

    // Nobody has signed it that this machine trusts; and it is another's.
    let verified = format!("verify-full&sslrootcert={}", certificate.display());
    for wrong in [address("localhost", "verify-full"), address("127.0.0.1", &verified)] {
        let error = PostgresOptions::new(wrong).open().unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
    }
}

fn runtime_schema(options: &PostgresOptions) -> String {
    let shown = format!("{options:?}");
    shown.rsplit_once('(').and_then(|(_, schema)| schema.split(')').next()).expect("it is shown").to_owned()
}
