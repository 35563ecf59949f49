//! Agents that a model may call.

use std::collections::{BTreeMap, HashMap};

use genai::chat::{Tool, ToolCall, ToolResponse};
use serde_json::{Map, Value as Json, json};
use workflow_runtime::{AgentError, Options, Schema, Subtask, TaskContext};

use super::shape::without_dialect;

/// How much of what an agent gave a model is told.
const TOLD: usize = 32 << 10;

/// Agents that a model may call.
pub(super) struct Tools(Vec<Offered>);

/// An agent, as it is offered.
struct Offered {
    agent: String,
    /// As it is called: providers take no dots.
    name: String,
    description: String,
    schema: Schema,
    /// Whether its input is no object, and so is given within one.
    is_wrapped: bool,
}

/// How often a model has called each agent with each input.
#[derive(Default)]
pub(super) struct Counts(HashMap<String, u32>);

impl Tools {
    /// The agents of these names.
    ///
    /// # Errors
    /// When there is none of a name, or when two would be called alike.
    pub(super) fn of(names: &[String], context: &TaskContext) -> Result<Self, AgentError> {
        let mut offered: Vec<Offered> = Vec::new();
        for name in names {
            let one = Offered::of(name, context)?;
            if let Some(other) = offered.iter().find(|other| other.name == one.name) {
                let problem = format!(
                    "the agents `{}` and `{}` would both be called `{}`; offer one of them",
                    other.agent, one.agent, one.name
                );
                return Err(AgentError::permanent(problem));
            }
            offered.push(one);
        }
        Ok(Self(offered))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the library takes them.
    pub(super) fn offer(&self) -> Vec<Tool> {
        let tool = |one: &Offered| {
            Tool::new(one.name.as_str())
                .with_description(one.description.as_str())
                .with_schema(one.schema.json().clone())
        };
        self.0.iter().map(tool).collect()
    }

    /// Carries out what a model calls, all at once; gives the names of those that were called, and what came of each call.
    ///
    /// # Errors
    /// When a subtask cannot be made.
    pub(super) async fn answer(
        &self,
        calls: &[ToolCall],
        counts: &mut Counts,
        context: &TaskContext,
    ) -> Result<(Vec<String>, Vec<ToolResponse>), AgentError> {
        let mut begun = Vec::new();
        for call in calls {
            begun.push(self.begin(call, counts, context).await?);
        }
        let (mut called, mut answers) = (Vec::new(), Vec::new());
        for (call, begun) in calls.iter().zip(begun) {
            let told = match begun {
                Ok((agent, subtask)) => {
                    called.push(agent);
                    subtask.join().await.map_err(|error| error.to_string())
                }
                Err(why) => Err(why),
            };
            answers.push(ToolResponse::from_tool_call(call, text(told)));
        }
        Ok((called, answers))
    }

    /// Makes the subtask of a call; or says what is wrong with it, for the model to hear.
    async fn begin(
        &self,
        call: &ToolCall,
        counts: &mut Counts,
        context: &TaskContext,
    ) -> Result<Result<(String, Subtask<Json>), String>, AgentError> {
        let Some(one) = self.0.iter().find(|one| one.name == call.fn_name) else {
            return Ok(Err(format!("there is no tool `{}`", call.fn_name)));
        };
        if let Err(violations) = one.schema.check(&call.fn_arguments) {
            return Ok(Err(format!("these arguments do not fit: {violations}")));
        }
        let input = match one.is_wrapped {
            true => call.fn_arguments["input"].clone(),
            false => call.fn_arguments.clone(),
        };
        let mut options = Options::new();
        if let Some(role) = context.role() {
            options = options.role(role);
        }
        let key = counts.key(&one.agent, &input);
        let subtask = context.spawn_json(one.agent.clone(), input).key(key).options(options).await?;
        Ok(Ok((one.agent.clone(), subtask)))
    }
}

impl Counts {
    /// The key of a subtask: a later attempt finds what an earlier one has had done, as long as the model asks for the same.
    fn key(&mut self, agent: &str, input: &Json) -> String {
        let key = format!("{agent} {:032x}", hash(&sorted(input).to_string()));
        let count = self.0.entry(key.clone()).or_default();
        *count += 1;
        match *count {
            1 => key,
            count => format!("{key} {count}"),
        }
    }
}

impl Offered {
    fn of(name: &str, context: &TaskContext) -> Result<Self, AgentError> {
        let agents = context.task_manager().agents();
        let Some(known) = agents.iter().find(|agent| agent.name == name) else {
            let near = workflow_graph::nearest(name, agents.iter().map(|agent| agent.name.as_str()));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(AgentError::permanent(format!("there is no agent `{name}` to offer{near}")));
        };
        let is_wrapped = known.input_schema["type"] != "object";
        let mut schema = if is_wrapped { wrapped(&known.input_schema) } else { known.input_schema.clone() };
        without_dialect(&mut schema);
        let schema = Schema::new(schema)
            .map_err(|error| AgentError::permanent(format!("the input of the agent `{name}`: {error}")))?;
        let letter = |letter: char| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => letter,
            _ => '_',
        };
        let called = name.chars().take(64).map(letter).collect();
        let description = known.description.clone();
        Ok(Self { agent: name.to_owned(), name: called, description, schema, is_wrapped })
    }
}

