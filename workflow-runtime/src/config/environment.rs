//! A configuration in the environment: `WORKFLOW_AGENTS__FETCH__TIMEOUT=30s`.

use std::ffi::OsString;
use std::sync::Arc;

use super::given::{Given, Item, Segment};
use super::mistake::Mistake;
use super::origin::Origin;

const PREFIX: &str = "WORKFLOW_";

/// What stands between the parts of a name.
const BETWEEN: &str = "__";

/// Reads those of these variables that set something; gives what they set, and what is wrong with them.
pub(super) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> (Vec<Item>, Vec<Mistake>) {
    let (mut items, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        // Others of this prefix, such as WORKFLOW_STORE, say something else.
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| rest.contains(BETWEEN)) else { continue };
        let at = Origin::Variable(Arc::from(&*name));
        match value.into_string() {
            Err(_) => mistakes.push(Mistake::new(&at, "its value is no text; write one in UTF-8")),
            Ok(value) if value.trim().is_empty() => {}
            Ok(value) => {
                let segment = |text: &str| Segment { text: text.to_owned(), is_folded: true, at: at.clone() };
                let path = rest.split(BETWEEN).map(segment).collect();
                items.push(Item { path, value: Given::Said(value.trim().to_owned()), at });
            }
        }
    }
    // The environment has no order.
    items.sort_by(|one, other| one.at.cmp(&other.at));
    (items, mistakes)
}
