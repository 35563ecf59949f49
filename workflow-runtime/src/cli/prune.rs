//! Forgetting jobs that are over.

use serde_json::json;

use super::acting::counted;
use super::arguments::PruneArguments;
use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::run::Told;
use super::stores::Stores;
use crate::act::{Act, Done};
use crate::builder::RuntimeBuilder;
use crate::engine::PRUNED;
use crate::job_id::JobId;
use crate::queued::each;
use crate::state::JobState;
use crate::store::{Head, StoreError};

pub(super) fn prune(
    builder: RuntimeBuilder,
    stores: &Stores,
    asked: &PruneArguments,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    let jobs = old(stores, asked)?;
    if asked.dry_run || jobs.is_empty() {
        output.show(&json!({ "would_forget": jobs.len() }), |output| {
            output.line(format!("{} would be forgotten", counted(jobs.len())))
        })?;
        return Ok(Exit::Done);
    }
    told.confirm(asked.yes, &format!("forget {}", counted(jobs.len())))?;
    let acts = jobs.chunks(PRUNED).map(|some| Act::Forget { jobs: some.to_vec() }).collect();
    let mut gone = 0;
    stores.act_each(builder, acts, &mut |came| {
        if let Done::Forgot { jobs } = came? {
            gone += jobs;
        }
        Ok(())
    })?;
    let left = jobs.len() - gone;
    output.show(&json!({ "forgot": gone, "left": left }), |output| {
        output.line(format!("{} forgotten", counted(gone)))?;
        match left {
            0 => Ok(()),
            left => output.line(format!("{} stay: jobs that are not over may ask for them", counted(left))),
        }
    })?;
    Ok(Exit::Done)
}

/// The jobs that are meant, parents before their children, which were accepted later.
fn old(stores: &Stores, asked: &PruneArguments) -> Result<Vec<JobId>, Refusal> {
    let sought = asked.sought.clone().or_in(JobState::is_over);
    let is_old = |head: &Head| head.ended.is_some_and(|ended| ended < asked.older_than.0);
    let mut jobs = Vec::new();
    each(&*stores.look()?, sought.filter(), |head| {
        jobs.extend((is_old(&head) && (asked.dead || !head.is_dead())).then_some(head.id));
        Ok::<(), StoreError>(())
    })?;
    Ok(jobs)
}
