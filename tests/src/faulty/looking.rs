//! What is wrong with what is read, listed and handed over.

use workflow_runtime::store::{Claimed, Epoch, Filter, Head, Kept, Most, Note, Store, StoreError, Term};
use workflow_runtime::{JobId, JobState};

use super::writing::pause;
use super::{Fault, Faulty};

impl Faulty {
    pub(super) fn hand_over(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        let most = if self.is(Fault::ClaimsAllThatWait) { Most::of(most.jobs) } else { most };
        let mut claimed = match self.inner.claim(term, most) {
            Err(_) if self.is(Fault::ClaimsForAnybody) => Vec::new(),
            other => other?,
        };
        for claimed in &mut claimed {
            let count = claimed.kept.lines.iter().map(|lines| lines.count).sum();
            self.memory().held.insert(claimed.kept.head.id, (claimed.epoch, count));
            if self.is(Fault::OneEpoch) {
                claimed.epoch = Epoch(1);
            }
        }
        match self.fault {
            Fault::ClaimsTwice if claimed.is_empty() => claimed.append(&mut self.memory().claimed),
            Fault::ClaimsTwice => self.memory().claimed.extend(claimed.iter().cloned()),
            Fault::ClaimsBackwards => claimed.reverse(),
            Fault::ClaimsWhatIsHeld => self.add_what_is_held(&mut claimed, most.jobs)?,
            _ => {}
        }
        Ok(claimed)
    }

    fn add_what_is_held(&self, claimed: &mut Vec<Claimed>, limit: usize) -> Result<(), StoreError> {
        let open = self.inner.list(&Filter::default())?;
        let held = self.memory().held.clone();
        for head in open.into_iter().filter(|head| !head.state.is_over()) {
            let new = claimed.len() < limit && claimed.iter().all(|one| one.kept.head.id != head.id);
            if let (true, Some((epoch, _)), Some(kept)) = (new, held.get(&head.id), self.inner.read(head.id)?)
            {
                claimed.push(Claimed { epoch: *epoch, kept });
            }
        }
        Ok(())
    }

    pub(super) fn look_up(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        let mut kept = self.inner.read(job)?.filter(|_| !self.memory().hidden.contains(&job));
        if let (Fault::ReadsHeadsFirst, Some(before)) = (self.fault, &mut kept) {
            pause();
            before.lines = self.inner.read(job)?.map(|after| after.lines).unwrap_or_default();
        }
        if self.is(Fault::ReadsAnything) && kept.is_none() {
            let any = self.inner.list(&Filter::default())?;
            kept = any.first().map(|head| self.inner.read(head.id)).transpose()?.flatten();
        }
        if self.is(Fault::KeepsWhatIsForgotten) && kept.is_none() {
            kept = self.memory().forgotten.get(&job).cloned();
        }
        Ok(kept.map(|mut kept| {
            kept.head = self.shown(kept.head);
            if self.is(Fault::Reorders) {
                kept.lines.reverse();
            }
            kept
        }))
    }

    pub(super) fn look_through(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        if self.is(Fault::StaysParked) {
            // What a list looks at is what is shown.
            let all = self.inner.list(&Filter::default())?.into_iter().map(|head| self.shown(head));
            return Ok(all
                .filter(|head| filter.lets(head))
                .take(filter.limit.unwrap_or(usize::MAX))
                .collect());
        }
        let mut filter = filter.clone();
        match self.fault {
            Fault::IgnoresTags => filter.tag = None,
            Fault::IgnoresPages => filter.after = None,
            Fault::IgnoresParking => filter.parked = false,
            _ => {}
        }
        if filter.dead && matches!(self.fault, Fault::ListsChildrenAsDead | Fault::ListsTheSettled) {
            return self.look_for_the_dead(filter);
        }
        let mut heads = self.inner.list(&filter)?;
        if self.is(Fault::ListsOneByOne) {
            for head in &mut heads {
                pause();
                *head = self.inner.read(head.id)?.map_or_else(|| head.clone(), |kept| kept.head);
            }
        }
        let memory = self.memory();
        let newest = memory.newest.filter(|_| self.is(Fault::LagsBehind));
        let is_seen = |head: &Head| !memory.hidden.contains(&head.id) && Some(head.id) != newest;
        let seen: Vec<Head> = heads.into_iter().filter(is_seen).collect();
        drop(memory);
        Ok(seen.into_iter().map(|head| self.shown(head)).collect())
    }

    /// Dead letters, and what is taken for some.
    fn look_for_the_dead(&self, mut filter: Filter) -> Result<Vec<Head>, StoreError> {
        filter.dead = false;
        let failed = |head: &Head| matches!(head.state, JobState::Failed | JobState::Expired);
        let is_dead = |head: &Head| match self.fault {
            Fault::ListsChildrenAsDead => failed(head) && !head.settled,
            _ => failed(head) && head.parent.is_none(),
        };
        Ok(self.inner.list(&filter)?.into_iter().filter(is_dead).collect())
    }

    pub(super) fn look_at_notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        let mut notes = self.inner.notes(&self.topic(topic))?;
        if self.is(Fault::NotesBackwards) {
            notes.reverse();
        }
        for note in &mut notes {
            note.version -= self.away(topic, &note.name);
        }
        Ok(notes)
    }

    /// The topic that is meant.
    pub(super) fn topic(&self, topic: &str) -> String {
        if self.is(Fault::OneTopic) { topic.to_lowercase() } else { topic.to_owned() }
    }

    /// Up to which version it is forgotten that a note was there.
    pub(super) fn away(&self, topic: &str, name: &str) -> u64 {
        self.memory().away.get(&(topic.into(), name.into())).copied().unwrap_or(0)
    }

    fn shown(&self, mut head: Head) -> Head {
        if self.is(Fault::LosesPriorities) {
            head.priority = None;
        }
        if self.is(Fault::StaysParked) {
            head.parked = self.memory().parked.get(&head.id).cloned();
        }
        head
    }
}
