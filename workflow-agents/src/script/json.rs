//! JSON as Lua has it, and the other way round.

use std::collections::BTreeMap;
use std::fmt;

use mlua::{Error, LightUserData, Lua, LuaString, Table, Value};
use serde_json::{Map, Number, Value as Json};

use super::watch::Watch;

/// How deep a value may be nested: no deeper than whoever reads the job's journal can follow.
const DEEPEST: usize = 100;

/// By what Lua tells a list from an object where both are empty, and null from nothing.
pub(super) struct Form {
    list: Table,
}

/// Why a value is no JSON, and where in it.
#[derive(Debug)]
pub(super) struct Misfit {
    problem: String,
    place: Vec<String>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.is_empty() {
            true => write!(out, "it {}", self.problem),
            false => {
                let place: String = self.place.iter().rev().map(String::as_str).collect();
                write!(out, "at `{place}` it {}", self.problem)
            }
        }
    }
}

impl Misfit {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), place: Vec::new() }
    }

    fn within(mut self, place: String) -> Self {
        self.place.push(place);
        self
    }
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        Self::new(format!("cannot be read: {error}"))
    }
}

impl Form {
    /// What marks lists is a metatable that no script gets hold of.
    pub(super) fn new(lua: &Lua) -> Result<Self, Error> {
        let list = lua.create_table()?;
        list.raw_set("__metatable", false)?;
        let null = lua.create_table()?;
        null.raw_set("__metatable", false)?;
        null.raw_set("__tostring", lua.create_function(|_, _: Value| Ok("null"))?)?;
        lua.set_type_metatable::<LightUserData>(Some(null));
        Ok(Self { list })
    }

    /// What marks a table as a list.
    pub(super) fn list(&self) -> &Table {
        &self.list
    }

    /// JSON as a value of Lua.
    pub(super) fn value(&self, lua: &Lua, json: &Json) -> Result<Value, Error> {
        self.value_at(lua, json, 0)
    }

    fn value_at(&self, lua: &Lua, json: &Json, depth: usize) -> Result<Value, Error> {
        if depth > DEEPEST {
            return Err(Error::runtime(format!("it is nested deeper than {DEEPEST} levels")));
        }
        Ok(match json {
            Json::Null => Value::NULL,
            Json::Bool(flag) => Value::Boolean(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Value::Integer(number),
                None => Value::Number(number.as_f64().unwrap_or(f64::INFINITY)),
            },
            Json::String(text) => Value::String(lua.create_string(text)?),
            Json::Array(items) => {
                let table = lua.create_table_with_capacity(items.len(), 0)?;
                for (place, item) in items.iter().enumerate() {
                    table.raw_set(place + 1, self.value_at(lua, item, depth + 1)?)?;
                }
                table.set_metatable(Some(self.list.clone()))?;
                Value::Table(table)
            }
            Json::Object(fields) => {
                let table = lua.create_table_with_capacity(0, fields.len())?;
                for (name, field) in fields {
                    table.raw_set(name.as_str(), self.value_at(lua, field, depth + 1)?)?;
                }
                Value::Table(table)
            }
        })
    }

    /// A value of Lua as JSON of at most so many bytes. No function of the script's is called.
    pub(super) fn json(&self, value: &Value, most: u64, watch: &Watch) -> Result<Json, Misfit> {
        Reading { form: self, watch, left: most, most }.json(value, 0)
    }
}

struct Reading<'a> {
    form: &'a Form,
    watch: &'a Watch,
    left: u64,
    most: u64,
}

