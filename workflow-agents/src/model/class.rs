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
    /// The names by which it is written.
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("complex", Self::Complex), ("medium", Self::Medium), ("simple", Self::Simple)];
}
