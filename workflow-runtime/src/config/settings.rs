//! What a configuration says, once it is known to be right.

use std::collections::BTreeMap;
#[cfg(feature = "cli")]
use std::collections::BTreeSet;
use std::fmt;
#[cfg(feature = "cli")]
use std::sync::Arc;

use super::mistake::Mistake;
use super::origin::Origin;
use super::target::Target;
use super::value::Value;
#[cfg(feature = "cli")]
use crate::registry::Registry;

/// What a [`Configuration`](crate::Configuration) says to the agents and workflows of a program. As a text, it is TOML.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(super) of: BTreeMap<Target, BTreeMap<&'static str, Set>>,
    pub(super) doubts: Vec<Mistake>,
}

/// A value that was set, and where.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) value: Value,
    pub(super) at: Origin,
    /// The layer in which it was set.
    pub(super) layer: usize,
}

/// Something that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name, with those of the tables that it is in: `agents.fetch.timeout`.
    pub name: String,
    /// What it is set to, as TOML.
    pub value: String,
    /// Where it was set.
    pub at: Origin,
}

impl Settings {
    /// All that is set, by table and name.
    pub fn iter(&self) -> impl Iterator<Item = Setting> {
        self.all().map(|(target, key, set)| Setting {
            name: format!("{target}.{key}"),
            value: set.value.to_string(),
            at: set.at.clone(),
        })
    }

    /// What may be a mistake, and need not be one: limits of a queue that nothing in the program names.
    pub fn doubts(&self) -> &[Mistake] {
        &self.doubts
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Target, &'static str, &Set)> {
        self.of.iter().flat_map(|(target, set)| set.iter().map(move |(key, set)| (target, *key, set)))
    }

    pub(super) fn get(&self, target: &Target, key: &str) -> Option<&Value> {
        self.of.get(target)?.get(key).map(|set| &set.value)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (target, set)) in self.of.iter().enumerate() {
            let between = if place == 0 { "" } else { "\n" };
            writeln!(out, "{between}[{target}]")?;
            set.iter().try_for_each(|(key, set)| writeln!(out, "{key} = {}", set.value))?;
        }
        Ok(())
    }
}

/// What people are told who look whether all is well.
#[cfg(feature = "cli")]
impl Settings {
    /// What is switched off, by name, and where.
    pub(crate) fn switched_off(&self) -> impl Iterator<Item = (Arc<str>, Origin)> {
        self.all().filter_map(|(target, key, set)| match (target, key, &set.value) {
            (Target::Agent(name) | Target::Workflow(name), "enabled", Value::Flag(false)) => {
                Some((Arc::clone(name), set.at.clone()))
            }
            _ => None,
        })
    }

    /// The schedules of which something is set, and where.
    pub(crate) fn schedules(&self) -> impl Iterator<Item = (Arc<str>, Origin)> {
        self.of.iter().filter_map(|(target, set)| match target {
            Target::Schedule(name) => Some((Arc::clone(name), set.values().next()?.at.clone())),
            _ => None,
        })
    }

    /// The queues that are to be served, if that is set.
    pub(crate) fn serves(&self) -> Option<Vec<Arc<str>>> {
        match self.get(&Target::Runtime, "serves") {
            Some(Value::Names(names)) => Some(names.clone()),
            _ => None,
        }
    }

    /// The queues that the program names, as it is set.
    pub(crate) fn queues(&self, registry: &Registry) -> BTreeSet<String> {
        let configured = self.registry(registry);
        let registry = configured.as_ref().unwrap_or(registry);
        super::resolve::queues_of(registry).collect()
    }
}
