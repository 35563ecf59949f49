//! What is wrong with what is written.

use std::collections::VecDeque;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::store::{Change, Entry, Epoch, Head, Lines, Store, StoreError, Term, Verdict};
use workflow_runtime::{JobId, JobState};

use super::{Fault, Faulty};

/// After how many entries a store is tired.
const MUCH: usize = 10_000;

impl Faulty {
    pub(super) fn write_all(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        if self.is(Fault::AllOrNothing) {
            // Whether it would go well, tried on something else.
            let trial = Self::new(Fault::LosesTheLastWrite);
            trial.memory().done.clone_from(&self.memory().done);
            let verdicts = trial.reopen().write(entries)?;
            if !verdicts.iter().all(|verdict| matches!(verdict, Verdict::Written(_))) {
                self.memory().done.pop();
                return Ok(verdicts.into_iter().map(refused).collect());
            }
        }
        let is_note = |entry: &&Entry| matches!(entry, Entry::Note { .. });
        let (notes, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(is_note);
        let write = |entries: Vec<&Entry>| entries.into_iter().map(|entry| self.write_one(entry)).collect();
        match self.fault {
            Fault::MixesVerdicts => write([others, notes].concat()),
            Fault::WritesNotesLater => {
                let mut of_others: VecDeque<Verdict> = write(others)?.into();
                pause();
                let mut of_notes: VecDeque<Verdict> = write(notes)?.into();
                let next = |entry| if is_note(&entry) { of_notes.pop_front() } else { of_others.pop_front() };
                Ok(entries.iter().filter_map(next).collect())
            }
            _ => {
                if matches!(self.fault, Fault::ReadsHeadsFirst | Fault::ListsOneByOne) {
                    // Slow enough to be overtaken by who looks.
                    pause();
                }
                entries.iter().map(|entry| self.write_one(entry)).collect()
            }
        }
    }

    fn write_one(&self, entry: &Entry) -> Result<Verdict, StoreError> {
        let entry = self.spoilt(entry)?;
        match (self.fault, &entry) {
            (Fault::ShowsHalves, _) => {
                if let Some(halves) = halves(&entry) {
                    let verdict = self.inner_write(&halves[0])?;
                    pause();
                    self.inner_write(&halves[1])?;
                    return Ok(verdict);
                }
            }
            (Fault::LooksBeforeItWrites, Entry::Note { topic, name, text, was: Some(was), term }) => {
                let notes = self.inner.notes(topic)?;
                let version = notes.iter().find(|note| note.name == *name).map_or(0, |note| note.version);
                if version == *was {
                    pause();
                    let (topic, name, text) = (topic.clone(), name.clone(), text.clone());
                    return self.inner_write(&Entry::Note { topic, name, text, was: None, term: *term });
                }
            }
            _ => {}
        }
        let verdict = self.inner_write(&entry)?;
        if let Verdict::Written(epoch) = verdict {
            self.remember_job(&entry, epoch);
        }
        self.judged(&entry, verdict)
    }

    fn inner_write(&self, entry: &Entry) -> Result<Verdict, StoreError> {
        self.inner.write(slice::from_ref(entry)).map(|verdicts| verdicts[0])
    }

    fn remember_job(&self, entry: &Entry, epoch: Epoch) {
        let mut memory = self.memory();
        match entry {
            Entry::New { head, lines, .. } => {
                memory.held.insert(head.id, (epoch, lines.count));
                memory.newest = Some(head.id);
                if let Some(key) = key_of(head) {
                    memory.keys.entry(key).or_insert(head.id);
                }
                memory.parked.extend(head.parked.clone().map(|why| (head.id, why)));
            }
            Entry::More { job, first, lines, change, .. } => {
                memory.held.insert(*job, (epoch, first + lines.count));
                memory.parked.extend(change.as_ref().and_then(|change| Some((*job, change.parked.clone()?))));
            }
            Entry::Settle { .. } | Entry::Note { .. } | Entry::Reply { .. } => {}
        }
    }

    /// What is written in place of an entry.
    fn spoilt(&self, entry: &Entry) -> Result<Entry, StoreError> {
        let mut entry = entry.clone();
        self.memory().entries += 1;
        let newest_term = |term| self.memory().terms.values().max().copied().unwrap_or(term);
        match &mut entry {
            Entry::New { head, term, settles, free, .. } => match self.fault {
                Fault::HoldsWhatIsFree => *free = None,
                Fault::CutsTexts => {
                    let cut = head.name.chars().take(255).collect::<String>();
                    Arc::make_mut(head).name = cut.into();
                }
                Fault::IgnoresKeys => Arc::make_mut(head).unique = None,
                Fault::IgnoresParents => Arc::make_mut(head).parent = None,
                Fault::IgnoresPlaces => *settles = None,
                Fault::AcceptsOldTerms => *term = newest_term(*term),
                Fault::FreesKeysForEver | Fault::FreesKeysOfTheForgotten if self.is_free(head)? => {
                    Arc::make_mut(head).once = None;
                }
                _ => {}
            },
            Entry::More { job, epoch, first, lines, change } => {
                let held = self.memory().held.get(job).copied();
                self.spoil_lines(held, (epoch, first, lines), change);
            }
            Entry::Note { topic, name, text, was, term } => match self.fault {
                Fault::IgnoresVersions => *was = None,
                Fault::OneTopic => *topic = self.topic(topic).into(),
                Fault::NotesForAnybody => *term = newest_term(*term),
                Fault::ForgetsVersions => *was = was.map(|was| was + self.away(topic, name)),
                Fault::KeepsWhatIsTakenAway => *text = Some(text.take().unwrap_or_default()),
                _ => {}
            },
            Entry::Settle { .. } | Entry::Reply { .. } => {}
        }
        Ok(entry)
    }

    fn spoil_lines(
        &self,
        held: Option<(Epoch, u32)>,
        (epoch, first, lines): (&mut Epoch, &mut u32, &mut Lines),
        change: &mut Option<Box<Change>>,
    ) {
        match (self.fault, held, &mut *change) {
            (Fault::ForgetsARecord, ..) if lines.count > 1 => *lines = part(lines, 0, lines.count - 1),
            (Fault::LosesFailures, _, Some(change)) => change.failure = None,
            (Fault::LosesParking, _, Some(change)) => change.parked = None,
            (Fault::TiresOfMuch, ..) if self.memory().entries > MUCH => *change = None,
            (Fault::AcceptsStaleEpochs | Fault::OneEpoch, Some((current, _)), _) => *epoch = current,
            (Fault::CommitsTwice, Some((_, count)), _) => *first = count.max(*first),
            _ => {}
        }
    }

    /// Whether a key for ever is thought to be free.
    fn is_free(&self, head: &Head) -> Result<bool, StoreError> {
        let taker = head.once.as_deref().map(|once| self.inner.taker(once)).transpose()?.flatten();
        let Some(taker) = taker else { return Ok(false) };
        let over = |is_over: bool| is_over && self.is(Fault::FreesKeysForEver);
        Ok(self.inner.read(taker)?.is_none_or(|kept| over(kept.head.state.is_over())))
    }

    /// What is said of an entry, and done though it should not be.
    fn judged(&self, entry: &Entry, verdict: Verdict) -> Result<Verdict, StoreError> {
        match entry {
            Entry::New { head, term, settles, .. } => self.judged_new(entry, head, *term, *settles, verdict),
            Entry::More { job, change, .. } => {
                let refused = matches!(verdict, Verdict::Stale | Verdict::Not { .. });
                if let (Fault::KeepsChanges, true, Some(change)) = (self.fault, refused, change) {
                    self.change_only(*job, change)?;
                }
                Ok(self.with_one_epoch(verdict))
            }
            Entry::Settle { job, .. } => {
                let kept = self.inner.read(*job)?;
                let thought = |settled: bool| match self.fault {
                    Fault::SettlesTwice => settled,
                    Fault::SettlesAnything => !settled,
                    _ => false,
                };
                let wrong =
                    verdict == Verdict::Settled && kept.is_some_and(|kept| thought(kept.head.settled));
                Ok(if wrong { Verdict::Written(Epoch(1)) } else { verdict })
            }
            Entry::Note { topic, name, text, .. } if self.is(Fault::ForgetsVersions) => {
                let away = self.away(topic, name);
                if let (Verdict::Noted(version), None) = (verdict, text) {
                    self.memory().away.insert((topic.clone(), name.clone()), version);
                }
                Ok(match verdict {
                    Verdict::Noted(version) => Verdict::Noted(version - away),
                    Verdict::Differs(version) => Verdict::Differs(version - away),
                    other => other,
                })
            }
            Entry::Reply { epoch, .. } if self.is(Fault::RepliesForAnybody) => Ok(Verdict::Written(*epoch)),
            Entry::Note { .. } | Entry::Reply { .. } => Ok(verdict),
        }
    }

    fn judged_new(
        &self,
        entry: &Entry,
        head: &Head,
        term: Term,
        settles: Option<JobId>,
        verdict: Verdict,
    ) -> Result<Verdict, StoreError> {
        match (self.fault, verdict) {
            (Fault::ForgetsDuplicates, Verdict::Not { .. }) => {
                let epoch = self.memory().held.get(&head.id).map_or(Epoch(1), |(epoch, _)| *epoch);
                Ok(Verdict::Written(epoch))
            }
            (Fault::MistakesOthers, Verdict::Elsewhere) => {
                let count = self
                    .inner
                    .read(head.id)?
                    .map_or(0, |kept| kept.lines.iter().map(|lines| lines.count).sum());
                Ok(Verdict::Not { count })
            }
            (Fault::AsksForTheLetterFirst, Verdict::Not { .. }) if settles.is_some() => Ok(Verdict::Settled),
            (Fault::KeepsWhatIsRefused, Verdict::Taken(_)) => self.without_key(entry).map(|_| verdict),
            (Fault::TakesKeysForWhatIsRefused, Verdict::Taken(_)) => {
                self.memory().taken.extend(head.once.clone().map(|once| (once, head.id)));
                Ok(verdict)
            }
            (Fault::SettlesForWhatIsRefused, Verdict::Taken(_)) => {
                settles.map(|job| self.inner_write(&Entry::Settle { job, term })).transpose()?;
                Ok(verdict)
            }
            (Fault::FreesKeysTooEarly, Verdict::Taken(other)) => match self.inner.read(other)? {
                Some(kept) if kept.head.state == JobState::Paused => self.without_key(entry),
                _ => Ok(verdict),
            },
            (Fault::NeverFreesKeys, Verdict::Written(_)) => {
                let first = key_of(head).and_then(|key| self.memory().keys.get(&key).copied());
                Ok(first.filter(|first| *first != head.id).map_or(verdict, Verdict::Taken))
            }
            _ => Ok(self.with_one_epoch(verdict)),
        }
    }

    fn with_one_epoch(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Written(_) if self.is(Fault::OneEpoch) => Verdict::Written(Epoch(1)),
            other => other,
        }
    }

