//! Agents and workflows: what can be called.

/// Whether a step calls an agent or a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalleeKind {
    /// An agent.
    Agent,
    /// A workflow, run as a child job.
    Workflow,
}
