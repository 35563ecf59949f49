//! What each feature costs who uses it: how many crates it brings, and how long a program with one agent takes to build where
//! nothing is built yet. What a feature does not name is not compiled. Needs the crates, not the network.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use workflow_tests::bench::{Project, median};

/// A program that uses nothing of any feature.
const PROGRAM: &str = "\
//! A program with one agent.

use workflow_runtime::prelude::*;

/// Adds one.
#[task_agent]
pub async fn add_one(n: i64) -> i64 {
    n + 1
}

fn main() {
    println!(\"{}\", workflow_runtime::Registry::collect().is_ok());
}
";

/// What is asked for, in words, of the runtime in a manifest's, and of the agents, if of any: their features.
const ASKED: [(&str, &str, Option<&str>); 22] = [
    ("no feature", "default-features = false", None),
    ("the default: `sqlite`, `archive`", "", None),
    ("and `config`", "features = [\"config\"]", None),
    ("and `classic`", "features = [\"classic\"]", None),
    ("and `http`", "features = [\"http\"]", None),
    ("and `cli`", "features = [\"cli\"]", None),
    ("and `mcp`", "features = [\"mcp\"]", None),
    ("and `postgres`", "features = [\"postgres\"]", None),
    ("and `postgres-tls`", "features = [\"postgres-tls\"]", None),
    ("and `otlp`", "features = [\"otlp\"]", None),
    ("agents", "", Some("")),
    ("agents: `coordination`", "", Some("coordination")),
    ("agents: `shell`", "", Some("shell")),
    ("agents: `docker`", "", Some("docker")),
    ("agents: `lua`", "", Some("lua")),
    ("agents: `wasm`", "", Some("wasm")),
    ("agents: `http`", "", Some("http")),
    ("agents: `nats`", "", Some("nats")),
    ("agents: `mcp`", "", Some("mcp")),
    ("agents: `llm`", "", Some("llm")),
    ("agents: `embedding`", "", Some("embedding")),
    ("agents: `embedding-local`", "", Some("embedding-local")),
];

/// A program that asks for something.
fn project(number: usize, how: &str, agents: Option<&str>) -> Project {
    let features = agents.map(|feature| match feature {
        "" => String::new(),
        feature => format!("features = [\"{feature}\"]"),
    });
    let agents = features.iter().map(|features| ("workflow-agents", features.as_str()));
    let crates: Vec<(&str, &str)> = std::iter::once(("workflow-runtime", how)).chain(agents).collect();
    Project::of(&format!("asks-{number}"), "main.rs", PROGRAM, &crates)
}

fn main() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let mut projects: Vec<Project> =
        (0..).zip(ASKED).map(|(number, (_, how, agents))| project(number, how, agents)).collect();
    let crates: Vec<usize> = projects.iter().map(crates_of).collect();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); ASKED.len()];
    for _ in 0..rounds {
        for (project, times) in projects.iter_mut().zip(&mut times) {
            project.make_cold();
            let start = Instant::now();
            project.cargo("build --offline");
            times.push(start.elapsed());
        }
    }
    println!("{:<36} {:>7} {:>12}", "features", "crates", "cold build");
    for ((asked, crates), times) in ASKED.iter().zip(crates).zip(times) {
        println!("{:<36} {crates:>7} {:>10.1} s", asked.0, median(times).as_secs_f64());
    }
    projects.iter_mut().for_each(Project::make_cold);
}

/// How many crates are compiled, those for building included.
fn crates_of(project: &Project) -> usize {
    let tree = project.cargo("tree --offline --edges normal,build --prefix none --format {p}");
    tree.lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .collect::<BTreeSet<_>>()
        .len()
}
