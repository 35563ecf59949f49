//! `find`, `match`, `gmatch` and `gsub`, which are bounded here, as Lua's own are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlua::{Error, Function, Integer, Lua, LuaString, MultiValue, Table, Value};

use super::library::wrong;
use super::pattern::{Capture, Matcher, Wrong};
use super::watch::Watch;

/// Puts them into the table of what there is for strings.
pub(super) fn patterns(lua: &Lua, string: &Table, watch: &Arc<Watch>) -> Result<(), Error> {
    for (name, is_find) in [("find", true), ("match", false)] {
        let watch = Arc::clone(watch);
        type Given = (LuaString, LuaString, Option<Integer>, Option<Value>);
        let look = move |lua: &Lua, (source, pattern, init, plain): Given| {
            let is_plain = plain.is_some_and(|plain| !matches!(plain, Value::Nil | Value::Boolean(false)));
            find(lua, &source, &pattern, init, (is_find, is_plain), &watch)
        };
        string.raw_set(name, lua.create_function(look)?)?;
    }
    let own = Arc::clone(watch);
    let each = move |lua: &Lua, (source, pattern, init): (LuaString, LuaString, Option<Integer>)| {
        each(lua, source, pattern, init, Arc::clone(&own))
    };
    string.raw_set("gmatch", lua.create_function(each)?)?;
    let watch = Arc::clone(watch);
    type Given = (LuaString, LuaString, Value, Option<Integer>);
    let replace = move |lua: &Lua, (source, pattern, with, most): Given| {
        replace(lua, &source, &pattern, &with, most, &watch)
    };
    string.raw_set("gsub", lua.create_function(replace)?)
}

/// Where to begin, from 0, as `init` says, which counts from 1, or from the end.
fn begin(init: Option<Integer>, length: usize) -> usize {
    let length = Integer::try_from(length).unwrap_or(Integer::MAX);
    let place = match init.unwrap_or(1) {
        0 => 1,
        place @ 1.. => place,
        place if place < -length => 1,
        place => length + place + 1,
    };
    usize::try_from(place - 1).unwrap_or(usize::MAX)
}

fn find(
    lua: &Lua,
    source: &LuaString,
    pattern: &LuaString,
    init: Option<Integer>,
    (is_find, is_plain): (bool, bool),
    watch: &Watch,
) -> Result<MultiValue, Error> {
    let (source, pattern) = (source.as_bytes(), pattern.as_bytes());
    let init = begin(init, source.len());
    let nothing = || MultiValue::from_iter([Value::Nil]);
    if init > source.len() {
        return Ok(nothing());
    }
    if is_find && (is_plain || !pattern.iter().any(|byte| b"^$*+?.([%-".contains(byte))) {
        let found = memchr::memmem::find(&source[init..], &pattern);
        return Ok(found.map_or_else(nothing, |place| place_of(init + place, init + place + pattern.len())));
    }
    let is_anchored = pattern.first() == Some(&b'^');
    let mut matcher = Matcher::new(&source, &pattern[usize::from(is_anchored)..], watch);
    let last = if is_anchored { init } else { source.len() };
    for start in init..=last {
        if let Some(end) = matcher.at(start).map_err(|problem| wrong(lua, &problem))? {
            let whole = (!is_find).then_some((start, end));
            let captured = matcher.captured(whole).map_err(|problem| wrong(lua, &problem))?;
            let mut found = if is_find { place_of(start, end) } else { MultiValue::new() };
            for capture in captured {
                found.push_back(value(lua, &source, capture)?);
            }
            return Ok(found);
        }
    }
    Ok(nothing())
}

fn place_of(start: usize, end: usize) -> MultiValue {
    MultiValue::from_iter(
        [start + 1, end].map(|place| Value::Integer(Integer::try_from(place).unwrap_or(Integer::MAX))),
    )
}

fn value(lua: &Lua, source: &[u8], capture: Capture) -> Result<Value, Error> {
    match capture {
        Capture::Part(start, end) => lua.create_string(&source[start..end]).map(Value::String),
        Capture::Place(place) | Capture::Open(place) => {
            Ok(Value::Integer(Integer::try_from(place).unwrap_or(Integer::MAX)))
        }
    }
}

