//! How a big database fares, and how several processes do on one: a million jobs that wait beside ten million that are over,
//! work that goes on there, what is forgotten, and four processes where there was one. Everything is in PostgreSQL on the disk,
//! with fsync, and compared with the same where it is small. `JOBS=100000` makes it a hundredth as big.

#[path = "shared/work.rs"]
#[expect(dead_code, reason = "other benches use all of it")]
mod work;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use private_postgres::Server;
use workflow_runtime::prelude::*;
use workflow_runtime::store::sqlx::{self, AssertSqlSafe, Connection, PgConnection};
use workflow_runtime::store::{Change, Entry, Expiry, Lines, Most, PostgresOptions, PostgresStore, Store};
use workflow_tests::bench::median;

use work::{Chain, bytes_of_a_waiting, load, nothing, payload, registry, row};

/// Where a process of this program works, if it is one of several.
const WORKER: &str = "BIG_WORKER";

struct Place {
    server: Server,
    /// How many jobs are over; a tenth as many wait.
    jobs: i64,
}

impl Place {
    async fn runtime(&self, schema: &str) -> Runtime {
        let store = opened(&self.server.address(), schema).await;
        Runtime::builder().registry(registry()).on(store).await.expect("it begins")
    }

    /// One that runs nothing: what is handed in there is free.
    async fn desk(&self, schema: &str) -> Runtime {
        let store = opened(&self.server.address(), schema).await;
        let builder = Runtime::builder().registry(registry()).serves(["nowhere"]);
        builder.on(store).await.expect("it begins")
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.server.address()).await.expect("it connects")
    }

    async fn sql(&self, text: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut self.connection().await).await;
        done.unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    async fn number(&self, text: &str) -> i64 {
        let mut connection = self.connection().await;
        let found = sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(&mut connection).await;
        found.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Makes so many jobs of the first that is in a table; of some columns it is said what is in them.
    async fn multiply(&self, schema: &str, table: &str, jobs: i64, but: &[(&str, &str)]) {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT column_name::text FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2",
        )
        .bind(schema)
        .bind(table)
        .fetch_all(&mut self.connection().await)
        .await
        .expect("it reads");
        let values = columns.iter().map(|column| {
            let said = but.iter().find(|(name, _)| name == column);
            said.map_or(format!("one.{column}"), |(_, value)| (*value).to_owned())
        });
        let (values, columns) = (values.collect::<Vec<_>>().join(", "), columns.join(", "));
        self.sql(&format!(
            "INSERT INTO {schema}.{table} ({columns}) SELECT {values}
             FROM (SELECT * FROM {schema}.{table} LIMIT 1) AS one, generate_series(1, {jobs}) AS n"
        ))
        .await;
        self.sql(&format!("VACUUM ANALYZE {schema}.{table}")).await;
    }

    /// A schema in which so many jobs wait for whoever has room, and so many are over.
    async fn filled(&self, schema: &str, waiting: i64, over: i64) {
        let id =
            ("id", "(lpad(to_hex(1700000000000 + n), 12, '0') || '7000' || right(md5(n::text), 16))::uuid");
        if over > 0 {
            let runtime = self.runtime(schema).await;
            runtime.run(nothing::with(1)).await.expect("it runs");
            runtime.shutdown(Duration::from_secs(5)).await;
            let ended = ("ended", "to_timestamp(1700000000 + n / 1000.0)");
            self.multiply(schema, "done", over, &[id, ended]).await;
        }
        if waiting > 0 {
            let desk = self.desk(schema).await;
            desk.submit(nothing::with(1)).await.expect("it is taken");
            desk.shutdown(Duration::from_secs(5)).await;
            let (id, due) = ((id.0, id.1.replace("17000", "17500")), ("due", "to_timestamp(1700000000 + n)"));
            self.multiply(schema, "live", waiting, &[(id.0, &id.1), due]).await;
        }
    }
}

async fn opened(address: &str, schema: &str) -> Arc<PostgresStore> {
    let options = PostgresOptions::new(address).schema(schema);
    let opened = tokio::task::spawn_blocking(move || options.open()).await;
    Arc::new(opened.expect("it does not panic").expect("it opens"))
}

/// How long it takes to claim a hundred jobs, a hundred times over; each of them ends before the next are claimed.
fn claims(address: &str, schema: &str, end: &Lines) -> Vec<Duration> {
    let store = PostgresOptions::new(address).schema(schema).open().expect("it opens");
    let term = store.begin("bench").expect("it begins");
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        let claimed = store.claim(term, Most::of(100)).expect("it claims");
        times.push(start.elapsed());
        assert_eq!(claimed.len(), 100);
        let ends = claimed.into_iter().map(|claimed| Entry::More {
            job: claimed.kept.head.id,
            epoch: claimed.epoch,
            first: claimed.kept.lines.iter().map(|lines| lines.count).sum(),
            lines: end.clone(),
            change: Some(Box::new(Change {
                ended: Some(claimed.kept.head.submitted),
                ..Change::to(workflow_runtime::JobState::Succeeded)
            })),
        });
        store.write(&ends.collect::<Vec<_>>()).expect("they end");
    }
    store.end(term).expect("it ends");
    times
}

