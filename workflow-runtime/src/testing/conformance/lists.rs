//! Lists hold what their filter lets through.

use std::sync::Arc;

use super::Held;
use super::jobs::{Stand, accepted, ids, last, lines, listed, moment, more, new, next_term, read, same};
use crate::job_id::JobId;
use crate::record::Parent;
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Filter, Head, Most, Store, Term};

/// Jobs that differ in everything that a filter may ask for.
fn various<S: Store>(stand: &Stand<'_, S>, store: &S, term: Term) -> Result<Vec<Head>, String> {
    let parents = [stand.id(), stand.id()];
    let mut heads = Vec::new();
    for number in 0..60_usize {
        let mut head = stand.head();
        head.state = JobState::ALL[number % JobState::ALL.len()];
        head.ended = head.state.is_over().then(|| moment(1));
        head.name = Arc::from(["work", "rest"][number % 2]);
        head.queue = Arc::from(["default", "slow", "work"][number % 3]);
        head.tags = [&[][..], &["red"], &["red", "blue"], &["reddish", "rest"]][number % 4]
            .iter()
            .map(|tag| Arc::from(*tag))
            .collect();
        let task = u32::try_from(number).unwrap_or(0);
        head.parent = [None, Some(parents[0]), None, Some(parents[1]), None][number % 5].map(|job| Parent {
            job,
            task,
            depth: 1,
        });
        head.failure = [None, Some("it lost its Ärger"), None][number % 3].map(Arc::from);
        head.submitted = moment(number as u64);
        heads.push(head);
    }
    let entries: Vec<Entry> = heads.iter().rev().map(|head| new(head, term, 1)).collect();
    accepted(store, &entries)?;
    Ok(heads)
}

pub(super) fn lists_are_filtered<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads = various(stand, &store, term)?;
    let mut filters = vec![Filter::default()];
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    filters.extend(JobState::ALL.iter().map(|state| Filter { states: vec![*state], ..none() }));
    for states in [
        &[JobState::Running, JobState::Pending, JobState::Paused][..],
        &[JobState::Failed, JobState::Expired],
        &[JobState::Failed, JobState::Running],
        &[JobState::Succeeded, JobState::Cancelled],
    ] {
        filters.push(Filter { states: states.to_vec(), ..none() });
        filters.push(Filter { states: states.to_vec(), name: some("work"), ..none() });
        filters.push(Filter {
            states: states.to_vec(),
            parent: heads[1].parent.map(|own| own.job),
            ..none()
        });
    }
    for text in ["work", "rest", "slow", "red", "blue", "reddish", "re", "nothing", "%", "[\"red\"]"] {
        filters.push(Filter { name: some(text), ..none() });
        filters.push(Filter { queue: some(text), ..none() });
        filters.push(Filter { tag: some(text), ..none() });
        filters.push(Filter { tag: some(text), queue: some("slow"), name: some("rest"), ..none() });
    }
    filters.extend(
        [&heads[1], &heads[3]].map(|head| Filter { parent: head.parent.map(|own| own.job), ..none() }),
    );
    filters.push(Filter { parent: Some(heads[0].id), ..none() });
    filters.push(Filter { after: Some(heads[30].id), tag: some("red"), limit: Some(3), ..none() });
    filters.push(Filter { before: Some(heads[30].id), after: Some(heads[9].id), ..none() });
    for text in ["WORK", "edDish", "lost its", "ÄRGER", "Ärger", "slow", "[", "%", ""] {
        filters.push(Filter { text: some(text), ..none() });
        filters.push(Filter { text: some(text), queue: some("slow"), ..none() });
    }
    for at in [1, 20, 40].map(moment) {
        filters.push(Filter { since: Some(at), ..none() });
        filters.push(Filter { until: Some(at), name: some("work"), ..none() });
        filters.push(Filter { since: Some(moment(10)), until: Some(at), ..none() });
    }
    let reversed = filters.clone().into_iter().map(|filter| Filter { newest: true, ..filter });
    filters.extend(reversed.collect::<Vec<_>>());
    for filter in filters {
        let expected: Vec<JobId> = filter.pick(heads.iter()).iter().map(|head| head.id).collect();
        let found = listed(&store, &filter)?;
        let found: Vec<JobId> = found.iter().map(|head| head.id).collect();
        same(&format!("what {filter:?} lets through"), &found, &expected)?;
    }
    Ok(())
}

