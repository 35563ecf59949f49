//! The schedules of a store.

use std::collections::BTreeSet;

use super::finding::Findings;
use crate::cli::refusal::Refusal;
use crate::config::Settings;
use crate::engine::orders;
use crate::record::Work;
use crate::registry::Registry;
use crate::store::Store;

/// What of them does not run.
pub(super) fn schedules(
    store: &dyn Store,
    registry: Option<&Registry>,
    settings: &Settings,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    let orders = orders(store)?;
    let names: BTreeSet<&str> = orders.iter().map(|(name, _)| &**name).collect();
    let is_known = |name: &str| {
        registry.is_none_or(|registry| registry.agent(name).is_some() || registry.workflow(name).is_some())
    };
    for (name, order) in &orders {
        match order {
            Err(problem) => {
                let what = format!("`{name}` cannot be read, and does not run: {problem}");
                findings.error("schedules", what, "remove it, and set it anew; or start a newer program");
            }
            Ok(order) => {
                if let Work::Call { callee, .. } = &order.work
                    && !is_known(&callee.name)
                {
                    let what = format!("`{name}` runs `{}`, which is not in this program", callee.name);
                    findings.warning(
                        "schedules",
                        what,
                        "start a program that has it, or remove the schedule",
                    );
                }
            }
        }
    }
    for (name, at) in settings.schedules().filter(|(name, _)| !names.contains(&**name)) {
        let near = workflow_graph::nearest(&name, names.iter().copied());
        let cure = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "take it away, unless a program is about to set it".to_owned(),
        };
        findings.warning("schedules", format!("{at}: there is no schedule `{name}` in the store"), cure);
    }
    findings.ok("schedules", format!("{} in the store", orders.len()));
    Ok(())
}
