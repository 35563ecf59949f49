//! What a command line says.

use serde_json::Value as Json;
use workflow_runtime::cli::Cli;

/// What moves a terminal's cursor, what a browser would run, and what turns text around.
pub const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J<script>alert(1)</script>\u{202e}txt.exe\u{9b}31m\r\n\0\u{2066}end";

/// What a command says, and its exit code.
#[derive(Debug)]
pub struct Said {
    /// The exit code.
    pub exit: u8,
    /// What was asked for.
    pub out: String,
    /// What went on, and what went wrong.
    pub err: String,
}

impl Said {
    /// What was printed, as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// Checks that nothing that was said moves a cursor or turns text around.
    ///
    /// # Panics
    /// When something does.
    pub fn is_harmless(&self) {
        for text in [&self.out, &self.err] {
            let bad = |letter: char| {
                (letter.is_control() && letter != '\n' && letter != '\t')
                    || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!text.contains(bad), "{text:?}");
        }
    }

    /// The id that was printed.
    ///
    /// # Panics
    /// When the command was not done.
    pub fn id(&self) -> String {
        assert_eq!(self.exit, 0, "{}", self.err);
        self.out.trim().to_owned()
    }
}

/// Words of a command on a store.
pub fn with<'a>(words: &[&'a str], store: &'a str) -> Vec<&'a str> {
    [words, &["--store", store]].concat()
}

/// Says something to the command line of this program.
///
/// # Panics
/// When it prints what is no text.
pub fn say(words: &[&str]) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = std::iter::once("program").chain(words.iter().copied());
    let exit = Cli::new().version("1.2.3").about("A program.").run(words, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    Said { exit, out: text(out), err: text(err) }
}

/// The same beside a runtime of this process.
///
/// # Panics
/// When the command panics.
pub async fn say_beside(words: &[&str]) -> Said {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let said =
        tokio::task::spawn_blocking(move || say(&words.iter().map(String::as_str).collect::<Vec<_>>()));
    said.await.expect("it says something")
}
