//! What was written, before anybody knows what it is about.

use super::origin::Origin;

/// A value, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Text(String),
    /// A whole number; none if it is larger than any that means something.
    Integer(Option<i64>),
    Float(f64),
    Flag(bool),
    List(Vec<Given>),
    /// A moment: there is nothing that takes one.
    Moment,
    /// A table: of those with something in it, what is in it is listed by itself.
    Table,
    /// What a variable of the environment says: its type is that of what it is about.
    Said(String),
}

impl Given {
    /// What it is, with an article.
    pub(super) fn named(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Said(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Moment => "a date",
            Self::Table => "a table",
        }
    }
}

/// A part of a path: a name.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) text: String,
    /// It stands in the name of a variable: in capitals, with `_` for what cannot stand there.
    pub(super) is_folded: bool,
    pub(super) at: Origin,
}

impl Segment {
    /// Whether it means this name.
    pub(super) fn is(&self, name: &str) -> bool {
        if self.is_folded { fold(&self.text) == fold(name) } else { self.text == name }
    }
}

/// Something that was set.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: Vec<Segment>,
    pub(super) value: Given,
    pub(super) at: Origin,
}

/// A name as it stands in the name of a variable: letters and digits, in capitals, and one `_` for what is between them.
pub(super) fn fold(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_uppercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_to_what_a_variable_can_be_called() {
        assert_eq!(fold("fetch_page"), "FETCH_PAGE");
        assert_eq!(fold("_my__agent"), "MY_AGENT");
        assert_eq!(fold("review/then/checked"), "REVIEW_THEN_CHECKED");
        assert_eq!(fold("Shop"), "SHOP");
    }
}
