//! Work that is done on a thread of its own, and left there when it does not end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use workflow_runtime::{AgentError, TaskContext};

/// For how long work that was told to stop is waited for.
const GRACE: Duration = Duration::from_millis(500);

/// How many threads there may be at once, with those that were left to themselves and have not ended yet.
const THREADS: usize = 256;

/// How large the stack of its thread is.
const STACK: usize = 16 << 20;

/// What stops work: it asks now and then whether it is to stop.
#[derive(Debug)]
pub(crate) struct Brake {
    is_pulled: AtomicBool,
    also: fn(),
}

impl Brake {
    pub(crate) fn is_pulled(&self) -> bool {
        self.is_pulled.load(Ordering::SeqCst)
    }

    /// One that nobody pulls.
    #[cfg(all(test, feature = "lua"))]
    pub(crate) fn loose() -> Arc<Self> {
        Arc::new(Self { is_pulled: AtomicBool::new(false), also: || {} })
    }

    fn pull(&self) {
        self.is_pulled.store(true, Ordering::SeqCst);
        (self.also)();
    }
}

/// Pulls the brake when nobody waits for the work any more.
struct Pulled(Arc<Brake>);

impl Drop for Pulled {
    fn drop(&mut self) {
        self.0.pull();
    }
}

/// A thread, counted as long as it goes on.
struct Counted(&'static AtomicUsize);

impl Counted {
    /// One more, if there are fewer than may be.
    fn one(of: &'static AtomicUsize, most: usize) -> Option<Self> {
        let before = of.fetch_add(1, Ordering::Relaxed);
        let counted = Self(of);
        (before < most).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// A piece of work for a thread of its own.
pub(crate) struct Aside {
    /// What it is called, in errors and as a thread.
    pub(crate) name: &'static str,
    /// For how long it may go on, whatever its step's timeout is.
    pub(crate) time: Option<Duration>,
    /// What else is to be done so that it asks whether it is to stop.
    pub(crate) also: fn(),
}

type Came<T> = Result<T, AgentError>;

impl Aside {
    /// Does the work, until it ends, or is to end. What it gives soon after that counts. If it does not end at all, its thread is left
    /// to itself: no thread of tokio's waits for it, and neither does the end of the process.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        context: &TaskContext,
        work: impl FnOnce(&Arc<Brake>) -> Came<T> + Send + 'static,
    ) -> Came<T> {
        let brake = Pulled(Arc::new(Brake { is_pulled: AtomicBool::new(false), also: self.also }));
        if Handle::try_current().is_err() {
            let needs = format!(
                "a {} needs tokio, which does not run here; in a test, put something else in its place",
                self.name
            );
            return Err(AgentError::permanent(needs));
        }
        let (told, mut answer) = oneshot::channel();
        // Who asked may be gone.
        self.start(&brake, work, move |came| drop(told.send(came)))?;
        let late = async {
            match self.time {
                Some(time) => context.sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            came = &mut answer => return came.unwrap_or_else(|_| Err(self.gone())),
            () = late => self.late(),
            () = context.cancelled() => "was ended, for its attempt was told to stop".to_owned(),
        };
        brake.0.pull();
        tokio::select! {
            came = answer => self.given(came.ok(), why),
            () = context.sleep(GRACE) => Err(self.left(&why)),
        }
    }

    fn start<T: Send + 'static>(
        &self,
        brake: &Pulled,
        work: impl FnOnce(&Arc<Brake>) -> Came<T> + Send + 'static,
        tell: impl FnOnce(Came<T>) + Send + 'static,
    ) -> Came<()> {
        let brake = Arc::clone(&brake.0);
        let Some(counted) = Counted::one(&RUNNING, THREADS) else {
            let told =
                format!("{THREADS} threads of scripts and components go on already, which is as many as may");
            return Err(AgentError::retry(told));
        };
        let builder = std::thread::Builder::new().name(format!("workflow-{}", self.name)).stack_size(STACK);
        let started = builder.spawn(move || {
            let _counted = counted;
            tell(work(&brake));
        });
        started.map(drop).map_err(|error| {
            AgentError::retry(format!("no thread can be started for {}: {error}", self.name))
        })
    }

    /// What it has given although it was told to stop, or why it was.
    fn given<T>(&self, came: Option<Came<T>>, why: String) -> Came<T> {
        match came {
            Some(Ok(value)) => Ok(value),
            _ => Err(AgentError::retry(format!("the {} {why}", self.name))),
        }
    }

    fn late(&self) -> String {
        let time = workflow_graph::format_duration(self.time.unwrap_or_default());
        format!("was ended after {time}, which is as long as its role may run it")
    }

    fn left(&self, why: &str) -> AgentError {
        AgentError::retry(format!("the {} {why}; it has not ended yet, and nobody waits for it", self.name))
    }

    fn gone(&self) -> AgentError {
        AgentError::permanent(format!("the {} broke what runs it; report this as a bug", self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use workflow_runtime::{Resources, TaskManager};

    use super::*;

    fn context() -> TaskContext {
        TaskContext::new("job", "task", 1, Arc::new(Resources::new()), TaskManager::default())
    }

    fn aside(time: Option<Duration>) -> Aside {
        Aside { name: "work", time, also: || {} }
    }

    #[tokio::test]
    async fn who_is_dropped_stops_what_it_does() {
        let (told, news) = mpsc::channel();
        let context = context();
        let work = aside(None).run(&context, move |brake| {
            told.send("begun").map_err(AgentError::permanent)?;
            while !brake.is_pulled() {
                std::thread::yield_now();
            }
            told.send("over").map_err(AgentError::permanent)
        });
        let mut work = Box::pin(work);
        std::future::poll_fn(|waker| {
            assert!(work.as_mut().poll(waker).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(news.recv(), Ok("begun"));
        drop(work);
        assert_eq!(news.recv(), Ok("over"));
    }

    #[tokio::test]
    async fn what_does_not_end_is_left_to_itself() {
        let (end, ended) = mpsc::channel::<()>();
        let context = context();
        let came = aside(Some(Duration::from_secs(1))).run(&context, move |_| {
            ended.recv().ok();
            Ok(())
        });
        let told = came.await.expect_err("it does not end").to_string();
        assert!(
            told.contains("the work was ended after 1s") && told.ends_with("nobody waits for it"),
            "{told}"
        );
        drop(end);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error() {
        let context = context();
        let came = aside(None).run::<()>(&context, |_| panic!("on purpose"));
        assert!(came.await.expect_err("it panics").to_string().contains("report this as a bug"));
    }

    #[test]
    fn threads_that_go_on_are_counted_until_they_end() {
        static SOME: AtomicUsize = AtomicUsize::new(0);
        let (one, other) = (Counted::one(&SOME, 2), Counted::one(&SOME, 2));
        assert!(one.is_some() && other.is_some());
        assert!(Counted::one(&SOME, 2).is_none() && Counted::one(&SOME, 2).is_none());
        drop(one);
        assert!(Counted::one(&SOME, 2).is_some());
    }
}
