//! A stand-in for a model: it speaks as servers do that are compatible with OpenAI's, and knows one plan.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value as Json, json};

/// How many letters it says at once.
const AT_ONCE: usize = 60;

/// Starts it, for as long as this process is there. Gives its address.
pub(super) fn start() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/v1/", listener.local_addr()?);
    thread::Builder::new().name("stand-in".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who goes away in the middle of an answer does not want it.
            drop(answer(stream));
        }
    })?;
    Ok(address)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    read(&mut BufReader::new(&stream))?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let letters: Vec<char> = plan().to_string().chars().collect();
    for part in letters.chunks(AT_ONCE) {
        let text: String = part.iter().collect();
        say(&mut stream, &json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }))?;
    }
    say(&mut stream, &json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }))?;
    let usage = json!({ "prompt_tokens": 180, "completion_tokens": 240, "total_tokens": 420 });
    say(&mut stream, &json!({ "choices": [], "usage": usage }))?;
    stream.write_all(b"data: [DONE]\n\n")
}

fn say(stream: &mut TcpStream, event: &Json) -> io::Result<()> {
    stream.write_all(format!("data: {event}\n\n").as_bytes())
}

/// Reads a request to its end.
fn read(from: &mut impl BufRead) -> io::Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    io::copy(&mut from.take(length), &mut io::sink()).map(drop)
}

/// The one plan that it knows.
fn plan() -> Json {
    let greet = "#!/bin/sh\n# Greets somebody, or the world.\necho \"Hello, ${1:-world}!\"\n";
    let test = "#!/bin/sh\n\
        set -e\n\
        test \"$(sh greet.sh)\" = 'Hello, world!' && echo 'the world is greeted'\n\
        test \"$(sh greet.sh Ada)\" = 'Hello, Ada!' && echo 'Ada is greeted'\n\
        test \"$(sh greet.sh 'two words')\" = 'Hello, two words!' && echo 'two words are one name'\n";
    json!({
        "files": [{ "name": "greet.sh", "text": greet }, { "name": "test.sh", "text": test }],
        "test": ["sh", "test.sh"],
    })
}
