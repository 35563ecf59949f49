//! An engine that speaks as a real one does, keeps what it was asked, and fails as it is told to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, watch};

use crate::http::{Asked, answer, begin, go_on};
use crate::setting::Folder;

/// The image that there is from the beginning.
pub(crate) const IMAGE: &str = "docker.io/library/busybox:1";
pub(crate) const ID: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

/// What a container does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Writes to its outputs.
    Out(Vec<u8>),
    Err(Vec<u8>),
    /// What goes over the connection as it is.
    Raw(Vec<u8>),
    /// Writes until nobody reads it any more, or it is ended.
    Endless,
    /// Writes a frame that says that it is as long as can be, and so many bytes of it.
    Huge(usize),
    /// Writes what it reads.
    Echo,
    /// Runs until it is ended.
    Stay,
    /// Ends, and the connection stays open.
    Linger,
    /// The connection breaks, and it runs on.
    Cut,
    /// Waits until somebody lets it go on.
    Await(Arc<Notify>),
    /// Ends, with a code, and for want of memory or not.
    End(i64, bool),
}

/// How the engine answers in place of what it should.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// By a status and a message.
    Says(u16, &'static str),
    /// Not at all: the connection breaks.
    Breaks,
    /// Not as long as it is there.
    Silent,
    /// As it should, but only when it is let.
    Held(Arc<Notify>),
}

/// How a pull goes: what is told of it, and whether the image is there then.
#[derive(Debug, Clone)]
pub(crate) struct Pulled {
    pub(crate) lines: Vec<Json>,
    pub(crate) has_image: bool,
    /// Whether the connection breaks after it.
    pub(crate) breaks: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Made,
    Runs,
    Ended { code: i64, oom: bool },
}

struct Kept {
    id: String,
    body: Json,
    phase: watch::Sender<Phase>,
}

/// A fault, for what it is meant, how often it does not come yet, and how often then.
struct Failing {
    method: &'static str,
    path: &'static str,
    spared: usize,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct Inner {
    asked: Vec<Asked>,
    images: BTreeMap<String, Json>,
    containers: BTreeMap<String, Kept>,
    play: Vec<Act>,
    faults: Vec<Failing>,
    pulled: Option<Pulled>,
    warnings: Vec<&'static str>,
    options: Vec<&'static str>,
    count: u32,
}

/// An engine.
pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
    _folder: Folder,
    inner: Arc<Mutex<Inner>>,
    serving: tokio::task::JoinHandle<()>,
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().expect("nobody panics with it")
}