async fn claim(place: &Place) {
    let json = bytes_of_a_waiting(1).await.swap_remove(1);
    let count = serde_json::from_str::<Vec<serde_json::Value>>(&json).expect("an array").len();
    let end = Lines { count: u32::try_from(count).expect("few"), json };
    let timed = async |schema: &str| {
        let (address, schema, end) = (place.server.address(), schema.to_owned(), end.clone());
        let timed = tokio::task::spawn_blocking(move || claims(&address, &schema, &end)).await;
        median(timed.expect("it does not panic")).as_secs_f64() * 1e6
    };
    place.filled("few", 20_000, 0).await;
    let floor = timed("few").await;
    let ours = timed("big").await;
    row("a claim of 100, a million wait, 10 million are over", "us", ours, floor, "flat", ours / floor);
    // What has been claimed and has ended lies before what is claimed next, until it is vacuumed.
    for _ in 0..(place.jobs / 10 / 10_000 / 2 - 2).max(0) {
        timed("big").await;
    }
    let ours = timed("big").await;
    row("the same, when half of them have ended", "us", ours, floor, "flat", ours / floor);
}

async fn chains(place: &Place, schema: &str) -> f64 {
    // What waits there is for others.
    let runtime = {
        let store = opened(&place.server.address(), schema).await;
        let builder = Runtime::builder().registry(registry()).serves(["default"]);
        builder.on(store).await.expect("it begins")
    };
    let jobs = 4000;
    let run = {
        let runtime = runtime.clone();
        move |n| {
            let runtime = runtime.clone();
            async move { runtime.run(Chain { x: payload(n) }).await.expect("a chain runs") }
        }
    };
    load(200, 64, run.clone()).await;
    let (took, sum) = load(jobs, 64, run).await;
    assert_eq!(sum, (0..jobs).map(|n| n + 5).sum::<u64>());
    runtime.shutdown(Duration::from_secs(5)).await;
    f64::from(u32::try_from(jobs).expect("few")) / took.as_secs_f64() / 1e3
}

/// Work beside what is over, and beside what is being forgotten of it, two hundred jobs at a time.
async fn beside(place: &Place) {
    let (mut alone, mut among, mut while_forgetting, mut forgotten) = (vec![], vec![], vec![], vec![]);
    for _ in 0..3 {
        alone.push(chains(place, "small").await);
        among.push(chains(place, "big").await);
        let store = opened(&place.server.address(), "big").await;
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let forgets = tokio::task::spawn_blocking(move || {
            let (start, mut gone) = (Instant::now(), 0);
            let now = store.now().expect("it reads");
            let rule = Expiry { ended_before: now, letters: true, ..Expiry::at_most(200) };
            while stopped.try_recv().is_err() {
                let expired = store.expired(&rule).expect("it reads");
                gone += store.forget(&expired).expect("they are forgotten").len();
            }
            f64::from(u32::try_from(gone).expect("few")) / start.elapsed().as_secs_f64() / 1e3
        });
        while_forgetting.push(chains(place, "big").await);
        stop.send(()).expect("it listens");
        forgotten.push(forgets.await.expect("it does not panic"));
    }
    let middle = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let (alone, among, forgetting) = (middle(alone), middle(among), middle(while_forgetting));
    row("chains of 5 beside 10 million that are over", "k jobs/s", among, alone, ">= 0.9", among / alone);
    let what = format!("the same while {:.1} k jobs/s are forgotten", middle(forgotten));
    row(&what, "k jobs/s", forgetting, alone, "", forgetting / alone);
}

/// How much room there is when ten times as many jobs have been kept and forgotten as are kept.
async fn room(place: &Place) {
    let runtime = place.runtime("room").await;
    let store = opened(&place.server.address(), "room").await;
    let (kept, mut sizes) = (20_000_u64, Vec::new());
    for _ in 0..20 {
        for batch in 0..10 {
            let jobs = runtime.submit_all((0..1000).map(|n| Chain { x: payload(batch * 1000 + n) })).await;
            for job in jobs.expect("they are taken") {
                job.await.expect("it runs");
            }
        }
        let store = Arc::clone(&store);
        let forgets = move || {
            let beyond = usize::try_from(kept).ok();
            let rule = Expiry { beyond, letters: true, ..Expiry::at_most(200) };
            loop {
                let expired = store.expired(&rule).expect("it reads");
                if expired.is_empty() {
                    return;
                }
                store.forget(&expired).expect("they are forgotten");
            }
        };
        tokio::task::spawn_blocking(forgets).await.expect("it does not panic");
        let size = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
                    WHERE relkind = 'r' AND relnamespace = 'room'::regnamespace";
        sizes.push(place.number(size).await);
    }
    runtime.shutdown(Duration::from_secs(5)).await;
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let megabytes = |place: usize| sizes[place] as f64 / 1e6;
    let (early, late) = (megabytes(2), megabytes(19));
    row("room for 20,000 chains, after 200,000, and 30,000", "MB", late, early, "flat", late / early);
}

