//! One question to one server: checked, asked, and followed to the next if it sends one there.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::asked::Http;
use crate::Body;
use crate::policy::{Permit, Refused};
use crate::web::filled;

/// The headers that say how a request is carried, which is not for who asks to say.
const CARRYING: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

impl Hop {
    /// The first.
    ///
    /// # Errors
    /// When it is none that can be asked.
    pub(super) fn first(asked: &Http, key: &str) -> Result<Self, String> {
        let url = Url::parse(&asked.url).map_err(|error| format!("`{}` is no URL: {error}", asked.url))?;
        let method = Method::from_bytes(asked.method.as_bytes())
            .map_err(|_| format!("`{}` is no method", asked.method.escape_debug()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &asked.headers {
            insert(&mut headers, name, value)?;
        }
        for (name, value) in &asked.secret_headers {
            let mut value = secret(value)?;
            value.set_sensitive(true);
            headers.insert(known(name)?, value);
        }
        let mut set = |name: HeaderName, value: &str| -> Result<(), String> {
            if !headers.contains_key(&name) {
                insert(&mut headers, name.as_str(), value)?;
            }
            Ok(())
        };
        let kind = asked.body.as_ref().map(|body| match body {
            Body::Text(_) => "text/plain; charset=utf-8",
            Body::Json(_) => "application/json",
            Body::Base64(_) => "application/octet-stream",
        });
        let body = asked.body.as_ref().map(Body::bytes).transpose()?;
        if let Some(kind) = kind {
            set(CONTENT_TYPE, kind)?;
        }
        // What is asked once more is not done once more, by servers who know the header.
        if !method.is_idempotent() {
            set(HeaderName::from_static("idempotency-key"), key)?;
        }
        Ok(Self { url, method, headers, body })
    }

    /// Whether a role may ask it.
    pub(super) fn check(&self, permit: &Permit) -> Result<(), Refused> {
        permit.method(self.method.as_str())?;
        let shown = || self.url.to_string();
        let Some(host) = self.url.host_str().filter(|_| ["http", "https"].contains(&self.url.scheme()))
        else {
            return Err(
                permit.refused("hosts", format!("ask `{}`, which is neither http nor https", shown()))
            );
        };
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(permit.refused("hosts", format!("ask `{}` with a name in the URL", host)));
        }
        permit.host(host, self.url.port_or_known_default().unwrap_or(0))?;
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        literal.parse().map_or(Ok(()), |address| permit.address(host, address))
    }

    /// Where it is sent on to, if it is; none if that cannot be followed.
    pub(super) fn next(&self, status: StatusCode, headers: &HeaderMap) -> Option<Result<Self, String>> {
        use StatusCode as Code;
        let is_get = match status {
            Code::SEE_OTHER => self.method != Method::HEAD,
            Code::MOVED_PERMANENTLY | Code::FOUND => self.method == Method::POST,
            Code::TEMPORARY_REDIRECT | Code::PERMANENT_REDIRECT => false,
            _ => return None,
        };
        let place = headers.get(LOCATION)?;
        let shown = String::from_utf8_lossy(place.as_bytes());
        let Ok(url) = self.url.join(&shown) else {
            return Some(Err(format!("it sends to `{shown}`, which is no URL")));
        };
        if self.url.scheme() == "https" && url.scheme() != "https" {
            return Some(Err(format!("it sends from https to {url}; ask there directly if that is meant")));
        }
        let mut next = Self { url, ..self.clone() };
        if is_get {
            (next.method, next.body) = (Method::GET, None);
            next.headers.remove(CONTENT_TYPE);
        }
        if next.url.origin() != self.url.origin() {
            next.forget_secrets();
        }
        Some(Ok(next))
    }

    /// What one host is told in confidence, another is not.
    fn forget_secrets(&mut self) {
        let secret = |(name, value): (&HeaderName, &HeaderValue)| {
            let is_secret = value.is_sensitive() || *name == AUTHORIZATION || *name == COOKIE;
            is_secret.then(|| name.clone())
        };
        let names: Vec<HeaderName> = self.headers.iter().filter_map(secret).collect();
        names.into_iter().for_each(|name| drop(self.headers.remove(name)));
    }
}

/// The variables that are named in the request's secrets.
pub(super) fn variables(asked: &Http) -> Vec<&str> {
    let parts = asked.secret_headers.values().flat_map(|value| value.split("${").skip(1));
    parts.filter_map(|part| Some(part.split_once('}')?.0)).collect()
}

/// A header with the variables filled in.
fn secret(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(&filled(text)?)
        .map_err(|_| "a secret has a character in it that no header may have".to_owned())
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let value = HeaderValue::from_str(value);
    let value =
        value.map_err(|_| format!("the header `{name}` has a character in it that no header may have"))?;
    headers.insert(known(name)?, value);
    Ok(())
}

fn known(name: &str) -> Result<HeaderName, String> {
    let known = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{}` is no header", name.escape_debug()))?;
    if CARRYING.contains(&known.as_str()) {
        return Err(format!(
            "the header `{known}` says how a request is carried, and is set by who carries it; leave it out"
        ));
    }
    Ok(known)
}