impl Engine {
    /// One that has an image, whose containers do this.
    pub(crate) fn playing(play: impl IntoIterator<Item = Act>) -> Self {
        let folder = Folder::new();
        let socket = folder.0.join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("it listens");
        let inner = Arc::new(Mutex::new(Inner { play: play.into_iter().collect(), ..Inner::default() }));
        lock(&inner).options.push("name=seccomp,profile=default");
        let own = Arc::clone(&inner);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own)));
            }
        });
        let engine = Self { socket, _folder: folder, inner, serving };
        engine.has(IMAGE, &[]);
        engine
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Gives it an image, with folders that it wants to write to.
    pub(crate) fn has(&self, image: &str, volumes: &[&str]) {
        let volumes: Json = volumes.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        let known = json!({ "Id": ID, "Config": { "Volumes": volumes } });
        lock(&self.inner).images.insert(image.to_owned(), known);
    }

    /// Has it fail, so many times, when it is asked by a method for a path that ends so.
    pub(crate) fn fails(&self, method: &'static str, path: &'static str, times: usize, fault: Fault) {
        self.then_fails(method, path, (0, times), fault);
    }

    /// The same, after it has done so many times as it should.
    pub(crate) fn then_fails(
        &self,
        method: &'static str,
        path: &'static str,
        (spared, times): (usize, usize),
        fault: Fault,
    ) {
        lock(&self.inner).faults.push(Failing { method, path, spared, times, fault });
    }

    pub(crate) fn pulls(&self, pulled: Pulled) {
        lock(&self.inner).pulled = Some(pulled);
    }

    pub(crate) fn warns(&self, warning: &'static str) {
        lock(&self.inner).warnings.push(warning);
    }

    /// Says of itself that it is not the system's.
    pub(crate) fn is_rootless(&self) {
        lock(&self.inner).options.push("name=rootless");
    }

    /// Leaves a container there, as an attempt would that came to no end.
    pub(crate) fn keeps(&self, name: &str, labels: Json) {
        let phase = watch::channel(Phase::Runs).0;
        let body = json!({ "Labels": labels });
        lock(&self.inner).containers.insert(name.to_owned(), Kept { id: name.to_owned(), body, phase });
    }

    /// What it was asked by a method for paths that end so, the oldest first.
    pub(crate) fn asked(&self, method: &str, path: &str) -> Vec<Asked> {
        let inner = lock(&self.inner);
        inner
            .asked
            .iter()
            .filter(|asked| asked.method == method && asked.path.ends_with(path))
            .cloned()
            .collect()
    }

    /// How many containers it has made.
    pub(crate) fn made(&self) -> u32 {
        lock(&self.inner).count
    }

    /// Removes all containers, as somebody else might.
    pub(crate) fn remove_all(&self) {
        for (_, kept) in std::mem::take(&mut lock(&self.inner).containers) {
            kept.phase.send_replace(Phase::Ended { code: 137, oom: false });
        }
    }

    /// How often it was asked for anything.
    pub(crate) fn count(&self) -> usize {
        lock(&self.inner).asked.len()
    }

    /// How often it was asked to remove a container.
    pub(crate) fn removals(&self) -> usize {
        lock(&self.inner).asked.iter().filter(|asked| asked.method == "DELETE").count()
    }

    /// What the last container was asked to be.
    pub(crate) fn body(&self) -> Json {
        self.asked("POST", "/containers/create").last().expect("one was asked for").body.clone()
    }

    /// The names of the containers that there are.
    pub(crate) fn containers(&self) -> Vec<String> {
        lock(&self.inner).containers.keys().cloned().collect()
    }

    /// Whether a container runs.
    pub(crate) fn runs(&self) -> bool {
        lock(&self.inner).containers.values().any(|kept| *kept.phase.borrow() == Phase::Runs)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The fault that is meant for what was asked, if it is to fail.
fn fault(inner: &Mutex<Inner>, asked: &Asked) -> Option<Fault> {
    let mut inner = lock(inner);
    let mut faults = inner.faults.iter_mut();
    let failing = faults.find(|failing| {
        failing.times > 0 && asked.method == failing.method && asked.path.ends_with(failing.path)
    })?;
    if failing.spared > 0 {
        failing.spared -= 1;
        return None;
    }
    failing.times -= 1;
    Some(failing.fault.clone())
}

async fn serve(mut stream: UnixStream, inner: Arc<Mutex<Inner>>) {
    let Some(asked) = Asked::read(&mut stream).await else { return };
    lock(&inner).asked.push(asked.clone());
    match fault(&inner, &asked) {
        None => {}
        Some(Fault::Says(status, message)) => {
            return answer(&mut stream, status, &json!({ "message": message })).await;
        }
        Some(Fault::Breaks) => return,
        Some(Fault::Silent) => return std::future::pending().await,
        Some(Fault::Held(until)) => until.notified().await,
    }
    let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
    match (asked.method.as_str(), &parts[..]) {
        ("GET", ["info"]) => {
            let options = lock(&inner).options.clone();
            answer(&mut stream, 200, &json!({ "ID": "ours", "SecurityOptions": options })).await;
        }
        ("GET", ["images", name @ .., "json"]) => {
            let known = lock(&inner).images.get(&name.join("/")).cloned();
            let (status, said) = known.map_or_else(|| (404, none("image")), |known| (200, known));
            answer(&mut stream, status, &said).await;
        }
        ("POST", ["images", "create"]) => pull(&mut stream, &inner, &asked).await,
        ("GET", ["containers", "json"]) => {
            let found = list(&inner, &asked);
            answer(&mut stream, 200, &found).await;
        }
        ("POST", ["containers", "create"]) => {
            let made = make(&inner, &asked);
            answer(&mut stream, 201, &made).await;
        }
        (method, ["containers", name, rest @ ..]) => {
            let found = find(&inner, name);
            let Some((name, phase)) = found else {
                return answer(&mut stream, 404, &none("container")).await;
            };
            of_container(&mut stream, &inner, (method, &name, rest), &asked, phase).await;
        }
        _ => answer(&mut stream, 404, &none("page")).await,
    }
}

/// A container, by its name or its number.
fn find(inner: &Mutex<Inner>, wanted: &str) -> Option<(String, watch::Sender<Phase>)> {
    let inner = lock(inner);
    let mut all = inner.containers.iter();
    let (name, kept) = all.find(|(name, kept)| *name == wanted || kept.id == wanted)?;
    Some((name.clone(), kept.phase.clone()))
}

fn none(what: &str) -> Json {
    json!({ "message": format!("No such {what}") })
}

async fn of_container(
    stream: &mut UnixStream,
    inner: &Mutex<Inner>,
    (method, name, rest): (&str, &str, &[&str]),
    asked: &Asked,
    phase: watch::Sender<Phase>,
) {
    let killed = Phase::Ended { code: 137, oom: false };
    match (method, rest) {
        ("POST", ["start"]) => {
            phase.send_replace(Phase::Runs);
            answer(stream, 204, &Json::Null).await;
        }
        ("POST", ["stop"]) => {
            phase.send_replace(killed);
            answer(stream, 204, &Json::Null).await;
        }
        ("POST", ["wait"]) => {
            begin(stream).await;
            let ended = phase
                .subscribe()
                .wait_for(|phase| matches!(phase, Phase::Ended { .. }))
                .await
                .map(|end| *end);
            let code = if let Ok(Phase::Ended { code, .. }) = ended { code } else { 0 };
            go_on(stream, &format!("{}\n", json!({ "StatusCode": code }))).await;
            go_on(stream, "").await;
        }
        ("POST", ["attach"]) => {
            let play = lock(inner).play.clone();
            attach(stream, play, phase, asked.parameter("stdin").is_some()).await;
        }
        ("GET", ["json"]) => {
            let phase = *phase.borrow();
            answer(stream, 200, &inspected(phase)).await;
        }
        ("DELETE", []) => {
            lock(inner).containers.remove(name);
            phase.send_replace(killed);
            answer(stream, 204, &Json::Null).await;
        }
        _ => answer(stream, 404, &none("page")).await,
    }
}

fn inspected(phase: Phase) -> Json {
    let (status, code, oom) = match phase {
        Phase::Made => ("created", 0, false),
        Phase::Runs => ("running", 0, false),
        Phase::Ended { code, oom } => ("exited", code, oom),
    };
    json!({ "Id": "x", "State": {
        "Status": status, "Running": phase == Phase::Runs, "Paused": false, "Restarting": false,
        "OOMKilled": oom, "Dead": false, "Pid": 0, "ExitCode": code, "Error": "",
        "StartedAt": "2026-01-01T00:00:00.0Z", "FinishedAt": "0001-01-01T00:00:00Z",
    } })
}

fn make(inner: &Mutex<Inner>, asked: &Asked) -> Json {
    let mut inner = lock(inner);
    inner.count += 1;
    let id = format!("{:064x}", inner.count);
    let name = asked.parameter("name").expect("it is named");
    let kept = Kept { id: id.clone(), body: asked.body.clone(), phase: watch::channel(Phase::Made).0 };
    inner.containers.insert(name, kept);
    json!({ "Id": id, "Warnings": inner.warnings })
}

fn list(inner: &Mutex<Inner>, asked: &Asked) -> Json {
    let filters = asked.parameter("filters").and_then(|text| serde_json::from_str::<Json>(&text).ok());
    let filters = filters.unwrap_or_default();
    let labels: Vec<(&str, &str)> = filters["label"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|label| label.as_str()?.split_once('='))
        .collect();
    let inner = lock(inner);
    let all = inner.containers.iter();
    let is_meant =
        |kept: &Kept| labels.iter().all(|(name, value)| kept.body["Labels"][name].as_str() == Some(value));
    let found = all.filter(|(_, kept)| is_meant(kept));
    found.map(|(name, kept)| json!({ "Id": kept.id, "Names": [format!("/{name}")] })).collect()
}

async fn pull(stream: &mut UnixStream, inner: &Mutex<Inner>, asked: &Asked) {
    let pulled = lock(inner).pulled.clone();
    let Some(pulled) = pulled else {
        return answer(stream, 404, &json!({ "message": "pull access denied" })).await;
    };
    begin(stream).await;
    for line in &pulled.lines {
        go_on(stream, &format!("{line}\r\n")).await;
    }
    if pulled.has_image {
        let name = asked.parameter("fromImage").expect("it is named");
        lock(inner).images.insert(name, json!({ "Id": ID, "Config": {} }));
    }
    if !pulled.breaks {
        go_on(stream, "").await;
    }
}

fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("it is short").to_be_bytes();
    [&[kind, 0, 0, 0][..], &length, bytes].concat()
}

