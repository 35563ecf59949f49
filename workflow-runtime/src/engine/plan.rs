//! Plans in the store: what jobs were begun under, for programs that mean otherwise.

use std::sync::Arc;

use super::core::Engine;
use super::job::{Job, JobWork};
use super::scribe::Scribe;
use crate::program::Place;
use crate::record::Submission;
use crate::sketch::{Sketch, TOPIC};
use crate::store::{Entry, StoreError};

impl Engine {
    /// Has the plan of what a job runs noted, once, before anything that is written of the job after this: no job is
    /// in the store whose plan is not.
    pub(super) fn keep_plan(&self, job: &Job) {
        let (Some(scribe), Some(place)) = (&self.scribe, self.place_of_work(&job.work)) else { return };
        let at = match place {
            Place::Agent(agent) => agent as usize,
            Place::Workflow(workflow) => self.registry.agents().len() + workflow as usize,
        };
        // Who comes meanwhile waits until it is in the scribe's hands.
        self.kept_plans[at].get_or_init(|| self.write_plan(scribe, place));
    }

    /// Has the plans written once more that may not have been, for their term was over.
    pub(super) fn keep_plans_again(&self) {
        let Some(scribe) = &self.scribe else { return };
        let (agents, workflows) = (self.registry.agents().len(), self.registry.workflows().len());
        let agents = (0..).take(agents).map(Place::Agent);
        let all = agents.chain((0..).take(workflows).map(Place::Workflow));
        for (place, _) in all.zip(&self.kept_plans).filter(|(_, kept)| kept.get().is_some()) {
            self.write_plan(scribe, place);
        }
    }

    fn write_plan(&self, scribe: &Scribe, place: Place) {
        let sketch = place.sketch(&self.registry);
        match serde_json::to_string(&sketch) {
            Ok(text) => {
                let (name, text) = (Arc::from(sketch.means.to_string()), Some(Arc::from(text)));
                let (topic, term) = (Arc::from(TOPIC), scribe.term());
                drop(scribe.write(Entry::Note { topic, name, text, was: Some(0), term }));
            }
            Err(error) => tracing::error!(name = sketch.name, "its plan cannot be written: {error}"),
        }
    }

    /// What a job runs, in the registry.
    pub(super) fn place_of_work(&self, work: &JobWork) -> Option<Place> {
        match work {
            JobWork::Call(place, _) => Some(*place),
            JobWork::Tasks(_) => None,
        }
    }

    /// What a submission asks for, as this program means it, in few words.
    pub(crate) fn own_sketch(&self, submission: &Submission) -> Option<Sketch> {
        let place = self.place_of_work(&self.work_of_submission(submission).ok()?)?;
        Some(place.sketch(&self.registry))
    }

    /// Reads the plans that the store has.
    pub(super) fn learn_plans(&self) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        self.plans.learn(&scribe.store()?.notes(TOPIC)?);
        Ok(())
    }

    /// The same, for one who must not block.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn ask_plans(self: &Arc<Self>) -> Result<(), StoreError> {
        let notes = self.ask_store(|store| store.notes(TOPIC)).await?;
        self.plans.learn(&notes.unwrap_or_default());
        Ok(())
    }
}
