//! The context of a trace, as W3C writes it: which trace, and which span of it.

use std::sync::Arc;

/// The context of a trace, as it passes from one to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// `00-`, the trace, the span, and whether it is sampled.
    pub(crate) traceparent: Arc<str>,
    /// What others who take part in the trace have to say to one another.
    pub(crate) tracestate: Option<Arc<str>>,
}

/// Whether this is a `traceparent` as W3C's recommendation has it.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut next = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let is_hex = part.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
        is_hex.then_some(part)
    };
    let (Some(version), Some(trace), Some(span), Some(_)) = (next(2), next(32), next(16), next(2)) else {
        return false;
    };
    let is_some = |number: &str| number.bytes().any(|digit| digit != b'0');
    // Later versions may say more, behind another dash.
    let is_whole = version != "00" || parts.next().is_none();
    version != "ff" && is_whole && is_some(trace) && is_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_one_is_taken_for_a_traceparent() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(good));
        assert!(is_traceparent(&format!("01{}-more", &good[2..])), "a later version may say more");
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033311-01",
            "00-0af7651916cd43dd8448eb211c8031\u{e9}-b7ad6b7169203331-01",
        ] {
            assert!(!is_traceparent(bad), "{bad:?} is none");
        }
    }
}
