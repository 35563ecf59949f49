//! What a script has done, counted, and how it is ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlua::{Error, HookTriggers, VmState};

use crate::aside::Brake;

/// How many instructions a script does between two looks at whether it is to end.
const STRIDE: u32 = 200;

/// Watches over one script. It is asked by the thread that the script runs on only, but must be fit to be sent, for another crate
/// of the program may ask that of mlua.
#[derive(Debug)]
pub(super) struct Watch {
    brake: Arc<Brake>,
    counted: AtomicU64,
    most: u64,
    is_over: AtomicBool,
    /// How many bytes of memory it may have.
    pub(super) memory: usize,
}

impl Watch {
    pub(super) fn new(brake: Arc<Brake>, instructions: Option<u64>, memory: usize) -> Arc<Self> {
        let most = instructions.unwrap_or(u64::MAX);
        Arc::new(Self { brake, counted: AtomicU64::new(0), most, is_over: AtomicBool::new(false), memory })
    }

    /// Counts steps that were done; fails if there are to be no more.
    pub(super) fn spend(&self, steps: u64) -> Result<(), Error> {
        let counted = self.counted.fetch_add(steps, Ordering::Relaxed).saturating_add(steps);
        if counted > self.most || self.brake.is_pulled() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        if self.is_over() { Err(Error::runtime("it is to end")) } else { Ok(()) }
    }

    /// Whether it was to end, whatever it says that came of it.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether it was to end because it has done too much.
    pub(super) fn did_too_much(&self) -> bool {
        self.counted.load(Ordering::Relaxed) > self.most
    }

    pub(super) fn instructions(&self) -> u64 {
        self.most
    }

    /// Looks at the script every so many instructions. Once it is to end, each single instruction is an error: what catches one,
    /// by `pcall` or otherwise, has the next one at once, until nothing is left that could catch any.
    pub(super) fn hold(self: &Arc<Self>, lua: &mlua::Lua) -> Result<(), Error> {
        let watch = Arc::clone(self);
        let triggers = HookTriggers::new().every_nth_instruction(STRIDE);
        lua.set_global_hook(triggers, move |lua, _| match watch.spend(u64::from(STRIDE)) {
            Ok(()) => Ok(VmState::Continue),
            Err(error) => {
                let each = HookTriggers::new().every_nth_instruction(1);
                lua.set_global_hook(each, |_, _| Err(Error::runtime("it is to end")))?;
                Err(error)
            }
        })
    }
}