    fn change_only(&self, job: JobId, change: &Change) -> Result<(), StoreError> {
        let Some((epoch, first)) = self.memory().held.get(&job).copied() else { return Ok(()) };
        let change = Some(Box::new(change.clone()));
        self.inner_write(&Entry::More { job, epoch, first, lines: Lines::default(), change }).map(|_| ())
    }

    fn without_key(&self, entry: &Entry) -> Result<Verdict, StoreError> {
        let mut entry = entry.clone();
        if let Entry::New { head, .. } = &mut entry {
            Arc::make_mut(head).unique = None;
        }
        self.inner_write(&entry)
    }
}

/// So long that others can look.
pub(super) fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

fn key_of(head: &Head) -> Option<(String, String)> {
    head.unique.as_ref().map(|key| (head.name.to_string(), key.to_string()))
}

fn refused(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Written(_) => Verdict::Stale,
        other => other,
    }
}

/// Some of the records.
fn part(lines: &Lines, from: u32, to: u32) -> Lines {
    let records: Vec<serde_json::Value> = serde_json::from_str(&lines.json).unwrap_or_default();
    let some = &records[from as usize..to as usize];
    Lines { count: to - from, json: serde_json::Value::from(some.to_vec()).to_string() }
}

fn halves(entry: &Entry) -> Option<[Entry; 2]> {
    let Entry::More { job, epoch, first, lines, change } = entry else { return None };
    if lines.count < 2 {
        return None;
    }
    let (job, epoch, change) = (*job, *epoch, change.clone());
    let rest = part(lines, 1, lines.count);
    Some([
        Entry::More { job, epoch, first: *first, lines: part(lines, 0, 1), change: None },
        Entry::More { job, epoch, first: first + 1, lines: rest, change },
    ])
}
