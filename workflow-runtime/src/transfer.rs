//! Jobs that are carried from one runtime, or store, to another.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::engine::{Engine, Unrun};
use crate::fingerprint::Fingerprint;
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::{Fact, Line};
use crate::runtime::Runtime;
use crate::sketch::TOPIC;
#[cfg(feature = "acting")]
use crate::store::Store;
use crate::store::{Entry, Head, StoreError};
use crate::submission::SubmitError;
use crate::upgrade::begin;
use crate::value::Value;

/// The version of the form of an [`Export`]; it is raised when a reader of the old form could misread the new one.
pub const EXPORT_VERSION: u32 = 1;

/// A job with all that is known of it, as JSON: to be looked at, kept, and [imported](Runtime::import) elsewhere.
///
/// It is written by `to_string`, or by serde, and read by `parse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    export: u32,
    head: Head,
    lines: Vec<Line>,
    /// The plans under which it was run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    plans: BTreeMap<Fingerprint, Json>,
}

/// Why a job was not imported.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is not what an export was, or none at all.
    #[error("this is no exported job, or a damaged one: {0}")]
    Damaged(String),
    /// It was exported by a newer version of this library.
    #[error(
        "the job was exported in form {version}, and this program knows {EXPORT_VERSION}; import it with a newer one"
    )]
    Newer {
        /// The version of its form.
        version: u32,
    },
    /// There is a job of this id.
    #[error("there is a job {0} here already")]
    Taken(JobId),
    /// This program could not have written its journal.
    #[error("job {job} does not fit this program: {problem}")]
    Misfit {
        /// The job.
        job: JobId,
        /// The step, and what changed.
        problem: String,
    },
    /// It was not taken in.
    #[error(transparent)]
    NotSubmitted(#[from] SubmitError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Export {
    /// A job as a store has it, which another process may be at work on.
    #[cfg(feature = "acting")]
    pub(crate) fn read(store: &dyn Store, id: JobId) -> Result<Option<Self>, StoreError> {
        let Some(kept) = store.read(id)? else { return Ok(None) };
        let lines = kept.records()?;
        let notes = store.notes(TOPIC)?;
        let text = |plan: Fingerprint| {
            let name = plan.to_string();
            let note = notes.iter().find(|note| *note.name == *name)?;
            Some((plan, serde_json::from_str(&note.text).ok()?))
        };
        let plans = plans_of(&lines).filter_map(text).collect();
        Ok(Some(Self { export: EXPORT_VERSION, head: kept.head, lines, plans }))
    }

    /// What lists show of the job.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Its journal.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Checks what can be told without a program.
    fn check(&self) -> Result<(), ImportError> {
        if self.export > EXPORT_VERSION {
            return Err(ImportError::Newer { version: self.export });
        }
        let damaged = |what: String| Err(ImportError::Damaged(what));
        match begin(&self.lines) {
            Err(unfit) => damaged(unfit.to_string()),
            Ok((submission, _)) if submission.id != self.head.id => {
                damaged(format!("its head is of job {}, its journal of {}", self.head.id, submission.id))
            }
            Ok((_, lines)) => {
                let is_end = |line: &Line| {
                    matches!(line.record.fact, Fact::JobSucceeded { .. } | Fact::JobFailed { .. })
                };
                let is_over = lines.last().is_some_and(is_end);
                match is_over == self.head.state.is_over() {
                    true => Ok(()),
                    false => damaged(format!("its head says {}, and its journal does not", self.head.state)),
                }
            }
        }
    }
}

/// The plans under which a job was run.
fn plans_of(lines: &[Line]) -> impl Iterator<Item = Fingerprint> {
    lines.iter().filter_map(|line| match &line.record.fact {
        Fact::Submitted { submission } => submission.options.plan,
        Fact::Replanned { plan } => Some(*plan),
        _ => None,
    })
}

impl fmt::Display for Export {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Export {
    type Err = ImportError;

