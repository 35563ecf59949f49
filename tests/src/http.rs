//! A small client of HTTP, which sends what it is told and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value as Json;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The number.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The rest.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// What kind of trouble it tells.
    pub fn kind(&self) -> String {
        self.json()["error"]["kind"].as_str().unwrap_or_default().to_owned()
    }
}

/// Asks somebody.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Client {
    /// Asks at an address, as a browser's page of that address would.
    pub fn new(address: SocketAddr) -> Self {
        let own = [("host", address.to_string()), ("x-workflow", "1".to_owned())];
        Self { address, headers: own.map(|(name, value)| (name.to_owned(), value)).to_vec() }
    }

    /// With this header besides, or in the place of the one of its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    /// Asks for something.
    ///
    /// # Panics
    /// When nothing comes back.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Sends a document.
    ///
    /// # Panics
    /// When nothing comes back.
    pub fn post(&self, path: &str, body: &Json) -> Answer {
        self.send("POST", path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// Sends anything.
    ///
    /// # Panics
    /// When nothing comes back.
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Answer {
        let stream = self.open(method, path, body);
        read(BufReader::new(stream)).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends something, and leaves reading to the caller.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn open(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("somebody listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it can be set");
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some((kind, body)) = body {
            head.push_str(&format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("it is sent");
        // Who refuses a large body may not read it to its end.
        let _ = body.map(|(_, body)| stream.write_all(body));
        stream
    }

    /// The events of a stream, as they come: their names, their ids, their data.
    ///
    /// # Panics
    /// When it is none.
    pub fn events(&self, path: &str) -> impl Iterator<Item = (String, Option<u64>, Json)> + use<> {
        let mut from = BufReader::new(self.open("GET", path, None));
        let (status, headers) = head(&mut from).expect("there is a head");
        assert_eq!(status, 200, "{headers:?}");
        let mut lines = Chunks { from, left: 0 }.lines_of();
        std::iter::from_fn(move || {
            let (mut name, mut id, mut data) = (String::new(), None, Json::Null);
            loop {
                let line = lines.next()?;
                match line.split_once(": ") {
                    Some(("event", said)) => said.clone_into(&mut name),
                    Some(("id", said)) => id = said.parse().ok(),
                    Some(("data", said)) => data = serde_json::from_str(said).expect("data is JSON"),
                    _ if line.is_empty() && !name.is_empty() => return Some((name, id, data)),
                    _ => {}
                }
            }
        })
    }
}

fn head(from: &mut impl BufRead) -> std::io::Result<(u16, Vec<(String, String)>)> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => return Ok((status, headers)),
        }
    }
}

fn read(mut from: BufReader<TcpStream>) -> std::io::Result<Answer> {
    let (status, headers) = head(&mut from)?;
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let mut body = Vec::new();
    if is_chunked {
        Chunks { from, left: 0 }.read_to_end(&mut body)?;
    } else {
        from.read_to_end(&mut body)?;
    }
    Ok(Answer { status, headers, body })
}

/// A body that comes in chunks.
struct Chunks {
    from: BufReader<TcpStream>,
    left: usize,
}

impl Chunks {
    fn lines_of(self) -> impl Iterator<Item = String> {
        BufReader::with_capacity(1, self).lines().map_while(Result::ok)
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut size = String::new();
            while size.trim().is_empty() {
                size.clear();
                if self.from.read_line(&mut size)? == 0 {
                    return Ok(0);
                }
            }
            self.left = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = into.len().min(self.left);
        let read = self.from.read(&mut into[..most])?;
        self.left -= read;
        Ok(read)
    }
}
