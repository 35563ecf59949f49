//! Keys of jobs: one job at a time has a unique key, and one job ever takes a key for ever.

use std::future::poll_fn;
use std::sync::Arc;

use crate::engine::{Job, JobEvent, JobWork, Unkept, lock};
use crate::job_id::JobId;
use crate::record::JobOptions;
use crate::runtime::Runtime;
use crate::store::Kept;
use crate::submission::{Conflict, SubmitError};

/// Why a job that another takes the place of is cancelled.
const REPLACED: &str = "another of the same key takes its place";

/// A key for ever as a store keeps it: with the name of what is run, so that others may have the same.
pub(crate) fn once_of(name: &str, key: &str) -> Arc<str> {
    format!("{}/{key}", escaped(name)).into()
}

/// A name without what separates it from other things.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F").replace(':', "%3A")
}

/// The keys of a job that is handed in.
struct Keys {
    name: Arc<str>,
    unique: Option<Arc<str>>,
    once: Option<Arc<str>>,
    conflict: Option<Conflict>,
}

/// Who has a key.
enum Holder {
    /// This one, until it is over.
    Unique(JobId),
    /// This one, for ever.
    Once(JobId),
}

impl Keys {
    fn shown(&self, holder: &Holder) -> String {
        match holder {
            Holder::Unique(_) => self.unique.as_deref().unwrap_or_default().to_owned(),
            Holder::Once(_) => {
                let once = self.once.as_deref().unwrap_or_default();
                let own = once.strip_prefix(&escaped(&self.name)).and_then(|key| key.strip_prefix('/'));
                own.unwrap_or(once).to_owned()
            }
        }
    }

    fn duplicate(&self, holder: &Holder) -> SubmitError {
        let (Holder::Unique(job) | Holder::Once(job)) = *holder;
        SubmitError::Duplicate { name: self.name.to_string(), key: self.shown(holder), job }
    }

    fn place(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.unique.as_ref().map(|key| (Arc::clone(&self.name), Arc::clone(key)))
    }
}

impl Runtime {
    /// Takes a job in, or gives the one that has its key.
    pub(crate) async fn hand_in(
        &self,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        conflict: Option<Conflict>,
        refuse: bool,
    ) -> Result<Arc<Job>, SubmitError> {
        let (unique, once) = match options.as_deref() {
            Some(options) => (options.unique.clone(), options.once.clone()),
            None => (None, None),
        };
        if unique.is_none() && once.is_none() {
            let job = self.take_in(work, options, refuse).await?;
            self.engine.begin_job(&job).await.map_err(|unkept| SubmitError::of(unkept, "", ""))?;
            return Ok(job);
        }
        let keys = Keys { name: self.engine.name_of_work(&work), unique, once, conflict };
        loop {
            if let Some(holder) = self.holder(&keys).await?
                && let Some(known) = self.meet(&keys, &holder).await?
            {
                return Ok(known);
            }
            let holder = match self.claim(&keys, work.clone(), options.clone(), refuse).await? {
                Ok(job) => return Ok(job),
                Err(holder) => holder,
            };
            if let Some(known) = self.meet(&keys, &holder).await? {
                return Ok(known);
            }
        }
    }

    /// Who is known to have a key.
    async fn holder(&self, keys: &Keys) -> Result<Option<Holder>, SubmitError> {
        if let Some(once) = &keys.once
            && let Some(job) = self.taker(once).await?
        {
            return Ok(Some(Holder::Once(job)));
        }
        // Where there is no store, the new one takes the place of the old one at once.
        let replaces = keys.conflict == Some(Conflict::Replace) && self.engine.scribe.is_none();
        let holder = keys.place().filter(|_| !replaces).and_then(|place| self.unique_holder(&place));
        Ok(holder.map(|job| Holder::Unique(job.id)))
    }

    /// Who has taken a key for ever.
    async fn taker(&self, once: &Arc<str>) -> Result<Option<JobId>, SubmitError> {
        if self.engine.scribe.is_none() {
            return Ok(lock(&self.engine.taken).get(once).copied());
        }
        let once = Arc::clone(once);
        let taker = self.engine.ask_store(move |store| store.taker(&once)).await;
        taker.map(Option::flatten).map_err(SubmitError::Store)
    }

    /// The job in memory that has a unique key.
    pub(crate) fn unique_holder(&self, place: &(Arc<str>, Arc<str>)) -> Option<Arc<Job>> {
        let id = lock(self.engine.unique()).get(place).copied()?;
        self.engine.index.get(id).filter(|job| job.result().is_none())
    }

