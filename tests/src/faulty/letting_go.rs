//! What is wrong with what is let go and forgotten.

use std::time::Duration;

use workflow_runtime::store::{Expiry, Filter, Head, Store, StoreError};
use workflow_runtime::{JobId, Timestamp};

use super::{Fault, Faulty};

impl Faulty {
    pub(super) fn let_go(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        let says_nothing = rule.ended_before.is_none() && rule.beyond.is_none();
        let mut rule = rule.clone();
        match self.fault {
            Fault::LetsAllGo if says_nothing => rule.beyond = Some(0),
            Fault::LetsTooManyGo => rule.limit = usize::MAX,
            Fault::LetsTheMomentGo => {
                rule.ended_before = rule.ended_before.map(|moment| moment + Duration::from_micros(1));
            }
            Fault::KeepsOneMore => rule.beyond = rule.beyond.map(|most| most.saturating_add(1)),
            Fault::IgnoresNames => rule.name = None,
            Fault::LetsLettersGo => rule.letters = true,
            Fault::CountsTogether => return self.count_together(&rule),
            Fault::NeedsBoth if rule.ended_before.is_some() && rule.beyond.is_some() => {
                let old = self.inner.expired(&Expiry { beyond: None, ..rule.clone() })?;
                let too_many = self.inner.expired(&Expiry { ended_before: None, ..rule })?;
                return Ok(old.into_iter().filter(|job| too_many.contains(job)).collect());
            }
            _ => {}
        }
        let mut gone = self.inner.expired(&rule)?;
        if self.is(Fault::LetsGoBackwards) {
            gone.reverse();
        }
        Ok(gone)
    }

    fn count_together(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        let most = rule.beyond.unwrap_or(usize::MAX);
        let mut over: Vec<Head> = self.inner.list(&Filter::default())?;
        over.retain(|head| head.state.is_over());
        over.sort_by_key(|head| (head.ended.unwrap_or(Timestamp::EPOCH), head.id));
        over.truncate(over.len().saturating_sub(most));
        Ok(over.into_iter().take(rule.limit).map(|head| head.id).collect())
    }

    pub(super) fn forget_all(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let kept = self.inner.list(&Filter::default())?;
        if self.is(Fault::KeepsWhatIsForgotten) {
            for head in &kept {
                let kept = self.inner.read(head.id)?;
                self.memory().forgotten.extend(kept.map(|kept| (head.id, kept)));
            }
        }
        let mut gone = self.inner.forget(jobs)?;
        match self.fault {
            Fault::ForgetsWhatRuns if !jobs.is_empty() => {
                let running = kept.iter().filter(|head| !head.state.is_over()).map(|head| head.id);
                self.memory().hidden.extend(running.clone());
                gone.extend(running);
            }
            Fault::SaysAllIsForgotten => gone = jobs.to_vec(),
            _ => {}
        }
        Ok(gone)
    }
}