pub(super) fn lists_have_pages<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads = various(stand, &store, term)?;
    let any = Filter::default();
    let open = Filter { states: vec![JobState::Pending, JobState::Running], ..Filter::default() };
    let failed = Filter { states: vec![JobState::Failed], ..Filter::default() };
    let parent = Filter { parent: heads[1].parent.map(|own| own.job), ..Filter::default() };
    for filter in [any, open, failed, parent] {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = Filter { after, limit: Some(5), ..filter.clone() };
            let found = listed(&store, &page)?;
            if found.len() > 5 {
                return Err(format!("a page of 5 holds {}", found.len()));
            }
            let Some(last) = found.last() else { break };
            after = Some(last.id);
            paged.extend(found);
            if paged.len() > heads.len() {
                return Err("the pages do not come to an end".to_owned());
            }
        }
        let expected: Vec<Head> = heads.iter().filter(|head| filter.lets(head)).cloned().collect();
        same("the pages, one after the other", &paged, &expected)?;
        let (mut paged, mut before) = (Vec::new(), None);
        while paged.len() <= heads.len() {
            let page = Filter { before, limit: Some(5), newest: true, ..filter.clone() };
            let found = listed(&store, &page)?;
            let Some(last) = found.last() else { break };
            before = Some(last.id);
            paged.extend(found);
        }
        paged.reverse();
        same("the pages, the newest first", &paged, &expected)?;
    }
    let nothing = Filter { limit: Some(0), ..Filter::default() };
    same("a list of none", &store.list(&nothing).map(|heads| heads.len()), &Ok(0))
}

pub(super) fn parked_jobs_are_listed<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let why = || Some(Arc::from("step `ask` is gone"));
    let [one, mut two, three] = [(); 3].map(|()| stand.head());
    two.parked = why();
    let epochs = accepted(&store, &[new(&one, term, 1), new(&two, term, 1), new(&three, term, 1)])?;
    let to = |state, parked| Some(Box::new(Change { parked, ..Change::to(state) }));
    let change =
        |job, epoch, first, change| Entry::More { job, epoch, first, lines: lines(first, 1), change };
    let parked = |store: &S, when: &str, expected: &[JobId]| {
        let all = Filter { parked: true, ..Filter::default() };
        same(&format!("what is parked {when}"), &ids(&listed(store, &all)?), &expected.to_vec())?;
        let red = Filter { tag: Some("red".to_owned()), ..all.clone() };
        same(&format!("what is parked and red {when}"), &ids(&listed(store, &red)?), &Vec::new())?;
        let page = Filter { limit: Some(1), after: expected.first().copied(), ..all };
        let second: Vec<JobId> = expected.get(1).copied().into_iter().collect();
        same(&format!("the second page of it {when}"), &ids(&listed(store, &page)?), &second)
    };
    parked(&store, "from its beginning", &[two.id])?;
    accepted(&store, &[change(one.id, epochs[0], 1, to(JobState::Running, why()))])?;
    parked(&store, "by a change", &[one.id, two.id])?;
    same("why it is", &read(&store, one.id)?.head.parked, &why())?;
    accepted(&store, &[more(one.id, epochs[0], 2, 1)])?;
    parked(&store, "after more lines", &[one.id, two.id])?;
    let store = stand.reopen(store);
    parked(&store, "after a restart", &[one.id, two.id])?;
    let term = next_term(&store, "node")?;
    let claimed = store.claim(term, Most::of(10)).map_err(|error| format!("cannot claim: {error}"))?;
    parked(&store, "when others hold it", &[one.id, two.id])?;
    let epochs: Vec<Epoch> = claimed.iter().map(|claimed| claimed.epoch).collect();
    same("how many are claimed", &epochs.len(), &3)?;
    accepted(&store, &[change(one.id, epochs[0], 3, to(JobState::Running, None))])?;
    parked(&store, "after the next change", &[two.id])?;
    accepted(&store, &[last(two.id, epochs[1], 1, JobState::Cancelled, moment(1))])?;
    parked(&store, "when it is over", &[])?;
    let over = Change { ended: Some(moment(1)), parked: why(), ..Change::to(JobState::Cancelled) };
    accepted(&store, &[change(three.id, epochs[2], 1, Some(Box::new(over)))])?;
    parked(&store, "when one is over that was parked to the end", &[])
}
