//! The book: every task of a manager, by its id, and every job that was started.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;
use tokio::sync::oneshot::{self, Receiver};

use super::entry::{Entry, Mark};
use super::run::{Run, Terms};
use super::task::{Task, TaskOutput, TaskStatus};
use crate::engine::Outside;
use crate::record::{After, Spawn, TaskId};
use crate::state::TaskState;
use crate::value::Value;

/// Every task of a manager, and every job that was started.
///
/// What the engine has of a task is asked of the engine, each time: nothing here follows it.
#[derive(Debug, Default)]
pub(super) struct Book {
    tasks: HashMap<String, Entry>,
    pub(super) runs: HashMap<String, Run>,
    /// Ids that were named as dependencies before there were such tasks. Only these can close a cycle when
    /// they come.
    awaited: HashSet<String>,
    count: u64,
}

impl Book {
    /// Writes a task down.
    pub(super) fn add(&mut self, task: Task) -> Result<()> {
        let Task { job_id, task_id, dependencies, .. } = &task;
        ensure!(!job_id.is_empty(), "a task needs a job: the job's id is empty");
        ensure!(!task_id.is_empty(), "a task needs an id: it is empty");
        ensure!(!self.tasks.contains_key(task_id), "there is a task `{task_id}` already");
        let closes = dependencies.contains(task_id) || self.awaited.contains(task_id);
        if closes && let Some(from) = dependencies.iter().find(|from| self.waits_for(from, task_id)) {
            bail!("task `{task_id}` would wait for itself, by way of `{from}`");
        }
        dependencies.iter().try_for_each(|earlier| self.check_job(task_id, job_id, earlier))?;
        if let Some(run) = self.going(job_id) {
            run.check(&task)?;
        }
        self.awaited.remove(task_id);
        let unknown = dependencies.iter().filter(|id| !self.tasks.contains_key(*id));
        self.awaited.extend(unknown.cloned());
        self.count += 1;
        self.tasks.insert(task.task_id.clone(), Entry::new(task, self.count));
        Ok(())
    }

