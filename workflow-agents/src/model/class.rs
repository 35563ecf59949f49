//! For how hard a task a model is.

use workflow_runtime::data;

/// For how hard a task a model is.
#[data]
#[derive(Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// To sort, to take out of a text, to chat.
    Simple,
    /// To plan, to write code of a usual kind.
    Medium,
    /// To design, to judge, to write code that is hard.
    Complex,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Complex, Self::Medium, Self::Simple];

    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Medium => "medium",
            Self::Complex => "complex",
        }
    }
}
