//! One thing that can be asked for: how it is asked, what is answered, and who answers. The router and the description for
//! programs are made of the same table of these.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::access::{Person, Role};
use super::desk::Desk;
use super::trouble::{Kind, Trouble};
use crate::metrics::Metrics;

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// In which form it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Svg,
    /// Server-sent events.
    Events,
    /// Metrics, as Prometheus reads them.
    Text,
}

impl Form {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Svg => "image/svg+xml",
            Self::Events => "text/event-stream",
            Self::Text => Metrics::CONTENT_TYPE,
        }
    }
}

/// Somebody asks, and this is what he gives.
pub(super) struct Asked<Q> {
    pub(super) desk: Arc<Desk>,
    pub(super) person: Option<Person>,
    pub(super) parts: Parts,
    pub(super) given: Q,
}

impl<Q> Asked<Q> {
    fn with<T>(self, given: T) -> Asked<T> {
        Asked { desk: self.desk, person: self.person, parts: self.parts, given }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, Trouble>> + Send>>;

/// One thing that can be asked for.
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// With the names of its parts in braces.
    pub(super) path: &'static str,
    /// What it is for, in a line.
    pub(super) about: &'static str,
    /// Who may ask; everybody, if nobody is named.
    pub(super) role: Option<Role>,
    pub(super) status: StatusCode,
    pub(super) form: Form,
    /// What is given with it: the parts of the path, what follows the `?`, what the body holds.
    pub(super) given: fn(&mut SchemaGenerator) -> Schema,
    pub(super) answer: fn(&mut SchemaGenerator) -> Schema,
    answers: Box<dyn Fn(Asked<Json>) -> Answer + Send + Sync>,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn whole_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

impl Endpoint {
    /// Something to look at, for everybody who may look.
    pub(super) fn get<Q, A, F, T>(path: &'static str, about: &'static str, answer: F) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + 'static,
        F: Fn(Asked<Q>) -> T + Copy + Send + Sync + 'static,
        T: Future<Output = Result<A, Trouble>> + Send + 'static,
    {
        let answers = move |asked| async move { json(StatusCode::OK, &answer(asked).await?) };
        Self::new::<Q, A, _, _>(Method::Get, path, about, answers)
    }

    /// Something that changes something, for operators.
    pub(super) fn post<Q, A, F, T>(path: &'static str, about: &'static str, answer: F) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + 'static,
        F: Fn(Asked<Q>) -> T + Copy + Send + Sync + 'static,
        T: Future<Output = Result<A, Trouble>> + Send + 'static,
    {
        Self { method: Method::Post, role: Some(Role::Operator), ..Self::get(path, about, answer) }
    }

    /// Something to look at that is no JSON document, or more than one; `A` is what it holds.
    pub(super) fn raw<Q, A, F, T>(form: Form, path: &'static str, about: &'static str, answer: F) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        A: JsonSchema + 'static,
        F: Fn(Asked<Q>) -> T + Copy + Send + Sync + 'static,
        T: Future<Output = Result<Response, Trouble>> + Send + 'static,
    {
        Self { form, ..Self::new::<Q, A, _, _>(Method::Get, path, about, answer) }
    }

    pub(super) fn new<Q, A, F, T>(method: Method, path: &'static str, about: &'static str, answer: F) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        A: JsonSchema + 'static,
        F: Fn(Asked<Q>) -> T + Copy + Send + Sync + 'static,
        T: Future<Output = Result<Response, Trouble>> + Send + 'static,
    {
        let answers = move |asked: Asked<Json>| -> Answer {
            Box::pin(async move {
                let wrong = |error: serde_json::Error| Trouble::new(Kind::Misunderstood, error.to_string());
                let given: Q = serde_json::from_value(asked.given.clone()).map_err(wrong)?;
                answer(asked.with(given)).await
            })
        };
        Self {
            method,
            path,
            about,
            role: Some(Role::Reader),
            status: StatusCode::OK,
            form: Form::Json,
            given: whole_schema::<Q>,
            answer: schema::<A>,
            answers: Box::new(answers),
        }
    }

    /// For everybody, also for those of whom nobody knows who they are.
    pub(super) fn open(mut self) -> Self {
        self.role = None;
        self
    }

    /// What the document that is answered holds.
    pub(super) fn gives<A: JsonSchema>(mut self) -> Self {
        self.answer = schema::<A>;
        self
    }

    /// It makes something.
    pub(super) fn creates(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    /// For operators only.
    pub(super) fn guarded(mut self) -> Self {
        self.role = Some(Role::Operator);
        self
    }

    /// What is answered to this.
    pub(super) async fn respond(&self, asked: Asked<Json>) -> Result<Response, Trouble> {
        (self.answers)(asked).await
    }
}

/// A document as an answer.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Result<Response, Trouble> {
    let text = serde_json::to_string(document);
    let text = text.map_err(|error| Trouble::new(Kind::Store, format!("it cannot be written: {error}")))?;
    Ok((status, [(CONTENT_TYPE, Form::Json.media_type())], Body::from(text)).into_response())
}

/// A text as an answer.
pub(super) fn text(form: Form, text: String) -> Response {
    ([(CONTENT_TYPE, form.media_type())], text).into_response()
}

/// What pairs of names and texts say, as a document of which this is the schema: a number where it wants a number, an array
/// where it wants one.
pub(super) fn document(
    pairs: impl IntoIterator<Item = (String, String)>,
    schema: &Json,
) -> Result<serde_json::Map<String, Json>, Trouble> {
    let mut document = serde_json::Map::new();
    for (name, said) in pairs {
        let wanted = &schema["properties"][&name];
        let is = |kind: &str| match &wanted["type"] {
            Json::Array(kinds) => kinds.iter().any(|own| own == kind),
            own => own == kind,
        };
        let wrong =
            |what: &str| Trouble::new(Kind::Misunderstood, format!("`{name}` is to be {what}, not `{said}`"));
        let value = if is("integer") {
            Json::from(said.parse::<u64>().map_err(|_| wrong("a number"))?)
        } else if is("boolean") {
            Json::from(said.parse::<bool>().map_err(|_| wrong("`true` or `false`"))?)
        } else {
            Json::from(said)
        };
        if is("array") {
            let items = document.entry(name).or_insert_with(|| Json::Array(Vec::new()));
            items.as_array_mut().into_iter().for_each(|items| items.push(value.clone()));
        } else if document.insert(name.clone(), value).is_some() {
            return Err(Trouble::new(Kind::Misunderstood, format!("`{name}` is said twice")));
        }
    }
    Ok(document)
}
