//! Agents, as the old system knows them.

use anyhow::{Context, Result};
use serde_json::Value;

use super::task::TaskOutput;
use crate::context::TaskManager;
use crate::options::Options;
use crate::schema::Schema;

/// An agent of the old system, by hand, or from [`TASK_AGENTS`](super::TASK_AGENTS).
#[async_trait::async_trait]
pub trait TaskAgent: Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> String;

    /// What it does, in words.
    fn description(&self) -> String {
        String::new()
    }

    /// The JSON Schema of its input.
    fn input_schema(&self) -> Value;

    /// The JSON Schema of its output.
    fn output_schema(&self) -> Value;

    /// Does a task.
    ///
    /// What it adds to its job through this manager begins once it has returned, and is forgotten if it
    /// fails: the next attempt adds it anew.
    async fn execute(&self, task_id: &str, input: Value, task_manager: &TaskManager) -> Result<TaskOutput>;

    /// Checks an input.
    ///
    /// # Errors
    /// When it does not satisfy its schema.
    fn validate_input(&self, message: &Value) -> Result<()> {
        check(&self.input_schema(), message).context("the input is not right")
    }

    /// Checks an output.
    ///
    /// # Errors
    /// When it does not satisfy its schema.
    fn validate_output(&self, message: &Value) -> Result<()> {
        check(&self.output_schema(), message).context("the output is not right")
    }

    /// What is set for it, beyond what the old system knew.
    #[doc(hidden)]
    fn engine_options(&self) -> Options {
        Options::new()
    }
}

fn check(schema: &Value, message: &Value) -> Result<()> {
    Ok(Schema::new(schema.clone())?.check(message)?)
}
