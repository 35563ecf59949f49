//! Calls and events over a WebSocket.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::trouble::Troubles;

/// How long an answer may take: longer than anything that a page is given to wait for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection to a browser.
#[derive(Debug)]
pub(super) struct Wire {
    writes: Mutex<WebSocket<TcpStream>>,
    state: Arc<Mutex<State>>,
    last: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Who waits for the answer to which call.
    waiting: HashMap<u64, Sender<Json>>,
    /// Of which page what went wrong is noted where.
    pages: HashMap<String, Arc<Troubles>>,
    ended: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Connects to a browser.
    pub(super) fn open(address: &str) -> Arc<Self> {
        let place = address.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let stream = TcpStream::connect(place.expect("it has a place")).expect("it listens");
        stream.set_nodelay(true).expect("it can be set");
        let again = stream.try_clone().expect("it can be had twice");
        // A picture of a long page is one message.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let shaken = tungstenite::client::client_with_config(address, stream, Some(config));
        let (mut reads, _) = shaken.expect("it speaks WebSocket");
        let state = Arc::new(Mutex::new(State::default()));
        let writes = Mutex::new(WebSocket::from_raw_socket(again, Role::Client, Some(config)));
        let own = Arc::clone(&state);
        std::thread::spawn(move || {
            while let Ok(message) = reads.read() {
                let Message::Text(text) = message else { continue };
                let message: Json = serde_json::from_str(&text).expect("it is JSON");
                locked(&own).take(message);
            }
            let mut state = locked(&own);
            state.ended = true;
            state.waiting.clear();
        });
        Arc::new(Self { writes, state, last: AtomicU64::new(0) })
    }

    /// From now on, what goes wrong on a page is noted.
    pub(super) fn watch(&self, session: &str, troubles: Arc<Troubles>) {
        locked(&self.state).pages.insert(session.to_owned(), troubles);
    }

    /// Asks the browser, or one of its pages, and gives the answer.
    pub(super) fn call(&self, session: Option<&str>, method: &str, parameters: &Json) -> Json {
        self.ask(session, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same, where it may be refused.
    pub(super) fn ask(&self, session: Option<&str>, method: &str, parameters: &Json) -> Result<Json, String> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (told, heard) = mpsc::channel();
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut state = locked(&self.state);
        assert!(!state.ended, "the browser has ended");
        state.waiting.insert(id, told);
        drop(state);
        locked(&self.writes).send(Message::text(message.to_string())).map_err(|error| error.to_string())?;
        let mut answer =
            heard.recv_timeout(PATIENCE).map_err(|_| "the browser does not answer".to_owned())?;
        match answer["error"]["message"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["result"].take()),
        }
    }
}

impl State {
    fn take(&mut self, message: Json) {
        if let Some(waits) = message["id"].as_u64().and_then(|id| self.waiting.remove(&id)) {
            drop(waits.send(message));
        } else if let Some(page) = message["sessionId"].as_str().and_then(|session| self.pages.get(session)) {
            page.note(message["method"].as_str().unwrap_or_default(), &message["params"]);
        }
    }
}
