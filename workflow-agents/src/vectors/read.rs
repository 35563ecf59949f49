//! A table of embedders as TOML.

use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::embedder::Embedder;
use super::table::Embedders;
use crate::policy::{Mistakes, Text};

const KEYS: [&str; 10] =
    ["batch", "cents", "dimension", "endpoint", "folder", "key", "longest", "name", "shortened", "silence"];

/// Adds what a text says to embedders; folders in it that are not absolute are those in `beside`.
pub(super) fn read(text: &str, name: &str, beside: &Path, before: &Embedders) -> Result<Embedders, Mistakes> {
    let mut text = Text::new(text, name);
    let mut embedders = before.clone();
    for (key, value) in &text.table() {
        match (&**key.get_ref(), value.get_ref()) {
            ("embedders", DeValue::Table(inner)) => embedders = all(&mut text, inner, beside, embedders),
            ("embedders", _) => text.expected("tables [embedders.NAME]", value),
            (other, _) => {
                let problem = format!("unknown key `{other}`; write tables [embedders.NAME]");
                text.wrong(key.span().start, problem);
            }
        }
    }
    text.done().map(|()| embedders)
}

fn all(text: &mut Text<'_>, table: &DeTable<'_>, beside: &Path, mut embedders: Embedders) -> Embedders {
    for (name, value) in table {
        let DeValue::Table(inner) = value.get_ref() else {
            text.expected("a table of what the model is", value);
            continue;
        };
        if let Some(embedder) = embedder(text, inner, beside, name.span().start) {
            embedders = embedders.with(name.get_ref().to_string(), embedder);
        }
    }
    embedders
}

fn embedder(text: &mut Text<'_>, table: &DeTable<'_>, beside: &Path, byte: usize) -> Option<Embedder> {
    for (key, _) in table.iter().filter(|(key, _)| !KEYS.contains(&&**key.get_ref())) {
        text.unknown(key.span().start, key.get_ref(), &KEYS);
    }
    let mut embedder = match (table.get("endpoint"), table.get("folder")) {
        (Some(endpoint), None) => server(text, table, endpoint, byte)?,
        (None, Some(folder)) => here(text, table, folder, beside)?,
        (Some(_), Some(folder)) => {
            text.wrong(folder.span().start, "it is either a server's or in a folder; take one out");
            return None;
        }
        (None, None) => {
            text.wrong(byte, "no `endpoint` and no `folder`; say where it is");
            return None;
        }
    };
    if let Some(value) = table.get("dimension") {
        embedder = embedder.dimension(number(text, value)?);
    }
    if let Some(value) = table.get("batch") {
        embedder = embedder.batch(number(text, value)?);
    }
    if let Some(value) = table.get("longest") {
        embedder = embedder.longest(usize::try_from(text.bytes(value)?).ok()?);
    }
    Some(embedder)
}

/// A model of a server.
fn server(
    text: &mut Text<'_>,
    table: &DeTable<'_>,
    endpoint: &Spanned<DeValue<'_>>,
    byte: usize,
) -> Option<Embedder> {
    let url = text.string(endpoint, "an address like \"http://localhost:11434/v1/\"")?;
    let Some(name) = table.get("name") else {
        text.wrong(byte, "no `name`; say what the server calls it");
        return None;
    };
    let mut embedder = Embedder::compatible(url, text.string(name, "what the server calls it")?);
    if let Some(problem) = embedder.misplaced() {
        text.wrong(endpoint.span().start, problem);
    }
    if let Some(value) = table.get("key") {
        embedder = embedder.key(text.string(value, "the name of a variable")?);
    }
    if let Some(value) = table.get("cents") {
        embedder = embedder.cents(cents(text, value)?);
    }
    if let Some(value) = table.get("shortened") {
        embedder = embedder.shortened(number(text, value)?);
    }
    if let Some(value) = table.get("silence") {
        embedder = embedder.silence(Duration::from_millis(text.time(value)?));
    }
    Some(embedder)
}

