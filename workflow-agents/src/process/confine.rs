//! What the kernel holds a command to.

use std::path::{Path, PathBuf};

use crate::policy::Role;

/// What a command may read, and write, and whether it may use the network.
#[derive(Debug)]
pub(super) struct Confinement {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    network: bool,
}

impl Confinement {
    pub(super) fn of(role: &Role) -> Self {
        let mut read: Vec<PathBuf> = role.folders_of_commands().map(Path::to_owned).collect();
        read.extend(role.folders_to_read().map(Path::to_owned));
        let write = role.folders_to_write().map(Path::to_owned).collect();
        Self { read, write, network: role.has_network() }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
    };

    use super::{Confinement, Path};

    /// What every command may read and run: what the system is made of. Of `/etc` only what programs look up to run at all; of
    /// `/proc` nothing that is of a process, for the kernel lets a confined one read the environment of any other there.
    const SYSTEM: [&str; 45] = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/nix/store",
        "/proc/cpuinfo",
        "/proc/filesystems",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/sys",
        "/proc/uptime",
        "/proc/version",
        "/sys/devices/system/cpu",
        "/sys/fs/cgroup",
        "/dev/urandom",
        "/dev/random",
        "/etc/alternatives",
        "/etc/ca-certificates",
        "/etc/ca-certificates.conf",
        "/etc/gai.conf",
        "/etc/group",
        "/etc/host.conf",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/locale.alias",
        "/etc/localtime",
        "/etc/magic",
        "/etc/mime.types",
        "/etc/nsswitch.conf",
        "/etc/os-release",
        "/etc/passwd",
        "/etc/pki",
        "/etc/protocols",
        "/etc/resolv.conf",
        "/etc/services",
        "/etc/ssl",
        "/etc/terminfo",
        "/etc/timezone",
    ];

    /// What every command may write to.
    const NOWHERE: [&str; 3] = ["/dev/full", "/dev/null", "/dev/zero"];

    /// By which it is known how files can be cut.
    const FILES: ABI = ABI::V3;

    /// By which connections can be refused.
    const NETWORK: ABI = ABI::V4;

    impl Confinement {
        /// Holds this thread, and whatever it starts, for as long as they live. `own` is a folder that it may write to, too.
        pub(in super::super) fn hold(&self, own: &Path) -> Result<(), String> {
            self.rules(own).and_then(|rules| rules.restrict_self().map(drop)).map_err(|error| {
                let or = if self.network { "" } else { ", or network = true if it can hold files, but no connections" };
                format!(
                    "this machine cannot hold a command to its role's folders and networks, for which Linux 6.7 with Landlock is needed: \
                     {error}; say confine = false in the role to run it all the same{or}"
                )
            })
        }

        fn rules(&self, own: &Path) -> Result<RulesetCreated, RulesetError> {
            let needed = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
            let mut rules = needed.handle_access(AccessFs::from_all(FILES))?;
            if !self.network {
                rules = rules.handle_access(AccessNet::from_all(NETWORK))?;
            }
            let rules = rules
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(ABI::V5))?
                .scope(Scope::from_all(ABI::V6))?
                .create()?;
            let system = SYSTEM.into_iter().map(Path::new);
            let read = system.chain(self.read.iter().map(AsRef::as_ref));
            let write = NOWHERE.into_iter().map(Path::new).chain(self.write.iter().map(AsRef::as_ref));
            let (reading, all) = (AccessFs::from_read(ABI::V5), AccessFs::from_all(ABI::V5));
            let rules = beneath(rules, read, reading)?;
            beneath(rules, write.chain([own]), all)
        }
    }

    /// Allows what is done beneath paths; those that are not there are left out.
    fn beneath<'a>(
        mut rules: RulesetCreated,
        paths: impl Iterator<Item = &'a Path>,
        access: BitFlags<AccessFs>,
    ) -> Result<RulesetCreated, RulesetError> {
        for path in paths {
            let Ok(place) = PathFd::new(path) else { continue };
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V5) };
            rules = rules.add_rule(PathBeneath::new(place, access))?;
        }
        Ok(rules)
    }
}

#[cfg(not(target_os = "linux"))]
impl Confinement {
    pub(super) fn hold(&self, _: &Path) -> Result<(), String> {
        let Self { read, write, network } = self;
        Err(format!(
            "only Linux can hold a command to its role's folders ({} to read, {} to write) and networks ({network}); say \
             confine = false in the role to run it all the same",
            read.len(),
            write.len()
        ))
    }
}
