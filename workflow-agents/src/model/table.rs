//! A table of models as TOML.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalogue::{Model, Models};
use super::class::Class;
use super::provider::Provider;
use crate::policy::{Mistakes, Text};

const KEYS: [&str; 9] =
    ["cached", "endpoint", "input", "key", "name", "output", "provider", "silence", "takes_schema"];

const PROVIDERS: &str = "\"anthropic\", \"compatible\", \"gemini\" or \"openai\"";

/// Adds what a text says to models.
pub(super) fn read(text: &str, name: &str, before: &Models) -> Result<Models, Mistakes> {
    let mut text = Text::new(text, name);
    let mut models = before.clone();
    let table = text.table();
    for (key, value) in &table {
        match (&**key.get_ref(), value.get_ref()) {
            ("models", DeValue::Table(inner)) => models = all(&mut text, inner, models),
            ("models", _) => text.expected("tables [models.NAME]", value),
            ("classes", DeValue::Table(_)) => {}
            ("classes", _) => text.expected("a table [classes]", value),
            (other, _) => {
                let problem = format!("unknown key `{other}`; write tables [models.NAME], and [classes]");
                text.wrong(key.span().start, problem);
            }
        }
    }
    // These name models, which may be written behind them.
    if let Some(DeValue::Table(inner)) = table.get("classes").map(Spanned::get_ref) {
        models = classes(&mut text, inner, models);
    }
    text.done().map(|()| models)
}

fn classes(text: &mut Text<'_>, table: &DeTable<'_>, mut models: Models) -> Models {
    for (key, value) in table {
        let Some(class) = Class::ALL.into_iter().find(|class| key.get_ref() == class.name()) else {
            text.unknown(key.span().start, key.get_ref(), &Class::ALL.map(Class::name));
            continue;
        };
        let names = text.strings(value, "names of models like [\"claude-sonnet\", \"gpt\"]");
        for (name, byte) in names.iter().filter(|(name, _)| !models.all.contains_key(name)) {
            text.wrong(*byte, format!("there is no model `{name}`; write a table [models.{name}] for it"));
        }
        models = models.class(class, names.into_iter().map(|(name, _)| name));
    }
    models
}

fn all(text: &mut Text<'_>, table: &DeTable<'_>, mut models: Models) -> Models {
    for (name, value) in table {
        let DeValue::Table(inner) = value.get_ref() else {
            text.expected("a table of what the model is", value);
            continue;
        };
        let known = models.all.get(&**name.get_ref()).cloned();
        if let Some(model) = model(text, inner, known, name.span().start) {
            models = models.with(name.get_ref().to_string(), model);
        }
    }
    models
}

fn model(text: &mut Text<'_>, table: &DeTable<'_>, known: Option<Model>, byte: usize) -> Option<Model> {
    for (key, _) in table.iter().filter(|(key, _)| !KEYS.contains(&&**key.get_ref())) {
        text.unknown(key.span().start, key.get_ref(), &KEYS);
    }
    let mut model = match (known, table.get("provider")) {
        (_, Some(value)) => Model::new(provider(text, value)?, ""),
        (Some(known), None) => known,
        (None, None) => {
            text.wrong(byte, format!("no `provider`; say who answers: {PROVIDERS}"));
            return None;
        }
    };
    if let Some(value) = table.get("name") {
        model.name = text.string(value, "what the provider calls it")?;
    }
    if model.name.is_empty() {
        text.wrong(byte, "no `name`; say what the provider calls it");
    }
    model = place(text, table, model, byte)?;
    if let Some(value) = table.get("silence") {
        model.silence = std::time::Duration::from_millis(text.time(value)?);
    }
    if let Some(value) = table.get("takes_schema") {
        model.takes_schema = text.flag(value);
    }
    prices(text, table, &mut model)?;
    Some(model)
}

