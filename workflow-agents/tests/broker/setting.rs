//! A server of the test's own, and what is run.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::StorageType;
use async_nats::{Request, RequestErrorKind};
use private_nats::Server;
use tokio::sync::watch;
use workflow_agents::policy::Policy;
use workflow_agents::{Nats, async_nats};
use workflow_runtime::RuntimeBuilder;
use workflow_runtime::prelude::*;

/// Greets somebody.
#[task_agent(tags = ["nats"], version = 3)]
pub(crate) async fn greet(name: String) -> Result<String, AgentError> {
    if name == "nobody" {
        return Err(AgentError::permanent("there is\nnobody"));
    }
    Ok(format!("hello {name}"))
}

/// Says more than a message can hold.
#[task_agent]
pub(crate) async fn talk(bytes: usize) -> Result<String, AgentError> {
    Ok("x".repeat(bytes))
}

/// How often which order was dispatched, by test.
static DISPATCHED: Mutex<BTreeMap<(String, u32), u32>> = Mutex::new(BTreeMap::new());

/// Dispatches an order, and says so.
#[task_agent]
pub(crate) async fn dispatch(
    of: String,
    number: u32,
    told: State<watch::Sender<usize>>,
) -> Result<u32, AgentError> {
    let mut all = DISPATCHED.lock().map_err(|error| error.to_string())?;
    *all.entry((of.clone(), number)).or_default() += 1;
    told.send_replace(all.keys().filter(|(own, _)| *own == of).count());
    Ok(number)
}

/// How often each order of a test was dispatched.
pub(crate) fn dispatched(of: &str) -> BTreeMap<u32, u32> {
    let all = DISPATCHED.lock().expect("nobody panics with it");
    all.iter().filter(|((own, _), _)| own == of).map(|((_, number), times)| (*number, *times)).collect()
}

workflow! {
    /// Takes an order.
    #[tags("nats")]
    pub workflow TakeOrder(of: String, number: u32) -> u32 {
        phase take {
            done = dispatch(of, number);
        }
        done
    }
}

pub(crate) async fn connected(server: &Server) -> Nats {
    Nats::of(client(server).await)
}

pub(crate) async fn client(server: &Server) -> async_nats::Client {
    client_at(&server.address()).await
}

pub(crate) async fn client_at(address: &str) -> async_nats::Client {
    let pause = |_| Duration::from_millis(20);
    let options = async_nats::ConnectOptions::new().reconnect_delay_callback(pause);
    options.connect(address).await.expect("it connects")
}

/// A stream in files, of subjects below its name in lower case.
pub(crate) async fn stream(client: &async_nats::Client, name: &str) -> jetstream::Context {
    stream_in(client, name, StorageType::File).await
}

/// The same, where it is said.
pub(crate) async fn stream_in(
    client: &async_nats::Client,
    name: &str,
    storage: StorageType,
) -> jetstream::Context {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(Duration::from_secs(2));
    let config = jetstream::stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{}.>", name.to_lowercase())],
        storage,
        ..Default::default()
    };
    context.create_stream(config).await.expect("it is made");
    context
}

/// Waits until as many different orders were dispatched.
pub(crate) async fn until(told: &watch::Sender<usize>, count: usize) {
    let mut told = told.subscribe();
    let come = tokio::time::timeout(Duration::from_secs(60), told.wait_for(|come| *come >= count)).await;
    come.expect("they are dispatched in time").expect("somebody tells");
}

/// A runtime in memory.
pub(crate) async fn runtime() -> (Runtime, watch::Sender<usize>) {
    let told = watch::Sender::new(0);
    (builder(&told, Policy::new()).in_memory().await.expect("it starts"), told)
}

/// A runtime to be set up, with what its agents need.
pub(crate) fn builder(told: &watch::Sender<usize>, policy: Policy) -> RuntimeBuilder {
    Runtime::builder().state(told.clone()).state(policy)
}

/// Waits until the server knows of nobody any more who would answer.
pub(crate) async fn until_gone(client: &async_nats::Client, subject: &str) {
    loop {
        let request = Request::new().timeout(Some(Duration::from_millis(100)));
        let error = client.send_request(subject.to_owned(), request).await.expect_err("nobody answers");
        if error.kind() == RequestErrorKind::NoResponders {
            return;
        }
    }
}
