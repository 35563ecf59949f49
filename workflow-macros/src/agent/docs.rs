//! What an agent's page in `cargo doc` says below its author's words.

use std::fmt::Write as _;

use super::model::Agent;
use crate::markdown::{code, fold_json};
use crate::text::type_text;

/// A short footer: what the runtime knows of the agent.
pub(super) fn footer(agent: &Agent) -> String {
    let mut page = format!("\n\n---\n**Agent** {}", code(&agent.name));
    for (option, value) in agent.options.words() {
        let _ = write!(page, " · {option} {value}");
    }
    let _ = write!(page, "\n\n{}", input(agent));
    let _ = write!(page, "\n\n{}", output(agent));
    page.push('\n');
    page
}

fn input(agent: &Agent) -> String {
    if let Some(schema) = &agent.input_schema {
        return fold_json("Input schema", &schema.value());
    }
    let values: Vec<_> = agent.values().collect();
    match values.as_slice() {
        [] => "Input: none".to_owned(),
        [(_, ty)] => format!("Input: the JSON of {}", code(&type_text(ty))),
        several => {
            let keys = several
                .iter()
                .map(|(name, ty)| format!("{}: {}", code(&name.to_string()), code(&type_text(ty))));
            format!("Input: an object of {}", keys.collect::<Vec<_>>().join(", "))
        }
    }
}

fn output(agent: &Agent) -> String {
    match &agent.output_schema {
        Some(schema) => fold_json("Output schema", &schema.value()),
        None => format!("Output: the JSON of {}", code(&type_text(&agent.output))),
    }
}
