//! How what is printed looks: how wide it may be, and whether it has colours.

use std::borrow::Cow;
use std::env;
use std::io::IsTerminal;

/// How wide what is printed may be if nobody can tell.
const USUAL: usize = 80;

/// How what is printed looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks {
    pub(super) width: usize,
    pub(super) colours: bool,
}

/// What a text is, if it is to be seen at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Heading,
    Good,
    Bad,
    Going,
    Quiet,
}

impl Looks {
    /// For who is no terminal.
    pub(super) fn plain() -> Self {
        Self { width: USUAL, colours: false }
    }

    /// For this process's standard output.
    pub(super) fn of_output() -> Self {
        let out = std::io::stdout();
        let size = console::Term::stdout().size_checked().filter(|_| out.is_terminal());
        let width = size.map_or(USUAL, |(_, columns)| usize::from(columns));
        Self { width, colours: has_colours(out.is_terminal(), |name| env::var(name).ok()) }
    }

    /// For this process's standard error.
    pub(super) fn of_errors() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { colours: has_colours(is_terminal, |name| env::var(name).ok()), ..Self::plain() }
    }

    /// A text in its colour.
    pub(super) fn paint<'a>(&self, paint: Option<Paint>, text: &'a str) -> Cow<'a, str> {
        let code = match paint.filter(|_| self.colours && !text.is_empty()) {
            None => return Cow::Borrowed(text),
            Some(Paint::Heading) => "1",
            Some(Paint::Good) => "32",
            Some(Paint::Bad) => "31",
            Some(Paint::Going) => "36",
            Some(Paint::Quiet) => "2",
        };
        Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
    }
}

/// Whether there are colours, as [no-color.org](https://no-color.org) and its like have it.
fn has_colours(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_on = |name| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    let is_off = |name, off| variable(name).as_deref() == Some(off);
    if is_set("NO_COLOR") {
        return false;
    }
    is_on("CLICOLOR_FORCE") || (is_terminal && !is_off("CLICOLOR", "0") && !is_off("TERM", "dumb"))
}

impl Paint {
    /// That of a state, by its word.
    pub(super) fn of_state(word: &str) -> Option<Self> {
        Some(match word.split([',', ' ']).next()? {
            "succeeded" | "done" => Self::Good,
            "failed" | "expired" | "parked" | "lost" | "over" => Self::Bad,
            "running" | "retrying" | "living" => Self::Going,
            "cancelled" | "skipped" | "pending" | "paused" => Self::Quiet,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_unless_it_is_said_otherwise() {
        let with = |is_terminal, set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(own, _)| *own == name);
            has_colours(is_terminal, |name| find(name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(true, &[]) && !with(false, &[]));
        assert!(!with(true, &[("NO_COLOR", "1")]) && with(true, &[("NO_COLOR", "")]));
        assert!(with(false, &[("CLICOLOR_FORCE", "1")]) && !with(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!with(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(!with(true, &[("CLICOLOR", "0")]) && !with(true, &[("TERM", "dumb")]));
    }

    #[test]
    fn what_is_painted_ends_as_it_began() {
        let looks = Looks { width: 80, colours: true };
        assert_eq!(looks.paint(Some(Paint::Bad), "failed"), "\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(looks.paint(Some(Paint::Bad), ""), "");
        assert_eq!(Looks::plain().paint(Some(Paint::Bad), "failed"), "failed");
    }
}
