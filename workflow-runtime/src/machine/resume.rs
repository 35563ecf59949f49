//! A journal, folded by a program that may not be the one that wrote it. Tasks are found by the paths of their steps:
//! their numbers say nothing in another program.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::illegal::Illegal;
use super::job::{Machine, Shape};
use super::state::{Kind, NONE};
use crate::fingerprint::Fingerprint;
use crate::record::{Fact, JobOptions, Line, Record, TaskId};
use crate::sketch::Changes;
use crate::state::TaskState;

/// Why a program cannot go on with a job: it could not have written its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// The step, by its path; none if it is about the job as a whole.
    pub(crate) step: Option<String>,
    /// What is not as it was.
    pub(crate) change: String,
}

impl Unfit {
    /// Something is wrong with the job as a whole.
    pub(crate) fn whole(change: impl Into<String>) -> Self {
        Self { step: None, change: change.into() }
    }

    fn step(step: &str, change: impl Into<String>) -> Self {
        Self { step: Some(step.to_owned()), change: change.into() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(out, "step `{step}`: {}", self.change),
            None => out.write_str(&self.change),
        }
    }
}

/// A job as its journal leaves it.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) machine: Machine,
    /// The records, with this program's numbers of tasks; without the first.
    pub(crate) records: Vec<Record>,
    /// Under which plan it was last.
    pub(crate) plan: Option<Fingerprint>,
}

/// What changed since a plan; or why that cannot be told.
pub(crate) type Compare<'a> = &'a dyn Fn(Fingerprint) -> Result<Arc<Changes>, Unfit>;

/// Folds a journal, of which the first line is left out.
///
/// # Errors
/// When this program could not have written it.
pub(crate) fn resume(
    shape: Shape,
    options: &JobOptions,
    lines: &[Line],
    compare: Compare<'_>,
) -> Result<Resumed, Unfit> {
    let changes = options.plan.map(compare).transpose()?.unwrap_or_default();
    let machine = Machine::new(shape, options);
    let mut fold = Fold { machine, changes, names: Names::default(), has_moved: false };
    let mut resumed = Vec::with_capacity(lines.len());
    let mut plan = options.plan;
    for line in lines {
        if let Fact::Replanned { plan: next } = line.record.fact {
            fold.changes = compare(next)?;
            plan = Some(next);
        }
        resumed.push(fold.take(line)?);
    }
    // What was commanded while it was folded is asked for again, from where it stands.
    while fold.machine.command().is_some() {}
    fold.machine.leave_out_the_rest();
    Ok(Resumed { machine: fold.machine, records: resumed, plan })
}

struct Fold {
    machine: Machine,
    changes: Arc<Changes>,
    names: Names,
    /// Some task has another number than in the program that wrote the journal.
    has_moved: bool,
}

impl Fold {
    /// Folds a line; gives its record, with this program's numbers.
    fn take(&mut self, line: &Line) -> Result<Record, Unfit> {
        self.compare(line)?;
        let mut record = line.record.clone();
        let task = record.fact.in_line().map(|task| self.find(task, line.step.as_deref())).transpose()?;
        task.into_iter().for_each(|task| record.fact.renumber(task));
        if let Fact::Spawned { spawn, .. } = &mut record.fact {
            for (after, path) in Arc::make_mut(spawn).after.iter_mut().zip(&line.after) {
                after.task = self.find(after.task, Some(path))?;
            }
        }
        self.must_have_started(task, &record.fact, line.step.as_deref())?;
        let folded = self.machine.apply(&record);
        folded.map_err(|illegal| self.refused(&illegal, task, line.step.as_deref()))?;
        Ok(record)
    }

