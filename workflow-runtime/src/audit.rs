//! What people had done, and who they were: kept where jobs are kept.

use serde_json::Value as Json;

use crate::act::{Act, Declined, Done};
use crate::deed::Deed;
#[cfg(feature = "http")]
use crate::engine::DEEDS;
use crate::runtime::Runtime;
#[cfg(feature = "http")]
use crate::store::{Store, StoreError};
#[cfg(feature = "http")]
use crate::timestamp::Timestamp;

/// How long an input, or a value, may be that is kept with it.
const SHOWN: usize = 4096;

/// What came of an act, in words.
fn in_words(came: &Result<Done, Declined>) -> String {
    match came {
        Ok(Done::Job { job }) => format!("job {job}"),
        Ok(Done::Already) => "it was so already".to_owned(),
        Ok(_) => "done".to_owned(),
        Err(declined) => format!("declined: {declined}"),
    }
}

/// An act as it is kept: without what may be secret, or long, or was not said.
fn shown(act: &Act, has_secrets: bool) -> Json {
    let mut shown = serde_json::to_value(act).unwrap_or_default();
    for name in ["input", "value", "export"] {
        let Some(member) = shown.get_mut(name) else { continue };
        if has_secrets || (!member.is_null() && member.to_string().len() > SHOWN) {
            *member = "•••".into();
        }
    }
    if let Some(how) = shown.get_mut("how").and_then(Json::as_object_mut) {
        how.retain(|_, said| {
            !matches!(said, Json::Null | Json::Bool(false)) && said.as_array() != Some(&Vec::new())
        });
        if how.is_empty() {
            shown.as_object_mut().and_then(|act| act.remove("how"));
        }
    }
    shown
}

impl Runtime {
    /// Does what somebody wants done, and keeps who it was.
    pub(crate) async fn perform_for(&self, who: &str, act: Act) -> Result<Done, Declined> {
        let shown = shown(&act, self.engine.registry.has_secrets());
        let came = self.perform(act).await;
        let (at, who) = (self.engine.clock.now(), who.to_owned());
        let deed = Deed { at, who, act: shown, came: in_words(&came) };
        if let Err(error) = self.engine.note_deed(&deed).await {
            tracing::warn!(target: "workflow", who = deed.who, act = %deed.act, "what somebody did could not be kept: {error}");
        }
        came
    }
}

/// What people had done, the newest first, before a moment.
#[cfg(feature = "http")]
pub(crate) fn deeds(
    store: &dyn Store,
    before: Option<Timestamp>,
    most: usize,
) -> Result<Vec<Deed>, StoreError> {
    let notes = store.notes(DEEDS)?;
    let read = notes.iter().rev().filter_map(|note| serde_json::from_str::<Deed>(&note.text).ok());
    Ok(read.filter(|deed| before.is_none_or(|before| deed.at < before)).take(most).collect())
}
