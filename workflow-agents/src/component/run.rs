//! A component that runs.

use std::sync::Arc;

use serde_json::Value as Json;
use wasmtime::component::{Component, Instance, TypedFunc};
use wasmtime::{Engine, Error, Store, Trap, UpdateDeadline};
use workflow_runtime::{AgentError, TaskContext};

use super::ambit::Ambit;
use super::compiled::{LONGEST, component};
use super::engine::engine;
use super::host::{HOST, Host, linker};
use super::room::Room;
use crate::aside::Brake;
use crate::regular::read;

/// How much of what a component says went wrong is told.
const TOLD: usize = 2000;

/// What a component gives: JSON, or why there is none.
type Given = (Result<String, String>,);

/// A component, and all that it is to have.
pub(super) struct Run {
    pub(super) ambit: Ambit,
    pub(super) context: TaskContext,
}

impl Run {
    /// Runs it to its end; it looks at the brake when the engine ticks.
    pub(super) fn run(self, brake: &Arc<Brake>) -> Result<Json, AgentError> {
        let engine = engine()?;
        let component = component(&self.ambit.file, read(&self.ambit.file, LONGEST)?)?;
        imports(engine, &component)?;
        let input = serde_json::to_string(&self.ambit.input).map_err(AgentError::permanent)?;
        let mut store = self.store(engine, brake).map_err(AgentError::permanent)?;
        // What was pulled before the store looked at the clock would not be seen.
        if brake.is_pulled() {
            return Err(AgentError::retry("the component was ended"));
        }
        let instance = linker(engine)
            .and_then(|linker| linker.instantiate(&mut store, &component))
            .map_err(|error| self.failed(&store, &error))?;
        let run = exported(&instance, &mut store)?;
        let given = run.call(&mut store, (&input,)).map_err(|error| self.failed(&store, &error))?;
        self.json(given)
    }

    fn store(&self, engine: &Engine, brake: &Arc<Brake>) -> wasmtime::Result<Store<Host>> {
        let room = Room::new(self.ambit.limits.memory);
        let mut store = Store::new(engine, Host { context: self.context.clone(), room, lines: 0 });
        store.limiter(|host| &mut host.room);
        store.set_fuel(self.ambit.limits.instructions.unwrap_or(u64::MAX))?;
        store.set_epoch_deadline(1);
        let brake = Arc::clone(brake);
        store.epoch_deadline_callback(move |_| {
            Ok(if brake.is_pulled() { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
        });
        Ok(store)
    }

    fn json(&self, (given,): Given) -> Result<Json, AgentError> {
        let text = given.map_err(|why| AgentError::retry(cut(format!("the component failed: {why}"))))?;
        let most = self.ambit.limits.output.unwrap_or(u64::MAX);
        if text.len() as u64 > most {
            return Err(AgentError::permanent(format!(
                "what the component gives is longer than {most} bytes, which is as much as it may give"
            )));
        }
        serde_json::from_str(&text)
            .map_err(|error| AgentError::permanent(format!("what the component gives is no JSON: {error}")))
    }

    /// Why it did not come to its end.
    fn failed(&self, store: &Store<Host>, error: &Error) -> AgentError {
        let limits = &self.ambit.limits;
        if error.downcast_ref::<Trap>() == Some(&Trap::OutOfFuel) {
            let most = limits.instructions.unwrap_or(u64::MAX);
            return AgentError::permanent(format!(
                "the component was ended after {most} instructions, which is as many as it may have"
            ));
        }
        let mut told = cut(format!("the component broke off: {}", error.root_cause()));
        if store.data().room.was_short {
            let most = limits.memory.unwrap_or(u64::MAX);
            told.push_str(&format!("; it had asked for more memory than the {most} bytes that it may have"));
        }
        AgentError::retry(told)
    }
}

/// Refuses what wants more than it is given.
fn imports(engine: &Engine, component: &Component) -> Result<(), AgentError> {
    let kind = component.component_type();
    let Some((name, _)) = kind.imports(engine).find(|(name, _)| *name != HOST) else { return Ok(()) };
    let why = if name.starts_with("wasi:") {
        "of WASI nothing is to be had, by no rule of a policy; build it for a target without, such as \
         `wasm32-unknown-unknown`, and make a component of it by `wasm-tools component new`"
    } else {
        "which no rule of a policy gives it"
    };
    Err(AgentError::permanent(format!("the component imports `{name}`, and there is only `{HOST}`: {why}")))
}

fn exported<'a>(
    instance: &Instance,
    store: &mut Store<Host>,
) -> Result<TypedFunc<(&'a str,), Given>, AgentError> {
    instance.get_typed_func(store, "run").map_err(|error| {
        let why = error.root_cause();
        AgentError::permanent(format!(
            "the component has no `run: func(input: string) -> result<string, string>` to export: {why}"
        ))
    })
}

fn cut(mut text: String) -> String {
    if text.len() > TOLD {
        text.truncate(text.floor_char_boundary(TOLD));
        text.push('…');
    }
    text
}
