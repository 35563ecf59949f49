//! How another process of this machine has something done by the one that has a file open: over a socket that only this
//! machine reaches, with a secret that only who may read the file's folder knows.

#[cfg(feature = "cli")]
mod ask;

use std::any::Any;
use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

#[cfg(feature = "cli")]
pub(crate) use ask::{ask, is_open};

use crate::act::{Act, Declined, DeclinedKind, Done};
use crate::engine::{Engine, lock};
use crate::runtime::Runtime;
use crate::store::{SqliteStore, Store};

/// How long what somebody says may be of whom nobody knows who he is, and of who has said the secret.
const STRANGER: u64 = 256;
const MOST: u64 = 64 << 20;

/// How long who has knocked may take to say what he wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the door is, and what opens it: in a file beside the one that it leads to.
#[derive(Debug, Serialize, Deserialize)]
struct Sign {
    port: u16,
    secret: String,
}

/// What somebody wants done, and who he is.
#[derive(Debug, Serialize, Deserialize)]
struct Wish<A> {
    who: String,
    #[serde(flatten)]
    act: A,
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

/// First comes the secret, then what is asked for, each in a line; the answer is one.
async fn serve(mut stream: tokio::net::TcpStream, engine: &Weak<Engine>, secret: &str) -> io::Result<()> {
    let (from, mut to) = stream.split();
    let mut from = tokio::io::BufReader::new(from.take(STRANGER));
    let answer = tokio::time::timeout(PATIENCE, hear(&mut from, secret)).await?;
    let answer: Answer = match (answer, engine.upgrade()) {
        (Ok(Wish { who, act }), Some(engine)) => Runtime { engine }.perform_for(&who, act).await,
        (Err(declined), _) => Err(declined),
        (Ok(_), None) => Err(misunderstood("this process is about to end")),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    to.write_all(&text).await
}

async fn hear(
    from: &mut tokio::io::BufReader<tokio::io::Take<impl AsyncRead + Unpin>>,
    secret: &str,
) -> Result<Wish<Act>, Declined> {
    let cut = |error: io::Error| misunderstood(format_args!("it cannot be heard: {error}"));
    let (mut said, mut asked) = (String::new(), String::new());
    from.read_line(&mut said).await.map_err(cut)?;
    if said.trim_end() != secret {
        return Err(misunderstood("the secret is not that of this process"));
    }
    from.get_mut().set_limit(MOST);
    from.read_line(&mut asked).await.map_err(cut)?;
    serde_json::from_str(&asked).map_err(|error| {
        misunderstood(format_args!("this process does not understand what is asked: {error}"))
    })
}

fn misunderstood(what: impl std::fmt::Display) -> Declined {
    Declined::new(DeclinedKind::Misunderstood, what)
}
