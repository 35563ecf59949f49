//! The same with a real engine, where one answers at the usual place or at `DOCKER_HOST`, with an image made here of a program
//! that this machine has. Nothing is pulled.

use std::path::Path;
use std::sync::Arc;

use bollard::Docker;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt;
use workflow_agents::policy::{Limits, Policy, Role};
use workflow_agents::{Accept, Container, Encoding, Finished, Pull};
use workflow_runtime::prelude::*;
use workflow_runtime::store::MemoryStore;

use crate::setting::{AsCoder, Folder, until};

const BUSYBOX: &str = "/bin/busybox";
const REPOSITORY: &str = "localhost/workflow-agents-test";

/// A real engine that has our image.
struct Real {
    docker: Docker,
    image: String,
    /// Podman does not say of every container that it had no memory left.
    is_podman: bool,
}

impl Real {
    /// One, if there is one and something to run in it; it is said if there is not.
    async fn find() -> Option<Self> {
        let docker = Docker::connect_with_defaults().ok()?;
        if docker.info().await.is_err() || !Path::new(BUSYBOX).exists() {
            return None;
        }
        // Not every engine takes a tag here.
        let image = format!("{REPOSITORY}-{}", std::process::id());
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(&image).build();
        let body = bollard::body_full(archive().into());
        let mut steps = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
        while let Some(step) = steps.next().await {
            step.expect("it is imported");
        }
        let components = docker.version().await.ok()?.components.unwrap_or_default();
        let is_podman = components.iter().any(|component| component.name.contains("Podman"));
        Some(Self { docker: docker.clone(), image, is_podman })
    }

    fn script(&self, text: &str) -> Container {
        Container::of(&self.image).command(["/bin/sh", "-c", text]).pull(Pull::Never)
    }

