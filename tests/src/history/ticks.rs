//! Every tick of a schedule has one job.

use std::collections::BTreeMap;

use workflow_runtime::JobId;

use super::case::Case;
use super::event::Tick;
use super::violation::Violation;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    let Some(wanted) = &case.rules.ticks else { return };
    let mut jobs: BTreeMap<&Tick, Vec<JobId>> = BTreeMap::new();
    for story in case.jobs.values() {
        if let Some(tick) = &story.kept.tick {
            jobs.entry(tick).or_default().push(story.kept.job);
        }
    }
    for tick in wanted.iter().filter(|tick| !jobs.contains_key(tick)) {
        found.push(Violation::TickMissed { tick: tick.clone() });
    }
    for (tick, jobs) in jobs {
        match &jobs[..] {
            [job] if !wanted.contains(tick) => {
                found.push(Violation::TickUnasked { tick: tick.clone(), job: *job });
            }
            [_] => {}
            _ => found.push(Violation::TickTwice { tick: tick.clone(), jobs }),
        }
    }
}
