//! Components that are compiled, by what is in their files.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use wasmtime::Engine;
use wasmtime::component::Component;
use workflow_runtime::AgentError;

use super::engine::engine;

/// How long a component may be, how many are kept, and how long those may be together.
pub(super) const LONGEST: u64 = 32 << 20;
const MOST: usize = 16;
const ALL: usize = 64 << 20;

/// By what a component and a core module begin.
const CORE: [u8; 8] = *b"\0asm\x01\0\0\0";
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// What comes of compiling, once somebody has done it: whoever wants the same meanwhile waits for that.
type Compiled = Arc<OnceLock<Result<Component, String>>>;

/// What is kept, the latest used last. What is in a file is compared as a whole, so nobody is given what is another's.
struct Kept {
    bytes: Arc<[u8]>,
    compiled: Compiled,
}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// The component that a file has.
pub(super) fn component(file: &Path, bytes: Vec<u8>) -> Result<Component, AgentError> {
    let shown = file.display();
    if bytes.starts_with(&CORE) {
        return Err(AgentError::permanent(format!(
            "{shown} is a core module and no component; make one of it by `wasm-tools component new`"
        )));
    }
    if !bytes.starts_with(&COMPONENT) {
        return Err(AgentError::permanent(format!("{shown} is no component of WebAssembly")));
    }
    let engine = engine()?;
    let bytes: Arc<[u8]> = bytes.into();
    let compiled = kept(&bytes);
    let compiled = compiled.get_or_init(|| compile(engine, &bytes));
    compiled.clone().map_err(|problem| {
        AgentError::permanent(format!("{shown} is no component that can be run: {problem}"))
    })
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, String> {
    Component::from_binary(engine, bytes).map_err(|error| format!("{error:#}"))
}

/// The place for what comes of compiling this.
fn kept(bytes: &Arc<[u8]>) -> Compiled {
    let mut all = lock();
    let known = all.iter().position(|kept| kept.bytes == *bytes);
    let kept = match known {
        Some(place) => all.remove(place),
        None => Kept { bytes: Arc::clone(bytes), compiled: Compiled::default() },
    };
    let compiled = Arc::clone(&kept.compiled);
    all.push(kept);
    while all.len() > MOST || all.iter().map(|kept| kept.bytes.len()).sum::<usize>() > ALL {
        all.remove(0);
    }
    compiled
}

fn lock() -> MutexGuard<'static, Vec<Kept>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept_within_bounds() {
        let bytes = |number: usize, length: usize| -> Arc<[u8]> {
            vec![u8::try_from(number).unwrap(); length].into()
        };
        let first = kept(&bytes(1, 10));
        for number in 2..=MOST {
            kept(&bytes(number, 10));
        }
        assert!(Arc::ptr_eq(&first, &kept(&bytes(1, 10))), "it is still there, and now the latest");
        kept(&bytes(99, 10));
        assert!(Arc::ptr_eq(&first, &kept(&bytes(1, 10))), "another was thrown away");
        assert_eq!(lock().len(), MOST);
        kept(&bytes(100, ALL / 2));
        kept(&bytes(101, ALL / 2));
        assert_eq!(lock().len(), 2);
        assert!(!Arc::ptr_eq(&first, &kept(&bytes(1, 10))));
    }
}
