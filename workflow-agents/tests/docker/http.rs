//! As much of HTTP as an engine speaks.

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What an engine was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without a version in front of it.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Json,
}

impl Asked {
    /// What a part of the query says.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut parts = self.query.split('&').filter_map(|part| part.split_once('='));
        parts.find(|(key, _)| *key == name).map(|(_, value)| plain(value))
    }

    /// Reads it; nothing if nobody asks.
    pub(crate) async fn read(stream: &mut UnixStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(place) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
                break place + 4;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        while bytes.len() < end + length.unwrap_or(0) {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = serde_json::from_slice(&bytes[end..]).unwrap_or(Json::Null);
        Some(Self { method, path: unversioned(path), query: query.to_owned(), body })
    }
}

/// `/v1.53/info` is `/info`.
fn unversioned(path: &str) -> String {
    let rest = path.strip_prefix("/v1.").and_then(|rest| rest.split_once('/'));
    rest.map_or_else(|| path.to_owned(), |(_, rest)| format!("/{rest}"))
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = [rest.clone().next(), rest.clone().nth(1)];
        let coded = match (byte, digits) {
            (b'%', [Some(one), Some(two)]) => {
                u8::from_str_radix(&String::from_utf8_lossy(&[one, two]), 16).ok()
            }
            _ => None,
        };
        if coded.is_some() {
            rest.nth(1);
        }
        bytes.push(coded.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Answers with a text of JSON.
pub(crate) async fn answer(stream: &mut UnixStream, status: u16, json: &Json) {
    let text = if json.is_null() { String::new() } else { json.to_string() };
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    // Who asked may be gone.
    drop(stream.write_all(format!("{head}{text}").as_bytes()).await);
}

/// Begins an answer that comes bit by bit.
pub(crate) async fn begin(stream: &mut UnixStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    drop(stream.write_all(head.as_bytes()).await);
}

/// Goes on with it.
pub(crate) async fn go_on(stream: &mut UnixStream, text: &str) {
    drop(stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await);
}
