//! How an agent chooses among equals, by how they have done.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::choice::{Goal, Measured};
use crate::context::TaskContext;
use crate::error::AgentError;

impl TaskContext {
    /// Chooses among equals by how they have done under this name: models, or agents that do the same. Who does better is
    /// chosen more often; the others are still tried now and then, in case that changes. What is learned is kept where jobs
    /// are, and shared by all nodes.
    ///
    /// Chance begins with the job and the step, so that a test gives the same each time.
    ///
    /// ```
    /// # use workflow_runtime::prelude::*;
    /// # use workflow_runtime::Goal;
    /// # #[task_agent] async fn quick(text: String) -> String { text }
    /// # #[task_agent] async fn thorough(text: String) -> String { text }
    /// #[task_agent]
    /// async fn summarize(text: String, ctx: &TaskContext) -> Result<String, AgentError> {
    ///     let choice = ctx.choose("summarize", ["quick", "thorough"]).goal(Goal::new().second(0.05));
    ///     let (_agent, summary) = choice.call(&text).await?;
    ///     Ok(summary)
    /// }
    /// ```
    pub fn choose<S: Into<String>>(
        &self,
        name: impl Into<String>,
        options: impl IntoIterator<Item = S>,
    ) -> Choosing<'_> {
        let options = options.into_iter().map(Into::into).collect();
        Choosing { context: self, name: name.into(), options, goal: Goal::new() }
    }

    /// Notes what came of something that was chosen, for choices to come.
    pub fn learn(&self, name: &str, option: &str, measured: Measured) {
        self.host().learn(name, option, measured, Goal::new());
    }

    /// Notes what this attempt has cost, in cents: it adds up, in the statistics of its agent and for who has chosen it.
    pub fn cost(&self, cents: f64) {
        if cents.is_finite() && cents > 0.0 {
            self.host().cost(cents);
        }
    }
}

/// A choice that is about to be made.
#[must_use = "nothing is chosen until it is made"]
pub struct Choosing<'a> {
    context: &'a TaskContext,
    name: String,
    options: Vec<String>,
    goal: Goal,
}

impl Choosing<'_> {
    /// Sets what is wanted.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// Chooses. What comes of it is to be [learned](Choosing::learn_from).
    ///
    /// # Errors
    /// When there is nothing to choose.
    pub fn pick(&self) -> Result<String, AgentError> {
        let place = self.context.host().choose(&self.name, &self.options, self.goal);
        let none = || AgentError::permanent(format!("the choice `{}` has no options", self.name));
        self.options.get(place).cloned().ok_or_else(none)
    }

    /// Notes what came of one of them, for choices to come.
    pub fn learn_from(&self, option: &str, measured: Measured) {
        self.context.host().learn(&self.name, option, measured, self.goal);
    }

    /// Chooses an agent and calls it with an input, as a subtask; gives which one, and what it gave. What came of it is learned.
    ///
    /// A later attempt of this task finds the subtasks that earlier ones have made: the answer, if there is one; what has failed
    /// is not called again, but it is chosen anew.
    ///
    /// # Errors
    /// When there is nothing to choose, when the agent fails, or when what it gave is no `T`.
    pub async fn call<T: DeserializeOwned>(
        self,
        input: &(impl Serialize + Sync),
    ) -> Result<(String, T), AgentError> {
        let input = serde_json::to_value(input).map_err(AgentError::permanent)?;
        let last = self.context.attempt().max(1);
        for number in 1..last {
            if let Ok(done) = self.call_once(number, false, input.clone()).await {
                return read(done);
            }
        }
        read(self.call_once(last, true, input).await?)
    }

    /// The call of an attempt: made, or found.
    async fn call_once(&self, number: u32, is_own: bool, input: Json) -> Result<(String, Json), AgentError> {
        let picked = self.pick()?;
        let host = self.context.host();
        let began = self.context.now();
        let subtask =
            self.context.spawn_json(picked.clone(), input).key(format!("{} {number}", self.name)).await?;
        let made = subtask.task().id();
        let chosen = host.callee(made).unwrap_or(picked);
        let done = subtask.join().await;
        if is_own {
            let took = self.context.now().since(began);
            self.learn_from(&chosen, Measured { succeeded: done.is_ok(), took, cents: host.cost_of(made) });
        }
        // Another may do what this one could not.
        done.map(|value| (chosen, value)).map_err(|failed| AgentError::retry(failed.into_source()))
    }
}

fn read<T: DeserializeOwned>((chosen, value): (String, Json)) -> Result<(String, T), AgentError> {
    Ok((chosen, serde_json::from_value(value).map_err(AgentError::permanent)?))
}
