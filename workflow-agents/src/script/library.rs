//! What a script finds around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlua::{Error, Function, Lua, LuaString, Table, Value};
use workflow_runtime::TaskContext;

use super::find::patterns;
use super::json::Form;
use super::watch::Watch;

/// What of the base library a script has. Nothing of it loads code, and nothing of it goes on for long.
const BASE: [&str; 23] = [
    "_G",
    "_VERSION",
    "assert",
    "error",
    "getmetatable",
    "ipairs",
    "math",
    "next",
    "os",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "select",
    "string",
    "table",
    "tonumber",
    "tostring",
    "type",
    "utf8",
    "xpcall",
];

/// The rest of the library, written in Lua.
const PRELUDE: &str = include_str!("prelude.lua");

/// How many lines of what a script prints are told, and how many bytes of each.
const LINES: u64 = 1000;
const LINE: usize = 4096;

/// What a script finds around it.
pub(super) struct Library {
    pub(super) context: TaskContext,
    pub(super) watch: Arc<Watch>,
    pub(super) without_os: Option<String>,
}

impl Library {
    /// Puts it into a Lua of its own; gives Lua's own `pcall`, which is to call the script.
    pub(super) fn furnish(self, lua: &Lua, form: &Form) -> Result<Function, Error> {
        let globals = lua.globals();
        let pcall = globals.raw_get("pcall")?;
        let setmetatable: Value = globals.raw_get("setmetatable")?;
        for pair in globals.clone().pairs::<LuaString, Value>() {
            let name = pair?.0;
            if !BASE.iter().any(|kept| name == *kept) {
                globals.raw_set(name, Value::Nil)?;
            }
        }
        // The prelude gives scripts one that is more careful.
        globals.raw_set("setmetatable", setmetatable)?;
        let string: Table = globals.raw_get("string")?;
        string.raw_set("dump", Value::Nil)?;
        patterns(lua, &string, &self.watch)?;
        let host = lua.create_table()?;
        host.raw_set("null", Value::NULL)?;
        host.raw_set("list", form.list())?;
        host.raw_set("set", lua.create_function(set)?)?;
        host.raw_set("without_os", self.without_os.as_deref())?;
        host.raw_set("progress", progress(lua, &self.context)?)?;
        host.raw_set("log", log(lua, self.context)?)?;
        lua.load(PRELUDE).set_name("=lua").into_function()?.call::<()>(host)?;
        Ok(pcall)
    }
}

/// Sets a metatable, whatever was set before.
fn set(_: &Lua, (object, meta): (Table, Option<Table>)) -> Result<(), Error> {
    object.set_metatable(meta)
}

fn progress(lua: &Lua, context: &TaskContext) -> Result<Function, Error> {
    let context = context.clone();
    lua.create_function(move |_, (fraction, message): (f64, Option<LuaString>)| {
        context.progress(fraction, &message.map(|message| cut(&message)).unwrap_or_default());
        Ok(())
    })
}

fn log(lua: &Lua, context: TaskContext) -> Result<Function, Error> {
    let lines = AtomicU64::new(0);
    lua.create_function(move |_, line: LuaString| {
        match lines.fetch_add(1, Ordering::Relaxed) {
            ..LINES => context.log(cut(&line)),
            LINES => context.log(format!("{LINES} lines of what a script prints are kept, and no more")),
            _ => {}
        }
        Ok(())
    })
}

/// A line, no longer than it may be.
fn cut(line: &LuaString) -> String {
    let bytes = line.as_bytes();
    let mut line = String::from_utf8_lossy(&bytes[..bytes.len().min(LINE)]).into_owned();
    line.truncate(line.floor_char_boundary(LINE));
    line
}

/// An error that says where in the script it is.
pub(super) fn wrong(lua: &Lua, problem: &str) -> Error {
    let place = lua.inspect_stack(1, |caller| {
        let source = caller.source().short_src?.into_owned();
        Some(format!("{source}:{}: ", caller.current_line()?))
    });
    Error::runtime(format!("{}{problem}", place.flatten().unwrap_or_default()))
}