fn each(
    lua: &Lua,
    source: LuaString,
    pattern: LuaString,
    init: Option<Integer>,
    watch: Arc<Watch>,
) -> Result<Function, Error> {
    let length = source.as_bytes().len();
    let next = AtomicUsize::new(begin(init, length).min(length + 1));
    // Where the last match ended: an empty one there is none.
    let last = AtomicUsize::new(usize::MAX);
    lua.create_function(move |lua, _: MultiValue| {
        let (source, pattern) = (source.as_bytes(), pattern.as_bytes());
        let mut matcher = Matcher::new(&source, &pattern, &watch);
        for start in next.load(Ordering::Relaxed)..=source.len() {
            let found = matcher.at(start).map_err(|problem| wrong(lua, &problem))?;
            let Some(end) = found.filter(|end| *end != last.load(Ordering::Relaxed)) else { continue };
            next.store(end, Ordering::Relaxed);
            last.store(end, Ordering::Relaxed);
            let captured = matcher.captured(Some((start, end))).map_err(|problem| wrong(lua, &problem))?;
            return captured.into_iter().map(|capture| value(lua, &source, capture)).collect();
        }
        next.store(usize::MAX, Ordering::Relaxed);
        Ok(MultiValue::from_iter([Value::Nil]))
    })
}

fn replace(
    lua: &Lua,
    source: &LuaString,
    pattern: &LuaString,
    with: &Value,
    most: Option<Integer>,
    watch: &Watch,
) -> Result<(LuaString, Integer), Error> {
    let with = match with {
        Value::Integer(_) | Value::Number(_) | Value::String(_) => {
            With::Text(lua.coerce_string(with.clone())?)
        }
        Value::Table(table) => With::Table(table),
        Value::Function(function) => With::Function(function),
        other => {
            let problem = format!(
                "bad argument #3 to 'gsub' (string/function/table expected, got {})",
                other.type_name()
            );
            return Err(wrong(lua, &problem));
        }
    };
    let (source, pattern) = (source.as_bytes(), pattern.as_bytes());
    let is_anchored = pattern.first() == Some(&b'^');
    let mut matcher = Matcher::new(&source, &pattern[usize::from(is_anchored)..], watch);
    let most = most.unwrap_or(Integer::MAX);
    let mut out = Out::new(watch.memory);
    let (mut start, mut last, mut count) = (0, None, 0);
    while count < most {
        let end = matcher.at(start).map_err(|problem| wrong(lua, &problem))?;
        if let Some(end) = end.filter(|end| last != Some(*end)) {
            count += 1;
            with.add(lua, &mut out, &mut matcher, &source, (start, end))?;
            (start, last) = (end, Some(end));
        } else if let Some(byte) = source.get(start) {
            out.add(&[*byte]).map_err(|problem| wrong(lua, &problem))?;
            start += 1;
        } else {
            break;
        }
        if is_anchored {
            break;
        }
    }
    out.add(source.get(start..).unwrap_or_default()).map_err(|problem| wrong(lua, &problem))?;
    Ok((lua.create_string(out.bytes)?, count))
}

/// A text that grows no longer than the script's memory is large.
struct Out {
    bytes: Vec<u8>,
    most: usize,
}

