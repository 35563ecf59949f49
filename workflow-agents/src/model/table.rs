//! A table of models as TOML.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalogue::{Model, Models};
use super::provider::Provider;
use crate::policy::{Mistakes, Text};

const KEYS: [&str; 7] = ["cached", "endpoint", "input", "key", "name", "output", "provider"];

/// Adds what a text says to models.
pub(super) fn read(text: &str, name: &str, before: &Models) -> Result<Models, Mistakes> {
    let mut text = Text::new(text, name);
    let mut models = before.clone();
    let table = text.table();
    for (key, value) in &table {
        match (&**key.get_ref(), value.get_ref()) {
            ("models", DeValue::Table(inner)) => models = all(&mut text, inner, models),
            ("models", _) => text.expected("tables [models.NAME]", value),
            (other, _) => text.wrong(key.span().start, format!("unknown key `{other}`; write tables [models.NAME]")),
        }
    }
    text.done().map(|()| models)
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
    let said = |key: &str| table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value);
    for (key, _) in table.iter().filter(|(key, _)| !KEYS.contains(&&**key.get_ref())) {
        text.unknown(key.span().start, key.get_ref(), &KEYS);
    }
    let provider = said("provider").map(|value| provider(text, value));
    let mut model = match (known, provider) {
        (_, Some(provider)) => Model::new(provider?, ""),
        (Some(known), None) => known,
        (None, None) => {
            text.wrong(byte, "no `provider`; say who answers: \"anthropic\", \"gemini\", \"ollama\" or \"openai\"");
            return None;
        }
    };
    if let Some(value) = said("name") {
        model.name = text.string(value, "what the provider calls it")?;
    }
    if model.name.is_empty() {
        text.wrong(byte, "no `name`; say what the provider calls it");
    }
    if let Some(value) = said("endpoint") {
        model = model.endpoint(text.string(value, "an address like \"http://localhost:8000/v1/\"")?);
        if reqwest::Url::parse(&model.endpoint).is_err() {
            text.wrong(value.span().start, format!("`{}` is no URL", model.endpoint));
        }
    }
    match said("key").map(|value| (value, value.get_ref())) {
        Some((_, DeValue::String(name))) if name.is_empty() => model.key = None,
        Some((value, _)) => model.key = text.string(value, "the name of a variable, or \"\" for no key"),
        None => {}
    }
    for (key, price) in [("input", &mut model.input), ("output", &mut model.output), ("cached", &mut model.cached)] {
        if let Some(value) = said(key) {
            *price = cents(text, value)?;
        }
    }
    if said("input").is_some() && said("cached").is_none() {
        model.cached = model.input;
    }
    Some(model)
}

fn provider(text: &mut Text<'_>, value: &Spanned<DeValue<'_>>) -> Option<Provider> {
    let name = text.string(value, "\"anthropic\", \"gemini\", \"ollama\" or \"openai\"")?;
    let found = Provider::NAMES.into_iter().find(|(known, _)| *known == name);
    if found.is_none() {
        let problem = format!("there is no provider `{name}`; there is anthropic, gemini, ollama and openai, which is also for whoever speaks as it does");
        text.wrong(value.span().start, problem);
    }
    found.map(|(_, provider)| provider)
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
        let text = "[models.claude-sonnet]\ninput = 200\n[models.own]\nprovider = \"openai\"\nname = \"x\"\nendpoint = \"http://localhost:1/v1\"\nkey = \"\"\n";
        let models = models.read(text, "m.toml").unwrap();
        let sonnet = &models.all["claude-sonnet"];
        assert_eq!((sonnet.input, sonnet.cached, sonnet.output), (200.0, 200.0, 1500.0));
        let own = Model::new(Provider::OpenAi, "x").endpoint("http://localhost:1/v1/").without_key();
        assert_eq!(models.all["own"], own);
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "[models.a]\nname = \"x\"\n[models.b]\nprovider = \"open\"\n[models.c]\nprovider = \"openai\"\nprize = 3\ninput = -1\n[model.d]\n";
        let told = Models::none().read(text, "m.toml").expect_err("it is wrong");
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(told[0].starts_with("m.toml:1:9: no `provider`"), "{told:?}");
        assert!(told[1].starts_with("m.toml:4:12: there is no provider `open`"), "{told:?}");
        assert!(told[2].starts_with("m.toml:5:9: no `name`"), "{told:?}");
        assert!(told[3].starts_with("m.toml:7:1: unknown key `prize`"), "{told:?}");
        assert!(told[4].starts_with("m.toml:8:9: expected cents"), "{told:?}");
        assert!(told[5].starts_with("m.toml:9:2: unknown key `model`"), "{told:?}");
    }
}
