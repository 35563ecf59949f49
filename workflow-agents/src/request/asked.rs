//! What is to be asked.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use workflow_runtime::data;

use crate::Body;
use crate::policy::Limits;

/// A request to ask.
///
/// ```
/// use serde_json::json;
/// use workflow_agents::Http;
///
/// let page = Http::get("https://example.com/prices");
/// let order = Http::post("https://api.example.com/orders")
///     .secret_header("authorization", "Bearer ${SHOP_KEY}")
///     .json(json!({ "item": 7 }));
/// ```
#[data]
#[derive(PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where.
    pub(super) url: String,
    /// By which method.
    #[serde(default = "get")]
    pub(super) method: String,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// What goes with it and is no one's business: `${NAME}` stands for a variable of the environment, of those that the role
    /// lets through. Only the names are kept in the journal, and only the host that was asked for is told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) secret_headers: BTreeMap<String, String>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Body>,
    /// Which answers are as they should be, besides 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) accept: Vec<u16>,
    /// How many redirects are followed.
    #[serde(default = "five")]
    pub(super) redirects: u8,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    pub(super) limits: Limits,
}

fn get() -> String {
    "GET".to_owned()
}

fn five() -> u8 {
    5
}

impl Http {
    /// A request by a method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: method.into(),
            headers: BTreeMap::new(),
            secret_headers: BTreeMap::new(),
            body: None,
            accept: Vec::new(),
            redirects: five(),
            limits: Limits::default(),
        }
    }

    /// A request for what is there.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A request that does something.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Sets a header whose value is a secret: `${NAME}` in it stands for a variable of the environment, of those that the role lets
    /// through. It is filled in when the request is made, so that no journal has it.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secret_headers.insert(name.into(), value.into());
        self
    }

    /// Sets what is sent: a value, as JSON.
    #[must_use]
    pub fn json(mut self, value: Json) -> Self {
        self.body = Some(Body::Json(value));
        self
    }

    /// Sets what is sent: a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.body = Some(Body::Text(text.into()));
        self
    }

    /// Sets what is sent.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds a status that is as it should be, such as a 404 that the next step is to judge.
    #[must_use]
    pub fn accept(mut self, status: u16) -> Self {
        self.accept.push(status);
        self
    }

    /// Sets how many redirects are followed; five unless this is said. One that is not followed is the answer.
    #[must_use]
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects = most;
        self
    }

    /// Sets how much it may use: of its limits, `output` is how long the answer may be.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
