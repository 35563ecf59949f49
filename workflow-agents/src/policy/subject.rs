//! Subjects of NATS, and which patterns they are like.

/// The longest that is sent to: who sends a line that is too long is thrown out by the server.
const LONGEST: usize = 1024;

/// Whether something can be sent to it: words with a dot between them, and no wildcard.
pub(super) fn is_subject(text: &str) -> bool {
    text.len() <= LONGEST && text.split('.').all(is_word)
}

fn is_word(word: &str) -> bool {
    let is_wrong = |letter: char| letter.is_whitespace() || letter.is_control() || "*>".contains(letter);
    !word.is_empty() && !word.contains(is_wrong)
}

/// Why no subject is like a pattern, and what to write.
pub(super) fn misses(pattern: &str) -> Option<String> {
    let (before, last) =
        pattern.rsplit_once('.').map_or((None, pattern), |(before, last)| (Some(before), last));
    let is_right = |word: &str| word == "*" || is_word(word);
    let is_pattern =
        before.is_none_or(|before| before.split('.').all(is_right)) && (last == ">" || is_right(last));
    (!is_pattern).then(|| {
        format!("`{pattern}` is no subject; write one like \"orders.new\", \"orders.*\" or \"orders.>\"")
    })
}

/// Whether a subject is like a pattern, in which `*` stands for a word and `>` at the end for one or more. What begins with `$` or
/// `_` is the server's and the clients' own: its first word has to be written out.
pub(super) fn fits(pattern: &str, subject: &str) -> bool {
    let may_be_any = !subject.starts_with(['$', '_']);
    let mut rest = subject.split('.');
    for (place, word) in pattern.split('.').enumerate() {
        let Some(given) = rest.next() else { return false };
        let is_any = place > 0 || may_be_any;
        match word {
            ">" if is_any => return true,
            "*" if is_any => {}
            word if word == given => {}
            _ => return false,
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_word_by_word() {
        for (pattern, subject, does) in [
            ("orders.new", "orders.new", true),
            ("orders.new", "orders.new.x", false),
            ("orders.new", "orders", false),
            ("orders.*", "orders.new", true),
            ("orders.*", "orders", false),
            ("orders.*", "orders.new.x", false),
            ("*.new", "orders.new", true),
            ("orders.>", "orders.new.x", true),
            ("orders.>", "orders", false),
            (">", "orders", true),
            ("ord*", "orders", false),
            (">", "$JS.API.STREAM.PURGE.ORDERS", false),
            ("*.API.>", "$JS.API.INFO", false),
            (">", "_INBOX.x.y", false),
            ("$SRV.>", "$SRV.PING", true),
        ] {
            assert_eq!(fits(pattern, subject), does, "{pattern} {subject}");
        }
    }

    #[test]
    fn what_nothing_can_be_sent_to_is_no_subject() {
        let long = "a".repeat(LONGEST + 1);
        for wrong in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "a\r\nPUB x",
            "a\tb",
            "a.*",
            "a.>",
            ">",
            "a*b",
            "a\0b",
            &long,
        ] {
            assert!(!is_subject(wrong), "{wrong:?}");
        }
        for right in ["a", "orders.new", "$SRV.PING", "größe.1"] {
            assert!(is_subject(right), "{right}");
        }
    }

    #[test]
    fn patterns_that_no_subject_is_like_are_told() {
        for wrong in ["", "orders.", "orders.>.new", "ord*", "a b", ">.a"] {
            assert!(misses(wrong).is_some(), "{wrong}");
        }
        for right in [">", "*", "orders.*.new", "orders.>", "$JS.ACK.>"] {
            assert_eq!(misses(right), None, "{right}");
        }
    }
}
