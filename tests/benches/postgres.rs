//! How fast jobs are that are kept in PostgreSQL: each row beside its floor, which is raw SQL on one connection to the same
//! private server, with fsync; both measured in this run, and every result checked.

#[path = "shared/work.rs"]
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use private_postgres::Server;
use tokio::sync::{mpsc, oneshot};
use workflow_runtime::prelude::*;
use workflow_runtime::store::PostgresOptions;
use workflow_runtime::store::sqlx::{self, Connection, PgConnection};
use workflow_tests::bench::median;

use work::{Chain, bytes_of, bytes_of_a_waiting, load, nothing, payload, registry, row, since_start, stamp};

/// Rows that are to be written, and who waits for it.
type Rows = (Vec<(i64, String)>, oneshot::Sender<()>);

/// The floor: one connection that inserts texts into one table, and at once whatever came while the last of it was written.
#[derive(Clone)]
struct Bare(mpsc::UnboundedSender<Rows>);

impl Bare {
    async fn open(place: &Place) -> Self {
        let mut connection = PgConnection::connect(&place.server.address()).await.expect("it connects");
        let make = "DROP TABLE IF EXISTS bare; \
                    CREATE TABLE bare (entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job bigint, json text)";
        sqlx::raw_sql(make).execute(&mut connection).await.expect("the table is new");
        let (bare, mut inbox) = mpsc::unbounded_channel::<Rows>();
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while inbox.recv_many(&mut batch, usize::MAX).await > 0 {
                let (jobs, texts): (Vec<i64>, Vec<String>) =
                    batch.iter_mut().flat_map(|(rows, _)| std::mem::take(rows)).unzip();
                let insert = "INSERT INTO bare (job, json) SELECT * FROM unnest($1, $2)";
                let inserted = sqlx::query(insert).bind(jobs).bind(texts).execute(&mut connection).await;
                inserted.expect("they are written");
                batch.drain(..).for_each(|(_, told)| _ = told.send(()));
            }
        });
        Self(bare)
    }

    async fn write_all(&self, rows: Vec<(i64, String)>) {
        let (told, answer) = oneshot::channel();
        self.0.send((rows, told)).expect("somebody writes");
        answer.await.expect("it answers");
    }

    async fn write(&self, job: u64, json: String) {
        self.write_all(vec![(i64::try_from(job).expect("small"), json)]).await;
    }
}

struct Place {
    name: &'static str,
    server: Server,
    schemas: AtomicU64,
}

impl Place {
    async fn open(&self) -> Runtime {
        let schema = format!("bench_{}", self.schemas.fetch_add(1, Relaxed));
        let address = self.server.address();
        let opened =
            tokio::task::spawn_blocking(move || PostgresOptions::new(address).schema(schema).open()).await;
        let store = opened.expect("it does not panic").expect("it opens");
        Runtime::builder().registry(registry()).on(Arc::new(store)).await.expect("it begins")
    }
}

async fn end(runtime: Runtime) {
    runtime.shutdown(Duration::from_secs(5)).await;
}

fn thousands(count: u32, times: Vec<Duration>) -> f64 {
    f64::from(count) / median(times).as_secs_f64() / 1e3
}

async fn chain(place: &Place, rounds: usize) {
    let texts = Arc::new(bytes_of(Chain { x: payload(1234) }).await);
    let jobs = 2000;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let runtime = place.open().await;
        let job = {
            let runtime = runtime.clone();
            move |n| {
                let runtime = runtime.clone();
                async move { runtime.run(Chain { x: payload(n) }).await.expect("a chain runs") }
            }
        };
        load(64, 64, job.clone()).await;
        let (took, sum) = load(jobs, 64, job).await;
        assert_eq!(sum, (0..jobs).map(|n| n + 5).sum::<u64>());
        ours.push(took);
        end(runtime).await;

        let bare = Bare::open(place).await;
        let texts = Arc::clone(&texts);
        let job = move |n| {
            let (bare, texts) = (bare.clone(), Arc::clone(&texts));
            async move {
                for text in &*texts {
                    bare.write(n, text.clone()).await;
                }
                1
            }
        };
        floor.push(load(jobs, 64, job).await.0);
    }
    let (a, b) = (thousands(2000, ours), thousands(2000, floor));
    row(&format!("chain of 5, 64 at a time, {}", place.name), "k jobs/s", a, b, ">= 0.8", a / b);
}

async fn submits(place: &Place, rounds: usize) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let (mut batches, mut batch_floor) = (Vec::new(), Vec::new());
    let text = bytes_of_a_waiting(1234).await.swap_remove(0);
    for _ in 0..rounds {
        let runtime = place.open().await;
        runtime.pause_queue("default").await.expect("it is written down");
        let job = {
            let runtime = runtime.clone();
            move |n| {
                let runtime = runtime.clone();
                async move {
                    runtime.submit(nothing::with(n)).await.expect("it is taken");
                    1
                }
            }
        };
        ours.push(load(20_000, 16, job).await.0);
        let start = Instant::now();
        for batch in 0..20 {
            let many = (0..1000).map(|n| nothing::with(batch * 1000 + n));
            runtime.submit_all(many).await.expect("they are taken");
        }
        batches.push(start.elapsed());
        end(runtime).await;

        let bare = Bare::open(place).await;
        let (again, text_again) = (bare.clone(), text.clone());
        let job = move |n| {
            let (bare, text) = (bare.clone(), text_again.clone());
            async move {
                bare.write(n, text).await;
                1
            }
        };
        floor.push(load(20_000, 16, job).await.0);
        let start = Instant::now();
        for batch in 0..20 {
            again.write_all((0..1000).map(|n| (batch * 1000 + n, text.clone())).collect()).await;
        }
        batch_floor.push(start.elapsed());
    }
    let (a, b) = (thousands(20_000, ours), thousands(20_000, floor));
    row(&format!("submit one by one, 16 tasks, {}", place.name), "k jobs/s", a, b, ">= 0.8", a / b);
    let (a, b) = (thousands(20_000, batches), thousands(20_000, batch_floor));
    row(&format!("submit in batches of 1,000, {}", place.name), "k jobs/s", a, b, ">= 0.8", a / b);
}

