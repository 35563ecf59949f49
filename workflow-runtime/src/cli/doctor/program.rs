//! The program, and how it is set.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::finding::Findings;
use crate::builder::{RuntimeBuilder, StartError};
use crate::config::Settings;
use crate::registry::Registry;

/// Its agents and workflows, if they are right.
pub(super) fn registry(
    builder: &RuntimeBuilder,
    version: Option<&str>,
    findings: &mut Findings,
) -> Option<Arc<Registry>> {
    let library = env!("CARGO_PKG_VERSION");
    let version = version.map(|version| format!("version {version}, ")).unwrap_or_default();
    match builder.registered() {
        Ok(registry) => {
            let (agents, workflows) = (registry.agents().len(), registry.workflows().len());
            let what = format!("{version}{agents} agents, {workflows} workflows; workflow-runtime {library}");
            if agents + workflows == 0 {
                let cure = "name the crate in which they are, if only by `use the_crate as _;`: what nothing names is \
                            not linked";
                findings.warning("program", format!("{version}no agent and no workflow"), cure);
            } else {
                findings.ok("program", what);
            }
            Some(registry)
        }
        Err(problems) => {
            for problem in problems.iter() {
                findings.error("program", problem.to_string(), "mend it in the code; nothing runs before");
            }
            None
        }
    }
}

/// What an operator has set; nothing, if something of it is not right.
pub(super) fn settings(builder: &RuntimeBuilder, registry: &Registry, findings: &mut Findings) -> Settings {
    let settings = match builder.settings() {
        Ok(settings) => settings,
        Err(StartError::Configuration(mistakes)) => {
            for mistake in mistakes.iter() {
                findings.error("configuration", mistake.to_string(), "mend it there; nothing runs before");
            }
            return Settings::default();
        }
        Err(other) => {
            findings.error("configuration", other.to_string(), "mend it; nothing runs before");
            return Settings::default();
        }
    };
    for doubt in settings.doubts() {
        let cure = "take it away, unless jobs are handed in to this queue";
        findings.warning("configuration", doubt.to_string(), cure);
    }
    for (name, at, step) in builder.code(registry).unheard(&settings) {
        let what = format!("{at}: {name} does not reach {step}, which says something else itself");
        findings.warning(
            "configuration",
            what,
            format!("set it under [{step}], too, if it is to hold there"),
        );
    }
    for (name, said) in settings.switched_off() {
        let what = format!(
            "`{name}` is switched off ({said}): nothing new of it is taken in, and what calls it waits"
        );
        findings.warning(
            "configuration",
            what,
            "take `enabled = false` away and start again when it is to run",
        );
    }
    let count = settings.iter().count();
    let what = match count {
        0 => "nothing is set but by code".to_owned(),
        1 => "1 setting, listed below".to_owned(),
        _ => format!("{count} settings, listed below"),
    };
    findings.ok("configuration", what);
    settings
}

/// What agents want of the runtime.
pub(super) fn needs(builder: &RuntimeBuilder, registry: &Registry, findings: &mut Findings) {
    match registry.check_resources(builder.given()) {
        Ok(()) => findings.ok("needs", "agents are given all that they want"),
        Err(problems) => {
            for problem in problems.iter() {
                findings.error("needs", problem.to_string(), "give it where the runtime is set up");
            }
        }
    }
}

/// Queues of this program that this node does not serve.
pub(super) fn served(
    builder: &RuntimeBuilder,
    registry: &Registry,
    settings: &Settings,
    findings: &mut Findings,
) {
    let Some(served) = settings.serves().or_else(|| builder.code(registry).config.share.queues.clone())
    else {
        return findings.ok("queues", "this node serves all of them");
    };
    let named: BTreeSet<String> = settings.queues(registry);
    let left: Vec<String> = named
        .into_iter()
        .filter(|name| !served.iter().any(|served| **served == **name))
        .map(|name| format!("`{name}`"))
        .collect();
    if left.is_empty() {
        return findings.ok("queues", "this node serves all that the program names");
    }
    let what = format!("this node does not serve {}", left.join(", "));
    findings.warning("queues", what, "see that another node does, or what waits there waits for ever");
}
