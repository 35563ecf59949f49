//! Where all that is asked for arrives: it is looked who asks, and how much, and what for.

use std::sync::Arc;
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use super::access::{Guard, Person, Role, Who, expect_own_page, peer};
use super::behind::Behind;
use super::endpoint::{Asked, Endpoint, Method, document};
use super::pace::Pace;
use super::trend::Trend;
use super::trouble::{Kind, Trouble};
use crate::act::{Act, Done};

/// Where all that is asked for arrives.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) behind: Behind,
    pub(super) guard: Guard,
    pub(super) pace: Pace<String>,
    /// Of those who try tokens.
    pub(super) tries: Pace<String>,
    pub(super) body_limit: usize,
    pub(super) program: String,
    pub(super) version: String,
    /// How many may listen at once to what happens.
    pub(super) listeners: Arc<Semaphore>,
    pub(super) trend: Trend,
}

impl Desk {
    /// What is answered to somebody who asks for something.
    pub(super) async fn answer(
        self: Arc<Self>,
        endpoint: &Endpoint,
        schema: &Json,
        path: RawPathParams,
        request: Request,
    ) -> Response {
        let answered = self.try_answer(endpoint, schema, path, request).await;
        answered.unwrap_or_else(IntoResponse::into_response)
    }

    async fn try_answer(
        self: Arc<Self>,
        endpoint: &Endpoint,
        schema: &Json,
        path: RawPathParams,
        request: Request,
    ) -> Result<Response, Trouble> {
        let (parts, body) = request.into_parts();
        self.hold_back(&parts)?;
        let who = match endpoint.role {
            None => self.guard.who(&parts).await.unwrap_or_default(),
            Some(role) => Some(self.let_in(&parts, role).await?),
        };
        let path = path.iter().map(|(name, said)| (name.to_owned(), said.to_owned()));
        let mut given = document(path, schema)?;
        match endpoint.method {
            Method::Get => given.extend(document(query(&parts)?, schema)?),
            Method::Post => {
                expect_own_page(&parts.headers, who.as_ref())?;
                let body = to_bytes(body, self.body_limit).await.map_err(|_| self.too_large())?;
                for (name, said) in said_in(&parts, &body)? {
                    if given.contains_key(&name) {
                        let message = format!("`{name}` stands in the path, and not in the body");
                        return Err(Trouble::new(Kind::Misunderstood, message));
                    }
                    given.insert(name, said);
                }
            }
        }
        let person = who.map(|who| who.person);
        let asked = Asked { desk: self, person, parts, given: Json::Object(given) };
        endpoint.respond(asked).await
    }

    fn hold_back(&self, parts: &Parts) -> Result<(), Trouble> {
        match self.pace.lets(whose(parts), Instant::now()) {
            true => Ok(()),
            false => {
                Err(Trouble::new(Kind::TooMany, "too much was asked for at once; ask again in a second"))
            }
        }
    }

    /// Who asks, where he may do so much, and not more often than anybody may.
    #[cfg(feature = "mcp")]
    pub(super) async fn admit(&self, parts: &Parts, role: Role) -> Result<Who, Trouble> {
        self.hold_back(parts)?;
        self.let_in(parts, role).await
    }

    async fn let_in(&self, parts: &Parts, role: Role) -> Result<Who, Trouble> {
        let nobody = || Trouble::new(Kind::Login, "log in, or send a token: `Authorization: Bearer …`");
        let who = match self.guard.who(parts).await {
            Err(trouble) if trouble.kind == Kind::Login => {
                self.note_try(parts)?;
                return Err(trouble);
            }
            who => who?.ok_or_else(nobody)?,
        };
        if who.person.role < role {
            let message = format!("{} may look, and change nothing", who.person.name);
            return Err(Trouble::new(Kind::Forbidden, message));
        }
        Ok(who)
    }

    /// A token was tried that nobody has.
    pub(super) fn note_try(&self, parts: &Parts) -> Result<(), Trouble> {
        match self.tries.lets(whose(parts), Instant::now()) {
            true => Ok(()),
            false => Err(Trouble::new(Kind::TooMany, "too many tokens were tried that nobody has")),
        }
    }

    fn too_large(&self) -> Trouble {
        let message = format!("what was sent is larger than {} bytes, or it broke off", self.body_limit);
        Trouble::new(Kind::TooLarge, message)
    }

    /// Has something done for somebody.
    pub(super) async fn perform(&self, person: Option<&Person>, act: Act) -> Result<Done, Trouble> {
        let who = person.map_or("somebody", |person| &person.name);
        Ok(self.behind.perform(who, act).await?)
    }
}

/// By what those are told apart who ask.
fn whose(parts: &Parts) -> String {
    peer(parts).map_or_else(String::new, |peer| peer.to_string())
}

fn query(parts: &Parts) -> Result<Vec<(String, String)>, Trouble> {
    let wrong = |error: axum::extract::rejection::QueryRejection| {
        Trouble::new(Kind::Misunderstood, error.body_text())
    };
    Ok(axum::extract::Query::try_from_uri(&parts.uri).map_err(wrong)?.0)
}

/// The members of the object that was sent.
fn said_in(parts: &Parts, body: &[u8]) -> Result<serde_json::Map<String, Json>, Trouble> {
    let wrong = |message: String| Trouble::new(Kind::Misunderstood, message);
    let is_json = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        return Err(wrong("send JSON, with the header `content-type: application/json`".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| wrong(format!("what was sent is no JSON object: {error}")))
}
