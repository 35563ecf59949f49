//! What a job's driver does when the job's lock is free again.

use std::sync::Arc;
use std::task::Waker;

use super::core::Engine;
use super::drive::{Effects, HookCall};
use super::event::{Answer, Placed};
use super::gate::GateKey;
use super::job::Job;
use super::queue::{Entry, WHOLE};
use crate::hook::Outcome;
use crate::panics::caught;
use crate::record::TaskId;

impl Engine {
    /// Does what had to wait until the job's lock was free.
    pub(super) fn carry_out(
        self: &Arc<Self>,
        job: &Arc<Job>,
        effects: &mut Effects,
        granted: &mut Vec<Entry>,
    ) {
        for (record, step) in effects.records.drain(..) {
            self.publish(job, &record, step);
        }
        granted.append(&mut effects.granted);
        for entry in effects.returning.drain(..) {
            self.come_back(entry, granted);
        }
        for (attempt, kind, why) in effects.stops.drain(..) {
            attempt.tell(kind, why);
        }
        for call in effects.hooks.drain(..) {
            self.call_hook(job, &call);
        }
        for placed in effects.unwanted.drain(..) {
            self.give_back(job, placed, granted);
        }
        if std::mem::take(&mut effects.enqueue) {
            self.enqueue(job);
        }
        for child in effects.children.drain(..) {
            match &self.scribe {
                None => match self.take_in(&child) {
                    Ok(()) => self.let_go(&child, None),
                    Err(why) => self.refuse_child(&child, &why),
                },
                Some(_) => self.begin_written(&child),
            }
        }
        if let Some(records) = effects.over.take() {
            self.index.over(job.id, records);
            self.look_for_more();
            if let Some(key) = &job.options().unique {
                self.forget_unique(&self.name_of(job), key, job.id);
            }
            if let Some(tick) = &job.options().tick {
                self.run_over(&tick.schedule);
            }
        }
        for (id, event) in effects.posts.drain(..) {
            match (self.index.get(id), event) {
                (Some(other), event) => _ = self.post(&other, event),
                (None, event) if self.elsewhere.is_called(id) && !self.is_parked(id) => {
                    event.said().into_iter().for_each(|said| self.say_by_and_by(id, said));
                }
                (None, _) => {}
            }
        }
        effects.wakers.drain(..).for_each(Waker::wake);
        if let Some(result) = effects.result.take() {
            for callback in effects.callbacks.drain(..) {
                super::glance::caught_result(job.id, callback, &result);
            }
        }
        if let Some(scribe) = &self.scribe {
            effects.take_replies(job).into_iter().for_each(|reply| drop(scribe.write(reply)));
        }
        effects.answers.drain(..).for_each(Answer::give);
        effects.gone = None;
    }

    /// A place is not needed any more: others have it.
    pub(super) fn give_back(self: &Arc<Self>, job: &Arc<Job>, placed: Placed, granted: &mut Vec<Entry>) {
        granted.extend(self.queue_at(placed.queue).release());
        if placed.returning {
            self.reopen(job, placed.task, granted);
        }
    }

    /// One who waited at a gate goes back into its queue, where it is among the first.
    pub(super) fn come_back(self: &Arc<Self>, entry: Entry, granted: &mut Vec<Entry>) {
        granted.extend(self.queue_at(entry.queue).wait(entry));
    }

    /// A moment has come at which a gate may open.
    pub(super) fn open_gate(self: &Arc<Self>, key: &GateKey) {
        if let Some(entry) = self.gates.open(key) {
            let mut granted = Vec::new();
            self.come_back(entry, &mut granted);
            granted.into_iter().for_each(|entry| self.grant(entry));
        } else if self.shares_store() {
            self.ask_at_gates();
        }
    }

    /// One who waited at a gate came back and does not want to pass any more: the next may try.
    pub(super) fn reopen(self: &Arc<Self>, job: &Arc<Job>, task: TaskId, granted: &mut Vec<Entry>) {
        let asks = {
            let inner = job.lock();
            let machine = inner.live_ref().and_then(|live| live.machine.as_ref());
            match machine {
                _ if task == WHOLE => self.asks_of_job(job),
                Some(machine) => {
                    self.callee(job, machine, task).map(|callee| self.asks(job, &callee)).unwrap_or_default()
                }
                None => Vec::new(),
            }
        };
        for entry in asks.iter().filter_map(|ask| self.gates.next_at(&ask.key)) {
            self.come_back(entry, granted);
        }
    }

    fn call_hook(&self, job: &Job, call: &HookCall) {
        let id = job.id.to_string();
        let agent = self.agent(call.agent).name();
        let json;
        let error;
        let result = match &call.result {
            Ok(value) => match value.json() {
                Ok(value) => {
                    json = value;
                    Ok(&json)
                }
                Err(_) => return,
            },
            Err(failure) => {
                error = crate::error::AgentError::retry(failure.clone());
                Err(&error)
            }
        };
        let outcome = Outcome::new(agent, &id, &call.step, call.attempt, result);
        let told = caught(|| (call.hook)(&outcome));
        let wrong = match told {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic,
        };
        tracing::warn!(job = %id, step = call.step, agent, "a hook failed, which changes nothing: {wrong}");
    }
}
