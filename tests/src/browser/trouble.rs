//! What goes wrong on a page, without anybody having looked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

/// One thing that went wrong, in words.
pub type Trouble = String;

/// What went wrong so far, and what of it was meant to.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    found: Vec<Trouble>,
    expected: Vec<String>,
    /// Whom the page may ask.
    origin: String,
    /// What was asked for, by the names of requests.
    asked: HashMap<String, String>,
}

impl Troubles {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom the page may ask from now on.
    pub(super) fn may_ask(&self, origin: &str) {
        self.state().origin = origin.to_owned();
    }

    /// Something will go wrong in whose words this is.
    pub(super) fn expect(&self, words: &str) {
        self.state().expected.push(words.to_owned());
    }

    /// What nobody expected, and what was expected and has not happened.
    pub(super) fn unexpected(&self) -> Vec<Trouble> {
        let state = self.state();
        let is_meant = |trouble: &&Trouble| !state.expected.iter().any(|words| trouble.contains(words));
        let missing =
            state.expected.iter().filter(|words| !state.found.iter().any(|one| one.contains(*words)));
        let missing = missing.map(|words| format!("this has not gone wrong: {words}"));
        state.found.iter().filter(is_meant).cloned().chain(missing).collect()
    }

    /// Takes an event of the page.
    pub(super) fn note(&self, event: &str, told: &Json) {
        let mut state = self.state();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        match event {
            "Runtime.exceptionThrown" => {
                let thrown = &told["exceptionDetails"];
                let words = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
                state.found.push(format!("thrown: {}", words.unwrap_or_default()));
            }
            "Runtime.consoleAPICalled"
                if matches!(told["type"].as_str(), Some("error" | "warning" | "assert")) =>
            {
                state.found.push(format!("console: {}", told["args"]));
            }
            // Of the network it is told by its own events; what the policy of the page forbids is told here.
            "Log.entryAdded" if told["entry"]["source"] != "network" => {
                let entry = &told["entry"];
                if matches!(entry["level"].as_str(), Some("error" | "warning")) {
                    state.found.push(format!("log: {} {}", text(&entry["text"]), text(&entry["url"])));
                }
            }
            "Network.requestWillBeSent" => {
                let address = text(&told["request"]["url"]);
                let is_own = ["data:", "blob:", "about:"].iter().any(|own| address.starts_with(own));
                if !is_own && !address.starts_with(&state.origin) {
                    state.found.push(format!("somebody else is asked: {address}"));
                }
                let asked = format!("{} {address}", text(&told["request"]["method"]));
                state.asked.insert(text(&told["requestId"]), asked);
            }
            "Network.responseReceived" => {
                let status = told["response"]["status"].as_u64().unwrap_or_default();
                if status >= 400 {
                    let asked = state.asked.get(&text(&told["requestId"])).cloned().unwrap_or_default();
                    state.found.push(format!("{status} {asked}"));
                }
            }
            "Network.loadingFailed"
                if told["canceled"] != true && told["errorText"] != "net::ERR_ABORTED" =>
            {
                let asked = state.asked.get(&text(&told["requestId"])).cloned().unwrap_or_default();
                state.found.push(format!("{} {asked}", text(&told["errorText"])));
            }
            "Inspector.targetCrashed" => state.found.push("the page crashed".to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_goes_wrong_is_trouble_unless_it_was_meant_to_and_the_other_way_round() {
        let troubles = Troubles::default();
        troubles.may_ask("http://here");
        let ask = |id: &str, url: &str| {
            let request = json!({ "requestId": id, "request": { "url": url, "method": "GET" } });
            troubles.note("Network.requestWillBeSent", &request);
        };
        ask("1", "http://here/api");
        ask("2", "data:text/plain,1");
        troubles
            .note("Network.responseReceived", &json!({ "requestId": "1", "response": { "status": 200 } }));
        assert_eq!(troubles.unexpected(), [""; 0]);
        ask("3", "http://there/");
        troubles
            .note("Network.responseReceived", &json!({ "requestId": "1", "response": { "status": 404 } }));
        troubles.note("Runtime.consoleAPICalled", &json!({ "type": "error", "args": ["oh"] }));
        troubles.note("Runtime.consoleAPICalled", &json!({ "type": "log", "args": ["fine"] }));
        let all = ["somebody else is asked: http://there/", "404 GET http://here/api", r#"console: ["oh"]"#];
        assert_eq!(troubles.unexpected(), all);
        troubles.expect("404 GET");
        troubles.expect("no such thing");
        assert_eq!(troubles.unexpected(), [all[0], all[2], "this has not gone wrong: no such thing"]);
    }
}
