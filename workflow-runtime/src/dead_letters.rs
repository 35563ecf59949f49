//! Dead letters: jobs that failed for good, until somebody has looked after them.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::engine::{Spot, submission_of};
use crate::failure::{Failure, FailureKind};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::letter::{Letter, LetterFilter};
use crate::record::{Line, Work};
use crate::requeue::Requeue;
use crate::rerun::RerunError;
use crate::runtime::Runtime;
use crate::store::{Entry, Filter, Head, StoreError, Verdict};
use crate::view::{StepView, step_of};

/// How many are read, or settled, at once.
const PAGE: usize = 500;

/// The jobs that failed for good or expired, that no other job waits for, and that were neither requeued nor discarded.
///
/// Those in the store; in memory, if there is none.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    runtime: Runtime,
}

impl Runtime {
    /// The jobs that failed for good, until somebody has looked after them.
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters { runtime: self.clone() }
    }

    /// A job as it is kept, and its journal: where the store has it, or in memory if there is no store.
    pub(crate) async fn lines_of(&self, id: JobId) -> Result<Option<(Head, Vec<Line>)>, StoreError> {
        if self.engine.scribe.is_none() {
            return Ok(self.engine.lines_in_memory(id));
        }
        let Some(kept) = self.engine.ask_store(move |store| store.read(id)).await?.flatten() else {
            return Ok(None);
        };
        let lines = kept.records()?;
        Ok(Some((kept.head, lines)))
    }
}

impl DeadLetters {
    /// What is known of the letters that a filter lets through, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, filter: LetterFilter) -> Result<Vec<Head>, StoreError> {
        let (mut found, mut last) = (Vec::new(), None);
        loop {
            let page = self.page(filter.page(last, PAGE)).await?;
            let is_last = page.len() < PAGE;
            last = page.last().map(|head| head.id).or(last);
            for head in page.into_iter().filter(|head| filter.lets(head)) {
                if found.len() >= filter.most() {
                    return Ok(found);
                }
                let is_step = match filter.wanted_step() {
                    Some(step) => self.step(head.id).await?.is_some_and(|own| *own == *step),
                    None => true,
                };
                if is_step {
                    found.push(head);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    /// All that there is to know of a letter; none if there is no such letter. It need not be in memory any more, nor
    /// need its journal fit this program.
    ///
    /// # Errors
    /// When the store cannot be read, or what it has of the job cannot be.
    pub async fn show(&self, id: JobId) -> Result<Option<Letter>, StoreError> {
        let found = self.runtime.lines_of(id).await?;
        Ok(found.filter(|(head, _)| head.is_dead()).map(|(head, lines)| self.letter(head, &lines)))
    }

    fn letter(&self, head: Head, lines: &[Line]) -> Letter {
        let submission = submission_of(lines);
        let job_input = submission.and_then(|submission| match &submission.work {
            Work::Call { input, .. } => input.json().ok(),
            Work::Tasks(_) => None,
        });
        let spot = Spot::of(lines);
        let step = spot.as_ref().and_then(|spot| Some(StepView::of(lines, spot.task?)));
        let input = spot.as_ref().map(|_| self.runtime.engine.input_then(lines)).transpose();
        let (input, misfit) = match input {
            Ok(input) => (input.flatten(), None),
            Err(why) => (None, Some(why)),
        };
        let unknown = || {
            let why = head.failure.as_deref().unwrap_or_default();
            Failure::new(FailureKind::Unrunnable, why).at(head.id, "", 0)
        };
        Letter {
            job_input,
            step: step.as_ref().map(|step| step.path.to_string()).filter(|path| !path.is_empty()),
            input,
            misfit,
            failure: spot.map_or_else(unknown, |spot| (*spot.failure).clone()),
            attempts: step.map(|step| step.attempts).unwrap_or_default(),
            head,
        }
    }

    /// Requeues a letter: a new job goes on where this one failed, or begins anew. At most one does.
    pub fn requeue(&self, id: JobId) -> Requeue {
        Requeue::new(self.runtime.clone(), id)
    }

    /// Requeues the letters that a filter lets through, one after the other; says what became of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn requeue_all(&self, filter: LetterFilter) -> Result<Vec<Requeued>, StoreError> {
        let mut all = Vec::new();
        // Those that there are now: what fails again meanwhile is not requeued again.
        for head in self.list(filter).await? {
            all.push((head.id, self.requeue(head.id).await));
        }
        Ok(all)
    }

    /// Lets a letter be: it is a letter no more, and [retention](crate::Retention) treats it as any job. Says whether it
    /// was one.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn discard(&self, id: JobId) -> Result<bool, StoreError> {
        let engine = &self.runtime.engine;
        match engine.write_apart(|term| Entry::Settle { job: id, term }).await? {
            None => Ok(engine.settle_here(id)),
            Some(verdict) => Ok(matches!(verdict, Verdict::Written(_))),
        }
    }

    /// Lets the letters be that a filter lets through; says how many.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn discard_all(&self, filter: LetterFilter) -> Result<usize, StoreError> {
        let engine = &self.runtime.engine;
        let letters = self.list(filter).await?;
        let Some(scribe) = &engine.scribe else {
            return Ok(letters.iter().filter(|head| engine.settle_here(head.id)).count());
        };
        let mut discarded = 0;
        for some in letters.chunks(PAGE) {
            let entry = |head: &Head| Entry::Settle { job: head.id, term: scribe.term() };
            let answer = engine.wait_for(scribe.write_all(some.iter().map(entry).collect())).await;
            let Ok(verdicts) = answer else { return engine.heard(None).map(|_| discarded) };
            for verdict in verdicts {
                discarded += usize::from(matches!(engine.heard(Some(verdict))?, Verdict::Written(_)));
            }
        }
        Ok(discarded)
    }

    async fn page(&self, filter: Filter) -> Result<Vec<Head>, StoreError> {
        let engine = &self.runtime.engine;
        if engine.scribe.is_some() {
            return Ok(engine.ask_store(move |store| store.list(&filter)).await?.unwrap_or_default());
        }
        let heads = engine.index.all().into_iter().map(|job| engine.head(&job));
        let letters = heads.filter(|head| filter.lets(head));
        Ok(letters.take(filter.limit.unwrap_or(usize::MAX)).collect())
    }

    /// The step that failed.
    async fn step(&self, id: JobId) -> Result<Option<Arc<str>>, StoreError> {
        let Some((_, lines)) = self.runtime.lines_of(id).await? else { return Ok(None) };
        Ok(Spot::of(&lines).and_then(|spot| step_of(&lines, spot.task?)))
    }
}

/// What became of a letter: the new job, or why there is none.
pub type Requeued = (JobId, Result<JobHandle<Json>, RerunError>);
