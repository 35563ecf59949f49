//! Which ends are as they should be.

use workflow_runtime::data;

/// Which ends of a command are as they should be.
#[data]
#[derive(Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// Only with code 0; every other end is a failure of the step.
    #[default]
    Success,
    /// Any, also by a signal: what came of it is for the next step to judge.
    Any,
    /// With one of these codes.
    Codes(Vec<i32>),
}

impl Accept {
    pub(crate) fn accepts(&self, code: Option<i32>) -> bool {
        match (self, code) {
            (Self::Any, _) => true,
            (Self::Success, code) => code == Some(0),
            (Self::Codes(codes), code) => code.is_some_and(|code| codes.contains(&code)),
        }
    }
}
