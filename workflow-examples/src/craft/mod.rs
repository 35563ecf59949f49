//! Agents at work, each as what its role may: a model plans, a coder writes, a tester tests, a critic judges by a script, and
//! is refused what is none of his business. `cargo run -p workflow-examples --features agents --bin craft -- serve` shows it.

mod stand_in;

use std::io;
use std::path::Path;

use serde_json::{Value as Json, json};
use workflow_agents::model::{Class, Model, Models};
use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Accept, Finished, Llm, Lua, Shell, llm, lua, shell};
use workflow_runtime::prelude::*;

/// What is to be written, and how it is tested.
#[data]
pub struct Plan {
    /// The files, in the order in which they are written.
    pub files: Vec<File>,
    /// The command that tests them: a program of the system and its arguments.
    pub test: Vec<String>,
}

/// A file.
#[data]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What the critic says.
#[data]
#[derive(PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is good enough.
    pub accepted: bool,
    /// Why, or why not.
    pub reasons: Vec<String>,
}

/// What came of a task.
#[data]
#[derive(PartialEq)]
pub struct Crafted {
    /// What the critic says.
    pub judgement: Judgement,
    /// The names of the files that were written.
    pub files: Vec<String>,
    /// Which model planned, and what that cost, in cents.
    pub model: String,
    /// What the plan cost, in cents.
    pub cost_cents: f64,
    /// Whether the critic was let touch what he judges.
    pub critic_meddled: bool,
}

workflow! {
    /// Has a small program planned, written, tested and judged.
    pub workflow Craft(task: String) -> Crafted {
        phase plan {
            #[role("planner")]
            reply = llm(question(task));
            plan = read_plan(reply);
        }
        phase write {
            #[role("coder")]
            written = for file in plan.files.clone() { shell(writing(&file)) };
        }
        phase test {
            #[role("tester")]
            tested = shell(testing(plan));
        }
        phase judge {
            #[role("critic")]
            judged = lua(judging(plan, tested));
            // He is to judge, and not to mend: this is refused, and the job goes on.
            #[role("critic")]
            #[optional]
            meddled = shell(Shell::new("tee").arg("greet.sh").input("echo I was here"));
        }
        phase tell {
            crafted = tell(reply, plan, judged, meddled.is_some());
        }
        crafted
    }
}

fn question(task: &str) -> Llm {
    Llm::first_of(["planner"])
        .system(
            "You plan small programs: shell scripts of POSIX, each in a file of its own, and one script that tests them. The test \
             ends with code 0 if all is well, and writes what it has looked at. No file is in a folder, none is longer than fifty \
             lines, and nothing but `sh` and `test` is used.",
        )
        .user(task)
        .answer_as::<Plan>()
        .max_tokens(4000)
}

/// Reads what the model has planned. A name that leads elsewhere is no plan.
#[task_agent]
pub async fn read_plan(reply: workflow_agents::model::Reply) -> Result<Plan, AgentError> {
    let plan: Plan = reply.read()?;
    let is_plain =
        |name: &str| !name.is_empty() && !name.starts_with(['.', '-']) && !name.contains(['/', '\\']);
    match plan.files.iter().find(|file| !is_plain(&file.name)) {
        Some(file) => Err(AgentError::permanent(format!("`{}` is no name of a file", file.name))),
        None if plan.test.is_empty() => Err(AgentError::permanent("the plan has no test")),
        None => Ok(plan),
    }
}

fn writing(file: &File) -> Shell {
    Shell::new("tee").arg("--").arg(&file.name).input(&file.text)
}

/// The test may end as it likes: that is for the critic to judge.
fn testing(plan: &Plan) -> Shell {
    let (program, arguments) =
        plan.test.split_first().map_or(("false", &[][..]), |(first, rest)| (first, rest));
    Shell::new(program).args(arguments).accept(Accept::Any)
}

fn judging(plan: &Plan, tested: &Finished) -> Lua {
    let input = json!({ "plan": plan, "tested": { "code": tested.code, "said": tested.stdout.text } });
    Lua::new(include_str!("judge.lua")).input(input)
}

/// Tells what came of it.
#[task_agent]
pub async fn tell(
    reply: workflow_agents::model::Reply,
    plan: Plan,
    judged: Json,
    critic_meddled: bool,
) -> Result<Crafted, AgentError> {
    Ok(Crafted {
        judgement: serde_json::from_value(judged).map_err(AgentError::permanent)?,
        files: plan.files.into_iter().map(|file| file.name).collect(),
        model: reply.model,
        cost_cents: reply.cost_cents,
        critic_meddled,
    })
}

/// What each may do in a folder. The planner may ask the one model, and nothing else.
pub fn policy(folder: &Path) -> Policy {
    Policy::standard(folder).role("planner", Role::new().tool("llm").model("planner"))
}

/// The model that plans: that of a provider whose key is in the environment, or else a stand-in on this machine, which knows one
/// plan.
///
/// # Errors
/// When the stand-in finds no port to listen at.
pub fn models() -> io::Result<Models> {
    let known = Models::known();
    let has = |variable: &str| std::env::var_os(variable).is_some_and(|key| !key.is_empty());
    let keys =
        [("ANTHROPIC_API_KEY", "claude-sonnet"), ("OPENAI_API_KEY", "gpt"), ("GEMINI_API_KEY", "gemini-pro")];
    let named = keys.into_iter().find(|(variable, _)| has(variable));
    let model = match named.and_then(|(_, name)| known.get(name).ok()) {
        Some(model) => model.clone(),
        None => Model::compatible(stand_in::start()?, "stand-in").without_key().cents(100.0, 400.0),
    };
    Ok(Models::none().with("planner", model).class(Class::Medium, ["planner"]))
}
