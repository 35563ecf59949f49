//! A policy as TOML.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::command::Command;
use super::host::HostRule;
use super::image;
use super::limits::Limits;
use super::mistake::Mistakes;
use super::role::Role;
use super::subject;
use super::table::Text;

/// The keys of a role.
const KEYS: [&str; 19] = [
    "commands",
    "confine",
    "engine",
    "environment",
    "hosts",
    "images",
    "libraries",
    "limits",
    "methods",
    "models",
    "network",
    "path",
    "private",
    "read",
    "servers",
    "shell",
    "subjects",
    "tools",
    "write",
];

/// The keys of its limits.
const LIMITS: [&str; 7] = ["file", "instructions", "memory", "output", "processes", "processors", "time"];

/// The libraries that scripts may be given.
const LIBRARIES: [&str; 1] = ["os"];

/// How an engine can be reached.
const ENGINES: [&str; 4] = ["unix:///", "npipe://", "tcp://", "http://"];

/// Reads a text; folders in it that are not absolute are those in `beside`.
pub(super) fn read(
    text: &str,
    name: &str,
    beside: Option<&Path>,
) -> Result<BTreeMap<String, Role>, Mistakes> {
    let mut reading = Reading { text: Text::new(text, name), beside };
    let table = reading.text.table();
    let mut roles = BTreeMap::new();
    for (key, value) in &table {
        match (&**key.get_ref(), value.get_ref()) {
            ("role", DeValue::Table(inner)) => reading.roles(inner, &mut roles),
            ("role", _) => reading.text.expected("tables [role.NAME]", value),
            (other, _) => {
                let problem = format!("unknown key `{other}`; a policy has tables [role.NAME]");
                reading.text.wrong(key.span().start, problem);
            }
        }
    }
    reading.text.done().map(|()| roles)
}

struct Reading<'a> {
    text: Text<'a>,
    beside: Option<&'a Path>,
}

