//! What a component finds around it.

use wasmtime::component::Linker;
use wasmtime::{Engine, Result, StoreContextMut};
use workflow_runtime::TaskContext;

use super::room::Room;

/// The interface that components may import, as `wit/agent.wit` has it.
pub(super) const HOST: &str = "workflow:agent/host";

/// How many lines of a component's are told, and how many bytes of each.
const LINES: u64 = 1000;
const LINE: usize = 4096;

/// What stands behind a component that runs.
pub(super) struct Host {
    pub(super) context: TaskContext,
    pub(super) room: Room,
    pub(super) lines: u64,
}

impl Host {
    fn log(&mut self, line: &str) {
        match self.lines {
            ..LINES => self.context.log(cut(line)),
            LINES => {
                self.context.log(format!("{LINES} lines of what a component logs are kept, and no more"))
            }
            _ => return,
        }
        self.lines += 1;
    }
}

/// What links components to it, and to nothing else.
pub(super) fn linker(engine: &Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    let mut host = linker.instance(HOST)?;
    host.func_wrap("log", |mut store: StoreContextMut<'_, Host>, (line,): (String,)| {
        store.data_mut().log(&line);
        Ok(())
    })?;
    host.func_wrap("progress", |store: StoreContextMut<'_, Host>, (fraction, message): (f64, String)| {
        store.data().context.progress(fraction, cut(&message));
        Ok(())
    })?;
    Ok(linker)
}

/// As much of a line as is told.
fn cut(line: &str) -> &str {
    &line[..line.floor_char_boundary(LINE)]
}