    /// Takes a job in, unless another has one of its keys.
    async fn claim(
        &self,
        keys: &Keys,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        refuse: bool,
    ) -> Result<Result<Arc<Job>, Holder>, SubmitError> {
        // Room is found first: nobody else is kept waiting by one who waits for it.
        let job = self.take_in(work, options, refuse).await?;
        if let Some(holder) = self.claim_here(keys, &job) {
            self.engine.withdraw(&job);
            return Ok(Err(holder));
        }
        match self.engine.begin_job(&job).await {
            Ok(()) => Ok(Ok(job)),
            Err(Unkept::Taken(other)) => {
                let taker = match &keys.once {
                    Some(once) => self.taker(once).await?,
                    None => None,
                };
                Ok(Err(if taker == Some(other) { Holder::Once(other) } else { Holder::Unique(other) }))
            }
            Err(unkept) => Err(SubmitError::of(unkept, &keys.name, "")),
        }
    }

    /// Gives a job its keys in memory; or says who has one of them.
    fn claim_here(&self, keys: &Keys, job: &Arc<Job>) -> Option<Holder> {
        let engine = &self.engine;
        let mut unique = lock(engine.unique());
        let mut taken = lock(&engine.taken);
        if let Some(other) = keys.once.as_ref().and_then(|once| taken.get(once)) {
            return Some(Holder::Once(*other));
        }
        if let Some(place) = keys.place() {
            let known = unique.get(&place).and_then(|id| engine.index.get(*id));
            if let Some(known) = known.filter(|known| known.result().is_none()) {
                if keys.conflict != Some(Conflict::Replace) || engine.scribe.is_some() {
                    return Some(Holder::Unique(known.id));
                }
                engine.post(&known, JobEvent::Cancel(REPLACED.to_owned(), None));
            }
            unique.insert(place, job.id);
        }
        if engine.scribe.is_none() {
            taken.extend(keys.once.clone().map(|once| (once, job.id)));
        }
        None
    }

    /// What follows when another has a key: its handle, or a refusal; or nothing, if it was made to give way.
    async fn meet(&self, keys: &Keys, holder: &Holder) -> Result<Option<Arc<Job>>, SubmitError> {
        match (holder, keys.conflict) {
            (Holder::Once(job), None | Some(Conflict::UseExisting)) => {
                self.taken_by(keys, holder, *job).await.map(Some)
            }
            (Holder::Unique(job), Some(Conflict::UseExisting)) => match self.going(keys, holder, *job).await?
            {
                Some(known) if known.result().is_none() => Ok(Some(known)),
                _ => Ok(None),
            },
            (Holder::Unique(job), Some(Conflict::Replace)) => {
                let known = self.going(keys, holder, *job).await.or_else(|error| match error {
                    SubmitError::Duplicate { .. } => Ok(None),
                    error => Err(error),
                })?;
                self.cancel(*job, REPLACED).await;
                if let Some(known) = known {
                    let engine = &self.engine;
                    poll_fn(|context| engine.poll(context, |context| known.poll_result(engine, context)))
                        .await
                        .ok();
                }
                Ok(None)
            }
            _ => Err(keys.duplicate(holder)),
        }
    }

    /// The job that has a unique key, which this process may not have read yet; none if it is over.
    async fn going(&self, keys: &Keys, holder: &Holder, id: JobId) -> Result<Option<Arc<Job>>, SubmitError> {
        if self.engine.index.get(id).is_none() {
            self.engine.wait_until_recovered().await;
        }
        if let Some(known) = self.engine.index.get(id) {
            return Ok(Some(known));
        }
        match self.kept(id).await? {
            Some(kept) if !kept.head.state.is_over() && self.engine.shares_store() => {
                self.engine.follow_kept(&kept).map(Some).map_err(SubmitError::Store)
            }
            // It is parked, or cannot be read.
            Some(kept) if !kept.head.state.is_over() => Err(keys.duplicate(holder)),
            _ => Ok(None),
        }
    }

    /// The job that has taken a key for ever, wherever it is.
    async fn taken_by(&self, keys: &Keys, holder: &Holder, id: JobId) -> Result<Arc<Job>, SubmitError> {
        if let Some(known) = self.engine.index.get(id) {
            return Ok(known);
        }
        let mut kept = self.kept(id).await?;
        if kept.as_ref().is_some_and(|kept| !kept.head.state.is_over()) {
            match self.going(keys, holder, id).await? {
                Some(known) => return Ok(known),
                None => kept = self.kept(id).await?,
            }
        }
        let known = kept.map(|kept| self.engine.remember(&kept)).transpose().map_err(SubmitError::Store)?;
        known.flatten().ok_or_else(|| SubmitError::Forgotten {
            name: keys.name.to_string(),
            key: keys.shown(holder),
            job: id,
        })
    }

    /// A job, as the store has it.
    pub(crate) async fn kept(&self, id: JobId) -> Result<Option<Kept>, SubmitError> {
        let kept = self.engine.ask_store(move |store| store.read(id)).await;
        kept.map(Option::flatten).map_err(SubmitError::Store)
    }
}
