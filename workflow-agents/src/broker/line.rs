//! What is wrong, as a header can have it.

use std::fmt;

/// How much of what is wrong a header tells.
const TOLD: usize = 2000;

/// One line, and not too long.
pub(super) fn line(problem: &dyn fmt::Display) -> String {
    let mut line = problem.to_string().replace(['\r', '\n'], " ");
    if line.len() > TOLD {
        line.truncate(line.floor_char_boundary(TOLD));
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_and_not_too_long() {
        assert_eq!(line(&"a\r\nb"), "a  b");
        assert_eq!(line(&"é".repeat(2000)).chars().count(), 1001);
    }
}
