//! An agent that plans its own tasks while it runs: it asks what to do next, has that done side by side, looks at what was
//! found, and plans again, until nothing is left to do.

use serde_json::{Value, json};
use workflow_runtime::AgentDescription;
use workflow_runtime::prelude::*;

/// So many plans are made at most.
const ROUNDS: u32 = 4;

/// The agents that may be planned with.
const TOOLS: [&str; 2] = ["ask_expert", "search_library"];

/// An agent that may be planned with, as a language model is told of it.
#[data]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of what it takes.
    pub takes: Value,
}

impl Tool {
    fn of(agent: &AgentDescription) -> Self {
        let AgentDescription { name, description, input_schema, .. } = agent.clone();
        Self { name, description, takes: input_schema }
    }
}

/// One thing that is to be done.
#[data]
pub struct Todo {
    /// The agent that does it.
    pub agent: String,
    /// What it is given.
    pub input: Value,
}

/// What was found out.
#[data]
pub struct Finding {
    /// In a sentence.
    pub text: String,
    /// What else this makes one want to look at.
    pub leads: Vec<String>,
}

/// Says what to do next about a question, given what was just found: what a language model would be asked.
#[task_agent(queue = "llm", retry = 3)]
pub async fn plan_next(question: String, findings: Vec<Finding>, tools: Vec<Tool>) -> Vec<Todo> {
    let leads = findings.iter().flat_map(|finding| finding.leads.clone());
    let topics: Vec<String> = match findings.is_empty() {
        true => question.split(" and ").map(str::to_owned).collect(),
        false => leads.collect(),
    };
    let todo = |(topic, tool): (String, &Tool)| Todo { agent: tool.name.clone(), input: json!(topic) };
    topics.into_iter().zip(tools.iter().cycle()).map(todo).collect()
}

/// Looks a topic up in the library.
#[task_agent(tags("research"), retry = 3)]
pub async fn search_library(topic: String) -> Finding {
    Finding { text: format!("a book says of {topic}: it is old"), leads: Vec::new() }
}

/// Asks those who know a topic.
#[task_agent(tags("research"), retry = 3)]
pub async fn ask_expert(topic: String) -> Finding {
    let leads = if topic.starts_with("origin") { Vec::new() } else { vec![format!("origin of {topic}")] };
    Finding { text: format!("an expert says of {topic}: it depends"), leads }
}

/// Researches a question by tasks that it plans itself.
///
/// Each plan and each task is a subtask with a key of its own. So an attempt that follows, after a crash or a failure, finds
/// what an earlier one has planned and done, and goes on from there.
#[task_agent(retry = 2)]
pub async fn research(question: String, ctx: &TaskContext) -> Result<Vec<String>, AgentError> {
    let may_use = |agent: &&AgentDescription| TOOLS.contains(&agent.name.as_str());
    let tools: Vec<Tool> = ctx.task_manager().agents().iter().filter(may_use).map(Tool::of).collect();
    let (mut all, mut latest) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let plan = plan_next::with(question.clone(), latest, tools.clone());
        let todos = ctx.spawn(plan).key(format!("plan-{round}")).await?.join().await?;
        let mut tasks = Vec::new();
        for (number, Todo { agent, input }) in (1..).zip(todos) {
            // A model may name what there is not, or what it must not use.
            if !TOOLS.contains(&agent.as_str()) {
                return Err(format!("the plan wants `{agent}`, which is not among its tools").into());
            }
            tasks.push(ctx.spawn_json(agent, input).key(format!("task-{round}-{number}")).await?);
        }
        if tasks.is_empty() {
            return Ok(all);
        }
        latest = Vec::new();
        for task in tasks {
            let finding: Finding = serde_json::from_value(task.join().await?)?;
            all.push(finding.text.clone());
            latest.push(finding);
        }
        ctx.progress(f64::from(round) / f64::from(ROUNDS), &format!("{} findings", all.len()));
    }
    Ok(all)
}

workflow! {
    /// Finds out about a question, and writes down what was found.
    pub workflow Research(question: String) -> String {
        phase find {
            #[timeout("10m")]
            findings = research(question);
        }
        format!("{question}: {}", findings.join("; "))
    }
}
