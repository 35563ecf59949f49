//! What the macros cost a build: a crate of 100 agents and 20 workflows, and the same functions without macros.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use workflow_tests::bench::{Project, median};

const AGENTS: usize = 100;
const WORKFLOWS: usize = 20;
const RUNS: usize = 7;

fn main() {
    let plain = Project::new("bench_plain", "lib.rs", &plain());
    let macros = Project::new("bench_macros", "lib.rs", &with_macros());
    println!(
        "a crate of {AGENTS} agents and {WORKFLOWS} workflows of 5 steps; medians of {RUNS} rebuilds of that crate alone"
    );
    println!("| | with macros | the same functions | ratio | an agent or step |");
    for command in ["check", "build"] {
        for project in [&plain, &macros] {
            project.cargo(command);
        }
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..RUNS {
            for (project, times) in [&plain, &macros].into_iter().zip(&mut times) {
                times.push(rebuild(project, command));
            }
        }
        let [plain, macros] = times.map(median);
        let each =
            macros.saturating_sub(plain) / u32::try_from(AGENTS + WORKFLOWS * 5).expect("a small number");
        let ratio = macros.as_secs_f64() / plain.as_secs_f64();
        println!("| cargo {command} | {macros:.2?} | {plain:.2?} | {ratio:.2} | {each:.2?} |");
    }
}

fn rebuild(project: &Project, command: &str) -> Duration {
    project.touch();
    let start = Instant::now();
    project.cargo(command);
    start.elapsed()
}

const TYPES: &str = "
use workflow_runtime::prelude::*;

#[data] pub struct Question { pub kind: u32, pub text: String }
#[data] pub struct Model { pub name: String }
#[data] pub struct Reply { pub text: String, pub confidence: f64 }
";

fn body(agent: usize) -> (&'static str, String) {
    match agent % 3 {
        0 => ("kind: u32", format!("-> Model {{ Model {{ name: format!(\"{agent} {{kind}}\") }} }}")),
        1 => ("question: Question, model: Model", "-> Result<Reply, AgentError> { Ok(Reply { text: question.text + &model.name, confidence: 0.5 }) }".to_owned()),
        _ => ("reply: Reply", "-> Reply { Reply { confidence: reply.confidence / 2.0, ..reply } }".to_owned()),
    }
}

fn functions(attribute: &str) -> String {
    let mut source = TYPES.to_owned();
    for agent in 0..AGENTS {
        let (parameters, body) = body(agent);
        let _ = writeln!(
            source,
            "/// Agent {agent}.\n{attribute}\npub async fn agent{agent}({parameters}) {body}"
        );
    }
    source
}

fn of(workflow: usize, kind: usize) -> usize {
    (workflow * 3) % (AGENTS - 3) / 3 * 3 + kind
}

fn plain() -> String {
    let mut source = functions("");
    for workflow in 0..WORKFLOWS {
        let (choose, ask, soften) = (of(workflow, 0), of(workflow, 1), of(workflow, 2));
        let _ = write!(
            source,
            "
pub struct Workflow{workflow} {{ pub question: Question }}
pub async fn workflow{workflow}(input: Workflow{workflow}) -> Result<Reply, AgentError> {{
    let model = agent{choose}(input.question.kind).await;
    let other = agent{choose}(input.question.kind + 1).await;
    let first = agent{ask}(input.question.clone(), model.clone()).await?;
    let second = agent{ask}(input.question.clone(), other.clone()).await?;
    Ok(agent{soften}(if first.confidence < second.confidence {{ second }} else {{ first }}).await)
}}
"
        );
    }
    source
}

fn with_macros() -> String {
    let mut source = functions("#[task_agent(retry = 3, timeout = \"30s\")]");
    for workflow in 0..WORKFLOWS {
        let (choose, ask, soften) = (of(workflow, 0), of(workflow, 1), of(workflow, 2));
        let _ = write!(
            source,
            "
workflow! {{
    /// Workflow {workflow}.
    pub workflow Workflow{workflow}(question: Question) -> Reply {{
        phase choose {{ model = agent{choose}(question.kind); other = agent{choose}(question.kind + 1); }}
        phase ask {{ first = agent{ask}(question, model); second = agent{ask}(question, other); }}
        phase soften {{
            reply = agent{soften}(if first.confidence < second.confidence {{ second.clone() }} else {{ first.clone() }});
        }}
        reply
    }}
}}
"
        );
    }
    source
}