/// The floor claims jobs in batches of 100 and completes them, on one connection.
async fn drain(place: &Place, rounds: usize) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let runtime = place.open().await;
        runtime.pause_queue("default").await.expect("it pauses");
        let mut jobs = Vec::new();
        for batch in 0..20 {
            let many = (0..1000).map(|n| nothing::with(batch * 1000 + n));
            jobs.extend(runtime.submit_all(many).await.expect("they are taken"));
        }
        let start = Instant::now();
        runtime.resume_queue("default").await.expect("it goes on");
        let mut sum = 0;
        for job in jobs {
            sum += job.await.expect("it runs");
        }
        ours.push(start.elapsed());
        assert_eq!(sum, (0..20_000).sum::<u64>());
        end(runtime).await;

        let mut connection = PgConnection::connect(&place.server.address()).await.expect("it connects");
        let make = "DROP TABLE IF EXISTS bare_jobs; \
                    CREATE TABLE bare_jobs (id bigint PRIMARY KEY, state text NOT NULL, input text, output text); \
                    CREATE INDEX ON bare_jobs (id) WHERE state = 'waiting'; \
                    INSERT INTO bare_jobs SELECT n, 'waiting', '{\"n\":' || n || '}' FROM generate_series(1, 20000) AS n";
        sqlx::raw_sql(make).execute(&mut connection).await.expect("the table is new");
        let start = Instant::now();
        loop {
            let claim = "UPDATE bare_jobs SET state = 'running' WHERE id IN (SELECT id FROM bare_jobs \
                         WHERE state = 'waiting' ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING id";
            let claimed: Vec<i64> =
                sqlx::query_scalar(claim).fetch_all(&mut connection).await.expect("it claims");
            if claimed.is_empty() {
                break;
            }
            let outputs = vec!["1".to_owned(); claimed.len()];
            let done = "UPDATE bare_jobs SET state = 'done', output = done.output \
                        FROM unnest($1, $2) AS done (id, output) WHERE bare_jobs.id = done.id";
            sqlx::query(done)
                .bind(claimed)
                .bind(outputs)
                .execute(&mut connection)
                .await
                .expect("it completes");
        }
        floor.push(start.elapsed());
    }
    let (a, b) = (thousands(20_000, ours), thousands(20_000, floor));
    row(&format!("20,000 no-op jobs drained, {}", place.name), "k jobs/s", a, b, ">= 0.5", a / b);
}

/// The floor inserts, and is told by NOTIFY on another connection, which claims.
async fn latency(place: &Place) {
    let runtime = place.open().await;
    for _ in 0..100 {
        runtime.run(stamp::with(since_start())).await.expect("it runs");
    }
    let address = place.server.address();
    let mut inserts = PgConnection::connect(&address).await.expect("it connects");
    let mut claims = PgConnection::connect(&address).await.expect("it connects");
    let mut listener = sqlx::postgres::PgListener::connect(&address).await.expect("it connects");
    listener.listen("bare").await.expect("it listens");
    let make = "DROP TABLE IF EXISTS bare_jobs; \
                CREATE TABLE bare_jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text, input text)";
    sqlx::raw_sql(make).execute(&mut inserts).await.expect("the table is new");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_micros(500)).await;
        let job = runtime.submit(stamp::with(since_start())).await.expect("it is taken");
        ours.push(Duration::from_nanos(job.await.expect("it runs")));
        tokio::time::sleep(Duration::from_micros(500)).await;
        let start = Instant::now();
        let insert = "WITH new AS (INSERT INTO bare_jobs (state, input) VALUES ('waiting', '{}') RETURNING id) \
                      SELECT pg_notify('bare', id::text) FROM new";
        sqlx::query(insert).execute(&mut inserts).await.expect("it is written");
        listener.recv().await.expect("it is told");
        let claim = "UPDATE bare_jobs SET state = 'running' WHERE id IN (SELECT id FROM bare_jobs \
                     WHERE state = 'waiting' LIMIT 1 FOR UPDATE SKIP LOCKED)";
        sqlx::query(claim).execute(&mut claims).await.expect("it claims");
        floor.push(start.elapsed());
    }
    end(runtime).await;
    let (a, b) = (median(ours).as_secs_f64() * 1e6, median(floor).as_secs_f64() * 1e6);
    row(&format!("idle submit to the first line, {}", place.name), "us", a, b, "<= 1.3", a / b);
}

fn main() {
    let only: Option<String> = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let tokio = tokio.expect("tokio's runtime can be made");
    let mut places = vec![("disk", std::env::temp_dir())];
    let ram = PathBuf::from("/dev/shm");
    if ram.is_dir() {
        places.push(("RAM disk", ram));
    }
    println!("{:<52} {:>10} {:>10} {:<8} {:>6}   target", "work", "ours", "floor", "", "ratio");
    for (name, folder) in places {
        let server = Server::start_in(&folder, &["max_wal_size=4GB"]).unwrap_or_else(|why| panic!("{why}"));
        let place = Place { name, server, schemas: AtomicU64::new(0) };
        tokio.block_on(async {
            if wants("chain") {
                chain(&place, rounds).await;
            }
            if wants("submit") {
                submits(&place, rounds).await;
            }
            if wants("drain") {
                drain(&place, rounds).await;
            }
            if wants("latency") {
                latency(&place).await;
            }
        });
    }
}