    /// What this program would not have started yet cannot have begun.
    fn must_have_started(&self, task: Option<TaskId>, fact: &Fact, step: Option<&str>) -> Result<(), Unfit> {
        let Some((id, task)) = task.and_then(|id| Some((id, self.machine.task(id)?))) else { return Ok(()) };
        let waits = task.state == TaskState::Pending && !matches!(task.kind, Kind::Made | Kind::Undo);
        if !waits || matches!(fact, Fact::Given { .. }) {
            return Ok(());
        }
        let step = step.map_or_else(|| self.machine.path(id), str::to_owned);
        let before = self.machine.waits_for(id).into_iter().map(|task| self.machine.path(task));
        Err(self.comes_first(&step, before.collect()))
    }

    /// What a line is about must mean what it meant when the line was written.
    fn compare(&self, line: &Line) -> Result<(), Unfit> {
        let is_outside = matches!(
            line.record.fact,
            Fact::Replanned { .. }
                | Fact::Paused
                | Fact::Resumed
                | Fact::Stopped { .. }
                | Fact::JobFailed { .. }
        );
        if let Some(change) = self.changes.whole.as_ref().filter(|_| !is_outside) {
            return Err(Unfit::whole(change));
        }
        if let Fact::Signalled { event, .. } = &line.record.fact {
            let gone = || {
                let program = self.machine.program();
                let awaits = program.is_none_or(|program| program.event(event).is_some());
                (!awaits).then(|| "nothing awaits it in this program".to_owned())
            };
            if let Some(change) = self.changes.events.get(&**event).cloned().or_else(gone) {
                return Err(Unfit::whole(format!("event `{event}`: {change}")));
            }
        }
        let Some(step) = line.step.as_deref().filter(|_| !self.changes.steps.is_empty()) else {
            return Ok(());
        };
        let plain = plain(step);
        let undone = plain.strip_prefix("undo/");
        let change = std::iter::once(&*plain).chain(undone).find_map(|path| self.changes.steps.get(path));
        change.map_or(Ok(()), |change| Err(Unfit::step(step, change)))
    }

    /// The task that a line is about.
    fn find(&mut self, written: TaskId, step: Option<&str>) -> Result<TaskId, Unfit> {
        let Some(step) = step else {
            return match self.has_moved {
                false => Ok(written),
                true => {
                    Err(Unfit::whole("a record does not say which step it is about, and steps have moved"))
                }
            };
        };
        if self.machine.path(written) == step {
            return Ok(written);
        }
        self.has_moved = true;
        let found = self.names.find(&self.machine, step);
        let found = found.or_else(|| {
            self.open_up(step);
            self.names.find(&self.machine, step)
        });
        found.ok_or_else(|| self.missing(step))
    }

    /// Elements of a `for` at which more were at work at once than this program would let.
    fn open_up(&mut self, step: &str) {
        for (start, _) in step.match_indices('[') {
            let index = step[start + 1..].split(']').next().and_then(|index| index.parse::<usize>().ok());
            let form = self.names.find(&self.machine, &step[..start]);
            if let (Some(index), Some(form)) = (index, form) {
                self.machine.start_elements_up_to(form, index);
            }
        }
    }

    /// Why a step that had begun has no task.
    fn missing(&self, step: &str) -> Unfit {
        let Some(program) = self.machine.program() else {
            return Unfit::step(step, "the job has no such task");
        };
        let plain = plain(step);
        let nodes = &program.plan.definition().nodes;
        let undone = plain.strip_prefix("undo/");
        if !nodes.iter().any(|node| *node.path == *plain || Some(&*node.path) == undone) {
            return Unfit::step(step, "it is not in this program");
        }
        let open = self.machine.open_tasks_of_phase();
        self.comes_first(step, open.into_iter().map(|task| self.machine.path(task)).collect())
    }

    /// Why a line was refused.
    fn refused(&self, illegal: &Illegal, task: Option<TaskId>, step: Option<&str>) -> Unfit {
        let path = task.map(|task| self.machine.path(task));
        match step.or(path.as_deref()) {
            Some(step) => Unfit::step(step, format!("its records do not fit this program: {illegal}")),
            None => Unfit::whole(illegal.to_string()),
        }
    }

