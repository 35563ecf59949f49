//! Where in a JSON text the value at a JSON pointer stands.

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "line {}, column {}", self.line, self.column)
    }
}

/// Where the value at `pointer` begins; the text must be valid JSON. None when there is no such value.
pub(crate) fn position(text: &str, pointer: &str) -> Option<Position> {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    for token in pointer.split('/').skip(1) {
        reader.enter(&token.replace("~1", "/").replace("~0", "~"))?;
    }
    reader.blank();
    let before = text.get(..reader.at)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Some(Position { line, column })
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// From the beginning of an object or array to that of its member.
    fn enter(&mut self, member: &str) -> Option<()> {
        self.blank();
        let object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        for index in 0_usize.. {
            self.blank();
            let here = if object {
                let key: String = serde_json::from_str(self.string()?).ok()?;
                self.blank();
                self.at += 1; // the colon
                key == member
            } else {
                index.to_string() == member
            };
            if here {
                return Some(());
            }
            self.skip_value()?;
            self.blank();
            if self.peek()? != b',' {
                return None;
            }
            self.at += 1;
        }
        None
    }

    /// A string, with its quotes.
    fn string(&mut self) -> Option<&str> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        std::str::from_utf8(self.text.get(start..self.at)?).ok()
    }

    /// Over a value: brackets are counted, so that deep nesting costs no stack.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.blank();
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    while self
                        .peek()
                        .is_some_and(|byte| !byte.is_ascii_whitespace() && !b",:]}".contains(&byte))
                    {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, position};

    const TEXT: &str =
        "{\n  \"a\\\"b\": [1, {\"x\": {\"deep\": [[], {}]}}, \"]}\"],\n  \"ä\": {\"y/z\": null}\n}";

    #[test]
    fn values_are_found_by_line_and_column() {
        let at = |pointer| position(TEXT, pointer).map(|Position { line, column }| (line, column));
        assert_eq!(at(""), Some((1, 1)));
        assert_eq!(at("/a\"b"), Some((2, 11)));
        assert_eq!(at("/a\"b/1/x"), Some((2, 21)));
        assert_eq!(at("/a\"b/2"), Some((2, 42)));
        assert_eq!(at("/ä/y~1z"), Some((3, 16)));
        assert_eq!(at("/none"), None);
        assert_eq!(at("/a\"b/7"), None);
    }
}
