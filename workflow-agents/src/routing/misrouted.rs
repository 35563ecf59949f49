//! Why a message is not routed.

use std::time::Duration;

/// Why a message is not routed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misrouted {
    /// A member is empty, or too long.
    #[error("the message's `{member}` has {length} bytes; give it 1 to {most}")]
    BadMember {
        /// Which.
        member: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// Its sender is not known.
    #[error("no agent `{name}` sends messages{}", cure(nearest.as_deref(), "Routes::agent"))]
    UnknownSource {
        /// Who.
        name: String,
        /// Who has a similar name.
        nearest: Option<String>,
    },
    /// Who is to get it is not known.
    #[error("no agent `{name}` gets messages{}", cure(nearest.as_deref(), "Routes::agent"))]
    UnknownTarget {
        /// Who.
        name: String,
        /// Who has a similar name.
        nearest: Option<String>,
    },
    /// What it is about is not known.
    #[error("there are no messages of the type `{name}`{}", cure(nearest.as_deref(), "Routes::message"))]
    UnknownType {
        /// What.
        name: String,
        /// What has a similar name.
        nearest: Option<String>,
    },
    /// What it says is not what messages of its type say.
    #[error("the payload of a message `{message_type}` is not right: {problem}")]
    BadPayload {
        /// What it is about.
        message_type: String,
        /// What is wrong.
        problem: String,
    },
    /// The same was sent between the same before, on the way to it.
    #[error(
        "`{source_agent}` has told `{target_agent}` of `{message_type}` before, on the way to this message: it goes in a loop"
    )]
    Loop {
        /// Who sends it.
        source_agent: String,
        /// Who is to get it.
        target_agent: String,
        /// What it is about.
        message_type: String,
    },
    /// Too many messages led to it.
    #[error("{hops} messages led to this one, and {most} may; set more by `Routes::hops`")]
    TooFar {
        /// How many.
        hops: usize,
        /// How many may.
        most: usize,
    },
    /// Its sender sends too many.
    #[error(
        "`{source_agent}` has sent {most} messages within {within:?}, and may not send more; set more by `Routes::at_most`"
    )]
    Flood {
        /// Who.
        source_agent: String,
        /// How many it may send.
        most: usize,
        /// In so long.
        within: Duration,
    },
}

fn cure(nearest: Option<&str>, by: &str) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; make it known by `{by}`"),
    }
}