    /// Whether one task waits for another, however far away; or is it.
    fn waits_for(&self, from: &str, to: &str) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            if id == to {
                return true;
            }
            if seen.insert(id)
                && let Some(entry) = self.tasks.get(id)
            {
                open.extend(entry.task.dependencies.iter().map(String::as_str));
            }
        }
        false
    }

    /// Forgets tasks that the engine never had.
    pub(super) fn forget(&mut self, ids: &[String]) {
        for id in ids {
            if self.tasks.get(id).is_some_and(|entry| !entry.handed) {
                self.tasks.remove(id);
            }
        }
    }

    pub(super) fn entry(&mut self, id: &str) -> Result<&mut Entry> {
        self.tasks.get_mut(id).with_context(|| format!("there is no task `{id}`"))
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.tasks.contains_key(id)
    }

    /// The job that a task belongs to.
    pub(super) fn job_of(&self, id: &str) -> Option<&str> {
        self.tasks.get(id).map(|entry| entry.task.job_id.as_str())
    }

    /// Refuses a dependency that would never be told of: jobs know nothing of one another.
    fn check_job(&self, id: &str, job: &str, earlier: &str) -> Result<()> {
        let other = self.job_of(earlier).filter(|other| *other != job);
        let is_done = || self.seen(earlier).is_some_and(|task| task.status.is_done());
        if let Some(other) = other.filter(|_| !is_done()) {
            bail!("task `{id}` cannot wait for `{earlier}`, which is of job `{other}` and not done");
        }
        Ok(())
    }

    /// A task that is to be changed: the engine has it only as long as its job runs.
    pub(super) fn settled(&mut self, id: &str) -> Result<&mut Entry> {
        let Book { tasks, runs, .. } = self;
        let entry = tasks.get_mut(id).with_context(|| format!("there is no task `{id}`"))?;
        let run = runs.get(&entry.task.job_id);
        if entry.handed && run.is_none_or(|run| !run.is_going()) {
            let sighting = entry.sighting(run);
            entry.settle(sighting.as_ref());
        }
        Ok(entry)
    }

    /// The job, if it runs.
    pub(super) fn going(&self, job: &str) -> Option<&Run> {
        self.runs.get(job).filter(|run| run.is_going())
    }

    /// A task as it stands.
    pub(super) fn seen(&self, id: &str) -> Option<Task> {
        let entry = self.tasks.get(id)?;
        let sighting = entry.sighting(self.runs.get(&entry.task.job_id));
        Some(entry.seen(sighting.as_ref()))
    }

    /// The tasks that a filter lets through, as they stand, in the order in which they were added.
    pub(super) fn select(&self, lets: impl Fn(&Entry) -> bool) -> Vec<Task> {
        let mut found: Vec<&Entry> = self.tasks.values().filter(|entry| lets(entry)).collect();
        found.sort_unstable_by_key(|entry| entry.number);
        let mut sightings = HashMap::new();
        let see = |entry: &Entry| {
            let job = entry.task.job_id.as_str();
            let sighting = self.runs.get(job).filter(|_| entry.handed).and_then(|run| {
                let all = sightings.entry(run.handle.id()).or_insert_with(|| run.handle.job.sightings());
                all.get(entry.task.task_id.as_str())
            });
            entry.seen(sighting)
        };
        found.into_iter().map(see).collect()
    }

    pub(super) fn of_job(&self, job: &str) -> Vec<Task> {
        self.select(|entry| entry.task.job_id == job)
    }

    /// Makes a task wait for another.
    pub(super) fn tie(&mut self, id: &str, earlier: &str) -> Result<()> {
        ensure!(self.has(earlier), "there is no task `{earlier}`");
        let cycle = self.waits_for(earlier, id);
        self.check_job(id, self.job_of(id).unwrap_or_default(), earlier)?;
        let entry = self.settled(id)?;
        ensure!(!cycle, "task `{id}` cannot wait for `{earlier}`, which waits for it");
        ensure!(
            !entry.handed,
            "task `{id}` was handed to the engine with its dependencies: name them when it is added"
        );
        if !entry.task.dependencies.iter().any(|known| known == earlier) {
            entry.task.dependencies.push(earlier.to_owned());
            entry.touch();
        }
        Ok(())
    }

    /// Takes back the tasks of a job that is over, or that never ran; gives those that may run, in order.
    pub(super) fn take_back(&mut self, job: &str) -> Vec<String> {
        let run = self.runs.get(job);
        let sightings = run.map(|run| run.handle.job.sightings()).unwrap_or_default();
        let mut own: Vec<&mut Entry> =
            self.tasks.values_mut().filter(|entry| entry.task.job_id == job).collect();
        own.sort_unstable_by_key(|entry| entry.number);
        for entry in &mut own {
            let sighting = sightings.get(entry.task.task_id.as_str()).filter(|_| entry.handed);
            entry.take_back(sighting);
        }
        let pending = own.into_iter().filter(|entry| entry.task.status == TaskStatus::Pending);
        pending.map(|entry| entry.task.task_id.clone()).collect()
    }

    /// What a new job of the engine begins with, of these tasks; and those that must wait.
    pub(super) fn spawns(&mut self, candidates: Vec<String>, terms: &Terms) -> (Vec<Spawn>, Vec<String>) {
        let (order, parked) = self.order(candidates);
        let ids: HashMap<&str, TaskId> = order.iter().map(String::as_str).zip(0..).collect();
        let mut spawns = Vec::with_capacity(order.len());
        for id in &order {
            let Some(entry) = self.tasks.get_mut(id) else { continue };
            entry.handed = true;
            let mut spawn = terms.spawn(&entry.task);
            let earlier = entry.task.dependencies.iter().filter_map(|id| ids.get(id.as_str()));
            spawn.after = earlier.map(|task| After { task: *task, soft: false }).collect();
            spawns.push(spawn);
        }
        (spawns, parked)
    }

    /// Hands tasks to the engine's job, if it runs, and those that waited for them. Gives what says that it
    /// has them.
    pub(super) fn hand(&mut self, job: &str, new: Vec<String>) -> Option<Receiver<()>> {
        let run = self.runs.get_mut(job).filter(|run| run.is_going())?;
        let mut candidates = std::mem::take(&mut run.parked);
        candidates.extend(new);
        let (order, mut parked) = self.order(candidates);
        for id in order {
            let Some(Entry { task, .. }) = self.tasks.get(&id) else { continue };
            let has = |earlier: &&String| self.tasks.get(*earlier).is_some_and(|entry| entry.handed);
            let after = task.dependencies.iter().filter(has).map(|id| Arc::from(id.as_str())).collect();
            let taken = self.runs.get(job).is_some_and(|run| run.hand(task, after));
            match self.tasks.get_mut(&id) {
                Some(entry) if taken => entry.handed = true,
                _ => parked.push(id),
            }
        }
        let run = self.runs.get_mut(job)?;
        run.parked = parked;
        let (tell, told) = oneshot::channel();
        run.tell(Outside::Told(tell)).then_some(told)
    }

    /// Splits tasks into those that the engine can have, each after those it waits for, and the others.
    fn order(&self, candidates: Vec<String>) -> (Vec<String>, Vec<String>) {
        let is_free = |id: &String| {
            let free = |entry: &Entry| !entry.handed && entry.task.status == TaskStatus::Pending;
            self.tasks.get(id).is_some_and(free)
        };
        let candidates: Vec<String> = candidates.into_iter().filter(is_free).collect();
        let mut open: HashMap<&str, usize> = HashMap::new();
        let mut followers: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut ready = VecDeque::new();
        for id in &candidates {
            let Some(entry) = self.tasks.get(id) else { continue };
            let missing = entry.task.dependencies.iter().filter(|earlier| !self.is_met(earlier, entry));
            let mut count = 0;
            for earlier in missing {
                count += 1;
                followers.entry(earlier).or_default().push(id);
            }
            match count {
                0 => ready.push_back(id.as_str()),
                count => drop(open.insert(id, count)),
            }
        }
        let mut order = Vec::new();
        while let Some(id) = ready.pop_front() {
            order.push(id.to_owned());
            for follower in followers.get(id).into_iter().flatten() {
                if let Some(count) = open.get_mut(follower) {
                    *count -= 1;
                    if *count == 0 {
                        open.remove(follower);
                        ready.push_back(follower);
                    }
                }
            }
        }
        let parked = candidates.iter().filter(|id| open.contains_key(id.as_str())).cloned().collect();
        (order, parked)
    }

    /// Whether the engine need not wait for a task, or can see to it itself.
    fn is_met(&self, id: &str, of: &Entry) -> bool {
        let Some(entry) = self.tasks.get(id) else { return false };
        if entry.handed && entry.task.job_id == of.task.job_id {
            return true;
        }
        let status = self.seen(id).map(|task| task.status);
        status.is_some_and(|status| status.is_done() || status == TaskStatus::Rejected)
    }

    /// Says by hand where a task stands, and what it gave.
    pub(super) fn mark(&mut self, id: &str, status: TaskStatus, output: Option<TaskOutput>) -> Result<()> {
        let Book { tasks, runs, .. } = self;
        let entry = tasks.get_mut(id).with_context(|| format!("there is no task `{id}`"))?;
        let job = entry.task.job_id.clone();
        entry.touch();
        if !entry.handed {
            entry.task.status = status;
            if let Some(output) = output {
                entry.task.output = output;
            }
            self.hand(&job, Vec::new());
            return Ok(());
        }
        let run = runs.get(&job);
        let at = entry.sighting(run).map(|sighting| sighting.state);
        if let (Some(run), true) = (run, status.is_done()) {
            let data = output.as_ref().and_then(|output| output.data.clone()).unwrap_or(Json::Null);
            run.tell(Outside::Done { key: Arc::from(id), output: Value::from(data) });
        }
        entry.mark = Some(Mark { status, output, at });
        Ok(())
    }

    /// Whether somebody has said by hand that a task failed, while this attempt of it ran.
    pub(super) fn take_failure(&mut self, id: &str) -> bool {
        let failed =
            |mark: &mut Mark| mark.status == TaskStatus::Failed && mark.at == Some(TaskState::Running);
        self.tasks.get_mut(id).is_some_and(|entry| entry.mark.take_if(failed).is_some())
    }

    /// Takes in what a store has kept; what is there by now stays.
    pub(super) fn refill(&mut self, kept: Vec<Task>) -> Result<()> {
        for mut task in kept {
            if self.has(&task.task_id) || self.going(&task.job_id).is_some() {
                continue;
            }
            if task.status == TaskStatus::InProgress {
                // Whoever was at it is gone.
                task.status = TaskStatus::Pending;
            }
            self.add(task)?;
        }
        Ok(())
    }
}
