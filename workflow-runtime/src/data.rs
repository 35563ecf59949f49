//! Values: what agents take and give, typed while they stay in one process, JSON when they leave it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

/// What may be an agent's parameter or result: it can be written as JSON, read back, described by a schema,
/// cloned, and shared between threads.
///
/// There is nothing to implement. Mark your type with [`#[data]`](macro@crate::data), or derive
/// `Clone`, `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema` yourself.
pub trait Data: Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {}

impl<T> Data for T where T: Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {}

/// [`Data`], as the macros ask for it.
///
/// A type that lacks four derives would give four errors if there were one implementation. There are two, of which
/// one never holds; so the compiler cannot tell which was meant, and gives the one error below.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot pass between steps",
    label = "this type is not workflow data",
    note = "mark the type with `#[workflow_runtime::data]`, or derive `Clone`, `Serialize`, `Deserialize` and `JsonSchema`"
)]
pub trait IsData<Via>: Data {}

/// How a type is [`Data`].
#[derive(Debug)]
pub struct Truly;

/// How no type is [`Data`].
#[derive(Debug)]
pub struct Never;

/// What no type is.
pub trait Impossible {}

impl<T: Data> IsData<Truly> for T {}

impl<T: Data + Impossible> IsData<Never> for T {}

/// A value whose type is known only to those who put it there and who take it out.
#[derive(Clone)]
pub struct Erased(Arc<dyn Any + Send + Sync>);

impl Erased {
    /// Wraps a value.
    pub fn new<T: Send + Sync + 'static>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The value, if it is a `T`.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The value itself, if it is a `T`: moved out when nobody else holds it, cloned otherwise.
    pub fn take<T: Clone + Send + Sync + 'static>(self) -> Option<T> {
        let typed = self.0.downcast::<T>().ok()?;
        Some(Arc::try_unwrap(typed).unwrap_or_else(|shared| (*shared).clone()))
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Erased(..)")
    }
}

/// A value that could not be written as JSON, or JSON that is not the value it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {cause}{}", at(place))]
pub struct DataError {
    what: String,
    cause: String,
    /// Where in the JSON, as a pointer; empty for the value itself.
    place: String,
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(", at `{place}`") }
}

impl DataError {
    pub(crate) fn other_type(expected: &str) -> Self {
        Self::new(format!("expected a `{expected}`"), "the value is of another type")
    }

    fn new(what: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self { what: what.into(), cause: cause.to_string(), place: String::new() }
    }

    /// The same, at a place.
    fn placed(self, place: String) -> Self {
        Self { place, ..self }
    }
}

/// How a value of one type becomes JSON and comes back: plain functions, so that it can be kept anywhere.
#[derive(Clone, Copy)]
pub struct Codec(&'static Functions);

struct Functions {
    type_name: fn() -> &'static str,
    encode: fn(&Erased) -> Result<Json, DataError>,
    write: fn(&Erased) -> Result<Box<RawValue>, DataError>,
    decode: fn(Json) -> Result<Erased, DataError>,
}

impl Codec {
    /// The codec of `T`.
    pub const fn of<T: Data>() -> Self {
        Self(
            const {
                &Functions {
                    type_name: std::any::type_name::<T>,
                    encode: encode::<T>,
                    write: write::<T>,
                    decode: decode::<T>,
                }
            },
        )
    }

    /// The codec of parameters that have these names.
    pub(crate) const fn of_parameters<P: Parameters<Via>, Via, N: Names>() -> Self {
        Self(
            const {
                &Functions {
                    type_name: std::any::type_name::<P>,
                    encode: encode_parameters::<P, Via, N>,
                    write: write_parameters::<P, Via, N>,
                    decode: decode_parameters::<P, Via, N>,
                }
            },
        )
    }

    /// The Rust name of the type, for messages.
    pub fn type_name(&self) -> &'static str {
        (self.0.type_name)()
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// When the value is of another type, or cannot be JSON (a map whose keys are not strings, say).
    pub fn encode(&self, value: &Erased) -> Result<Json, DataError> {
        (self.0.encode)(value)
    }

    /// Writes a value as the text of its JSON.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub(crate) fn write(&self, value: &Erased) -> Result<Box<RawValue>, DataError> {
        (self.0.write)(value)
    }

    /// Reads a value from JSON.
    ///
    /// # Errors
    /// When the JSON is not such a value.
    pub fn decode(&self, json: Json) -> Result<Erased, DataError> {
        (self.0.decode)(json)
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Codec({})", self.type_name())
    }
}

fn encode<T: Data>(value: &Erased) -> Result<Json, DataError> {
    serde_json::to_value(expect::<T>(value)?).map_err(|cause| not_json::<T>(&cause))
}

fn write<T: Data>(value: &Erased) -> Result<Box<RawValue>, DataError> {
    let value = expect::<T>(value)?;
    let text = serde_json::value::to_raw_value(value).map_err(|cause| not_json::<T>(&cause))?;
    if may_hold_a_great_number(text.get()) {
        // What can be written and not be read again is refused.
        serde_json::to_value(value).map_err(|cause| not_json::<T>(&cause))?;
    }
    Ok(text)
}

