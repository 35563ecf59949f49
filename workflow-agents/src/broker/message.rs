//! What is to be sent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use workflow_runtime::data;

use crate::Body;
use crate::policy::Limits;

/// A message to a subject of NATS.
///
/// ```
/// use std::time::Duration;
///
/// use serde_json::json;
/// use workflow_agents::NatsMessage;
///
/// let price = NatsMessage::ask("prices.get").json(json!({ "item": 7 })).time(Duration::from_secs(2));
/// let told = NatsMessage::tell("orders.seen").text("7");
/// ```
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NatsMessage {
    /// Where to.
    pub(super) subject: String,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Body>,
    /// Whether it is to be answered.
    #[serde(default = "yes")]
    pub(super) answered: bool,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    pub(super) limits: Limits,
}

fn yes() -> bool {
    true
}

impl NatsMessage {
    /// One that is to be answered.
    pub fn ask(subject: impl Into<String>) -> Self {
        let subject = subject.into();
        Self { subject, headers: BTreeMap::new(), body: None, answered: true, limits: Limits::default() }
    }

    /// One that nobody answers, and of which nobody knows whether it has come.
    pub fn tell(subject: impl Into<String>) -> Self {
        Self { answered: false, ..Self::ask(subject) }
    }

    /// Sets a header. Those that begin with `Nats-` are the server's, but for `Nats-Msg-Id`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Sets what is sent: a value, as JSON.
    #[must_use]
    pub fn json(self, value: Json) -> Self {
        self.body(Body::Json(value))
    }

    /// Sets what is sent: a text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.body(Body::Text(text.into()))
    }

    /// Sets what is sent.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Sets for how long its answer is awaited.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.limits.time_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Sets how much it may use: of its limits, `time` is how long its answer is awaited, and `output` how long that may be.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
