//! What is to be written.

use workflow_agents::Llm;
use workflow_agents::model::Reply;
use workflow_runtime::prelude::*;

/// What is to be written, and how it is tested.
#[data]
pub(crate) struct Plan {
    /// The files, in the order in which they are written.
    pub(crate) files: Vec<File>,
    /// The command that tests them: a program of the system and its arguments.
    pub(crate) test: Vec<String>,
}

/// A file.
#[data]
pub(crate) struct File {
    /// Its name, without a folder.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) text: String,
}

pub(super) fn question(task: &str) -> Llm {
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
pub(crate) async fn read_plan(reply: Reply) -> Result<Plan, AgentError> {
    let plan: Plan = reply.read()?;
    let is_plain =
        |name: &str| !name.is_empty() && !name.starts_with(['.', '-']) && !name.contains(['/', '\\']);
    match plan.files.iter().find(|file| !is_plain(&file.name)) {
        Some(file) => Err(AgentError::permanent(format!("`{}` is no name of a file", file.name))),
        None if plan.test.is_empty() => Err(AgentError::permanent("the plan has no test")),
        None => Ok(plan),
    }
}