/// Whether a text has so many digits in a row that they may be a number greater than JSON's readers know.
fn may_hold_a_great_number(text: &str) -> bool {
    const LONG: u32 = 19;
    let mut digits = 0;
    text.bytes().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits > LONG
    })
}

fn decode<T: Data>(json: Json) -> Result<Erased, DataError> {
    read::<T>(json).map(Erased::new)
}

/// A value from JSON, or where it is not one: a schema says less than a type does, of numbers and of what a type checks itself.
fn read<T: Data>(json: Json) -> Result<T, DataError> {
    serde_path_to_error::deserialize(json).map_err(|wrong| {
        let what = format!("the JSON is not a `{}`", std::any::type_name::<T>());
        DataError::new(what, wrong.inner()).placed(pointer(wrong.path()))
    })
}

/// A path as a JSON pointer, as far as it is known.
fn pointer(path: &Path) -> String {
    let names = path.iter().map_while(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key: name } | Segment::Enum { variant: name } => Some(name.clone()),
        Segment::Unknown => None,
    });
    names.map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
}

fn expect<T: 'static>(value: &Erased) -> Result<&T, DataError> {
    value.get::<T>().ok_or_else(|| {
        DataError::new(format!("expected a `{}`", std::any::type_name::<T>()), "the value is of another type")
    })
}

fn not_json<T>(cause: &serde_json::Error) -> DataError {
    DataError::new(format!("a `{}` cannot be written as JSON", std::any::type_name::<T>()), cause)
}