/// A process of several, which works until its input ends.
fn work(place: &str) {
    let (address, schema) = place.split_once(' ').expect("an address and a schema");
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    tokio.expect("tokio's runtime can be made").block_on(async {
        let store = opened(address, schema).await;
        let builder = Runtime::builder().registry(registry()).serves(["default"]);
        let runtime = builder.on(store).await.expect("it begins");
        runtime.recovered().await;
        println!("ready");
        let end = || std::io::stdin().read_line(&mut String::new());
        tokio::task::spawn_blocking(end).await.expect("it does not panic").expect("it reads");
        runtime.shutdown(Duration::from_secs(5)).await;
    });
}

/// How long it takes so many processes to drain jobs that were waiting for somebody.
async fn drained_by(place: &Place, schema: &str, processes: usize, jobs: u32) -> Duration {
    let desk = place.desk(schema).await;
    for batch in 0..jobs / 1000 {
        let many = (0..1000).map(|n| nothing::with(u64::from(batch * 1000 + n)));
        desk.submit_all(many).await.expect("they are taken");
    }
    // Nobody sees them before all are there.
    place.sql(&format!("UPDATE {schema}.live SET queue = 'later'")).await;
    place.sql(&format!("VACUUM {schema}.live")).await;
    let mut workers: Vec<Child> = (0..processes).map(|_| worker(place, schema)).collect();
    for worker in &mut workers {
        let mut said = String::new();
        let out = worker.stdout.as_mut().expect("it is piped");
        BufReader::new(out).read_line(&mut said).expect("it reads");
        assert_eq!(said, "ready\n");
    }
    let start = Instant::now();
    place
        .sql(&format!("UPDATE {schema}.live SET queue = 'default'; SELECT pg_notify('{schema}', 'jobs')"))
        .await;
    let left = format!("SELECT count(*) FROM {schema}.live");
    let mut connection = place.connection().await;
    loop {
        let left: i64 =
            sqlx::query_scalar(AssertSqlSafe(&*left)).fetch_one(&mut connection).await.expect("it counts");
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = start.elapsed();
    for mut worker in workers {
        drop(worker.stdin.take().expect("it is piped").write_all(b"\n"));
        worker.wait().expect("it ends");
    }
    desk.shutdown(Duration::from_secs(5)).await;
    took
}

fn worker(place: &Place, schema: &str) -> Child {
    Command::new(std::env::current_exe().expect("it is known"))
        .env(WORKER, format!("{} {schema}", place.server.address()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

async fn processes(place: &Place) {
    let jobs = 20_000;
    let (mut one, mut four) = (Vec::new(), Vec::new());
    for round in 0..3 {
        one.push(drained_by(place, &format!("one_{round}"), 1, jobs).await);
        four.push(drained_by(place, &format!("four_{round}"), 4, jobs).await);
    }
    let rate = |times| f64::from(jobs) / median(times).as_secs_f64() / 1e3;
    let (one, four) = (rate(one), rate(four));
    row("20,000 no-op jobs drained by 4 processes, by one", "k jobs/s", four, one, ">= 1", four / one);
}

fn main() {
    if let Ok(place) = std::env::var(WORKER) {
        return work(&place);
    }
    let only: Option<String> = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let jobs = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(10_000_000);
    // A minute of usual work is one or two seconds here, and autovacuum looks as often.
    let server =
        Server::start(&["max_wal_size=4GB", "autovacuum_naptime=2s"]).unwrap_or_else(|why| panic!("{why}"));
    let place = Place { server, jobs };
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    println!("{:<52} {:>10} {:>10} {:<8} {:>6}   target", "work", "there", "small", "", "ratio");
    tokio.expect("tokio's runtime can be made").block_on(async {
        if wants("processes") {
            processes(&place).await;
        }
        if wants("room") {
            room(&place).await;
        }
        if wants("claim") || wants("beside") {
            place.filled("big", (place.jobs / 10).max(30_000), place.jobs).await;
        }
        if wants("claim") {
            claim(&place).await;
        }
        if wants("beside") {
            // For others.
            place.sql("UPDATE big.live SET queue = 'later'").await;
            place.sql("VACUUM big.live").await;
            beside(&place).await;
        }
    });
}
