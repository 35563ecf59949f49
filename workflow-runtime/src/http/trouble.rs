//! Why something that was asked for is not answered.

use axum::Json as JsonBody;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::act::{Declined, DeclinedKind};
use crate::schema::Violations;
use crate::store::StoreError;

/// What kind of reason it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// There is no such thing.
    Unknown,
    /// What was given is not right.
    BadInput,
    /// It does not go with how things stand.
    Conflict,
    /// The store cannot be used.
    Store,
    /// Nobody knows who asks.
    Login,
    /// He who asks may not.
    Forbidden,
    /// What was given is too large.
    TooLarge,
    /// There was too much asked for.
    TooMany,
    /// What was asked for cannot be understood.
    Misunderstood,
}

impl Kind {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::BadInput => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Store => StatusCode::SERVICE_UNAVAILABLE,
            Self::Login => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Misunderstood => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why something that was asked for is not answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// What, where, and what to do.
    pub(super) message: String,
    /// What is wrong with what was given, place by place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<Field>,
}

/// What is wrong at a place of a document.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Field {
    /// The place, as a JSON pointer.
    pub(super) at: String,
    /// What is wrong.
    pub(super) message: String,
}

/// How trouble is told.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Told {
    error: Trouble,
}

impl Trouble {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new() }
    }

    pub(super) fn unknown(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::Unknown, format!("there is no {what}"))
    }

    pub(super) fn with_fields(mut self, violations: &Violations) -> Self {
        let field = |violation: &crate::schema::Violation| Field {
            at: violation.place.clone(),
            message: violation.problem.clone(),
        };
        self.fields = violations.iter().map(field).collect();
        self
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::new(Kind::Store, error.to_string())
    }
}

impl From<Declined> for Trouble {
    fn from(declined: Declined) -> Self {
        let kind = match declined.kind {
            DeclinedKind::Unknown => Kind::Unknown,
            DeclinedKind::BadInput => Kind::BadInput,
            DeclinedKind::Conflict => Kind::Conflict,
            DeclinedKind::Store => Kind::Store,
            DeclinedKind::Misunderstood => Kind::Misunderstood,
        };
        Self::new(kind, declined.message)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let kind = self.kind;
        let mut response = (kind.status(), JsonBody(Told { error: self })).into_response();
        let headers = response.headers_mut();
        match kind {
            Kind::Login => _ = headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Kind::TooMany | Kind::Store => _ = headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
            _ => {}
        }
        response
    }
}
