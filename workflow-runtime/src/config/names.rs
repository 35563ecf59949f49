//! Which name was meant.

use std::collections::BTreeSet;
use std::sync::Arc;

use workflow_graph::nearest;

use super::given::{Given, Item, Segment, fold};
use super::key::{Key, Kind, Subject};
use super::mistake::Mistake;

/// The one of these names that is meant.
pub(super) fn chosen<'n>(
    name: &Segment,
    what: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<Arc<str>, Mistake> {
    let meant: Vec<&str> = names.clone().filter(|known| name.is(known)).collect();
    match meant.as_slice() {
        [one] => Ok(Arc::from(*one)),
        [] => Err(unknown(name, &format!("there is no {what}"), names)),
        several => {
            let several = listed(several);
            let problem =
                format!("`{}` may be {several}; set it in a file, where names are as they are", name.text);
            Err(Mistake::new(&name.at, problem))
        }
    }
}

/// A name that need not be known: as it is, or, in a variable, the one that is known and fits, or else in small letters.
pub(super) fn taken(name: &Segment, known: &BTreeSet<String>) -> Arc<str> {
    if !name.is_folded {
        return Arc::from(name.text.as_str());
    }
    let fitting = known.iter().find(|known| name.is(known));
    fitting.map_or_else(|| Arc::from(name.text.to_lowercase()), |known| Arc::from(known.as_str()))
}

/// There is none of this name: the nearest is told, or all, if there are few.
pub(super) fn unknown<'n>(name: &Segment, problem: &str, names: impl Iterator<Item = &'n str>) -> Mistake {
    let names: Vec<&str> = names.collect();
    let near = match name.is_folded {
        false => nearest(&name.text, names.iter().copied()),
        true => {
            let folded: Vec<String> = names.iter().map(|name| fold(name)).collect();
            let near = nearest(&fold(&name.text), folded.iter().map(String::as_str));
            near.and_then(|near| names.iter().copied().find(|name| fold(name) == near))
        }
    };
    let cure = match (near, names.len()) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, 0) => "; there are none".to_owned(),
        (None, 1..=20) => format!("; there is {}", listed(&names)),
        (None, _) => String::new(),
    };
    Mistake::new(&name.at, format!("{problem} `{}`{cure}", name.text))
}

/// Names, as they are listed in a sentence.
pub(super) fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What an item sets; nothing, if it is an empty table.
pub(super) fn find(subject: Subject, path: &[Segment], item: &Item) -> Result<Option<&'static Key>, Mistake> {
    let mut name = String::new();
    for segment in path {
        let inside: BTreeSet<&str> =
            subject.keys().iter().filter_map(|key| within(key.name, &name)?.split('.').next()).collect();
        let Some(found) = inside.iter().find(|inside| segment.is(inside)) else {
            return Err(misplaced(subject, &name, segment, &inside));
        };
        name = if name.is_empty() { (*found).to_owned() } else { format!("{name}.{found}") };
    }
    if item.value == Given::Table {
        return Ok(None);
    }
    // `retry = 5` is short for `retry.max = 5`.
    let whole = if name == "retry" { "retry.max" } else { name.as_str() };
    if let Some(key) = subject.keys().iter().find(|key| key.name == whole) {
        return Ok(Some(key));
    }
    let parts: Vec<&str> = subject.keys().iter().filter_map(|key| within(key.name, &name)).collect();
    let what = if name.is_empty() { subject.named().to_owned() } else { format!("`{name}`") };
    Err(Mistake::new(&item.at, format!("{what} takes a table of {}", listed(&parts))))
}

/// What of a key's name is below another name.
fn within<'k>(key: &'k str, name: &str) -> Option<&'k str> {
    if name.is_empty() { Some(key) } else { key.strip_prefix(name)?.strip_prefix('.') }
}

fn misplaced(subject: Subject, name: &str, segment: &Segment, inside: &BTreeSet<&str>) -> Mistake {
    let leaf: Option<&Key> = subject.keys().iter().find(|key| key.name == name && key.kind != Kind::All);
    match leaf {
        Some(key) => {
            let problem = format!("`{name}`: expected {}, found a table", key.kind.expected());
            Mistake::new(&segment.at, problem)
        }
        None => {
            let whose = if name.is_empty() { subject.named().to_owned() } else { format!("`{name}`") };
            unknown(segment, &format!("{whose} has no setting"), inside.iter().copied())
        }
    }
}
