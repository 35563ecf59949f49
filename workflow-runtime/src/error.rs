//! How an agent says that it failed, and what should follow.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What an agent returns when it fails: the cause, and whether another attempt may help.
///
/// Any error converts into one with `?`, and so does a string; both say *retry*. Use
/// [`permanent`](Self::permanent) for what another attempt cannot mend.
///
/// ```
/// use workflow_runtime::AgentError;
///
/// fn port(text: &str) -> Result<u16, AgentError> {
///     text.parse().map_err(AgentError::permanent)
/// }
/// assert!(port("http").unwrap_err().is_permanent());
/// ```
///
/// `AgentError` is not itself a [`std::error::Error`]: only so can every error convert into it.
/// Use [`into_source`](Self::into_source) or [`source`](Self::source) where one is needed.
pub struct AgentError {
    cause: Box<dyn Error + Send + Sync>,
    advice: Advice,
}

/// What should follow a failure, in the agent's opinion. The step's retry option decides how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Another attempt may succeed.
    Retry,
    /// Another attempt may succeed, but not before this time has passed.
    RetryAfter(Duration),
    /// No attempt will succeed.
    Permanent,
}

impl AgentError {
    /// A failure that another attempt may mend.
    pub fn retry(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), advice: Advice::Retry }
    }

    /// A failure that another attempt may mend, once `after` has passed.
    pub fn retry_after(after: Duration, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), advice: Advice::RetryAfter(after) }
    }

    /// A failure that no other attempt will mend.
    pub fn permanent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), advice: Advice::Permanent }
    }

    /// A failure with this advice.
    pub(crate) fn advised(cause: impl Into<Box<dyn Error + Send + Sync>>, advice: Advice) -> Self {
        Self { cause: cause.into(), advice }
    }

    /// What should follow.
    pub fn advice(&self) -> Advice {
        self.advice
    }

    /// Whether no other attempt will mend it.
    pub fn is_permanent(&self) -> bool {
        self.advice == Advice::Permanent
    }

    /// The cause.
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }

    /// The cause, as an error of its own.
    pub fn into_source(self) -> Box<dyn Error + Send + Sync> {
        self.cause
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for AgentError {
    fn from(cause: E) -> Self {
        Self::retry(cause)
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(out)?;
        let mut next = self.cause.source();
        while let Some(cause) = next {
            write!(out, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for AgentError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AgentError").field("advice", &self.advice).field("cause", &self.cause).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_errors_convert_and_advise_retry() {
        let from_text: AgentError = String::from("no").into();
        let from_error: AgentError = std::io::Error::other("disk").into();
        assert_eq!((from_text.to_string(), from_text.advice()), ("no".into(), Advice::Retry));
        assert_eq!((from_error.to_string(), from_error.advice()), ("disk".into(), Advice::Retry));
    }

    #[test]
    fn display_tells_the_whole_chain_of_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not save")]
        struct Outer(#[source] std::io::Error);
        let error = AgentError::permanent(Outer(std::io::Error::other("disk full")));
        assert_eq!(error.to_string(), "could not save: disk full");
        assert!(error.is_permanent());
    }
}
