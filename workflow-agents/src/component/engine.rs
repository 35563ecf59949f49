//! What compiles and runs components, one for the whole program.

use std::sync::OnceLock;

use wasmtime::{Config, Engine};
use workflow_runtime::AgentError;

static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();

/// The engine. All that runs looks at its brake when it [ticks](tick), and counts what it does.
pub(super) fn engine() -> Result<&'static Engine, AgentError> {
    let made = ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config.epoch_interruption(true).consume_fuel(true);
        Engine::new(&config).map_err(|error| format!("no component can be run here: {error:#}"))
    });
    made.as_ref().map_err(|problem| AgentError::permanent(problem.as_str()))
}

/// Lets all components that run look at their brakes.
pub(super) fn tick() {
    if let Some(Ok(engine)) = ENGINE.get() {
        engine.increment_epoch();
    }
}
