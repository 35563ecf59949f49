//! Who stands before the door.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::{Answer, MOST, PATIENCE, STRANGER, Sign, Wish, beside};
use crate::act::Act;

/// How long the process that has a file open may take to do what it is asked for.
const ANSWER: Duration = Duration::from_secs(60);

/// Has something done by the process that has a file open; nothing, if none lets anybody in.
///
/// # Errors
/// When it was asked, and its answer cannot be had: it may or may not have done it.
pub(crate) fn ask(file: &Path, who: &str, act: &Act) -> io::Result<Option<Answer>> {
    ask_within(file, who, act, ANSWER)
}

/// Whether somebody has a file open who lets others in.
pub(crate) fn is_open(file: &Path) -> bool {
    knock(file).is_some()
}

/// Somebody who has the file open, and his secret. A process that was killed takes no sign down.
fn knock(file: &Path) -> Option<(TcpStream, String)> {
    let text = fs::read_to_string(beside(file)).ok()?;
    let Sign { port, secret } = serde_json::from_str(&text).ok()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Some((TcpStream::connect_timeout(&address, PATIENCE).ok()?, secret))
}

fn ask_within(file: &Path, who: &str, act: &Act, patience: Duration) -> io::Result<Option<Answer>> {
    let asked = serde_json::to_string(&Wish { who: who.to_owned(), act })?;
    if asked.len() as u64 >= MOST - STRANGER {
        let message = format!(
            "what is asked for has {} MB, and a process that has a file open takes {} at most",
            asked.len() >> 20,
            MOST >> 20
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let Some((mut stream, secret)) = knock(file) else { return Ok(None) };
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(format!("{secret}\n{asked}\n").as_bytes()).map_err(|error| late(error, patience))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(|error| late(error, patience))?;
    if answer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the process that has it open gave no answer",
        ));
    }
    Ok(Some(serde_json::from_str(&answer)?))
}

/// Says in words that somebody has waited long enough.
fn late(error: io::Error, patience: Duration) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            let message = format!("it gave no answer within {} s", patience.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, message)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that stands still, or a stranger behind the port that it had, keeps nobody waiting.
    #[test]
    fn nobody_is_waited_for_without_end() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let sign = Sign { port: listener.local_addr().unwrap().port(), secret: "s".to_owned() };
        let file = std::env::temp_dir().join(format!("workflow-door-{}", std::process::id()));
        fs::write(beside(&file), serde_json::to_string(&sign).unwrap()).unwrap();
        let act = Act::Trigger { schedule: "nightly".to_owned() };
        let error = ask_within(&file, "ann", &act, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "it gave no answer within 1 s");
        let huge = Act::Trigger { schedule: " ".repeat(64 << 20) };
        let error = ask_within(&file, "ann", &huge, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        fs::remove_file(beside(&file)).unwrap();
    }
}
