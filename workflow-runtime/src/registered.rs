//! Agents and workflows in a registry: found by name, with their schemas at hand.

use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use crate::agent::AgentSpec;
use crate::callee_kind::CalleeKind;
use crate::check::Callees;
use crate::code::Code;
use crate::context::{AgentDescription, Need, TaskContext};
use crate::data::Erased;
use crate::definition::Callee;
#[cfg(feature = "config")]
use crate::definition::NodeId;
use crate::error::AgentError;
use crate::fingerprint::Fingerprint;
use crate::hook::Hooks;
use crate::location::Location;
use crate::meaning::meaning_of;
use crate::options::Options;
use crate::plan::Plan;
use crate::schema::{Schema, SchemaError};

/// A schema that was compiled. Boxed, for most are never needed, and a validator is large.
type Compiled = Result<Box<Schema>, SchemaError>;

/// Schemas that are compiled when they are first needed.
#[derive(Debug, Default)]
struct Schemas {
    input: OnceLock<Compiled>,
    output: OnceLock<Compiled>,
}

/// Whether a schema says more than the type does, so that a typed value must be checked, too.
#[derive(Debug, Default)]
struct Strict {
    input: OnceLock<bool>,
    output: OnceLock<bool>,
}

/// What a schema may say that a Rust type cannot.
const CONSTRAINTS: [&str; 16] = [
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minProperties",
    "not",
    "if",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
];

/// Whether a schema says more than the type that it was derived from: the range of a number's type is its own.
fn says_more(schema: &Json) -> bool {
    match schema {
        Json::Object(members) => {
            let format = members.get("format").and_then(Json::as_str).unwrap_or("");
            members.iter().any(|(key, value)| match key.as_str() {
                "minimum" | "maximum" => !is_own_range(format, key, value),
                // A float may be what JSON has no word for.
                "type" => {
                    value == "number"
                        || value.as_array().is_some_and(|kinds| kinds.contains(&"number".into()))
                }
                "properties" | "$defs" => {
                    value.as_object().is_some_and(|named| named.values().any(says_more))
                }
                key => CONSTRAINTS.contains(&key) || says_more(value),
            })
        }
        Json::Array(items) => items.iter().any(says_more),
        _ => false,
    }
}

/// Whether a bound is that of the number's type.
fn is_own_range(format: &str, key: &str, bound: &Json) -> bool {
    let (low, high) = match format {
        "uint8" => (0, u64::from(u8::MAX)),
        "uint16" => (0, u64::from(u16::MAX)),
        "uint" | "uint32" | "uint64" | "uint128" => (0, u64::from(u32::MAX)),
        "int8" => (i64::from(i8::MIN), 127),
        "int16" => (i64::from(i16::MIN), 32_767),
        _ => return false,
    };
    match key {
        "minimum" => bound.as_i64() == Some(low) || bound.as_f64() == Some(0.0) && low == 0,
        _ => bound.as_u64() == Some(high),
    }
}

fn compiled(place: &OnceLock<Compiled>, source: impl FnOnce() -> Json) -> Result<&Schema, AgentError> {
    let compiled = place.get_or_init(|| Schema::new(source()).map(Box::new));
    compiled.as_deref().map_err(|error| AgentError::permanent(error.clone()))
}

/// An agent in a registry.
#[derive(Debug)]
pub struct RegisteredAgent {
    pub(crate) spec: AgentSpec,
    schemas: Schemas,
    strict: Strict,
    means: OnceLock<Fingerprint>,
}

impl RegisteredAgent {
    pub(crate) fn new(spec: AgentSpec) -> Self {
        Self { spec, schemas: Schemas::default(), strict: Strict::default(), means: OnceLock::new() }
    }

    /// The same with other options, of the same version.
    #[cfg(feature = "config")]
    pub(crate) fn with_options(&self, options: Option<Options>) -> Self {
        let own = self.spec.options.clone();
        Self::new(self.spec.clone().options(options.unwrap_or(own)))
    }