/// An agent's parameters as one value: a tuple, with the parameters' names beside it.
///
/// One parameter is its own JSON; several are an object keyed by their names.
pub trait Parameters<Via>: Clone + Send + Sync + 'static {
    /// Writes the parameters as JSON.
    fn encode(&self, names: &[&'static str]) -> Result<Json, DataError>;
    /// Reads the parameters from JSON.
    fn decode(json: Json, names: &[&'static str]) -> Result<Self, DataError>;
    /// The JSON Schema of the parameters.
    fn schema(names: &[&'static str]) -> Json;
    /// The parameters, each taken from the next value; `None` when one is of another type.
    fn assemble(next: &mut dyn FnMut() -> Option<Erased>) -> Option<Self>;
    /// The types of the parameters.
    fn codecs() -> Vec<Codec>;
}

impl Parameters<()> for () {
    fn encode(&self, _: &[&'static str]) -> Result<Json, DataError> {
        Ok(Json::Object(serde_json::Map::new()))
    }

    fn decode(json: Json, _: &[&'static str]) -> Result<Self, DataError> {
        match json {
            Json::Null => Ok(()),
            Json::Object(map) if map.is_empty() => Ok(()),
            other => Err(DataError::new("the agent takes no input", format!("found {other}"))),
        }
    }

    fn schema(_: &[&'static str]) -> Json {
        serde_json::json!({ "type": ["object", "null"], "maxProperties": 0 })
    }

    fn assemble(_: &mut dyn FnMut() -> Option<Erased>) -> Option<Self> {
        Some(())
    }

    fn codecs() -> Vec<Codec> {
        Vec::new()
    }
}

impl<T: IsData<Via>, Via> Parameters<(Via,)> for (T,) {
    fn encode(&self, _: &[&'static str]) -> Result<Json, DataError> {
        serde_json::to_value(&self.0).map_err(|cause| not_json::<T>(&cause))
    }

    fn decode(json: Json, _: &[&'static str]) -> Result<Self, DataError> {
        read(json).map(|value| (value,))
    }

    fn schema(_: &[&'static str]) -> Json {
        schema_of::<T>()
    }

    fn assemble(next: &mut dyn FnMut() -> Option<Erased>) -> Option<Self> {
        next()?.take::<T>().map(|value| (value,))
    }

    fn codecs() -> Vec<Codec> {
        vec![Codec::of::<T>()]
    }
}

/// The names of some parameters, as a type, so that a plain function can know them.
pub(crate) trait Names {
    /// The names, in order.
    const NAMES: &'static [&'static str];
}

fn encode_parameters<P: Parameters<Via>, Via, N: Names>(value: &Erased) -> Result<Json, DataError> {
    expect::<P>(value)?.encode(N::NAMES)
}

fn write_parameters<P: Parameters<Via>, Via, N: Names>(value: &Erased) -> Result<Box<RawValue>, DataError> {
    let json = encode_parameters::<P, Via, N>(value)?;
    serde_json::value::to_raw_value(&json).map_err(|cause| not_json::<P>(&cause))
}

fn decode_parameters<P: Parameters<Via>, Via, N: Names>(json: Json) -> Result<Erased, DataError> {
    P::decode(json, N::NAMES).map(Erased::new)
}

/// The JSON Schema of a type.
pub(crate) fn schema_of<T: JsonSchema>() -> Json {
    SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

fn write_field<T: Data>(
    object: &mut serde_json::Map<String, Json>,
    name: &str,
    value: &T,
) -> Result<(), DataError> {
    let json = serde_json::to_value(value).map_err(|cause| not_json::<T>(&cause))?;
    object.insert(name.to_owned(), json);
    Ok(())
}

fn read_field<T: Data>(object: &mut serde_json::Map<String, Json>, name: &str) -> Result<T, DataError> {
    match object.remove(name) {
        Some(json) => read::<T>(json).map_err(|error| DataError {
            what: format!("parameter `{name}` is not a `{}`", std::any::type_name::<T>()),
            place: format!("/{name}{}", error.place),
            ..error
        }),
        // An absent key is a null, so that an `Option` may be left out.
        None => serde_json::from_value(Json::Null)
            .map_err(|_| DataError::new(format!("parameter `{name}`"), "it is missing")),
    }
}

/// What the struct of a workflow's input does with one of its fields.
///
/// The struct's implementations go through this, and do not ask for the traits one by one, so that a field that is not
/// workflow data is one error.
pub struct Field<T> {
    pub(crate) codec: Codec,
    /// Clones it.
    pub clone: fn(&T) -> T,
    /// Writes it as JSON.
    pub write: fn(&T) -> Result<Json, DataError>,
    /// Takes it out of an object.
    pub read: fn(&mut serde_json::Map<String, Json>, &str) -> Result<T, DataError>,
    /// Describes it.
    pub schema: fn(&mut SchemaGenerator) -> schemars::Schema,
}

/// What to do with a field of type `T`.
pub fn field<T: IsData<Via>, Via>() -> Field<T> {
    Field {
        codec: Codec::of::<T>(),
        clone: T::clone,
        write: |value| serde_json::to_value(value).map_err(|cause| not_json::<T>(&cause)),
        read: read_field::<T>,
        schema: |generator| generator.subschema_for::<T>(),
    }
}

/// The JSON Schema of an object, from its fields' names, descriptions and schemas.
pub fn fields_schema(
    description: &str,
    fields: Vec<(&'static str, &'static str, schemars::Schema)>,
) -> schemars::Schema {
    let mut required = Vec::new();
    let mut properties = serde_json::Map::new();
    for (name, words, mut schema) in fields {
        if !accepts_null(schema.as_value()) {
            required.push(name);
        }
        if !words.is_empty() {
            schema.insert("description".to_owned(), words.into());
        }
        properties.insert(name.to_owned(), schema.to_value());
    }
    let mut schema =
        schemars::json_schema!({ "type": "object", "properties": properties, "required": required });
    if !description.is_empty() {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}

fn object_of(json: Json, names: &[&'static str]) -> Result<serde_json::Map<String, Json>, DataError> {
    match json {
        Json::Object(object) => Ok(object),
        _ => Err(DataError::new(
            "the input is not an object",
            format!("it needs the keys `{}`", names.join("`, `")),
        )),
    }
}

fn object_schema(
    names: &[&'static str],
    mut generator: SchemaGenerator,
    fields: Vec<schemars::Schema>,
) -> Json {
    let fields = names.iter().zip(fields).map(|(name, schema)| (*name, "", schema));
    let mut schema = fields_schema("", fields.collect());
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Json::Object(definitions));
    }
    schema.to_value()
}

fn accepts_null(schema: &Json) -> bool {
    let is_null = |kind: &Json| kind == "null";
    let by_type = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().any(is_null),
        kind => is_null(kind),
    };
    by_type || schema["anyOf"].as_array().is_some_and(|choices| choices.iter().any(accepts_null))
}

macro_rules! parameters {
    ($($type:ident $via:ident $index:tt),+) => {
        impl<$($type: IsData<$via>, $via),+> Parameters<($($via,)+)> for ($($type,)+) {
            fn encode(&self, names: &[&'static str]) -> Result<Json, DataError> {
                let mut object = serde_json::Map::new();
                $(write_field(&mut object, names[$index], &self.$index)?;)+
                Ok(Json::Object(object))
            }

            fn decode(json: Json, names: &[&'static str]) -> Result<Self, DataError> {
                let mut object = object_of(json, names)?;
                Ok(($(read_field::<$type>(&mut object, names[$index])?,)+))
            }

            fn schema(names: &[&'static str]) -> Json {
                let mut generator = SchemaGenerator::default();
                let fields = vec![$(generator.subschema_for::<$type>()),+];
                object_schema(names, generator, fields)
            }

            fn assemble(next: &mut dyn FnMut() -> Option<Erased>) -> Option<Self> {
                Some(($(next()?.take::<$type>()?,)+))
            }

            fn codecs() -> Vec<Codec> {
                vec![$(Codec::of::<$type>()),+]
            }
        }
    };
}

parameters!(A Aa 0, B Bb 1);
parameters!(A Aa 0, B Bb 1, C Cc 2);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6, H Hh 7);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6, H Hh 7, I Ii 8);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6, H Hh 7, I Ii 8, J Jj 9);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6, H Hh 7, I Ii 8, J Jj 9, K Kk 10);
parameters!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6, H Hh 7, I Ii 8, J Jj 9, K Kk 10, L Ll 11);
