//! Many jobs on real threads: bounds hold at every instant, nobody is forgotten, and all places are free in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use workflow_runtime::prelude::*;
use workflow_runtime::{AgentLimits, Breaker, JobFilter, JobHandle, JobState, Queue};

/// How many are at work, and the most there were.
struct Gauge {
    now: AtomicI64,
    most: AtomicI64,
    all: AtomicU64,
}

impl Gauge {
    const fn new() -> Self {
        Self { now: AtomicI64::new(0), most: AtomicI64::new(0), all: AtomicU64::new(0) }
    }

    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.all.fetch_add(1, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn read(&self) -> (i64, i64, u64) {
        let read = |number: &AtomicI64| number.load(Ordering::SeqCst);
        (read(&self.now), read(&self.most), self.all.load(Ordering::SeqCst))
    }
}

async fn some_turns(n: u64) {
    for _ in 0..n % 5 {
        tokio::task::yield_now().await;
    }
    if n.is_multiple_of(17) {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

async fn all<T: Send + 'static>(jobs: Vec<JobHandle<T>>) -> usize {
    let mut good = 0;
    for job in jobs {
        let ended = tokio::time::timeout(Duration::from_secs(30), job.outcome()).await;
        match ended {
            Ok(result) => good += usize::from(result.is_ok()),
            Err(_) => panic!("it never ends: {} {:?}", job.state(), job.tasks()),
        }
    }
    good
}

/// A place that a job was given when it was just over is free a moment after its end.
async fn idle(runtime: &Runtime) {
    let began = Instant::now();
    loop {
        let busy: Vec<_> =
            runtime.queues().into_iter().filter(|queue| (queue.running, queue.waiting) != (0, 0)).collect();
        if busy.is_empty() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{busy:?}");
        tokio::task::yield_now().await;
    }
    let open = runtime.jobs(&JobFilter::new()).into_iter().filter(|job| !job.state.is_over()).count();
    assert_eq!(open, 0);
}

mod queues {
    use super::*;

    static GAUGE: Gauge = Gauge::new();

    #[task_agent]
    async fn step(n: u64) -> u64 {
        GAUGE.enter();
        some_turns(n).await;
        GAUGE.leave();
        n
    }

    workflow! {
        /// A few steps beside each other, and one after them.
        pub workflow Fan(n: u64) -> u64 {
            phase one { many = for i in (*n..*n + 4).collect::<Vec<_>>() { step(i) }; }
            phase two { last = step(many.iter().sum::<u64>()); }
            *last
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_narrow_queue_holds_and_loses_nobody() {
        let builder = Runtime::builder().queue(Queue::new("narrow").concurrency(3).capacity(50));
        let runtime = builder.in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for n in 0..1500 {
            let priority = [Priority::Low, Priority::Normal, Priority::High][n as usize % 3];
            jobs.push(runtime.submit(Fan { n }).queue("narrow").priority(priority).await.unwrap());
        }
        assert_eq!(all(jobs).await, 1500);
        let (now, most, count) = GAUGE.read();
        assert_eq!((now, count), (0, 1500 * 5));
        assert!(most <= 3, "{most}");
        idle(&runtime).await;
    }
}

mod gates {
    use super::*;

    static SCARCE: Gauge = Gauge::new();

    #[task_agent(concurrency = 2)]
    async fn scarce(n: u64) -> u64 {
        SCARCE.enter();
        some_turns(n).await;
        SCARCE.leave();
        n
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn gates_hold_and_lose_nobody() {
        let queue = Queue::new("keyed").concurrency(6).per_key(1);
        let runtime = Runtime::builder().queue(queue).in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for n in 0..3000_u64 {
            let key = format!("key {}", n % 5);
            jobs.push(runtime.submit(scarce::with(n)).queue("keyed").key(key).await.unwrap());
        }
        assert_eq!(all(jobs).await, 3000);
        let (now, most, count) = SCARCE.read();
        assert_eq!((now, count), (0, 3000));
        assert!(most <= 2, "{most}");
        idle(&runtime).await;
    }

    #[task_agent]
    async fn fragile(n: u64) -> Result<u64, AgentError> {
        some_turns(n).await;
        if n.is_multiple_of(3) { Err(AgentError::permanent("it breaks")) } else { Ok(n) }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_breaker_loses_nobody() {
        let breaker = Breaker { failures: 2, cooldown: Duration::from_millis(2) };
        let limits = AgentLimits::new().breaker(breaker).concurrency(4);
        let runtime = Runtime::builder().limits("fragile", limits).in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for n in 0..1500 {
            jobs.push(runtime.submit(fragile::with(n)).await.unwrap());
        }
        assert_eq!(all(jobs).await, 1000);
        idle(&runtime).await;
    }
}

mod trees {
    use super::*;

    #[task_agent]
    async fn leaf(n: u64) -> u64 {
        some_turns(n).await;
        n
    }

    #[task_agent]
    async fn tree(depth: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
        if depth == 0 {
            return Ok(1);
        }
        let mut below = Vec::new();
        for n in 0..3 {
            below.push(ctx.spawn(tree::with(depth - 1)).await?);
            ctx.spawn(leaf::with(n)).await?;
        }
        let mut sum = 1;
        for subtask in below {
            sum += subtask.join().await?;
        }
        Ok(sum)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn who_waits_for_subtasks_in_a_narrow_queue_never_waits_for_itself() {
        let runtime =
            Runtime::builder().queue(Queue::new("narrow").concurrency(2)).in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for _ in 0..30 {
            jobs.push(runtime.submit(tree::with(4)).queue("narrow").await.unwrap());
        }
        let handles = jobs.clone();
        assert_eq!(all(jobs).await, 30);
        for job in handles {
            assert_eq!(job.await.unwrap(), 1 + 3 + 9 + 27 + 81);
        }
        idle(&runtime).await;
    }
}

mod stops {
    use super::*;

    #[task_agent]
    async fn stage(n: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
        tokio::select! {
            () = some_turns(n) => Ok(n),
            () = ctx.cancelled() => Err("told to stop".into()),
        }
    }

    #[task_agent]
    async fn give_back(n: u64) {
        some_turns(n).await;
    }

    workflow! {
        /// Some work that can be taken back, and a child.
        pub workflow Staged(n: u64) -> u64 {
            phase one { #[undo(give_back)] a = stage(*n); #[undo(give_back)] b = stage(*n + 1); }
            phase two { c = Below(*a + *b); }
            phase three { d = stage(*c); }
            *d
        }
    }

    workflow! {
        /// The child.
        pub workflow Below(n: u64) -> u64 {
            phase one { a = stage(*n); }
            phase two { b = stage(*a); }
            *b
        }
    }

    /// Jobs are cancelled, paused and resumed while they run; each ends, and children with their parents.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whoever_cancels_pauses_and_resumes_loses_nobody() {
        let queue = Queue::new("default").concurrency(1_000_000);
        let runtime = Runtime::builder().queue(queue).keep(100_000).in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for n in 0..2000_u64 {
            let job = runtime.submit(Staged { n }).await.unwrap();
            let other = job.clone();
            tokio::spawn(async move {
                some_turns(n * 7).await;
                match n % 4 {
                    0 => drop(other.cancel("enough").await),
                    1 => {
                        other.pause().await;
                        some_turns(n * 3).await;
                        other.resume().await;
                    }
                    2 => {
                        other.pause().await;
                        other.cancel("enough").await;
                    }
                    _ => {}
                }
            });
            jobs.push(job);
        }
        let good = all(jobs).await;
        assert!(good >= 500, "{good}");
        // A child ends before its parent does.
        idle(&runtime).await;
        let succeeded = runtime.jobs(&JobFilter::new().name("Staged").state(JobState::Succeeded)).len();
        let cancelled = runtime.jobs(&JobFilter::new().name("Staged").state(JobState::Cancelled)).len();
        assert_eq!((succeeded, succeeded + cancelled), (good, 2000));
    }

    static GO: tokio::sync::Notify = tokio::sync::Notify::const_new();

    #[task_agent]
    async fn holds_on() {
        GO.notified().await;
    }

    /// It was given a place while it was paused, and what is said to it afterwards comes all at once.
    #[tokio::test]
    async fn a_job_that_is_let_go_on_twice_at_once_begins() {
        let queue = Queue::new("default").concurrency(1);
        let runtime = Runtime::builder().queue(queue).in_memory().await.unwrap();
        let first = runtime.submit(holds_on::with()).await.unwrap();
        let job = runtime.submit(stage::with(1)).await.unwrap();
        assert!(job.pause().await);
        GO.notify_one();
        first.await.unwrap();
        tokio::task::yield_now().await;
        tokio::join!(job.resume(), job.pause(), job.resume());
        let ended = tokio::time::timeout(Duration::from_secs(10), job.outcome()).await;
        assert!(ended.expect("it begins").is_ok());
    }

    #[task_agent]
    async fn stay(ctx: &TaskContext) -> Result<(), AgentError> {
        ctx.cancelled().await;
        Err("told to stop".into())
    }

    workflow! {
        /// Ends when it is told to.
        pub workflow Stays() {
            phase only { stay(); }
        }
    }

    /// The last job whose next step is a call.
    static CALLING: AtomicU64 = AtomicU64::new(0);
    const LAST: u64 = 4000;

    #[task_agent]
    async fn tell(n: u64) {
        CALLING.store(n, Ordering::SeqCst);
    }

    workflow! {
        /// Calls what stays.
        pub workflow Calls(n: u64) {
            phase one { tell(*n); }
            phase two { Stays(); }
        }
    }

    /// A child hears of a cancellation and of a pause that come while it is being called, and of all in their order.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_is_just_called_hears_what_is_said_to_the_caller() {
        let runtime = Runtime::in_memory().await.unwrap();
        // Keeps the threads awake.
        let awake = || async {
            while CALLING.load(Ordering::SeqCst) < LAST {
                tokio::task::yield_now().await;
            }
        };
        let _awake = [tokio::spawn(awake()), tokio::spawn(awake())];
        let mut jobs = Vec::new();
        for n in 1..=LAST {
            let job = runtime.submit(Calls { n }).await.unwrap();
            while CALLING.load(Ordering::SeqCst) < n {
                std::hint::spin_loop();
            }
            for _ in 0..n % 1024 {
                std::hint::spin_loop();
            }
            if n.is_multiple_of(2) {
                job.pause().await;
                job.resume().await;
            }
            job.cancel("enough").await;
            jobs.push(job);
        }
        assert_eq!(all(jobs).await, 0);
        idle(&runtime).await;
    }
}

#[task_agent]
async fn quick(n: u64) -> u64 {
    n
}

/// Who looks for a result between the fold and the write must be woken by the write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_on_a_store_all_end() {
    let store = Arc::new(workflow_runtime::store::MemoryStore::new());
    let runtime = Runtime::builder().on(store).await.unwrap();
    let all = async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..64_u64 {
            let runtime = runtime.clone();
            tasks.spawn(async move {
                for n in 0..40 {
                    let job = runtime.submit(quick::with(task * 100 + n)).await.unwrap();
                    let (told, heard) = tokio::sync::oneshot::channel();
                    job.on_complete(move |_| {
                        let _ = told.send(());
                    });
                    assert_eq!(job.await.unwrap(), task * 100 + n);
                    heard.await.unwrap();
                }
            });
        }
        tasks.join_all().await;
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("they all end");
    assert_eq!(runtime.shutdown(Duration::from_secs(5)).await, 0);
}
