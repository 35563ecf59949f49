//! Values in records: typed while they stay in the process that made them, JSON when they come from a journal.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::data::{Codec, Data, DataError, Erased};

/// A value that a record holds.
#[derive(Clone)]
pub enum Value {
    /// As it was made.
    Typed(Erased, Codec),
    /// As a journal, or a caller that knows only names, gave it.
    Json(Arc<Json>),
}

impl Value {
    /// A typed value.
    pub fn of<T: Data>(value: T) -> Self {
        Self::Typed(Erased::new(value), Codec::of::<T>())
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json(&self) -> Result<Json, DataError> {
        match self {
            Self::Typed(value, codec) => codec.encode(value),
            Self::Json(json) => Ok((**json).clone()),
        }
    }

    /// The value as its type.
    ///
    /// # Errors
    /// When the JSON is not such a value.
    pub fn typed(&self, codec: Codec) -> Result<Erased, DataError> {
        match self {
            Self::Typed(value, _) => Ok(value.clone()),
            Self::Json(json) => codec.decode((**json).clone()),
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        Self::Json(Arc::new(json))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.json() {
            Ok(json) => write!(out, "{json}"),
            Err(error) => write!(out, "<{error}>"),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self.json(), other.json()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Typed(value, codec) => codec.write(value).map_err(serde::ser::Error::custom)?.serialize(to),
            Self::Json(json) => json.serialize(to),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Json::deserialize(from).map(Self::from)
    }
}
