//! Roles to begin with.

use std::path::Path;

use super::host::HostRule;
use super::role::Role;
use super::rules::Policy;

impl Policy {
    /// Four roles for work in a folder, to begin with. Each can be replaced, by [`role`](Self::role).
    ///
    /// | role | tools | what it may do with them |
    /// | --- | --- | --- |
    /// | `coder` | `shell` | run all commands of the system, by their names; write in the folder; no network |
    /// | `tester` | `shell` | the same, but only read in the folder, and write in its `target`, where there is one |
    /// | `critic` | `lua`, `wasm` | run scripts and components that are in the folder |
    /// | `admin` | `shell`, `lua`, `wasm`, `http`, `docker` | have a shell and the network, write in the folder, run containers of all images, ask all hosts out in the world, by all methods |
    ///
    /// None of them may read what else is on the machine, but for the system's own programs, and none has anything of this process's
    /// environment. Models, subjects of NATS and other servers are for you to allow.
    pub fn standard(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        let coder = Role::new().tool("shell").command("*").write(folder);
        let tester = Role::new().tool("shell").command("*").read(folder);
        let target = folder.join("target");
        let tester = if target.is_dir() { tester.write(target) } else { tester };
        let critic = Role::new().tool("lua").tool("wasm").read(folder);
        let mut admin = Role::new().command("*").shell().write(folder).network().image("*").method("*");
        admin.hosts.push(HostRule::everyone());
        let admin = ["shell", "lua", "wasm", "http", "docker"].into_iter().fold(admin, Role::tool);
        Self::new().role("coder", coder).role("tester", tester).role("critic", critic).role("admin", admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_tools_and_nobody_more() {
        let policy = Policy::standard("/");
        let all = ["shell", "lua", "wasm", "http", "docker", "llm", "embed", "nats", "mcp"];
        for (role, tools) in [
            ("coder", &all[..1]),
            ("tester", &all[..1]),
            ("critic", &all[1..3]),
            ("admin", &all[..5]),
            ("stranger", &[]),
        ] {
            for tool in all {
                assert_eq!(policy.permit(Some(role), tool).is_ok(), tools.contains(&tool), "{role}: {tool}");
            }
        }
        assert!(all.iter().all(|tool| policy.permit(None, tool).is_err()));
    }
}
