//! One attempt of an agent of the old system, as the engine runs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use anyhow::Error;
use serde_json::Value;

use super::face::Face;
use super::ledger::{Ledger, TASKS};
use super::linked::Refused;
use super::registry::Kept;
use super::task::TaskOutput;
use crate::agent::AgentSpec;
use crate::context::{TaskContext, TaskManager};
use crate::engine::lock;
use crate::error::AgentError;

/// One attempt, as its manager knows it.
pub(super) struct Attempt {
    pub(super) context: TaskContext,
    pub(super) job_id: String,
    /// The tasks that it has added to its job. They begin when it has returned: until then they may be tied
    /// to others; and if it fails, they are forgotten, so that the next attempt adds them anew. None once it
    /// has ended.
    held: Mutex<Option<Vec<String>>>,
    /// It has said something of a task.
    pub(super) has_told: AtomicBool,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Attempt({:?})", self.context)
    }
}

impl Attempt {
    /// Holds a task back until the attempt ends; says whether it has not ended yet.
    pub(super) fn hold(&self, task: &str) -> bool {
        match &mut *lock(&self.held) {
            Some(held) => {
                held.push(task.to_owned());
                true
            }
            None => false,
        }
    }

    fn end(&self) -> Vec<String> {
        lock(&self.held).take().unwrap_or_default()
    }
}

/// An agent of the old system, as the engine knows agents.
pub(super) fn spec(name: String, agent: Kept, ledger: Weak<Ledger>, manager: TaskManager) -> AgentSpec {
    let (description, mut options) = (agent.description(), agent.engine_options());
    options.queue.get_or_insert(TASKS.into());
    let code = move |input, context| run(Arc::clone(&agent), ledger.clone(), manager.clone(), input, context);
    AgentSpec::json(name, code).description(description).options(options)
}

async fn run(
    agent: Kept,
    ledger: Weak<Ledger>,
    manager: TaskManager,
    input: Value,
    context: TaskContext,
) -> Result<Value, AgentError> {
    let gone = || AgentError::permanent("its task manager is gone");
    let ledger = ledger.upgrade().ok_or_else(gone)?;
    let id = context.task_id().to_owned();
    let job_id = ledger.book().job_of(&id).map(str::to_owned).ok_or_else(gone)?;
    agent.validate_input(&input).map_err(AgentError::permanent)?;
    let (held, has_told) = (Mutex::new(Some(Vec::new())), AtomicBool::new(false));
    let attempt = Arc::new(Attempt { context, job_id, held, has_told });
    let ending = Ending { ledger: &ledger, attempt: &attempt };
    let manager = Face::of(&ledger, Some(Arc::clone(&attempt))).of_manager(manager);
    let output = agent.execute(&id, input, &manager).await;
    if attempt.has_told.load(Ordering::SeqCst) {
        hand(&ledger, &attempt, Vec::new()).await;
    }
    let data = accept(&agent, &ledger, &id, output.map_err(advised)?)?;
    let added = attempt.end();
    if !added.is_empty() {
        hand(&ledger, &attempt, added).await;
    }
    drop(ending);
    Ok(data)
}

/// Hands over what an attempt added, and waits until the engine has it, and has heard all else that the
/// attempt said of tasks: it must before it hears that this one is over, which may be the job's last.
async fn hand(ledger: &Ledger, attempt: &Attempt, added: Vec<String>) {
    let told = ledger.book().hand(&attempt.job_id, added);
    if let Some(told) = told {
        let _ = told.await;
    }
}

fn accept(agent: &Kept, ledger: &Ledger, id: &str, output: TaskOutput) -> Result<Value, AgentError> {
    let failed_by_hand = ledger.book().take_failure(id);
    if !output.success || failed_by_hand {
        let error = output.error.clone().unwrap_or_else(|| "the agent says that it failed".to_owned());
        if let Ok(entry) = ledger.book().entry(id) {
            entry.failed_with = Some(output);
        }
        return Err(AgentError::retry(error));
    }
    let data = output.data.unwrap_or_default();
    agent.validate_output(&data).map_err(AgentError::retry)?;
    Ok(data)
}

fn advised(error: Error) -> AgentError {
    match error.downcast::<Refused>() {
        Ok(Refused(error)) => error,
        Err(error) => AgentError::retry(error),
    }
}

/// However an attempt ends, and be it that it is dropped: what it still holds is forgotten.
struct Ending<'a> {
    ledger: &'a Ledger,
    attempt: &'a Attempt,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let held = self.attempt.end();
        if !held.is_empty() {
            self.ledger.book().forget(&held);
        }
    }
}
