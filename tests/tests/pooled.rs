//! PostgreSQL by way of a pooler that gives a connection for one transaction at a time. Where there is none, that is said,
//! and nothing is tried.

use std::sync::Arc;
use std::time::Duration;

use private_postgres::{Pooler, Server};
use workflow_runtime::prelude::*;
use workflow_runtime::store::sqlx::postgres::PgConnectOptions;
use workflow_runtime::store::sqlx::{self, Connection, PgConnection, Row};
use workflow_runtime::store::{PostgresOptions, PostgresStore};
use workflow_runtime::testing::conformance;
use workflow_runtime::{JobFilter, JobState, Registry};
use workflow_tests::fleet::Fleet;
use workflow_tests::postgres;

/// Fewer than two nodes have.
const CONNECTIONS: u32 = 3;

fn pooled(connections: u32) -> Option<(Server, Pooler)> {
    let server = Server::start(&["fsync=off", "full_page_writes=off"]).unwrap_or_else(|why| panic!("{why}"));
    let pooler = Pooler::before(&server, connections).unwrap_or_else(|why| panic!("{why}"));
    if pooler.is_none() {
        eprintln!("skipped: there is no PgBouncer in PATH or in /usr/sbin");
    }
    Some((server, pooler?))
}

#[test]
fn behind_a_pooler_a_store_keeps_its_promises() {
    let Some((_server, pooler)) = pooled(CONNECTIONS) else { return };
    let open = |schema: &str| {
        PostgresOptions::new(pooler.address()).schema(schema).pooled().open().expect("it opens")
    };
    let reopen = |store: PostgresStore| {
        let schema = store.schema().to_owned();
        drop(store);
        open(&schema)
    };
    conformance::check(|| open(&postgres::schema()), reopen).expect("it keeps its promises");
}

#[test]
fn whatever_happens_to_nodes_behind_a_pooler_nothing_is_lost() {
    let Some((server, pooler)) = pooled(8) else { return };
    let fleet = Fleet::of_victims(env!("CARGO_BIN_EXE_victim"), 3, 40).through(pooler.port());
    let judged = fleet.run(&server).and_then(|sailed| sailed.judge());
    println!("{}", judged.unwrap_or_else(|problem| panic!("{problem}")));
}

#[task_agent]
async fn double(n: i64) -> i64 {
    n * 2
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
    let registry =
        Registry::builder().agent::<double>().workflow::<Patient>().build().expect("they are right");
    let store = Arc::new(options.clone().open().expect("it opens"));
    let runtime = Runtime::builder().registry(registry).node(name).on(store).await.expect("it starts");
    runtime.recovered().await;
    runtime
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_the_connections_of_a_pooler_and_leave_nothing_on_them() {
    let Some((_server, pooler)) = pooled(CONNECTIONS) else { return };
    let options = PostgresOptions::new(pooler.address()).lease(Duration::from_secs(2)).pooled();
    let (one, two) = (node(&options, "one").await, node(&options, "two").await);
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (here, there) = if n % 2 == 0 { (one.clone(), two.clone()) } else { (two.clone(), one.clone()) };
        asked.spawn(async move {
            let job = here.submit(Patient {}).await.expect("it is taken in");
            let far = there.fetch(job.id()).await.expect("it can be read").expect("it is there");
            far.signal("number", n).await.expect("it is heard");
            assert_eq!(job.outcome().await.expect("it succeeds"), n * 2);
            assert_eq!(far.outcome().await.expect("it succeeds"), serde_json::json!(n * 2));
        });
    }
    asked.join_all().await;

    // Who leaves and who stays share them, too.
    let left = one.submit(Patient {}).await.unwrap().id();
    one.shutdown(Duration::from_secs(5)).await;
    let job = two.fetch(left).await.unwrap().unwrap();
    job.signal("number", 21).await.unwrap();
    assert_eq!(job.outcome().await.unwrap(), serde_json::json!(42));
    let kept = two.history(JobFilter::new()).await.unwrap();
    assert_eq!(kept.len(), 101);
    assert!(kept.iter().all(|head| head.state == JobState::Succeeded), "{kept:?}");
    two.shutdown(Duration::from_secs(5)).await;

    let address: PgConnectOptions = pooler.address().parse().unwrap();
    for _ in 0..CONNECTIONS * 3 {
        let mut own = PgConnection::connect_with(&address.clone().extra_float_digits(None)).await.unwrap();
        let left = "SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql";
        let left = sqlx::raw_sql(left).fetch_one(&mut own).await.unwrap();
        assert_eq!(left.get::<i64, _>(0), 0, "statements are left");
    }
}
