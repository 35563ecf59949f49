//! A program that has something of everything, and its dashboard.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use workflow_runtime::http::Site;
use workflow_runtime::prelude::*;
use workflow_runtime::{Queue, Runtime, RuntimeBuilder};
use workflow_tests::browser::{Browser, Page};
use workflow_tests::http::Client;

/// Which gates are open, and that one more is.
static GATES: LazyLock<(Mutex<HashSet<String>>, Notify)> = LazyLock::new(Default::default);

/// Lets those pass who wait at a gate, and all who come later.
pub(crate) fn open_gate(name: &str) {
    GATES.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    GATES.1.notify_waiters();
}

/// How large a thing is.
#[data]
#[serde(rename_all = "snake_case")]
pub(crate) enum Size {
    /// It fits into a letter.
    Small,
    /// It needs a parcel.
    Large,
}

/// What somebody wants.
#[data]
pub(crate) struct Order {
    /// Who wants it.
    #[schemars(length(min = 1))]
    who: String,
    /// What it costs, in cents.
    #[schemars(range(min = 1))]
    cents: u32,
    /// How large it is.
    size: Size,
}

/// What somebody thinks of something.
#[data]
pub(crate) struct Decision {
    /// Who decides.
    by: String,
    /// Whether it may be.
    granted: bool,
}

/// Waits at a gate.
#[task_agent]
async fn wait_at(ctx: &TaskContext, gate: String) -> String {
    ctx.progress(0.25, "at the gate");
    loop {
        let opened = GATES.1.notified();
        tokio::pin!(opened);
        opened.as_mut().enable();
        if GATES.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&gate) {
            return gate;
        }
        opened.await;
    }
}

/// Takes money, but not more than ten.
#[task_agent(queue = "payments")]
async fn charge(ctx: &TaskContext, who: String, cents: u32) -> Result<u32, AgentError> {
    ctx.log(format!("asks {who} for {cents} cents"));
    if cents > 1000 { Err(AgentError::permanent(format!("{who} has no {cents} cents"))) } else { Ok(cents) }
}

/// Says something.
#[task_agent]
pub(crate) async fn say(what: String) -> String {
    what
}

/// Fails, for this reason.
#[task_agent]
async fn fail(why: String) -> Result<(), AgentError> {
    Err(AgentError::permanent(why))
}

/// Gives something long.
#[task_agent]
async fn long(letters: usize) -> String {
    "all work and no play ".repeat(letters / 21)
}

workflow! {
    /// Packs what was paid.
    pub(crate) workflow Pack(who: String, cents: u32) -> String {
        phase work {
            packed = wait_at(format!("pack {who}"));
            closed = say(format!("{packed} for {cents}"));
        }
        closed.clone()
    }
}

workflow! {
    /// Sells something.
    ///
    /// It is looked up, paid and *packed*.
    pub(crate) workflow Sell(order: Order) -> String {
        phase prepare { known = wait_at(order.who.clone()); }
        phase pay { paid = charge(known.clone(), order.cents); }
        phase pack { parcel = Pack(known.clone(), *paid); }
        parcel.clone()
    }
}

workflow! {
    /// Asks somebody.
    pub(crate) workflow Consent(what: String) -> String {
        phase ask { decision = signal::<Decision>("decision"); }
        phase act { done = say(format!("{what}: {}", decision.by)); }
        done.clone()
    }
}

/// A program at work, and whoever looks at it.
pub(crate) struct World {
    browser: Option<Browser>,
    pub(crate) runtime: Runtime,
    dress: fn(Site) -> Site,
    address: SocketAddr,
    serving: Option<tokio::runtime::Runtime>,
    working: Option<tokio::runtime::Runtime>,
}

fn threads() -> tokio::runtime::Runtime {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    threads.expect("there are threads")
}

impl World {
    /// In memory, open to everybody on this machine.
    pub(crate) fn new() -> Self {
        Self::of(|site| site, async |builder| builder.in_memory().await)
    }

    /// With a site and a store as they are wanted.
    pub(crate) fn of<E: std::fmt::Debug>(
        dress: fn(Site) -> Site,
        start: impl AsyncFnOnce(RuntimeBuilder) -> Result<Runtime, E>,
    ) -> Self {
        let working = threads();
        let builder = Runtime::builder().queue(Queue::new("narrow").concurrency(1));
        let runtime = working.block_on(start(builder)).expect("it starts");
        let address = ([127, 0, 0, 1], 0).into();
        let browser = Some(Browser::start());
        let mut world = Self { browser, runtime, dress, address, serving: None, working: Some(working) };
        world.serve();
        world
    }

    /// Serves the dashboard, where it was served before.
    pub(crate) fn serve(&mut self) {
        let serving = threads();
        let site = (self.dress)(Site::new(&self.runtime).program("tests", "1.2.3"));
        let listener = serving.block_on(tokio::net::TcpListener::bind(self.address)).expect("it is free");
        self.address = listener.local_addr().expect("it has an address");
        serving.spawn(site.serve(listener, std::future::pending()));
        self.serving = Some(serving);
    }

    /// Cuts every connection, and takes no more.
    pub(crate) fn cut(&mut self) {
        self.serving.take().expect("it is served").shutdown_timeout(Duration::from_secs(10));
    }

    /// A page of somebody new, at a place of the dashboard.
    pub(crate) fn page(&self, place: &str) -> Page {
        let page = self.browser.as_ref().expect("it runs").page();
        page.open(&self.at(place));
        page
    }

    /// The address of a place.
    pub(crate) fn at(&self, place: &str) -> String {
        format!("http://{}/#/{place}", self.address)
    }

    /// Asks for what the pages ask for.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Waits for something of the runtime.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.working.as_ref().expect("it runs").block_on(what)
    }

    /// Hands a job in, with options.
    pub(crate) fn submit(&self, name: &str, input: &Json, how: &Json) -> String {
        let body = json!({ "name": name, "input": input, "how": how });
        let answer = self.client().post("/api/jobs", &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["job"].as_str().expect("it has an id").to_owned()
    }

    /// The same, and waits until it is over.
    pub(crate) fn run(&self, name: &str, input: &Json) -> String {
        let id = self.submit(name, input, &json!({}));
        self.client().events(&format!("/api/jobs/{id}/events")).last().expect("it is told of");
        id
    }

    /// What the API says of a job.
    pub(crate) fn job(&self, id: &str) -> Json {
        self.client().get(&format!("/api/jobs/{id}")).json()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.browser.take());
        for threads in [self.serving.take(), self.working.take()].into_iter().flatten() {
            threads.shutdown_background();
        }
    }
}
