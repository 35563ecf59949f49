//! What came of a command, wherever it ran.

use workflow_runtime::data;

use crate::Output;

/// What came of a command.
#[data]
#[derive(PartialEq, Eq)]
pub struct Finished {
    /// The code that it ended with; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it. Of a container it is not known: its code is 128 and the signal's number then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: Output,
    /// What it wrote to its standard error.
    pub stderr: Output,
    /// For how many milliseconds it ran.
    pub took_ms: u64,
    /// Whether something of it was ended because it had more memory than it may have. It is known of containers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_memory: bool,
    /// The image that ran, by the engine's number for it, which no other image has. It is known of containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl Finished {
    /// Whether it ended with code 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// How it ended, in words.
    pub(crate) fn how(&self) -> String {
        let why = if self.out_of_memory { ", and had used up its memory" } else { "" };
        match (self.code, self.signal) {
            (Some(code), _) => format!("ended with code {code}{why}"),
            (None, Some(signal)) => format!("was ended by signal {signal}{why}"),
            (None, None) => format!("was ended{why}"),
        }
    }

    /// What it said last.
    pub(crate) fn last(&self) -> String {
        last(&self.stdout, &self.stderr)
    }
}

/// How much of what it said last a failure tells.
const LAST: usize = 2000;

/// What was said last, as the end of a sentence.
pub(crate) fn last(stdout: &Output, stderr: &Output) -> String {
    let said = if stderr.text.trim().is_empty() { stdout.end(LAST) } else { stderr.end(LAST) };
    if said.is_empty() { String::new() } else { format!("; it said last: {said}") }
}