impl Out {
    /// Of at most so many bytes; 0 is no limit.
    fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most: if most == 0 { usize::MAX } else { most } }
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        if bytes.len() > self.most - self.bytes.len() {
            return Err("not enough memory".to_owned());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// What takes the place of what was found.
enum With<'a> {
    Text(Option<LuaString>),
    Table(&'a Table),
    Function(&'a Function),
}

impl With<'_> {
    fn add(
        &self,
        lua: &Lua,
        out: &mut Out,
        matcher: &mut Matcher<'_>,
        source: &[u8],
        (start, end): (usize, usize),
    ) -> Result<(), Error> {
        let failed = |problem: Wrong| wrong(lua, &problem);
        let given: Value = match self {
            Self::Text(text) => {
                let text = text.as_ref().map(LuaString::as_bytes);
                return add_text(out, text.as_deref().unwrap_or_default(), matcher, source, (start, end))
                    .map_err(failed);
            }
            Self::Table(table) => {
                let first = matcher.capture(0, start, end).map_err(failed)?;
                table.get(value(lua, source, first)?)?
            }
            Self::Function(function) => {
                let captured = matcher.captured(Some((start, end))).map_err(failed)?;
                let captured: Result<MultiValue, Error> =
                    captured.into_iter().map(|capture| value(lua, source, capture)).collect();
                function.call(captured?)?
            }
        };
        match given {
            Value::Nil | Value::Boolean(false) => out.add(&source[start..end]),
            Value::String(_) | Value::Integer(_) | Value::Number(_) => {
                let text = lua.coerce_string(given)?;
                let text = text.as_ref().map(LuaString::as_bytes);
                out.add(text.as_deref().unwrap_or_default())
            }
            other => Err(format!("invalid replacement value (a {})", other.type_name())),
        }
        .map_err(failed)
    }
}

/// Adds a text in which `%1` is what was captured first.
fn add_text(
    out: &mut Out,
    text: &[u8],
    matcher: &mut Matcher<'_>,
    source: &[u8],
    (start, end): (usize, usize),
) -> Result<(), Wrong> {
    let mut rest = text;
    while let Some(place) = memchr::memchr(b'%', rest) {
        matcher.step()?;
        out.add(&rest[..place])?;
        match rest.get(place + 1) {
            Some(b'%') => out.add(b"%")?,
            Some(b'0') => out.add(&source[start..end])?,
            Some(digit @ b'1'..=b'9') => match matcher.capture(usize::from(digit - b'1'), start, end)? {
                Capture::Part(start, end) => out.add(&source[start..end])?,
                Capture::Place(place) | Capture::Open(place) => out.add(place.to_string().as_bytes())?,
            },
            _ => return Err("invalid use of '%' in replacement string".to_owned()),
        }
        rest = &rest[place + 2..];
    }
    out.add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aside::Brake;

    /// What a call gives, or that it fails, in words.
    fn given(lua: &Lua, call: &str, source: &[u8], pattern: &[u8]) -> String {
        let call = format!(
            "local s, p = ... local given = table.pack(pcall(function() return {call} end)) return given"
        );
        let (source, pattern) = (lua.create_string(source).unwrap(), lua.create_string(pattern).unwrap());
        let given: Table = lua.load(call).call((source, pattern)).unwrap();
        if !given.get::<bool>(1).unwrap() {
            return match given.get::<Value>(2).unwrap() {
                Value::Error(error) => error.to_string(),
                other => other.to_string().unwrap(),
            };
        }
        (2..=given.get::<usize>("n").unwrap())
            .map(|place| format!("{:?} ", given.get::<Value>(place).unwrap().to_string()))
            .collect()
    }

    /// A next number that nobody can foresee who has not seen the ones before.
    fn next(state: &mut u64) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state % 1_000_003).unwrap()
    }

    #[test]
    fn patterns_do_what_those_of_lua_do() {
        let (theirs, ours) = (Lua::new(), Lua::new());
        let watch = Watch::new(Brake::loose(), None, 0);
        patterns(&ours, &ours.globals().get("string").unwrap(), &watch).unwrap();
        let parts = [
            "a", "b", ".", "%a", "%d", "%s", "%W", "[ab]", "[^a]", "[a-c%d]", "[]]", "[^]b]", "[a-]", "(",
            ")", "()", "*", "+", "-", "?", "^", "$", "%1", "%2", "%b()", "%bab", "%f[%w]", "%f[^a]", "%",
            "%%", "[", "]", "\0", "\u{e4}", "%g", "%x", "%.",
        ];
        let letters = ["a", "b", "c", "1", " ", "(", ")", "-", "]", "%", "\0", "\u{e4}", "^", "$", "."];
        let calls = [
            "s:find(p)",
            "s:find(p, 3)",
            "s:find(p, -2)",
            "s:find(p, 1, true)",
            "s:match(p)",
            "s:match(p, 2)",
            "s:gsub(p, '<%0>')",
            "s:gsub(p, '%1%%', 2)",
            "s:gsub(p, { a = 'x', b = false })",
            "s:gsub(p, function(...) return select('#', ...) end)",
            "s:gsub(p, p)",
            "s:gsub('', p)",
            "(function() local all = {} for x, y in s:gmatch(p) do all[#all + 1] = tostring(x) .. '|' .. tostring(y) end return table.concat(all, ',') end)()",
            "(function() local all = {} for x in s:gmatch(p, 3) do all[#all + 1] = tostring(x) end return table.concat(all, ',') end)()",
        ];
        let (mut state, mut failed) = (0x9e37_79b9_7f4a_7c15, 0);
        for round in 0..4000 {
            let mut some = |of: &[&str], most: usize| -> String {
                (0..next(&mut state) % most).map(|_| of[next(&mut state) % of.len()]).collect()
            };
            let (source, pattern) = (some(&letters, 12), some(&parts, 7));
            let call = calls[round % calls.len()];
            let (one, other) = (
                given(&theirs, call, source.as_bytes(), pattern.as_bytes()),
                given(&ours, call, source.as_bytes(), pattern.as_bytes()),
            );
            // Where it fails, ours says where in the script by another way.
            let is_same = one == other || {
                let problem = one.rsplit(": ").next().unwrap_or_default();
                failed += 1;
                other.contains(problem) && problem.len() > 5
            };
            assert!(is_same, "{call} of {source:?} and {pattern:?}: {one} but {other}");
        }
        assert!(failed > 100 && failed < 3000, "{failed}");
    }
}
