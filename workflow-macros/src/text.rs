//! Tokens as text: spaced the same way whatever the source's spacing and whatever compiler prints them.
//!
//! The text stands in pictures, and it is part of a step's fingerprint: it may change only when the tokens do.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The text of some tokens.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let mut printer = Printer::default();
    printer.stream(tokens.to_token_stream());
    printer.text
}

/// The text of a type, in which `<` opens generics and never compares.
pub(crate) fn type_text(tokens: &impl ToTokens) -> String {
    let mut printer = Printer { is_type: true, ..Printer::default() };
    printer.stream(tokens.to_token_stream());
    printer.text
}

/// What the last printed token was, as far as spacing cares.
#[derive(Default, Clone, Copy, PartialEq)]
enum Last {
    /// Nothing yet, or an opening bracket: the next token follows at once.
    #[default]
    Open,
    /// A name, a literal, a closing bracket: something that an operator may follow.
    Value,
    /// An operator between two values: the next token stands apart.
    Binary,
    /// Something that belongs to the next token.
    Prefix,
    /// `,` or `;`.
    Comma,
}

#[derive(Default)]
struct Printer {
    text: String,
    last: Last,
    /// Open `<` of generics.
    angles: usize,
    /// All of it is a type.
    is_type: bool,
    /// Inside the bars of a closure.
    bars: bool,
}

impl Printer {
    fn stream(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Punct(first) => {
                    let mut operator = String::from(first.as_char());
                    let mut joint = first.spacing() == Spacing::Joint;
                    while joint
                        && let Some(TokenTree::Punct(next)) = tokens.peek()
                        && joins(&operator, next.as_char())
                    {
                        operator.push(next.as_char());
                        joint = next.spacing() == Spacing::Joint;
                        tokens.next();
                    }
                    self.operator(&operator);
                }
            }
        }
    }

    fn space(&mut self, wanted: bool) {
        if wanted && !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    fn word(&mut self, word: &str) {
        self.space(matches!(self.last, Last::Value | Last::Binary | Last::Comma));
        self.text.push_str(word);
        let takes_value =
            matches!(word, "return" | "in" | "match" | "if" | "else" | "as" | "mut" | "ref" | "move");
        self.last = if takes_value { Last::Binary } else { Last::Value };
    }

    fn group(&mut self, delimiter: Delimiter, inner: TokenStream) {
        let (open, close, apart) = match delimiter {
            Delimiter::Parenthesis => ("(", ")", ""),
            Delimiter::Bracket => ("[", "]", ""),
            Delimiter::Brace => ("{", "}", " "),
            Delimiter::None => ("", "", ""),
        };
        let follows_value = self.last == Last::Value && delimiter != Delimiter::Brace;
        self.space(!follows_value && !matches!(self.last, Last::Open | Last::Prefix));
        self.text.push_str(open);
        if !inner.is_empty() {
            self.text.push_str(apart);
            let outer = (std::mem::take(&mut self.angles), std::mem::take(&mut self.bars));
            self.last = Last::Open;
            self.stream(inner);
            (self.angles, self.bars) = outer;
            self.text.push_str(apart);
        }
        self.text.push_str(close);
        self.last = Last::Value;
    }

    fn operator(&mut self, operator: &str) {
        let at_start = self.last != Last::Value;
        match operator {
            "," | ";" => self.glue(operator, Last::Comma),
            "." | "::" | "?" | ".." | "..=" => {
                let next = if operator == "?" { Last::Value } else { Last::Prefix };
                self.glue_after_value(operator, next);
            }
            ":" => self.glue(operator, Last::Binary),
            "<" if self.is_type || self.text.ends_with("::") || self.angles > 0 => {
                self.angles += 1;
                self.glue(operator, Last::Open);
            }
            ">" if self.angles > 0 => {
                self.angles -= 1;
                self.glue(operator, Last::Value);
            }
            "|" if self.bars => {
                self.bars = false;
                self.glue(operator, Last::Binary);
            }
            "|" if at_start => {
                self.bars = true;
                self.glue_after_value(operator, Last::Prefix);
            }
            "!" if !at_start => self.glue(operator, Last::Prefix),
            "&" | "&&" | "*" | "-" | "!" | "'" | "#" | "$" if at_start => {
                self.glue_after_value(operator, Last::Prefix)
            }
            "'" => {
                self.space(true);
                self.glue(operator, Last::Prefix);
            }
            _ => {
                self.space(true);
                self.glue(operator, Last::Binary);
            }
        }
    }

    fn glue(&mut self, operator: &str, last: Last) {
        self.text.push_str(operator);
        self.last = last;
    }

    /// Stands apart from an operator or a comma before it, and at once behind anything else.
    fn glue_after_value(&mut self, operator: &str, last: Last) {
        self.space(matches!(self.last, Last::Binary | Last::Comma));
        self.glue(operator, last);
    }
}

/// Whether a character continues an operator, as Rust's lexer would have it.
fn joins(operator: &str, next: char) -> bool {
    const LONG: [&str; 25] = [
        "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=",
        "<<", ">>", "..", "...", "..=", "<<=", ">>=", "<-",
    ];
    let mut longer = String::from(operator);
    longer.push(next);
    LONG.contains(&longer.as_str()) && longer != "<-" && longer != ">>"
}

#[cfg(test)]
mod tests {
    use super::{text, type_text};

    fn spaced(source: &str) -> String {
        text(&source.parse::<proc_macro2::TokenStream>().unwrap())
    }

    #[test]
    fn expressions_read_as_people_write_them() {
        for source in [
            "question.text.clone()",
            "reply.text.len() > 10",
            "!a && -b < *c",
            "items.iter().map(|item| item.name.clone()).collect::<Vec<String>>()",
            "format!(\"{}: {}\", a, b)",
            "Summary { title: a.title.clone(), count: 3 }",
            "f(&a, &mut b)[0]?",
            "a..=b",
            "if x { 1 } else { 2 }",
            "(a, b)",
            "x as f64 / 2.0",
        ] {
            assert_eq!(spaced(source), source);
        }
    }

    #[test]
    fn types_read_as_people_write_them() {
        for source in [
            "Vec<String>",
            "Result<HashMap<String, Vec<u32>>, Box<dyn Error + Send>>",
            "std::collections::BTreeMap<&'static str, (u8, [Option<f64>; 3])>",
            "fn(u8) -> Vec<u8>",
        ] {
            assert_eq!(type_text(&source.parse::<proc_macro2::TokenStream>().unwrap()), source);
        }
    }

    #[test]
    fn the_sources_own_spacing_does_not_matter() {
        assert_eq!(spaced("a . b( c ,d )<  3"), "a.b(c, d) < 3");
        assert_eq!(spaced("a\n  .b()\n  .c()"), "a.b().c()");
    }
}
