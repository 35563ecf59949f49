//! How another process of this machine has something done by the one that has a file open: over a socket that only this
//! machine reaches, with a secret that only who may read the file's folder knows.

use std::any::Any;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::act::{Act, Declined, DeclinedKind, Done};
use crate::engine::{Engine, lock};
use crate::runtime::Runtime;
use crate::store::{SqliteStore, Store};

/// How long something that is asked for may be.
const MOST: u64 = 64 << 20;

/// How long who has knocked may take to say what he wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the door is, and what opens it: in a file beside the one that it leads to.
#[derive(Debug, Serialize, Deserialize)]
struct Sign {
    port: u16,
    secret: String,
}

/// What is said at the door.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    secret: String,
    #[serde(flatten)]
    act: Act,
}

type Answer = Result<Done, Declined>;

/// The file in which a store keeps its jobs, if it is one that one process has open at a time.
pub(crate) fn file_of(store: &dyn Store) -> Option<PathBuf> {
    let store: &dyn Any = store;
    store.downcast_ref::<SqliteStore>().map(|store| store.path().to_owned())
}

/// Opens the door of a runtime for as long as that takes something in. Without one, it can be used all the same.
pub(crate) async fn keep_open(engine: &Arc<Engine>, file: &Path) {
    match Door::open(engine, file).await {
        Ok(door) => lock(&engine.open).push(Box::new(door)),
        Err(error) => {
            let file = file.display();
            tracing::warn!("command lines cannot act on {file} while this process has it open: {error}");
        }
    }
}

/// The door of a runtime. It is shut when it is dropped.
#[derive(Debug)]
struct Door {
    sign: PathBuf,
    listens: AbortHandle,
}

impl Door {
    async fn open(engine: &Arc<Engine>, file: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let random = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
        let secret = format!("{:016x}{:016x}", random(), random());
        let sign = Sign { port: listener.local_addr()?.port(), secret: secret.clone() };
        let path = beside(file);
        put_up(&path, &serde_json::to_string(&sign)?)?;
        let engine = Arc::downgrade(engine);
        let listens = tokio::spawn(listen(listener, engine, Arc::from(secret))).abort_handle();
        Ok(Self { sign: path, listens })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listens.abort();
        let _ = fs::remove_file(&self.sign);
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".door");
    PathBuf::from(path)
}

/// Writes a file that nobody else may read, whole or not at all.
fn put_up(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let _ = fs::remove_file(&new);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

async fn listen(listener: TcpListener, engine: Weak<Engine>, secret: Arc<str>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("somebody knocked, and could not be let in: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (engine, secret) = (Weak::clone(&engine), Arc::clone(&secret));
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &engine, &secret).await {
                tracing::debug!("who had knocked went away: {error}");
            }
        });
    }
}

async fn serve(mut stream: tokio::net::TcpStream, engine: &Weak<Engine>, secret: &str) -> io::Result<()> {
    let (from, mut to) = stream.split();
    let mut line = String::new();
    let mut from = tokio::io::BufReader::new(from.take(MOST));
    tokio::time::timeout(PATIENCE, from.read_line(&mut line)).await??;
    let misunderstood = |what: String| Err(Declined::new(DeclinedKind::Misunderstood, what));
    let answer: Answer = match (serde_json::from_str::<Asked>(&line), engine.upgrade()) {
        (Ok(asked), Some(engine)) if asked.secret == secret => Runtime { engine }.perform(asked.act).await,
        (Ok(_), Some(_)) => misunderstood("the secret is not that of this process".to_owned()),
        (Err(error), _) => misunderstood(format!("this process does not understand what is asked: {error}")),
        (_, None) => misunderstood("this process is about to end".to_owned()),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    to.write_all(&text).await
}

/// Has something done by the process that has a file open; nothing, if none lets anybody in.
///
/// # Errors
/// When it was asked, and its answer cannot be had: it may or may not have done it.
pub(crate) fn ask(file: &Path, act: &Act) -> io::Result<Option<Answer>> {
    let Ok(text) = fs::read_to_string(beside(file)) else { return Ok(None) };
    let Ok(Sign { port, secret }) = serde_json::from_str(&text) else { return Ok(None) };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // A process that was killed takes no sign down.
    let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) else { return Ok(None) };
    let mut text = serde_json::to_vec(&Asked { secret, act: act.clone() })?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the process that has it open gave no answer",
        ));
    }
    Ok(Some(serde_json::from_str(&answer)?))
}
