//! How a container is run: what it sees, and what it is held to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountType,
    ResourcesUlimits,
};

use super::address::Address;
use super::engine::Engine;
use super::image::Image;
use super::trace::Trace;
use crate::policy::Limits;

/// How a container is run.
#[derive(Debug)]
pub(super) struct Ambit {
    /// The image's name in full.
    pub(super) image: String,
    /// Where it is run, or why that is nowhere.
    pub(super) address: Result<Address, String>,
    pub(super) command: Vec<String>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) folder: Option<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) mounts: Vec<Mounted>,
    pub(super) scratch: Vec<String>,
    pub(super) has_input: bool,
    pub(super) has_network: bool,
    pub(super) limits: Limits,
}

/// A folder of this machine, as the file system knows it, and where a container sees it.
#[derive(Debug)]
pub(super) struct Mounted {
    pub(super) folder: PathBuf,
    pub(super) inside: String,
    pub(super) is_writable: bool,
}

/// Where engines listen. Who can reach one of these can do anything.
const SOCKETS: [&str; 4] = [
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
];

/// What every container may write to.
const TEMPORARY: &str = "/tmp";

/// How much of the processors it gets where others want them, too: a quarter of what they get.
const SHARES: i64 = 256;

impl Ambit {
    pub(super) fn new(image: String, engine: Option<&str>, limits: Limits) -> Self {
        Self {
            image,
            address: Address::find(engine),
            command: Vec::new(),
            entrypoint: None,
            folder: None,
            environment: BTreeMap::new(),
            mounts: Vec::new(),
            scratch: Vec::new(),
            has_input: false,
            has_network: false,
            limits,
        }
    }

    /// The socket of an engine that is in a folder, however deep.
    pub(super) fn socket_in(&self, folder: &Path) -> Option<PathBuf> {
        let own = self.address.as_ref().ok().and_then(Address::socket);
        let known = SOCKETS.iter().map(Path::new).chain(own);
        known.filter_map(|socket| socket.canonicalize().ok()).find(|socket| socket.starts_with(folder))
    }

    /// As an engine is asked for it.
    pub(super) fn body(&self, engine: &Engine, image: &Image, trace: &Trace) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(image.id.clone()),
            cmd: (!self.command.is_empty()).then(|| self.command.clone()),
            entrypoint: self.entrypoint.clone(),
            working_dir: self.folder.clone(),
            env: Some(self.variables()),
            user: user(engine),
            labels: Some(trace.labels()),
            attach_stdin: Some(self.has_input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(self.has_input),
            stdin_once: Some(self.has_input),
            tty: Some(false),
            host_config: Some(self.host(image)),
            ..ContainerCreateBody::default()
        }
    }

    fn variables(&self) -> Vec<String> {
        let home = [("HOME".to_owned(), TEMPORARY.to_owned())];
        let mut variables: BTreeMap<String, String> = home.into();
        variables.extend(self.environment.clone());
        variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// What it is held to. Nothing that it writes is kept by the engine: neither its layer, which it cannot write to, nor its
    /// output, which is read as it comes.
    fn host(&self, image: &Image) -> HostConfig {
        let Limits { memory, processes, processors, .. } = self.limits;
        let memory = memory.map(signed);
        HostConfig {
            network_mode: Some(if self.has_network { "default" } else { "none" }.to_owned()),
            readonly_rootfs: Some(true),
            privileged: Some(false),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            ipc_mode: Some("private".to_owned()),
            memory,
            // No more with what is swapped out.
            memory_swap: memory,
            pids_limit: processes.map(i64::from),
            nano_cpus: processors.map(|count| i64::from(count) * 1_000_000_000),
            cpu_shares: Some(SHARES),
            ulimits: Some(self.ulimits()),
            mounts: Some(self.mounts.iter().map(Mounted::as_asked).collect()),
            tmpfs: Some(self.writable(image)),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            auto_remove: Some(false),
            ..HostConfig::default()
        }
    }

    fn ulimits(&self) -> Vec<ResourcesUlimits> {
        let limit = |name: &str, most: u64| {
            let most = Some(signed(most));
            ResourcesUlimits { name: Some(name.to_owned()), soft: most, hard: most }
        };
        let file = self.limits.file.map(|most| limit("fsize", most));
        file.into_iter().chain([limit("core", 0)]).collect()
    }

    /// What it may write to besides folders of this machine: what it asks for, and what its image would otherwise have the
    /// engine make on its disk. It is all in memory, which it has no more of than it may have.
    fn writable(&self, image: &Image) -> HashMap<String, String> {
        let half = self.limits.memory.map(|memory| format!(",size={}", memory / 2)).unwrap_or_default();
        let options = format!("rw,nosuid,nodev,exec,mode=1777{half}");
        let plain = |place: &str| place.trim_end_matches('/').to_owned();
        let mounted: BTreeSet<String> = self.mounts.iter().map(|mount| plain(&mount.inside)).collect();
        let own = self.scratch.iter().chain(&image.volumes).map(|place| plain(place));
        let places = own.chain([TEMPORARY.to_owned()]).filter(|place| !mounted.contains(place));
        places.map(|place| (place, options.clone())).collect()
    }
}

impl Mounted {
    /// Other file systems that are mounted in the folder are not seen: nobody would hold them to what holds for it.
    fn as_asked(&self) -> Mount {
        Mount {
            typ: Some(MountType::BIND),
            source: Some(self.folder.to_string_lossy().into_owned()),
            target: Some(self.inside.clone()),
            read_only: Some(!self.is_writable),
            bind_options: Some(MountBindOptions { non_recursive: Some(true), ..MountBindOptions::default() }),
            ..Mount::default()
        }
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Who it is on this machine: who we are. Where an engine is not the system's, that is its `root`.
#[cfg(unix)]
fn user(engine: &Engine) -> Option<String> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    Some(as_seen(engine.is_rootless, user.as_raw(), group.as_raw()))
}

#[cfg(unix)]
fn as_seen(is_rootless: bool, user: u32, group: u32) -> String {
    if is_rootless { "0:0".to_owned() } else { format!("{user}:{group}") }
}

#[cfg(not(unix))]
fn user(_: &Engine) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn we_are_who_we_are_or_an_own_engines_root() {
        assert_eq!(as_seen(false, 1000, 100), "1000:100");
        assert_eq!(as_seen(true, 1000, 100), "0:0");
    }
}