    /// Other steps, none of which was over, come before it.
    fn comes_first(&self, step: &str, others: Vec<String>) -> Unfit {
        let added = others.iter().find(|other| self.changes.added.contains(&*plain(other)));
        match (added, others.first()) {
            (Some(added), _) => {
                Unfit::step(step, format!("it had begun, and step `{added}` was added before it"))
            }
            (None, Some(other)) => Unfit::step(
                step,
                format!("it had begun, and comes after step `{other}` now, which was not over"),
            ),
            (None, None) => Unfit::step(step, "it had begun, and does not come then in this program"),
        }
    }
}

/// The tasks by their paths, as far as they were looked for.
#[derive(Default)]
struct Names {
    by_path: HashMap<String, TaskId>,
    seen: usize,
}

impl Names {
    fn find(&mut self, machine: &Machine, path: &str) -> Option<TaskId> {
        let new = (0..).zip(machine.tasks()).skip(self.seen).map(|(id, _)| (machine.path(id), id));
        self.by_path.extend(new);
        self.seen = machine.tasks().len();
        self.by_path.get(path).copied()
    }
}

/// The path of a task's node: without the numbers of elements and rounds.
fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(start) = rest.find('[') {
        let (before, from) = rest.split_at(start);
        let end =
            from.find(']').filter(|end| *end > 1 && from[1..*end].bytes().all(|byte| byte.is_ascii_digit()));
        plain.push_str(before);
        let kept = if end.is_none() { 1 } else { 0 };
        plain.push_str(&from[..kept]);
        rest = &from[end.map_or(1, |end| end + 1)..];
    }
    plain + rest
}

impl Machine {
    /// The tasks of the phase that are not over, those first that nothing has happened to.
    fn open_tasks_of_phase(&self) -> Vec<TaskId> {
        let run = self.blocks.iter().rev().find(|run| run.form == NONE);
        let all = run.map_or(0..0, |run| run.first..run.first + run.count);
        let mut open: Vec<TaskId> = all.filter(|id| !self.tasks[*id as usize].state.is_over()).collect();
        open.sort_by_key(|id| self.tasks[*id as usize].attempt > 0);
        open
    }

    /// The tasks that are not over and that a task waits for.
    fn waits_for(&self, id: TaskId) -> Vec<TaskId> {
        let (Some(task), Some(program)) = (self.task(id), self.program()) else { return Vec::new() };
        if matches!(task.kind, Kind::Made | Kind::Undo) {
            return Vec::new();
        }
        let first = self.blocks[task.place as usize].first;
        let before = program.plan.graph().predecessors(task.source);
        let before = before.iter().map(|node| first + program.node(*node).local);
        before.filter(|id| !self.tasks[*id as usize].state.is_over()).collect()
    }

    /// Of a job that is over: steps that this program has and that it never came to.
    fn leave_out_the_rest(&mut self) {
        let is_over = self.state.is_over();
        for task in self.tasks.iter_mut().filter(|task| is_over && !task.state.is_over()) {
            task.state = TaskState::Skipped;
        }
    }

    /// Whether a task that code made and that is not over calls what nobody knows.
    pub(crate) fn calls_nothing(&self, is_there: impl Fn(&crate::record::Target) -> bool) -> Option<Unfit> {
        let made =
            (0..).zip(&self.tasks).filter(|(_, task)| task.kind == Kind::Made && !task.state.is_over());
        let mut calls = made.filter_map(|(id, _)| Some((id, &self.spawn(id)?.callee)));
        let (id, callee) = calls.find(|(_, callee)| !is_there(callee))?;
        Some(Unfit::step(&self.path(id), format!("there is no `{}` in this program", callee.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_path_without_numbers_is_that_of_the_node() {
        assert_eq!(plain("a/then/b"), "a/then/b");
        assert_eq!(plain("a[3]/b[12]/c"), "a/b/c");
        assert_eq!(plain("a[x]/b[]/c["), "a[x]/b[]/c[");
    }
}