/// A model of this machine.
fn here(
    text: &mut Text<'_>,
    table: &DeTable<'_>,
    folder: &Spanned<DeValue<'_>>,
    beside: &Path,
) -> Option<Embedder> {
    for (key, _) in table
        .iter()
        .filter(|(key, _)| ["cents", "key", "name", "shortened", "silence"].contains(&&**key.get_ref()))
    {
        text.wrong(key.span().start, format!("`{}` is for a server's model; take it out", key.get_ref()));
    }
    let path = beside.join(text.string(folder, "a folder like \"models/minilm\"")?);
    #[cfg(feature = "embedding-local")]
    return Some(Embedder::folder(path));
    #[cfg(not(feature = "embedding-local"))]
    {
        let problem = format!("{} needs the feature `embedding-local`; build with it", path.display());
        text.wrong(folder.span().start, problem);
        None
    }
}

/// A number, from one.
fn number<T: TryFrom<u64>>(text: &mut Text<'_>, value: &Spanned<DeValue<'_>>) -> Option<T> {
    let number = T::try_from(text.count(value)?).ok();
    if number.is_none() {
        text.wrong(value.span().start, "it is too large; write a smaller number");
    }
    number
}

fn cents(text: &mut Text<'_>, value: &Spanned<DeValue<'_>>) -> Option<f64> {
    let number = match value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    if number.is_none() {
        text.expected("cents for a million tokens, like 2.0", value);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_and_added_to_what_is_there() {
        let before = Embedders::new().with("old", Embedder::compatible("http://x/", "old"));
        let text = "[embedders.own]\nendpoint = \"http://localhost:1/v1\"\nname = \"m\"\nkey = \"KEY\"\ncents = 2\n\
                    dimension = 768\nbatch = 8\nlongest = \"1 KiB\"\nsilence = \"2m\"\n";
        let read = before.read(text, "e.toml").unwrap();
        assert_eq!(read.names().collect::<Vec<_>>(), ["old", "own"]);
        let own =
            Embedder::compatible("http://localhost:1/v1/", "m").key("KEY").cents(2.0).dimension(768).batch(8);
        let own = own.longest(1024).silence(Duration::from_secs(120));
        assert_eq!(format!("{:?}", read.get("own").unwrap()), format!("{own:?}"));
    }

    #[cfg(feature = "embedding-local")]
    #[test]
    fn a_folder_is_one_beside_the_file() {
        let text = "[embedders.here]\nfolder = \"models/minilm\"\n";
        let read = read(text, "e.toml", Path::new("/srv"), &Embedders::new()).unwrap();
        let shown = format!("{:?}", read.get("here").unwrap());
        assert!(shown.contains("\"/srv/models/minilm\""), "{shown}");
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "\
[embedders.a]
name = \"x\"
[embedders.b]
endpoint = \"localhost\"
name = \"x\"
[embedders.c]
endpoint = \"http://x/\"
[embedders.d]
endpoint = \"http://x/\"
folder = \"y\"
[embedders.e]
endpoint = \"http://x/\"
name = \"x\"
prize = 3
cents = -1
[embedders.f]
endpoint = \"http://x/\"
name = \"x\"
dimension = 99999999999
[models.d]
";
        let told = Embedders::new().read(text, "e.toml").expect_err("it is wrong");
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        let expected = [
            "e.toml:1:12: no `endpoint` and no `folder`",
            "e.toml:4:12: `localhost/` is no URL",
            "e.toml:6:12: no `name`",
            "e.toml:10:10: it is either a server's or in a folder",
            "e.toml:14:1: unknown key `prize`",
            "e.toml:15:9: expected cents",
            "e.toml:19:13: it is too large",
            "e.toml:20:2: unknown key `models`",
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[cfg(not(feature = "embedding-local"))]
    #[test]
    fn a_folder_needs_the_feature_that_reads_it() {
        let told = Embedders::new().read("[embedders.a]\nfolder = \"x\"\n", "e.toml").expect_err("it cannot");
        assert!(told.to_string().contains("needs the feature `embedding-local`"), "{told}");
    }
}
