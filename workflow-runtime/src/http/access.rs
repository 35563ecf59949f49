//! Who asks, and what he may do.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::trouble::{Kind, Trouble};

/// The cookie by which a browser says a token.
pub(super) const COOKIE_NAME: &str = "workflow-token";

/// The header that no page of another site can send.
const OWN_PAGE: HeaderName = HeaderName::from_static("x-workflow");

/// How many characters a token has at least.
const TOKEN: usize = 16;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at everything, and changes nothing.
    Reader,
    /// Hands jobs in, cancels, pauses, reruns.
    Operator,
}

/// Somebody who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// What he is called in the record of what people did.
    pub name: Arc<str>,
    /// What he may do.
    pub role: Role,
}

impl Person {
    /// Somebody who may look.
    pub fn reader(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), role: Role::Reader }
    }

    /// Somebody who may act, too.
    pub fn operator(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), role: Role::Operator }
    }
}

/// A secret that stands for a person.
#[derive(Clone)]
pub struct Token {
    secret: Arc<str>,
    person: Person,
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Token(of {}, {:?})", self.person.name, self.person.role)
    }
}

/// A token that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token needs {TOKEN} characters at least, none of which is a blank; make one by `openssl rand -hex 24`"
)]
pub struct WeakToken;

impl Token {
    /// The secret by which this person is known.
    ///
    /// # Errors
    /// When it is shorter than 16 characters, or holds blanks.
    pub fn new(person: Person, secret: impl Into<Arc<str>>) -> Result<Self, WeakToken> {
        let secret = secret.into();
        let is_plain = secret.chars().all(|sign| sign.is_ascii_graphic());
        if secret.len() < TOKEN || !is_plain { Err(WeakToken) } else { Ok(Self { secret, person }) }
    }
}

type Found = Pin<Box<dyn Future<Output = Option<Person>> + Send>>;
type Hook = Arc<dyn Fn(&HeaderMap) -> Found + Send + Sync>;

/// Who is let in.
#[derive(Clone, Default)]
pub(super) struct Guard {
    tokens: Vec<Token>,
    hook: Option<Hook>,
}

/// Somebody whom the guard knows.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) person: Person,
    /// He has said a secret with this very request, so that no other site can have had his browser ask.
    pub(super) said: bool,
}

impl fmt::Debug for Guard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Guard({:?}, login: {})", self.tokens, self.hook.is_some())
    }
}

impl Guard {
    pub(super) fn add_token(&mut self, token: Token) {
        self.tokens.push(token);
    }

    pub(super) fn set_hook<F, T>(&mut self, hook: F)
    where
        F: Fn(&HeaderMap) -> T + Send + Sync + 'static,
        T: Future<Output = Option<Person>> + Send + 'static,
    {
        self.hook = Some(Arc::new(move |headers| Box::pin(hook(headers))));
    }

    /// Whether people have to say who they are.
    pub(super) fn asks(&self) -> bool {
        !self.tokens.is_empty() || self.hook.is_some()
    }

    /// Whether there are tokens, so that people can log in here.
    pub(super) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whom a token stands for.
    pub(super) fn of_token(&self, said: &str) -> Option<&Person> {
        // All are compared, each to its end, so that the time tells nothing.
        self.tokens.iter().fold(None, |found, token| {
            if is_same(token.secret.as_bytes(), said.as_bytes()) { Some(&token.person) } else { found }
        })
    }

    /// Who asks; none if it is not known.
    pub(super) async fn who(&self, parts: &Parts) -> Result<Option<Who>, Trouble> {
        let headers = &parts.headers;
        if let Some(said) = bearer(headers) {
            let wrong = || Trouble::new(Kind::Login, "this token is not known here");
            let person = self.of_token(said).ok_or_else(wrong)?.clone();
            return Ok(Some(Who { person, said: true }));
        }
        if let Some(person) = cookie(headers).and_then(|said| self.of_token(&said)) {
            return Ok(Some(Who { person: person.clone(), said: false }));
        }
        if let Some(hook) = &self.hook {
            return Ok(hook(headers).await.map(|person| Who { person, said: false }));
        }
        if self.asks() {
            return Ok(None);
        }
        from_this_machine(parts)?;
        Ok(Some(Who { person: Person::operator("local"), said: false }))
    }
}

/// Refuses what another site may have had a browser ask for.
pub(super) fn expect_own_page(headers: &HeaderMap, who: Option<&Who>) -> Result<(), Trouble> {
    let is_foreign = headers
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    if who.is_some_and(|who| who.said) || (headers.contains_key(OWN_PAGE) && !is_foreign) {
        return Ok(());
    }
    let message = "send the header `x-workflow: 1`, so that no page of another site can ask for this";
    Err(Trouble::new(Kind::Forbidden, message))
}

/// The token in `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let said = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = said.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token in the cookie, which is written in hexadecimal.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, hex) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
    from_hex(hex)
}

pub(super) fn to_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Option<String> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

/// Whether two secrets are the same, in a time that tells their lengths at most.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

/// The address that asks.
pub(super) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// Where nobody says who he is, only this machine is let in, and only by its own name: a page of another site may lead its
/// visitors' browsers here by a name that it has given this machine.
fn from_this_machine(parts: &Parts) -> Result<(), Trouble> {
    let refused = |message: &str| Err(Trouble::new(Kind::Forbidden, message));
    let Some(peer) = peer(parts) else {
        return refused(
            "it is not known who asks, and nobody has to say: serve the router by \
             `into_make_service_with_connect_info::<SocketAddr>()`, or give it a token or a login",
        );
    };
    if !peer.to_canonical().is_loopback() {
        return refused("only this machine is let in: give the router a token or a login for others");
    }
    if ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| parts.headers.contains_key(*name)) {
        return refused("a proxy asks for somebody else: give the router a token or a login");
    }
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| parts.uri.host());
    if !host.is_some_and(is_own_name) {
        return refused("ask by `localhost` or the address of this machine's own, or log in by a token");
    }
    Ok(())
}

fn is_own_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_is_not_shown() {
        assert_eq!(Token::new(Person::reader("a"), "short").map(drop), Err(WeakToken));
        assert_eq!(Token::new(Person::reader("a"), "sixteen letters and blanks").map(drop), Err(WeakToken));
        let token = Token::new(Person::operator("ann"), "0123456789abcdef").ok();
        assert_eq!(format!("{token:?}"), "Some(Token(of ann, Operator))");
    }

    #[test]
    fn secrets_are_the_same_only_as_a_whole() {
        let pairs =
            [("", "", true), ("a", "a", true), ("a", "b", false), ("a", "aa", false), ("", "a", false)];
        for (one, other, same) in pairs {
            assert_eq!(is_same(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }

    #[test]
    fn a_cookie_is_read_as_written_and_what_is_none_is_not() {
        assert_eq!(from_hex(&to_hex("a;=ü")).as_deref(), Some("a;=ü"));
        for wrong in ["a", "zz", "ff", "ü1"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn this_machine_has_few_names() {
        for own in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:80", "127.8.8.8"] {
            assert!(is_own_name(own), "{own}");
        }
        for other in ["localhost.evil.example", "evil.example:80", "10.0.0.1", "[::2]", "", "0.0.0.0"] {
            assert!(!is_own_name(other), "{other}");
        }
    }
}
