//! What a dashboard costs the jobs that it shows: the same work with nobody looking, and with those who look, in turn in one
//! process and on one file. Who looks does what the pages do: listens, and asks again when something has changed.
//! `DISK=/path` says where the file is, `ROUNDS` how often each is measured.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use workflow_runtime::http::Site;
use workflow_runtime::prelude::*;
use workflow_tests::http::Client;

#[task_agent]
async fn step(n: u64) -> u64 {
    n + 1
}

workflow! {
    /// Five steps, one after the other.
    workflow Chain(n: u64) -> u64 {
        phase all {
            a = step(n);
            b = step(a);
            c = step(b);
            d = step(c);
            e = step(d);
        }
        *e
    }
}

/// Jobs of each measurement, and how many run at a time.
const JOBS: u64 = 40_000;
const AT_ONCE: u64 = 64;

/// Who looks at the jobs meanwhile.
#[derive(Debug, Clone, Copy)]
enum Look {
    Nobody,
    /// The list of jobs is open, in so many browsers.
    Lists(usize),
    /// So many look at a job each: the newest, until it is over, and then the next.
    Jobs(usize),
    /// So many have begun to listen, and read nothing.
    Stuck(usize),
}

impl Look {
    fn name(self) -> String {
        match self {
            Self::Nobody => "nobody looks".to_owned(),
            Self::Lists(count) => format!("{count} with the list of jobs open"),
            Self::Jobs(count) => format!("{count} with a job open"),
            Self::Stuck(count) => format!("{count} who are stuck"),
        }
    }
}

/// Those who look, until it is dropped.
struct Looking {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Held open, and not read.
    _stuck: Vec<TcpStream>,
}

impl Looking {
    fn begin(look: Look, address: SocketAddr, answers: &Arc<AtomicU64>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (mut threads, mut stuck) = (Vec::new(), Vec::new());
        let mut start = |body: fn(&Client, &AtomicBool, &AtomicU64)| {
            let (client, is_over, answers) =
                (Client::new(address), Arc::clone(&is_over), Arc::clone(answers));
            threads.push(std::thread::spawn(move || body(&client, &is_over, &answers)));
        };
        match look {
            Look::Nobody => {}
            Look::Lists(count) => (0..count).for_each(|_| start(look_at_list)),
            Look::Jobs(count) => (0..count).for_each(|_| start(look_at_jobs)),
            Look::Stuck(count) => {
                let client = Client::new(address);
                // They hear that they are answered, and no more.
                let begin = |path: &str| {
                    let mut stream = client.open("GET", path, None);
                    stream.read_exact(&mut [0]).expect("there is an answer");
                    stream
                };
                stuck.extend((0..count).map(|_| begin("/api/events")));
                stuck.extend((0..count).map(|_| begin("/api/jobs?limit=1000")));
            }
        }
        Self { is_over, threads, _stuck: stuck }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn look_at_list(client: &Client, is_over: &AtomicBool, answers: &AtomicU64) {
    for _ in client.events("/api/events") {
        if is_over.load(Relaxed) {
            return;
        }
        assert_eq!(client.get("/api/jobs?limit=80").status, 200);
        answers.fetch_add(1, Relaxed);
    }
}

fn look_at_jobs(client: &Client, is_over: &AtomicBool, answers: &AtomicU64) {
    while !is_over.load(Relaxed) {
        let newest = client.get("/api/jobs?limit=1").json();
        let Some(id) = newest["jobs"][0]["id"].as_str() else { continue };
        client.events(&format!("/api/jobs/{id}/events")).for_each(drop);
        assert_eq!(client.get(&format!("/api/jobs/{id}")).status, 200);
        answers.fetch_add(1, Relaxed);
        // Nobody opens more pages than this.
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn main() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let disk = std::env::var_os("DISK").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = disk.join(format!("workflow-bench-dashboard-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("it starts");
    // Nobody twice: so much is noise.
    let all = [Look::Nobody, Look::Nobody, Look::Lists(1), Look::Lists(8), Look::Jobs(4), Look::Stuck(16)];
    let mut rates = vec![Vec::new(); all.len()];
    let mut told = vec![0; all.len()];
    tokio.block_on(async {
        let runtime = Runtime::open(folder.join("jobs.db")).await.expect("it opens");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        tokio::spawn(Site::new(&runtime).serve(listener, std::future::pending()));
        for round in 0..=rounds {
            // What comes first in one round comes last in the next.
            for place in (0..all.len()).map(|place| (place + round) % all.len()) {
                let (rate, answered) = measure(&runtime, address, all[place]).await;
                // The first round warms up.
                if round > 0 {
                    rates[place].push(rate);
                    told[place] += answered;
                }
            }
        }
        runtime.shutdown(Duration::from_secs(5)).await;
    });
    println!("{:<32} {:>9} {:>10} {:>16}   target", "who looks", "jobs/s", "slower by", "pages answered");
    for (place, look) in all.iter().enumerate() {
        // Each is compared with what nobody looked at in the same round.
        let slower = rates[place].iter().zip(&rates[0]).map(|(rate, alone)| 100.0 * (1.0 - rate / alone));
        let slower = middle(slower.collect());
        let target = if matches!(look, Look::Nobody) { "" } else { "< 5 %" };
        let rate = middle(rates[place].clone());
        println!("{:<32} {rate:>9.0} {slower:>8.1} % {:>16}   {target}", look.name(), told[place]);
    }
    let _ = std::fs::remove_dir_all(&folder);
}

fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// How many jobs are done in a second while somebody looks, and how often those who look were answered.
async fn measure(runtime: &Runtime, address: SocketAddr, look: Look) -> (f64, u64) {
    let answers = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&answers);
    let looking = tokio::task::spawn_blocking(move || Looking::begin(look, address, &counted));
    let looking = looking.await.expect("they begin");
    let took = work(runtime).await;
    let answered = answers.load(Relaxed);
    let ending = tokio::task::spawn_blocking(move || drop(looking));
    while !ending.is_finished() {
        // Who listens has to hear of something to look up.
        runtime.run(Chain { n: 0 }).await.expect("it runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (JOBS as f64 / took.as_secs_f64(), answered)
}

/// Runs the jobs, and gives how long it took.
async fn work(runtime: &Runtime) -> Duration {
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (runtime, next) = (runtime.clone(), Arc::clone(&next));
        clients.spawn(async move {
            loop {
                let n = next.fetch_add(1, Relaxed);
                if n >= JOBS {
                    return;
                }
                assert_eq!(runtime.run(Chain { n }).await.expect("it runs"), n + 5);
            }
        });
    }
    clients.join_all().await;
    start.elapsed()
}