    /// What it means to those that call it.
    pub(crate) fn means(&self, callees: &dyn Callees) -> Fingerprint {
        let own = || Callee { name: self.name().to_owned(), path: String::new(), kind: CalleeKind::Agent };
        *self.means.get_or_init(|| meaning_of(&own(), callees))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// What it does, in its author's words.
    pub fn description(&self) -> &str {
        &self.spec.description
    }

    /// Where it is declared.
    pub fn at(&self) -> &Location {
        &self.spec.at
    }

    /// What is set for it.
    pub fn options(&self) -> &Options {
        &self.spec.options
    }

    /// What sees its outcomes.
    pub fn hooks(&self) -> &Hooks {
        &self.spec.hooks
    }

    /// What it wants of the runtime.
    pub fn needs(&self) -> &[Need] {
        &self.spec.needs
    }

    /// The JSON Schema of its input.
    pub fn input_schema(&self) -> Json {
        self.spec.input.schema.json()
    }

    /// The JSON Schema of its output.
    pub fn output_schema(&self) -> Json {
        self.spec.output.schema.json()
    }

    /// It, as another agent sees it.
    pub fn describe(&self) -> AgentDescription {
        AgentDescription {
            name: self.name().to_owned(),
            description: self.description().to_owned(),
            input_schema: self.input_schema(),
            output_schema: self.output_schema(),
        }
    }

    /// One attempt, from JSON to JSON, with both ends checked against their schemas.
    ///
    /// # Errors
    /// When the input does not satisfy its schema, when the agent fails, and when what it gives does not satisfy its own.
    pub async fn call(&self, input: Json, context: TaskContext) -> Result<Json, AgentError> {
        let named = |end: &str, error: &dyn std::fmt::Display| {
            AgentError::permanent(format!("the {end} of `{}` is not right: {error}", self.name()))
        };
        let input_schema = compiled(&self.schemas.input, || self.input_schema())?;
        input_schema.check(&input).map_err(|error| named("input", &error))?;
        let input = self.spec.input.codec.decode(input).map_err(|error| named("input", &error))?;
        let output = self.start(input, context).await?;
        let output = self.spec.output.codec.encode(&output).map_err(|error| named("output", &error))?;
        let output_schema = compiled(&self.schemas.output, || self.output_schema())?;
        output_schema.check(&output).map_err(|error| named("output", &error))?;
        Ok(output)
    }

    /// An input, checked as far as its type does not say it all.
    pub(crate) fn admit(&self, input: Erased) -> Result<Erased, AgentError> {
        let end = &self.spec.input;
        let strict = || end.schema.is_written() || says_more(&end.schema.json());
        if *self.strict.input.get_or_init(strict) {
            let json = end.codec.encode(&input).map_err(AgentError::permanent)?;
            compiled(&self.schemas.input, || self.input_schema())?
                .check(&json)
                .map_err(AgentError::permanent)?;
        }
        Ok(input)
    }

    /// An input from JSON, checked.
    pub(crate) fn admit_json(&self, input: &Json) -> Result<Erased, AgentError> {
        compiled(&self.schemas.input, || self.input_schema())?.check(input).map_err(AgentError::permanent)?;
        self.spec.input.codec.decode(input.clone()).map_err(AgentError::permanent)
    }

    /// Checks an output as far as its type does not say it all.
    pub(crate) fn check_output(&self, output: &Erased) -> Result<(), AgentError> {
        let end = &self.spec.output;
        let strict = || end.schema.is_written() || says_more(&end.schema.json());
        if *self.strict.output.get_or_init(strict) {
            let json = end.codec.encode(output).map_err(AgentError::permanent)?;
            compiled(&self.schemas.output, || self.output_schema())?
                .check(&json)
                .map_err(AgentError::permanent)?;
        }
        Ok(())
    }

    /// How its input is written.
    pub(crate) fn input_codec(&self) -> crate::data::Codec {
        self.spec.input.codec
    }

    pub(crate) fn output_codec(&self) -> crate::data::Codec {
        self.spec.output.codec
    }

    /// One attempt, typed: the input is what a step's code made.
    ///
    /// # Errors
    /// When the agent fails.
    pub async fn start(&self, input: Erased, context: TaskContext) -> Result<Erased, AgentError> {
        self.spec.start(input, context).await
    }
}

/// A workflow in a registry.
#[derive(Debug)]
pub struct RegisteredWorkflow {
    plan: Arc<Plan>,
    code: Code,
    schemas: Schemas,
    strict: Strict,
}

impl RegisteredWorkflow {
    pub(crate) fn new(plan: Plan, code: Code) -> Self {
        Self { plan: Arc::new(plan), code, schemas: Schemas::default(), strict: Strict::default() }
    }