impl Reading<'_> {
    fn roles(&mut self, table: &DeTable<'_>, roles: &mut BTreeMap<String, Role>) {
        for (name, value) in table {
            let DeValue::Table(inner) = value.get_ref() else {
                self.text.expected("a table of rules", value);
                continue;
            };
            let mut role = Role::new();
            role.places.insert("", self.text.at(name.span().start));
            for (key, value) in inner {
                let Some(known) = KEYS.into_iter().find(|known| *known == &**key.get_ref()) else {
                    self.text.unknown(key.span().start, key.get_ref(), &KEYS);
                    continue;
                };
                role.places.insert(known, self.text.at(key.span().start));
                self.rule(&mut role, known, value);
            }
            self.contradictions(&role, inner);
            roles.insert(name.get_ref().to_string(), role);
        }
    }

    fn rule(&mut self, role: &mut Role, key: &str, value: &Spanned<DeValue<'_>>) {
        let words = |text: &mut Text<'_>, expected: &str| {
            text.strings(value, expected).into_iter().map(|(word, _)| word).collect()
        };
        match key {
            "tools" => role.tools = words(&mut self.text, "tools like [\"shell\"]"),
            "commands" => role.commands = self.commands(value),
            "confine" => role.confine = self.text.flag(value),
            "environment" => role.environment = words(&mut self.text, "names like [\"LANG\"]"),
            "hosts" => role.hosts = self.hosts(value),
            "libraries" => role.libraries = self.libraries(value),
            "engine" => role.engine = self.engine(value),
            "images" => role.images = self.images(value),
            "limits" => role.limits = self.limits(value),
            "methods" => role.methods = words(&mut self.text, "methods like [\"GET\"]"),
            "models" => role.models = words(&mut self.text, "models like [\"claude-*\"]"),
            "network" => role.network = self.text.flag(value),
            "path" => role.path = self.folders(value),
            "private" => role.private = self.text.flag(value),
            "read" => role.read = self.folders(value),
            "servers" => role.servers = self.servers(value),
            "shell" => role.shell = self.text.flag(value),
            "subjects" => role.subjects = self.subjects(value),
            _ => role.write = self.folders(value),
        }
    }

    fn commands(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Command> {
        let expected = "commands like [\"git\", { program = \"cargo\", first = [\"test\"] }]";
        let items = self.text.items(value, expected).iter();
        items
            .filter_map(|item| match item.get_ref() {
                DeValue::Table(table) => self.command(table, item.span().start),
                _ => self.text.string(item, expected).map(Command::new),
            })
            .collect()
    }

    fn command(&mut self, table: &DeTable<'_>, byte: usize) -> Option<Command> {
        let mut command = Command::new("");
        for (key, value) in table {
            let mut words = || {
                let words = self.text.strings(value, "words like [\"build\", \"test\"]");
                Some(words.into_iter().map(|(word, _)| word).collect())
            };
            match &**key.get_ref() {
                "program" => command.program = self.text.string(value, "a command like \"git\"")?,
                "first" => command.first = words(),
                "options" => command.options = words(),
                other => self.text.unknown(key.span().start, other, &["first", "options", "program"]),
            }
        }
        if command.program.is_empty() {
            self.text.wrong(byte, "no `program`; say which command it is about");
            return None;
        }
        Some(command)
    }

    fn hosts(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<HostRule> {
        let hosts = self.text.strings(value, "hosts like [\"example.com\"]").into_iter();
        hosts
            .filter_map(|(host, byte)| match HostRule::read(&host) {
                Ok(rule) => Some(rule),
                Err(problem) => {
                    self.text.wrong(byte, problem);
                    None
                }
            })
            .collect()
    }

    fn libraries(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let libraries = self.text.strings(value, "libraries like [\"os\"]").into_iter();
        libraries
            .filter_map(|(library, byte)| {
                let is_known = LIBRARIES.contains(&library.as_str());
                if !is_known {
                    let there_are = LIBRARIES.join(", ");
                    let problem =
                        format!("no library `{library}` can be given to scripts; there are {there_are}");
                    self.text.wrong(byte, problem);
                }
                is_known.then_some(library)
            })
            .collect()
    }

    fn images(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let images = self.text.strings(value, "images like [\"docker.io/library/rust:*\"]");
        for (pattern, byte) in &images {
            if let Some(problem) = image::misses(pattern) {
                self.text.wrong(*byte, problem);
            }
        }
        images.into_iter().map(|(pattern, _)| pattern).collect()
    }

    fn subjects(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let subjects = self.text.strings(value, "subjects like [\"orders.*\"]");
        for (pattern, byte) in &subjects {
            if let Some(problem) = subject::misses(pattern) {
                self.text.wrong(*byte, problem);
            }
        }
        subjects.into_iter().map(|(pattern, _)| pattern).collect()
    }

    fn servers(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let servers = self.text.strings(value, "tools of servers like [\"files/read\", \"shop/*\"]");
        for (pattern, byte) in servers.iter().filter(|(pattern, _)| !pattern.contains(['/', '*'])) {
            let problem =
                format!("`{pattern}` is no tool of a server; write `{pattern}/*` for all of the server's");
            self.text.wrong(*byte, problem);
        }
        servers.into_iter().map(|(pattern, _)| pattern).collect()
    }

    fn engine(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let address = self.text.string(value, "an address like \"unix:///var/run/docker.sock\"")?;
        if !ENGINES.iter().any(|kind| address.starts_with(kind)) {
            let kinds = ENGINES.join(", ");
            let problem =
                format!("`{address}` is no address of an engine; write one that begins with one of {kinds}");
            self.text.wrong(value.span().start, problem);
        }
        Some(address)
    }

    fn folders(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<PathBuf> {
        let folders = self.text.strings(value, "folders like [\"/srv/work\"]").into_iter();
        folders.filter_map(|(folder, byte)| self.folder(&folder, byte)).collect()
    }

    fn folder(&mut self, folder: &str, byte: usize) -> Option<PathBuf> {
        let folder = match self.beside {
            Some(beside) => beside.join(folder),
            None => PathBuf::from(folder),
        };
        if !folder.is_absolute() {
            self.text.wrong(
                byte,
                format!(
                    "`{}` is not absolute, and this is no file that it could be beside",
                    folder.display()
                ),
            );
            return None;
        }
        if !folder.is_dir() {
            self.text
                .wrong(byte, format!("there is no folder `{}`; make it, or leave it out", folder.display()));
            return None;
        }
        Some(folder)
    }

    fn limits(&mut self, value: &Spanned<DeValue<'_>>) -> Limits {
        let mut limits = Limits::default();
        let DeValue::Table(table) = value.get_ref() else {
            self.text.expected("a table of limits", value);
            return limits;
        };
        for (key, value) in table {
            match &**key.get_ref() {
                "file" => limits.file = self.text.bytes(value),
                "instructions" => limits.instructions = self.text.count(value),
                "memory" => limits.memory = self.text.bytes(value),
                "output" => limits.output = self.text.bytes(value),
                "processes" => limits.processes = self.small(value),
                "processors" => limits.processors = self.small(value),
                "time" => limits.time_ms = self.text.time(value),
                other => self.text.unknown(key.span().start, other, &LIMITS),
            }
        }
        limits
    }

    fn small(&mut self, value: &Spanned<DeValue<'_>>) -> Option<u32> {
        self.text.count(value).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// What of a role's rules takes back what others of them say.
    fn contradictions(&mut self, role: &Role, table: &DeTable<'_>) {
        let at = |key: &str| {
            table.iter().find(|(name, _)| name.get_ref() == key).map_or(0, |(name, _)| name.span().start)
        };
        let known = |folder: &PathBuf| folder.canonicalize().ok();
        let written: Vec<PathBuf> = role.write.iter().filter_map(known).collect();
        for folder in role.path.iter().filter_map(known) {
            if !role.commands.is_empty() && written.iter().any(|written| folder.starts_with(written)) {
                let problem = format!(
                    "`path` has {}, which the role may write to, so it could put any program there; take it out of one",
                    folder.display()
                );
                self.text.wrong(at(if table.contains_key("path") { "path" } else { "write" }), problem);
            }
        }
        let has = |tool: &str| role.tools.iter().any(|known| known == tool);
        for (key, tools, is_said) in [
            ("commands", &["shell"][..], !role.commands.is_empty()),
            ("shell", &["shell"], role.shell),
            ("images", &["docker"], !role.images.is_empty()),
            ("libraries", &["lua"], !role.libraries.is_empty()),
            ("engine", &["docker"], role.engine.is_some()),
            ("hosts", &["http"], !role.hosts.is_empty()),
            ("servers", &["mcp"], !role.servers.is_empty()),
            ("subjects", &["nats"], !role.subjects.is_empty()),
            ("models", &["llm", "embed"], !role.models.is_empty()),
        ] {
            if is_said && !tools.iter().any(|tool| has(tool)) {
                let tools = tools.join("` or `");
                self.text.wrong(
                    at(key),
                    format!(
                        "`{key}` is for the tool `{tools}`, which the role may not use; add it to `tools`"
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        read(text, "p.toml", None).expect_err("it is wrong").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_policy_is_read() {
        let text = r#"
            [role.coder]
            tools = ["shell", "http"]
            commands = ["git", { program = "cargo", first = ["build"], options = ["--release"] }]
            path = ["/usr/bin"]
            read = ["/usr"]
            environment = ["LANG"]
            hosts = ["*.crates.io:443", "10.0.0.7"]
            methods = ["GET", "POST"]
            limits = { time = "90s", output = "64 KiB", memory = 1000000, processes = 4, instructions = 5000 }

            [role.admin]
            tools = ["shell", "docker", "llm", "lua"]
            libraries = ["os"]
            commands = ["*"]
            images = ["*"]
            models = ["gpt", "claude-*"]
            engine = "unix:///run/docker.sock"
            shell = true
            network = true
            private = true
            confine = false
        "#;
        let roles = read(text, "p.toml", None).unwrap();
        assert_eq!(roles.keys().collect::<Vec<_>>(), ["admin", "coder"]);
        let coder = &roles["coder"];
        assert_eq!(coder.limits.time_ms, Some(90_000));
        assert_eq!(coder.limits.output, Some(65_536));
        assert_eq!(coder.limits.instructions, Some(5000));
        assert_eq!(roles["admin"].libraries, ["os"]);
        assert_eq!(roles["admin"].models, ["gpt", "claude-*"]);
        assert_eq!(coder.commands[1], Command::new("cargo").first(["build"]).options(["--release"]));
        assert_eq!(coder.places["hosts"].line, 8);
        assert!(roles["admin"].shell && !roles["admin"].confine);
    }

    #[test]
    fn models_are_for_who_may_ask_some() {
        let text = "[role.a]\nmodels = [\"gpt\"]\n[role.b]\ntools = [\"llm\"]\nmodels = \"gpt\"\n";
        assert_eq!(
            mistakes(text),
            [
                "p.toml:2:1: `models` is for the tool `llm` or `embed`, which the role may not use; add it to `tools`",
                "p.toml:5:10: expected models like [\"claude-*\"], found string",
            ]
        );
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "\
[role.coder]
tool = [\"shell\"]
tools = \"shell\"
commands = [\"git\", { first = [\"x\"] }, 3]
hosts = [\"http://x\"]
read = [\"/no/such/folder\", \"here\"]
shell = \"yes\"
limits = { time = \"soon\", memory = \"1 mb\", processes = 0, cores = 1 }
[role.critic]
libraries = [\"os\", \"io\"]
[roles.tester]
";
        assert_eq!(
            mistakes(text),
            [
                "p.toml:2:1: unknown key `tool`; did you mean `tools`?",
                "p.toml:3:9: expected tools like [\"shell\"], found string",
                "p.toml:4:1: `commands` is for the tool `shell`, which the role may not use; add it to `tools`",
                "p.toml:4:20: no `program`; say which command it is about",
                "p.toml:4:39: expected commands like [\"git\", { program = \"cargo\", first = [\"test\"] }], found integer",
                "p.toml:5:10: `http://x` is no host; write one like \"example.com\", \"*.example.com\" or \"10.0.0.7:8080\"",
                "p.toml:6:9: there is no folder `/no/such/folder`; make it, or leave it out",
                "p.toml:6:28: `here` is not absolute, and this is no file that it could be beside",
                "p.toml:7:9: expected true or false, found string",
                "p.toml:8:19: \"soon\" is not a duration; write one like \"30s\", \"5m\" or \"1h30m\"",
                "p.toml:8:36: `1 mb` is no size; write one like \"64 MiB\" or \"500 kB\"",
                "p.toml:8:56: expected a number, from 1, found integer",
                "p.toml:8:59: unknown key `cores`; the keys are file, instructions, memory, output, processes, processors, time",
                "p.toml:10:1: `libraries` is for the tool `lua`, which the role may not use; add it to `tools`",
                "p.toml:10:20: no library `io` can be given to scripts; there are os",
                "p.toml:11:2: unknown key `roles`; a policy has tables [role.NAME]",
            ]
        );
        assert_eq!(mistakes("[role.x]\ntools = [\"a\"\n")[0], "p.toml:2:13: unclosed array, expected `]`");
    }

    #[test]
    fn images_and_engines_that_nothing_is_like_are_mistakes() {
        let text = "\
[role.coder]
tools = [\"docker\"]
images = [\"docker.io/library/rust:*\", \"rust:1\"]
engine = \"/var/run/docker.sock\"
[role.critic]
tools = [\"shell\"]
images = [\"*\"]
engine = \"tcp://10.0.0.7:2375\"
";
        assert_eq!(
            mistakes(text),
            [
                "p.toml:3:39: `rust:1` has no registry; write `docker.io/library/rust:1`",
                "p.toml:4:10: `/var/run/docker.sock` is no address of an engine; write one that begins with one of unix:///, npipe://, tcp://, http://",
                "p.toml:7:1: `images` is for the tool `docker`, which the role may not use; add it to `tools`",
                "p.toml:8:1: `engine` is for the tool `docker`, which the role may not use; add it to `tools`",
            ]
        );
    }

    #[test]
    fn subjects_that_nothing_is_like_are_mistakes() {
        let text = "\
[role.coder]
tools = [\"nats\"]
subjects = [\"orders.*\", \"orders.>.new\"]
[role.critic]
subjects = [\">\"]
";
        assert_eq!(
            mistakes(text),
            [
                "p.toml:3:25: `orders.>.new` is no subject; write one like \"orders.new\", \"orders.*\" or \"orders.>\"",
                "p.toml:5:1: `subjects` is for the tool `nats`, which the role may not use; add it to `tools`",
            ]
        );
    }

    #[test]
    fn models_are_for_either_tool_that_asks_some() {
        let role = |tool: &str| format!("[role.x]\ntools = [\"{tool}\"]\nmodels = [\"*\"]\n");
        for tool in ["llm", "embed"] {
            assert!(read(&role(tool), "p.toml", None).is_ok(), "{tool}");
        }
        assert_eq!(
            mistakes(&role("shell")),
            [
                "p.toml:3:1: `models` is for the tool `llm` or `embed`, which the role may not use; add it to `tools`"
            ]
        );
    }

    #[test]
    fn a_path_that_the_role_may_write_to_is_refused() {
        let folder = std::env::temp_dir().join(format!("policy-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        let text =
            "[role.coder]\ntools = [\"shell\"]\ncommands = [\"git\"]\npath = [\"bin\"]\nwrite = [\".\"]\n";
        let told = read(text, "p.toml", Some(&folder)).expect_err("it is wrong").to_string();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(
            told.contains("p.toml:4:1: `path` has") && told.contains("could put any program there"),
            "{told}"
        );
    }
}