/// Where it is, and by which key.
fn place(text: &mut Text<'_>, table: &DeTable<'_>, mut model: Model, byte: usize) -> Option<Model> {
    if let Some(value) = table.get("endpoint") {
        model = model.endpoint(text.string(value, "an address like \"http://localhost:11434/v1/\"")?);
        if let Some(problem) = model.misplaced() {
            text.wrong(value.span().start, problem);
        }
    } else if let Some(problem) = model.misplaced() {
        text.wrong(byte, problem);
    }
    match table.get("key").map(|value| (value, value.get_ref())) {
        Some((_, DeValue::String(name))) if name.is_empty() => model.key = None,
        Some((value, _)) => model.key = text.string(value, "the name of a variable, or \"\" for no key"),
        None => {}
    }
    Some(model)
}

fn prices(text: &mut Text<'_>, table: &DeTable<'_>, model: &mut Model) -> Option<()> {
    if let Some(value) = table.get("input") {
        model.input = cents(text, value)?;
        model.cached = model.input;
    }
    if let Some(value) = table.get("output") {
        model.output = cents(text, value)?;
    }
    if let Some(value) = table.get("cached") {
        model.cached = cents(text, value)?;
    }
    Some(())
}

fn provider(text: &mut Text<'_>, value: &Spanned<DeValue<'_>>) -> Option<Provider> {
    let name = text.string(value, PROVIDERS)?;
    let found = Provider::ALL.into_iter().find(|known| known.name() == name);
    if found.is_none() {
        text.wrong(value.span().start, format!("there is no provider `{name}`; there is {PROVIDERS}"));
    }
    found
}

fn cents(text: &mut Text<'_>, value: &Spanned<DeValue<'_>>) -> Option<f64> {
    let number = match value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    if number.is_none() {
        text.expected("cents for a million tokens, like 300.0", value);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in_is_read_and_can_be_changed() {
        let models = Models::known();
        assert!(models.names().count() >= 7);
        let text = "[models.claude-sonnet]\ninput = 200\n[models.own]\nprovider = \"compatible\"\nname = \"x\"\nendpoint = \"http://localhost:1/v1\"\nsilence = \"2m\"\n[classes]\nsimple = [\"own\"]\n";
        let models = models.read(text, "m.toml").unwrap();
        let sonnet = &models.all["claude-sonnet"];
        assert_eq!((sonnet.input, sonnet.cached, sonnet.output), (200.0, 200.0, 1500.0));
        let own =
            Model::compatible("http://localhost:1/v1/", "x").silence(std::time::Duration::from_secs(120));
        assert_eq!(models.all["own"], own);
        assert_eq!(
            (models.of(Class::Simple), models.of(Class::Complex)[0].as_str()),
            (&["own".to_owned()][..], "claude-opus")
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake() {
        let told = Models::known().load("no/such/models.toml").expect_err("there is none").to_string();
        assert!(told.contains("no/such/models.toml: it cannot be read"), "{told}");
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "\
[models.a]
name = \"x\"
[models.b]
provider = \"open\"
[models.c]
provider = \"openai\"
prize = 3
input = -1
[models.d]
provider = \"compatible\"
name = \"x\"
[models.e]
provider = \"compatible\"
name = \"x\"
endpoint = \"localhost\"
[classes]
simple = [\"nobody\"]
hard = []
[model.d]
";
        let told = Models::none().read(text, "m.toml").expect_err("it is wrong");
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        let expected = [
            "m.toml:1:9: no `provider`",
            "m.toml:4:12: there is no provider `open`",
            "m.toml:5:9: no `name`",
            "m.toml:7:1: unknown key `prize`",
            "m.toml:8:9: expected cents",
            "m.toml:9:9: no `endpoint`",
            "m.toml:15:12: `localhost/` is no URL",
            "m.toml:17:11: there is no model `nobody`",
            "m.toml:18:1: unknown key `hard`",
            "m.toml:19:2: unknown key `model`",
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