/// What a container does, over the connection that was taken over.
async fn attach(stream: &mut UnixStream, play: Vec<Act>, phase: watch::Sender<Phase>, has_input: bool) {
    let head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    drop(stream.write_all(head.as_bytes()).await);
    let mut news = phase.subscribe();
    if news.wait_for(|phase| *phase == Phase::Runs).await.is_err() {
        return;
    }
    let lingers = play.iter().any(|act| matches!(act, Act::Linger));
    let ended = async {
        if lingers {
            std::future::pending::<()>().await;
        }
        news.wait_for(|phase| *phase != Phase::Runs).await.is_ok()
    };
    let plays = async {
        for act in play {
            if let Err(is_over) = perform(stream, act, &phase, has_input).await {
                return is_over;
            }
        }
        phase.send_replace(Phase::Ended { code: 0, oom: false });
        true
    };
    tokio::select! {
        _ = plays => {}
        _ = ended => {}
    }
}

/// Does one thing; an error if nothing follows.
async fn perform(
    stream: &mut UnixStream,
    act: Act,
    phase: &watch::Sender<Phase>,
    has_input: bool,
) -> Result<(), bool> {
    let written = match act {
        Act::Out(bytes) => stream.write_all(&frame(1, &bytes)).await,
        Act::Err(bytes) => stream.write_all(&frame(2, &bytes)).await,
        Act::Raw(bytes) => stream.write_all(&bytes).await,
        Act::Endless => loop {
            let written = stream.write_all(&frame(1, &[b'y'; 8000])).await;
            if written.is_err() {
                break written;
            }
        },
        Act::Huge(count) => {
            drop(stream.write_all(&[1, 0, 0, 0, 255, 255, 255, 255]).await);
            for _ in 0..count / 8192 {
                drop(stream.write_all(&[b'x'; 8192]).await);
            }
            Ok(())
        }
        Act::Echo => {
            assert!(has_input, "it was asked for");
            let mut bytes = Vec::new();
            drop(stream.read_to_end(&mut bytes).await);
            stream.write_all(&frame(1, &bytes)).await
        }
        Act::Stay => std::future::pending().await,
        Act::Linger => {
            phase.send_replace(Phase::Ended { code: 0, oom: false });
            std::future::pending().await
        }
        Act::Cut => return Err(false),
        Act::Await(until) => {
            until.notified().await;
            Ok(())
        }
        Act::End(code, oom) => {
            phase.send_replace(Phase::Ended { code, oom });
            return Err(true);
        }
    };
    written.map_err(|_| false)
}