/// A schema of an object that has the input in it; what a schema refers to stays at the root.
fn wrapped(schema: &Json) -> Json {
    let mut inner = schema.clone();
    let mut outer = json!({ "type": "object", "required": ["input"] });
    without_dialect(&mut inner);
    if let Some(fields) = inner.as_object_mut() {
        for key in ["$defs", "definitions"] {
            if let Some(shared) = fields.remove(key) {
                outer[key] = shared;
            }
        }
    }
    outer["properties"] = json!({ "input": inner });
    outer
}

/// What came of a call, as a model is told.
fn text(told: Result<Json, String>) -> String {
    let mut text = match told {
        Ok(Json::String(text)) => text,
        Ok(value) => value.to_string(),
        Err(why) => format!("this failed: {why}"),
    };
    if text.len() > TOLD {
        text.truncate(text.floor_char_boundary(TOLD));
        text.push_str("\n… the rest is left out …");
    }
    text
}

/// A value whose keys are in order, however they came.
fn sorted(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let members: BTreeMap<&String, Json> =
                members.iter().map(|(key, member)| (key, sorted(member))).collect();
            let members = members.into_iter().map(|(key, member)| (key.clone(), member));
            Json::Object(members.collect::<Map<String, Json>>())
        }
        Json::Array(items) => Json::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// 128 bits of FNV-1a.
fn hash(text: &str) -> u128 {
    let step = |hash: u128, byte: u8| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B)
    };
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_key_that_it_had_whatever_the_order_of_its_fields() {
        let of = |text: &str| Counts::default().key("a", &serde_json::from_str(text).unwrap());
        assert_eq!(
            of("{\"x\": 1, \"y\": {\"b\": 2, \"a\": 3}}"),
            of("{\"y\": {\"a\": 3, \"b\": 2}, \"x\": 1}")
        );
        assert_ne!(of("{\"x\": 1}"), of("{\"x\": 2}"));
        let mut counts = Counts::default();
        assert_ne!(counts.key("a", &json!(1)), counts.key("a", &json!(1)));
    }

    #[test]
    fn an_input_that_is_no_object_is_given_within_one() {
        let schema = json!({"$schema": "x", "$ref": "#/$defs/city", "$defs": {"city": {"type": "string"}}});
        let schema = Schema::new(wrapped(&schema)).unwrap();
        assert!(schema.check(&json!({"input": "Ulm"})).is_ok());
        assert!(schema.check(&json!({"input": 7})).is_err() && schema.check(&json!("Ulm")).is_err());
    }
}