    /// How many containers there are of our image.
    async fn containers(&self) -> usize {
        let filters = std::collections::HashMap::from([("ancestor", vec![self.image.as_str()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.docker.list_containers(Some(options)).await.expect("it answers").len()
    }

    async fn remove(self) {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        drop(self.docker.remove_image(&self.image, Some(options), None).await);
    }
}

/// An image's files: a program and the names that it goes by.
fn archive() -> Vec<u8> {
    let program = std::fs::read(BUSYBOX).expect("it is there");
    let mut archive = Vec::new();
    for folder in ["bin/", "tmp/", "work/", "data/"] {
        entry(&mut archive, folder, b'5', "", &[]);
    }
    entry(&mut archive, "bin/busybox", b'0', "", &program);
    for name in ["sh", "cat", "dd", "head", "id", "ls", "sleep", "tail", "touch", "yes"] {
        entry(&mut archive, &format!("bin/{name}"), b'2', "busybox", &[]);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// One entry of a tar archive.
fn entry(archive: &mut Vec<u8>, name: &str, kind: u8, link: &str, bytes: &[u8]) {
    let mut header = [0; 512];
    let mut put =
        |place: usize, text: &str| header[place..place + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", bytes.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(157, link);
    put(257, "ustar\x0000");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(header);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

async fn runtime(folder: &Folder, limits: Limits) -> Runtime {
    let role = Role::new().tool("docker").image("localhost/*").write(&folder.0).limits(limits);
    let policy = Policy::new().role("coder", role);
    Runtime::builder().state(policy).on(Arc::new(MemoryStore::new())).await.expect("it starts")
}

async fn run(runtime: &Runtime, container: Container) -> Result<Finished, String> {
    runtime.run(AsCoder { container }).await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_engine_does_what_ours_does() {
    let Some(real) = Real::find().await else {
        println!("skipped: no engine answers, or there is no {BUSYBOX} to make an image of");
        return;
    };
    let folder = Folder::new();
    let most = Limits { memory: Some(64 << 20), processes: Some(20), ..Limits::default() };
    let runtime = runtime(&folder, most).await;
    outputs(&real, &runtime).await;
    holds(&real, &runtime, &folder).await;
    limits(&real, &runtime).await;
    ends(&real, &runtime).await;
    assert_eq!(real.containers().await, 0);
    real.remove().await;
}

async fn outputs(real: &Real, runtime: &Runtime) {
    let script = "echo out; echo err >&2; cat; exit 7";
    let done =
        run(runtime, real.script(script).input("in\n").accept(Accept::Any)).await.expect("it goes well");
    assert_eq!(
        (done.code, done.stdout.text.as_str(), done.stderr.text.as_str()),
        (Some(7), "out\nin\n", "err\n")
    );
    assert!(done.image.is_some_and(|id| id.contains("sha256:") || id.len() == 64));
    let done = run(runtime, real.script("cat").input("x".repeat(3_000_000))).await.expect("it goes well");
    assert_eq!((done.stdout.bytes, done.stdout.truncated), (3_000_000, true));
    let done = run(runtime, real.script("yes | head -c 30000000; echo end")).await.expect("it goes well");
    assert!(done.stdout.bytes == 30_000_004 && done.stdout.text.ends_with("end\n"), "{}", done.stdout.bytes);
    let done = run(runtime, real.script("head -c 3 /dev/zero")).await.expect("it goes well");
    assert_eq!((done.stdout.text.as_str(), done.stdout.encoding), ("AAAA", Encoding::Base64));
    let done = run(runtime, real.script("cat").accept(Accept::Any)).await.expect("it goes well");
    assert_eq!((done.code, done.stdout.bytes), (Some(0), 0), "without input there is none");
    let told = run(runtime, real.script("").command(["/no/such"])).await.expect_err("there is none");
    assert!(told.contains("/no/such"), "{told}");
}

async fn holds(real: &Real, runtime: &Runtime, folder: &Folder) {
    std::fs::create_dir(folder.0.join("read")).expect("it goes well");
    std::fs::write(folder.0.join("read/words"), "once").expect("it goes well");
    let script = "\
        cat /proc/self/status | while read name value; do case $name in Cap???:|NoNewPrivs:) echo $name $value;; esac; done
        ls /sys/class/net
        touch /x 2>/dev/null && echo wrote /x; touch /words/y 2>/dev/null && echo wrote /words
        cat /words/words; echo; cd; pwd; touch here && echo twice > /work/written && ls /";
    let asked = real.script(script).mount(folder.0.join("read"), "/words").mount_writable(&folder.0, "/work");
    let done = run(runtime, asked).await.expect("it goes well");
    let said = &done.stdout.text;
    for line in [
        "CapEff: 0000000000000000",
        "CapPrm: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "once",
        "/tmp",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} in {said}");
    }
    assert!(said.contains("\nlo\n") && !said.contains("eth0") && !said.contains("wrote"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.0.join("written")).expect("it goes well"), "twice\n");
    let owner =
        std::os::unix::fs::MetadataExt::uid(&folder.0.join("written").metadata().expect("it goes well"));
    assert_eq!(owner, rustix::process::geteuid().as_raw(), "what it writes is ours");
}

async fn limits(real: &Real, runtime: &Runtime) {
    let much = real.script("dd if=/dev/zero of=/dev/null bs=200M count=1").accept(Accept::Any);
    let done = run(runtime, much).await.expect("it goes well");
    assert!(done.code == Some(137) && (done.out_of_memory || real.is_podman), "{done:?}");
    let many = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do sleep 60 & done; echo all";
    let done = run(runtime, real.script(many).accept(Accept::Any)).await.expect("it goes well");
    assert!(!done.stdout.text.contains("all") && done.stderr.text.contains("fork"), "{done:?}");
    let full =
        run(runtime, real.script("dd if=/dev/zero of=/tmp/x bs=1M count=60")).await.expect_err("it is full");
    assert!(full.contains("No space left"), "{full}");
    let late = real.script("echo here; sleep 600").limits(Limits { time_ms: Some(700), ..Limits::default() });
    let told = run(runtime, late).await.expect_err("it takes too long");
    assert!(told.contains("was ended after 700ms") && told.contains("said last: here"), "{told}");
}

async fn ends(real: &Real, runtime: &Runtime) {
    assert_eq!(real.containers().await, 0);
    let job = runtime
        .submit(AsCoder { container: real.script("echo here; sleep 600") })
        .await
        .expect("it goes well");
    let mut progress = job.progress();
    assert_eq!(progress.next().await.expect("it runs").message.as_ref(), "here");
    assert_eq!(real.containers().await, 1);
    assert!(job.cancel("enough").await);
    drop(job.await);
    gone(real).await;
    let job = runtime
        .submit(AsCoder { container: real.script("echo here; sleep 600") })
        .await
        .expect("it goes well");
    assert_eq!(job.progress().next().await.expect("it runs").message.as_ref(), "here");
    assert_eq!(runtime.shutdown(std::time::Duration::ZERO).await, 1);
    gone(real).await;
}

async fn gone(real: &Real) {
    let (told, mut count) = tokio::sync::watch::channel(1);
    let looks = async {
        loop {
            told.send_replace(real.containers().await);
        }
    };
    tokio::select! {
        () = looks => {}
        () = until("nothing is left", move || *count.borrow_and_update() == 0) => {}
    }
}