impl Reading<'_> {
    fn json(&mut self, value: &Value, depth: usize) -> Result<Json, Misfit> {
        self.take(1)?;
        match value {
            Value::Nil => Ok(Json::Null),
            Value::LightUserData(pointer) if pointer.0.is_null() => Ok(Json::Null),
            Value::Boolean(flag) => Ok(Json::Bool(*flag)),
            Value::Integer(number) => Ok(Json::from(*number)),
            Value::Number(number) => match Number::from_f64(*number) {
                Some(number) => Ok(Json::Number(number)),
                None => Err(Misfit::new(format!("is {number}, which JSON does not have"))),
            },
            Value::String(text) => self.text(text).map(Json::String),
            Value::Table(_) if depth == DEEPEST => {
                Err(Misfit::new(format!("is nested deeper than {DEEPEST} levels, or is within itself")))
            }
            Value::Table(table) => self.table(table, depth),
            other => Err(Misfit::new(format!("is a {}, which JSON does not have", other.type_name()))),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Misfit> {
        self.watch.spend(1)?;
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or_else(|| {
            Misfit::new(format!("makes it longer than {} bytes, which is as much as it may give", self.most))
        })?;
        Ok(())
    }

    fn text(&mut self, text: &LuaString) -> Result<String, Misfit> {
        self.take(text.as_bytes().len())?;
        let text = text.to_str().map_err(|_| Misfit::new("is a string that is no UTF-8"))?;
        Ok(text.to_owned())
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<Json, Misfit> {
        let keys = Keys::of(table, self)?;
        let is_marked = table.metatable().is_some_and(|meta| meta == self.form.list);
        match keys {
            Keys { all: 0, .. } if is_marked => Ok(Json::Array(Vec::new())),
            Keys { all, numbers: 0, strings, .. } if all == strings && !is_marked => {
                self.object(table, depth)
            }
            Keys { all, numbers, last, .. } if all == numbers && last == all => self.list(table, all, depth),
            Keys { all, numbers, last, .. } if all == numbers => {
                let problem = format!(
                    "is a list of {all} elements of which the last is number {last}; put `null` where there is none"
                );
                Err(Misfit::new(problem))
            }
            Keys { other: Some(kind), .. } => Err(Misfit::new(format!(
                "has a key that is a {kind}; keys are strings, or the numbers of a list"
            ))),
            _ => Err(Misfit::new(
                "is neither a list nor an object, for it has both numbers and strings as keys",
            )),
        }
    }

    fn list(&mut self, table: &Table, count: i64, depth: usize) -> Result<Json, Misfit> {
        let item = |number| {
            let value: Value = table.raw_get(number)?;
            self.json(&value, depth + 1).map_err(|wrong| wrong.within(format!("[{number}]")))
        };
        (1..=count).map(item).collect::<Result<_, _>>().map(Json::Array)
    }

    fn object(&mut self, table: &Table, depth: usize) -> Result<Json, Misfit> {
        // Lua's order is another in each run: a journal is to say the same each time.
        let mut fields = BTreeMap::new();
        for pair in table.pairs::<LuaString, Value>() {
            let (key, value) = pair?;
            let name = self.text(&key).map_err(|wrong| wrong.within("[a key]".to_owned()))?;
            let field = self.json(&value, depth + 1).map_err(|wrong| wrong.within(format!(".{name}")))?;
            fields.insert(name, field);
        }
        Ok(Json::Object(Map::from_iter(fields)))
    }
}

/// What keys a table has.
#[derive(Default)]
struct Keys {
    all: i64,
    numbers: i64,
    strings: i64,
    /// The greatest number.
    last: i64,
    /// What kind a key is that is neither.
    other: Option<&'static str>,
}

impl Keys {
    fn of(table: &Table, reading: &mut Reading<'_>) -> Result<Self, Misfit> {
        let mut keys = Self::default();
        let before = reading.left;
        for pair in table.pairs::<Value, Value>() {
            // Each is a byte at least: more than may be given are not even counted.
            reading.take(1)?;
            keys.all += 1;
            match pair?.0 {
                Value::Integer(number @ 1..) => {
                    keys.numbers += 1;
                    keys.last = keys.last.max(number);
                }
                Value::String(_) => keys.strings += 1,
                key => keys.other = Some(key.type_name()),
            }
        }
        reading.left = before;
        Ok(keys)
    }
}
