//! Pools: at most so many instances, each used by one at a time, made when needed, replaced when broken.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use workflow_runtime::{AgentError, Pool, Pooled};

fn counting(size: usize) -> (Pool<usize>, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let make = move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, AgentError>(number) }
    };
    (Pool::new(size, make), made)
}

/// What a future gives when it is asked once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn get(pool: &Pool<usize>) -> Option<Pooled<usize>> {
    now(pool.get()).map(|instance| instance.unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn there_are_never_more_than_so_many() {
    let (pool, made) = counting(2);
    let (one, other) = (get(&pool).unwrap(), get(&pool).unwrap());
    assert!(get(&pool).is_none());
    assert_eq!((*one, *other, made.load(Ordering::SeqCst)), (0, 1, 2));
    drop(other);
    assert_eq!(*get(&pool).unwrap(), 1);
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[test]
fn a_discarded_instance_is_made_anew() {
    let (pool, made) = counting(1);
    get(&pool).unwrap().discard();
    assert_eq!((*get(&pool).unwrap(), made.load(Ordering::SeqCst)), (1, 2));
}

#[test]
fn an_instance_that_saw_a_panic_does_not_come_back() {
    let (pool, _) = counting(1);
    let instance = get(&pool).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = instance;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(*get(&pool).unwrap(), 1);
}

#[test]
fn a_failure_to_make_one_gives_the_place_back() {
    let calls = AtomicUsize::new(0);
    let pool = Pool::new(1, move || {
        let fails = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if fails { Err("not today") } else { Ok(7_usize) } }
    });
    assert_eq!(now(pool.get()).unwrap().unwrap_err().to_string(), "not today");
    assert_eq!(*get(&pool).unwrap(), 7);
}

mod in_a_runtime {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use workflow_runtime::Pool;
    use workflow_runtime::prelude::*;
    use workflow_runtime::testing::TestRuntime;

    struct Browser(usize);

    #[task_agent]
    async fn browse(page: u64, browser: Pooled<Browser>, ctx: &TaskContext) -> usize {
        ctx.sleep(std::time::Duration::from_secs(page)).await;
        browser.0
    }

    #[tokio::test]
    async fn attempts_share_a_bounded_pool() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let make = || async { Ok::<_, AgentError>(Browser(MADE.fetch_add(1, Ordering::SeqCst))) };
        let runtime = TestRuntime::of(Runtime::builder().pool(Pool::new(2, make)));
        let jobs = runtime.submit_all((0..6).map(|_| browse::with(10))).await.unwrap();
        let mut used = Vec::new();
        for job in jobs {
            used.push(job.await.unwrap());
        }
        assert_eq!(MADE.load(Ordering::SeqCst), 2, "{used:?}");
        assert_eq!(runtime.elapsed().as_secs(), 30, "two at a time");
    }
}
