//! A script that runs, in a Lua of its own.

use std::sync::Arc;

use mlua::chunk::ChunkMode;
use mlua::{Error, Function, LuaOptions, StdLib, Value};
use serde_json::Value as Json;
use workflow_runtime::{AgentError, TaskContext};

use super::json::Form;
use super::library::Library;
use super::source::Script;
use super::watch::Watch;
use crate::aside::Brake;
use crate::policy::Limits;

/// How much of what a script raised is told.
const TOLD: usize = 2000;

/// A script, and all that it is to have.
pub(super) struct Run {
    pub(super) script: Script,
    pub(super) input: Json,
    pub(super) limits: Limits,
    pub(super) without_os: Option<String>,
    pub(super) context: TaskContext,
}

impl Run {
    /// Runs it to its end; the thread that it runs on can be stopped by the brake.
    pub(super) fn run(self, brake: &Arc<Brake>) -> Result<Json, AgentError> {
        let memory = usize::try_from(self.limits.memory.unwrap_or(0)).unwrap_or(usize::MAX);
        let watch = Watch::new(Arc::clone(brake), self.limits.instructions, memory);
        match self.value(&watch) {
            _ if watch.did_too_much() => {
                let most = watch.instructions();
                let told = format!(
                    "the script was ended after {most} instructions, which is as many as it may have"
                );
                Err(AgentError::permanent(told))
            }
            _ if watch.is_over() => Err(AgentError::retry("the script was ended")),
            came => came,
        }
    }

    fn value(self, watch: &Arc<Watch>) -> Result<Json, AgentError> {
        let mut libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::UTF8;
        if self.without_os.is_none() {
            libraries |= StdLib::OS;
        }
        let lua = mlua::Lua::new_with(libraries, LuaOptions::new()).map_err(broken)?;
        lua.set_memory_limit(watch.memory).map_err(broken)?;
        let form = Form::new(&lua).map_err(broken)?;
        let library =
            Library { context: self.context, watch: Arc::clone(watch), without_os: self.without_os };
        let pcall = library.furnish(&lua, &form).map_err(broken)?;
        let input = form
            .value(&lua, &self.input)
            .map_err(|error| AgentError::permanent(format!("its input: {error}")))?;
        lua.globals().raw_set("input", input).map_err(broken)?;
        let chunk = lua.load(&self.script.text).set_name(&self.script.name).set_mode(ChunkMode::Text);
        let script = chunk.into_function().map_err(|error| AgentError::permanent(syntax(&error)))?;
        watch.hold(&lua).map_err(broken)?;
        let came = called(&pcall, script);
        let output = self.limits.output.unwrap_or(u64::MAX);
        match came.map_err(broken)? {
            (true, value) => form
                .json(&value, output, watch)
                .map_err(|wrong| AgentError::permanent(format!("what the script gives is no JSON: {wrong}"))),
            (false, raised) => Err(AgentError::retry(told(&form, &raised, watch))),
        }
    }
}

/// Calls by Lua's own `pcall`, so that what was raised comes as it is.
fn called(pcall: &Function, script: Function) -> Result<(bool, Value), Error> {
    pcall.call(script)
}

/// What was raised, in words: none of the script's own functions is asked.
fn told(form: &Form, raised: &Value, watch: &Watch) -> String {
    let mut told = match raised {
        Value::String(text) => text.to_string_lossy(),
        Value::Error(error) => first_cause(error),
        Value::Table(_) => match form.json(raised, TOLD as u64, watch) {
            Ok(json) => format!("the script raised {json}"),
            Err(_) => "the script raised a table that is no JSON".to_owned(),
        },
        other => format!("the script raised a {}", other.type_name()),
    };
    if told.len() > TOLD {
        told.truncate(told.floor_char_boundary(TOLD));
        told.push('…');
    }
    told
}

/// What is at the bottom of an error, without a traceback.
fn first_cause(error: &Error) -> String {
    match error {
        Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => first_cause(cause),
        Error::RuntimeError(text) => text.split("\nstack traceback:").next().unwrap_or_default().to_owned(),
        Error::MemoryError(_) => "not enough memory".to_owned(),
        Error::BadArgument { pos, name, cause, .. } => {
            let name = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            format!("bad argument #{pos}{name}: {}", first_cause(cause))
        }
        other => other.to_string(),
    }
}

fn syntax(error: &Error) -> String {
    match error {
        Error::SyntaxError { message, .. } => message.clone(),
        other => first_cause(other),
    }
}

/// What went wrong outside of the script: its memory does not do even for what it works on.
fn broken(error: Error) -> AgentError {
    AgentError::permanent(format!("the script cannot be run: {}", first_cause(&error)))
}
