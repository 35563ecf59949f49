//! How a model makes one vector of what it has of each token, as its folder says.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::shelf::Shelf;

/// The files that say it.
const MODULES: &str = "modules.json";
const SENTENCES: &str = "sentence_bert_config.json";

/// What is done after another: a module of the library `sentence-transformers`.
#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// How long texts are taken.
#[derive(Default, Deserialize)]
struct Sentences {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// Which of the tokens' vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// The mean of all.
    Mean,
    /// The first.
    First,
}

/// How a model makes one vector of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) pooling: Pooling,
    /// Whether a vector's length is made 1.
    pub(super) is_normalized: bool,
    /// How many tokens of a text are taken.
    pub(super) tokens: Option<usize>,
    /// Whether a text is first written small.
    pub(super) is_lowered: bool,
}

impl Recipe {
    /// What a folder says; the mean, of length 1, where it says nothing.
    ///
    /// # Errors
    /// When it says what is not known here.
    pub(super) fn of(shelf: &Shelf<'_>) -> Result<Self, String> {
        let Sentences { max_seq_length, do_lower_case } =
            shelf.settings_if_there(SENTENCES)?.unwrap_or_default();
        let mut recipe = Self {
            pooling: Pooling::Mean,
            is_normalized: true,
            tokens: max_seq_length,
            is_lowered: do_lower_case,
        };
        let Some(modules) = shelf.settings_if_there::<Vec<Module>>(MODULES)? else { return Ok(recipe) };
        recipe.is_normalized = false;
        for (module, number) in modules.iter().zip(0..) {
            match (number, module.kind.rsplit('.').next().unwrap_or_default()) {
                (0, "Transformer") if module.path.is_empty() => {}
                (1, "Pooling") => recipe.pooling = pooling(shelf, &format!("{}/config.json", module.path))?,
                (2, "Normalize") => recipe.is_normalized = true,
                _ => {
                    let what = format!(
                        "module {number} is a `{}` in `{}`; known is a Transformer in the folder itself, a Pooling, and a \
                         Normalize after them",
                        module.kind, module.path
                    );
                    return Err(shelf.wrong(MODULES, what));
                }
            }
        }
        match modules.len() {
            0 | 1 => Err(shelf.wrong(MODULES, "there is no module Pooling, by which a text has one vector")),
            _ => Ok(recipe),
        }
    }
}

/// Which of the tokens' vectors become one, as a file says.
fn pooling(shelf: &Shelf<'_>, name: &str) -> Result<Pooling, String> {
    let says: Map<String, Json> = shelf.settings(name)?;
    let by_flag = says.iter().filter(|(_, value)| **value == Json::Bool(true));
    let by_flag = by_flag.filter_map(|(key, _)| key.strip_prefix("pooling_mode_"));
    let mut modes: Vec<&str> = match says.get("pooling_mode").and_then(Json::as_str) {
        Some(mode) => vec![mode],
        None => by_flag.collect(),
    };
    modes.sort_unstable();
    match modes[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::First),
        _ => Err(shelf.wrong(
            name,
            format!("it pools by {modes:?}; known is either the mean of all tokens, or the first, `cls`"),
        )),
    }
}
