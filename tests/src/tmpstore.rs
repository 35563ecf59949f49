//! A store in memory, for the simulation.
use std::collections::BTreeMap;
use std::sync::Mutex;
use workflow_runtime::store::*;
use workflow_runtime::*;
#[derive(Debug, Default)]
/// A store in memory.
pub struct Tmp(Mutex<Inner>);
#[derive(Debug, Default)]
struct Inner {
    term: u64,
    jobs: BTreeMap<JobId, (Kept, u64)>,
}
impl Store for Tmp {
    fn describe(&self) -> String {
        "tmp".into()
    }
    fn begin(&self, _: &str) -> Result<Term, StoreError> {
        let mut i = self.0.lock().unwrap();
        i.term += 1;
        Ok(Term(i.term))
    }
    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        let mut i = self.0.lock().unwrap();
        Ok(entries
            .iter()
            .map(|e| match e {
                Entry::New { head, term, lines } => {
                    if term.0 != i.term {
                        return Verdict::Stale;
                    }
                    if let Some((k, _)) = i.jobs.get(&head.id) {
                        return Verdict::Not { count: k.lines.iter().map(|l| l.count).sum() };
                    }
                    i.jobs.insert(
                        head.id,
                        (Kept { head: (**head).clone(), lines: vec![lines.clone()] }, term.0),
                    );
                    Verdict::Written(Epoch(term.0))
                }
                Entry::More { job, epoch, first, lines, change } => {
                    let Some((k, e)) = i.jobs.get_mut(job) else { return Verdict::Stale };
                    if *e != epoch.0 {
                        return Verdict::Stale;
                    }
                    let count: u32 = k.lines.iter().map(|l| l.count).sum();
                    if count != *first {
                        return Verdict::Not { count };
                    }
                    k.lines.push(lines.clone());
                    if let Some(c) = change {
                        k.head.state = c.state;
                        k.head.ended = c.ended;
                        k.head.failure = c.failure.clone();
                    }
                    Verdict::Written(*epoch)
                }
            })
            .collect())
    }
    fn claim(&self, term: Term, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let mut i = self.0.lock().unwrap();
        Ok(i.jobs
            .values_mut()
            .filter(|(k, e)| !k.head.state.is_over() && *e < term.0)
            .take(limit)
            .map(|(k, e)| {
                *e = term.0;
                Claimed { epoch: Epoch(term.0), kept: k.clone() }
            })
            .collect())
    }
    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        Ok(self.0.lock().unwrap().jobs.get(&job).map(|(k, _)| k.clone()))
    }
    fn list(&self, f: &Filter) -> Result<Vec<Head>, StoreError> {
        Ok(self.0.lock().unwrap().jobs.values().map(|(k, _)| k.head.clone()).filter(|h| f.lets(h)).collect())
    }
    fn forget(&self, _: Timestamp, _: usize) -> Result<Vec<JobId>, StoreError> {
        Ok(vec![])
    }
}
