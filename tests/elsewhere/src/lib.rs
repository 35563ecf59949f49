//! Agents and a workflow of another crate, whose only dependency is `workflow-runtime`.

use workflow_runtime::prelude::*;

/// A town.
#[data]
#[derive(PartialEq)]
pub struct Town {
    /// Its name.
    #[serde(rename = "label")]
    pub name: String,
    /// How many live there.
    #[schemars(range(min = 1))]
    pub people: u32,
    /// What it is near to.
    #[serde(default)]
    pub near: Vec<String>,
}

/// How large a town is.
#[data]
#[derive(Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Fewer than ten thousand.
    Small,
    /// More.
    Large,
}

/// Agents in a module of their own.
pub mod agents {
    use super::{Size, Town};
    use workflow_runtime::prelude::*;

    /// Says how large a town is.
    #[task_agent(queue = "maps", tags("geo", "cheap"))]
    pub async fn measure(town: Town) -> Size {
        if town.people < 10_000 { Size::Small } else { Size::Large }
    }

    /// Describes a town.
    #[task_agent(name = "town.describe", timeout = "5s")]
    pub async fn describe(town: Town, size: Size) -> String {
        format!("{} is {size:?}", town.name)
    }
}

workflow! {
    /// Describes a town by its size.
    pub workflow Describe(
        /// The town to describe.
        town: Town,
    ) -> String {
        phase measure { size = agents::measure(town); }
        phase describe { text = agents::describe(town, size); }
        text
    }
}