    /// The same with other options, its own and those of its nodes. What it means does not depend on them.
    #[cfg(feature = "config")]
    pub(crate) fn with_options(
        &self,
        options: Option<Options>,
        nodes: impl IntoIterator<Item = (NodeId, Options)>,
    ) -> Self {
        Self::new(self.plan.with_options(options, nodes), self.code.clone())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan.definition().name
    }

    /// What it does, in its author's words.
    pub fn description(&self) -> &str {
        &self.plan.definition().description
    }

    /// Its plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Its code.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// The JSON Schema of its input.
    pub fn input_schema(&self) -> Json {
        self.code.input.schema.json()
    }

    /// The JSON Schema of its output.
    pub fn output_schema(&self) -> Json {
        self.code.result.schema.json()
    }

    /// Reads an input, checked against its schema.
    ///
    /// # Errors
    /// When the JSON is not such an input.
    pub fn read_input(&self, input: Json) -> Result<Erased, AgentError> {
        self.admit_json(input).map_err(|error| {
            AgentError::permanent(format!("the input of `{}` is not right: {error}", self.name()))
        })
    }

    /// The same, for callers who say themselves whose input it is.
    pub(crate) fn admit_json(&self, input: Json) -> Result<Erased, AgentError> {
        compiled(&self.schemas.input, || self.input_schema())?
            .check(&input)
            .map_err(AgentError::permanent)?;
        self.code.input.codec.decode(input).map_err(AgentError::permanent)
    }

    /// Writes a result, checked against its schema.
    ///
    /// # Errors
    /// When the result does not satisfy it.
    pub fn write_output(&self, output: &Erased) -> Result<Json, AgentError> {
        let named = |error: &dyn std::fmt::Display| {
            AgentError::permanent(format!("the output of `{}` is not right: {error}", self.name()))
        };
        let output = self.code.result.codec.encode(output).map_err(|error| named(&error))?;
        let schema = compiled(&self.schemas.output, || self.output_schema())?;
        schema.check(&output).map_err(|error| named(&error))?;
        Ok(output)
    }

    /// Checks an input as far as its type does not say it all.
    pub(crate) fn check_input(&self, input: &Erased) -> Result<(), AgentError> {
        let end = &self.code.input;
        let json = || end.codec.encode(input).map_err(AgentError::permanent);
        match *self.strict.input.get_or_init(|| says_more(&end.schema.json())) {
            true => compiled(&self.schemas.input, || self.input_schema())?
                .check(&json()?)
                .map_err(AgentError::permanent),
            false => Ok(()),
        }
    }

    /// Checks a result as far as its type does not say it all.
    pub(crate) fn check_output(&self, output: &Erased) -> Result<(), AgentError> {
        let strict = || says_more(&self.code.result.schema.json());
        match *self.strict.output.get_or_init(strict) {
            true => self.write_output(output).map(|_| ()),
            false => Ok(()),
        }
    }
}
