//! A connection by which a container is written to, and by which what it writes is read.
//!
//! It is made here and not by the engine's client, for that keeps a frame until all of it has come, however long it says it is.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use workflow_runtime::AgentError;

use super::address::Stream;
use super::engine::{Engine, is_final};
use super::frames::{Frames, Outputs};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// How much of an answer that is no connection is read, and for how long.
const ANSWER: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection with a container.
pub(super) struct Attached {
    reading: ReadHalf<Box<dyn Stream>>,
    writing: Option<WriteHalf<Box<dyn Stream>>>,
    buffer: Vec<u8>,
    /// How much of the buffer came with the answer.
    early: usize,
    frames: Frames,
}

impl Attached {
    /// Connects with a container, before it is started.
    ///
    /// # Errors
    /// When the engine does not let it be so.
    pub(super) async fn to(engine: &Engine, container: &str, has_input: bool) -> Result<Self, AgentError> {
        let lost = |why: String| {
            AgentError::retry(format!(
                "the engine at {} let nobody read what it writes: {why}",
                engine.address
            ))
        };
        let asked = async {
            let mut stream = engine.address.connect().await?;
            stream.write_all(question(container, has_input).as_bytes()).await?;
            let (head, rest) = answer(&mut stream).await?;
            Ok::<_, std::io::Error>((stream, head, rest))
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        let (mut stream, head, mut rest) = answered
            .map_err(|_| lost("it did not answer".to_owned()))?
            .map_err(|error| lost(error.to_string()))?;
        let status = status(&head);
        if !matches!(status, Some(101 | 200)) {
            // What it says is told as far as it comes.
            drop(tokio::time::timeout(PATIENCE, read_up_to(&mut stream, &mut rest, ANSWER)).await);
            let why = said(&rest);
            return Err(if is_final(status) {
                AgentError::permanent(lost(why).into_source())
            } else {
                lost(why)
            });
        }
        Ok(Self::of(stream, &rest, has_input))
    }

    fn of(stream: Box<dyn Stream>, rest: &[u8], has_input: bool) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        let mut buffer = vec![0; CHUNK.max(rest.len())];
        buffer[..rest.len()].copy_from_slice(rest);
        let writing = has_input.then_some(writing);
        Self { reading, writing, buffer, early: rest.len(), frames: Frames::default() }
    }

    /// Reads once; whether there may be more.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(super) async fn read(&mut self, outputs: &mut Outputs) -> Result<bool, String> {
        let count = match std::mem::take(&mut self.early) {
            0 => self.reading.read(&mut self.buffer).await.map_err(|error| error.to_string())?,
            early => early,
        };
        if count == 0 {
            return if self.frames.is_whole() { Ok(false) } else { Err("it ended in the middle".to_owned()) };
        }
        self.frames.add(&self.buffer[..count], outputs)?;
        Ok(true)
    }

    /// The end that the container reads from, once.
    pub(super) fn input(&mut self) -> Option<WriteHalf<Box<dyn Stream>>> {
        self.writing.take()
    }
}

fn question(container: &str, has_input: bool) -> String {
    let input = if has_input { "&stdin=1" } else { "" };
    format!(
        "POST /containers/{container}/attach?stream=1&stdout=1&stderr=1{input} HTTP/1.1\r\n\
         Host: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The head of an answer, and what came behind it.
async fn answer(stream: &mut Box<dyn Stream>) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = Vec::new();
    loop {
        if let Some(place) = head.windows(END.len()).position(|part| part == END) {
            let rest = head.split_off(place + END.len());
            return Ok((head, rest));
        }
        if head.len() > ANSWER || stream.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn read_up_to(stream: &mut Box<dyn Stream>, into: &mut Vec<u8>, most: usize) {
    while !into.ends_with(b"}\n")
        && into.len() < most
        && stream.read_buf(into).await.is_ok_and(|count| count > 0)
    {}
}

fn status(head: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(head).ok()?;
    head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.trim().parse().ok()
}

/// What an answer says that is no connection.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json = text.find('{').zip(text.rfind('}')).and_then(|(start, end)| text.get(start..=end));
    let message = json.and_then(|json| serde_json::from_str::<Json>(json).ok());
    let message = message.as_ref().and_then(|json| json["message"].as_str());
    message.unwrap_or(text.trim()).to_owned()
}