    fn from_str(text: &str) -> Result<Self, ImportError> {
        #[derive(Deserialize)]
        struct Form {
            export: u32,
        }
        let damaged = |error: serde_json::Error| ImportError::Damaged(error.to_string());
        let Form { export } = serde_json::from_str(text).map_err(damaged)?;
        if export > EXPORT_VERSION {
            return Err(ImportError::Newer { version: export });
        }
        let export: Self = serde_json::from_str(text).map_err(damaged)?;
        export.check().map(|()| export)
    }
}

impl Runtime {
    /// A job with its journal, so that it can be looked at and carried elsewhere; none if there is no such job. It stays
    /// where it is.
    ///
    /// # Errors
    /// When the store cannot be read, or what it has of the job cannot be.
    pub async fn export(&self, id: JobId) -> Result<Option<Export>, StoreError> {
        let engine = &self.engine;
        let (head, lines) = if engine.scribe.is_some() {
            let kept = engine.ask_store(move |store| store.read(id)).await?.flatten();
            let Some(kept) = kept else { return Ok(None) };
            engine.ask_plans().await?;
            (kept.head.clone(), kept.records()?)
        } else {
            let Some(job) = engine.index.get(id) else { return Ok(None) };
            (engine.head(&job), engine.lines(&job))
        };
        let plans =
            plans_of(&lines).filter_map(|plan| Some((plan, engine.plan_text(&lines, plan)?))).collect();
        Ok(Some(Export { export: EXPORT_VERSION, head, lines, plans }))
    }

    /// Takes in a job that was exported elsewhere, under its own id: one that is over is kept as history, and can be
    /// fetched and run again; any other goes on from where its journal ends. It must not run elsewhere any more: cancel
    /// it there.
    ///
    /// Child jobs are exported and imported by themselves, before those that wait for them. Those that are not here
    /// are started anew.
    ///
    /// # Errors
    /// When it is damaged, of a newer version, does not fit this program, or when there is a job of its id.
    pub async fn import(&self, export: Export) -> Result<JobHandle<Json>, ImportError> {
        export.check()?;
        let (engine, id) = (&self.engine, export.head.id);
        let is_there = engine.ask_store(move |store| store.read(id)).await?.flatten().is_some();
        if is_there || engine.index.get(id).is_some() {
            return Err(ImportError::Taken(id));
        }
        engine.note_plans(&export.plans);
        match engine.begin_from(&export.lines, None).await {
            Ok(job) => Ok(JobHandle::new(Arc::clone(engine), job, Value::json)),
            Err(Unrun::Misfit(unfit)) => Err(ImportError::Misfit { job: id, problem: unfit.to_string() }),
            Err(Unrun::Unwritable(problem)) => Err(ImportError::Damaged(problem)),
            Err(Unrun::Unkept(unkept)) => Err(SubmitError::of(unkept, &export.head.name, "").into()),
        }
    }
}

impl Engine {
    /// A plan under which a job was run.
    fn plan_text(&self, lines: &[Line], plan: Fingerprint) -> Option<Json> {
        if let Some(text) = self.plans.text(plan) {
            return serde_json::from_str(&text).ok();
        }
        let sketch = self.own_sketch(begin(lines).ok()?.0).filter(|sketch| sketch.means == plan);
        serde_json::to_value(sketch?).ok()
    }

    /// Takes in plans from elsewhere, and has them noted.
    fn note_plans(&self, plans: &BTreeMap<Fingerprint, Json>) {
        let texts = plans.iter().map(|(plan, sketch)| (*plan, Arc::<str>::from(sketch.to_string())));
        let texts: Vec<(Fingerprint, Arc<str>)> = texts.collect();
        self.plans.add(texts.iter().cloned());
        let Some(scribe) = &self.scribe else { return };
        let entries = texts.into_iter().map(|(plan, text)| {
            let (topic, name) = (Arc::from(TOPIC), Arc::from(plan.to_string()));
            Entry::Note { topic, name, text: Some(text), was: Some(0), term: scribe.term() }
        });
        // What is written of the job comes after it.
        drop(scribe.write_all(entries.collect()));
    }
}
