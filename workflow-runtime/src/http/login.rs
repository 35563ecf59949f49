//! Saying who one is, on a page.

use axum::extract::OriginalUri;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::{COOKIE_NAME, Person, to_hex};
use super::endpoint::{Asked, Endpoint, Method, json};
use super::looking::Nothing;
use super::trouble::{Kind, Trouble};

/// How long a browser keeps a token, in seconds.
const KEPT: u32 = 12 * 60 * 60;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let login = "Lets a browser keep a token in a cookie that scripts cannot read";
    let logout = "Lets a browser forget its token";
    vec![
        Endpoint::new::<Login, Known, _, _>(Method::Post, "/api/login", login, log_in).open(),
        Endpoint::new::<Nothing, Known, _, _>(Method::Post, "/api/logout", logout, log_out).open(),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Who is logged in now.
#[derive(Debug, Serialize, JsonSchema)]
struct Known {
    person: Option<Person>,
}

async fn log_in(asked: Asked<Login>) -> Result<Response, Trouble> {
    let Some(person) = asked.desk.guard.of_token(&asked.given.token).cloned() else {
        asked.desk.note_try(&asked.parts)?;
        return Err(Trouble::new(Kind::Login, "this token is not known here"));
    };
    let token = to_hex(&asked.given.token);
    let mut response = json(StatusCode::OK, &Known { person: Some(person) })?;
    set_cookie(&mut response, &asked, &token, KEPT);
    Ok(response)
}

async fn log_out(asked: Asked<Nothing>) -> Result<Response, Trouble> {
    let mut response = json(StatusCode::OK, &Known { person: None })?;
    set_cookie(&mut response, &asked, "", 0);
    Ok(response)
}

/// Sets the cookie for where the site is mounted, and for encrypted connections only if this is one.
fn set_cookie<Q>(response: &mut Response, asked: &Asked<Q>, token: &str, age: u32) {
    let whole = asked.parts.extensions.get::<OriginalUri>().map_or("/", |asked| asked.path());
    let mount = whole.rsplit_once("api/").map_or("/", |(mount, _)| mount);
    let scheme = asked.parts.headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
    let secure = if scheme == Some(b"https") { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE_NAME}={token}; Path={mount}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
