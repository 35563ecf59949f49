//! What must hold of a job that is over, whatever happened to it: told from its journal and its tasks alone.

use std::collections::{HashMap, HashSet};

use workflow_runtime::{
    Fact, JobState, JobStatus, NodeKind, Plan, Record, Registry, TaskId, TaskState, TaskStatus,
};

/// Checks a job that is over.
///
/// # Errors
/// Says which law does not hold, and of which task.
pub fn check_laws(
    registry: &Registry,
    status: &JobStatus,
    journal: &[Record],
    tasks: &[TaskStatus],
) -> Result<(), String> {
    ends_once(status, journal)?;
    outcomes_come_once(journal, tasks)?;
    attempts_are_counted(journal)?;
    nothing_is_lost(tasks)?;
    let Some(workflow) = registry.workflow(&status.name) else { return Ok(()) };
    let story = Story::new(journal, tasks);
    dependencies_come_first(workflow.plan(), &story)?;
    phases_come_in_order(&story)?;
    what_was_done_is_taken_back(workflow.plan(), status, &story)
}

fn ends_once(status: &JobStatus, journal: &[Record]) -> Result<(), String> {
    let ends = |record: &Record| matches!(record.fact, Fact::JobSucceeded { .. } | Fact::JobFailed { .. });
    let count = journal.iter().filter(|record| ends(record)).count();
    if count != 1 || !journal.last().is_some_and(ends) {
        return Err(format!("it is {} and ended {count} times, or went on after that", status.state));
    }
    let sorted = journal.windows(2).skip(1).all(|pair| pair[0].at <= pair[1].at);
    if sorted { Ok(()) } else { Err("time goes back in its journal".to_owned()) }
}

fn outcomes_come_once(journal: &[Record], tasks: &[TaskStatus]) -> Result<(), String> {
    let mut seen = HashSet::new();
    for record in journal {
        if let Fact::Succeeded { task, .. } | Fact::Failed { task, .. } = record.fact
            && !seen.insert(task)
            && tasks.get(task as usize).is_none_or(|task| task.state != TaskState::Failed)
        {
            return Err(format!("task {task} has two outcomes"));
        }
    }
    Ok(())
}

fn attempts_are_counted(journal: &[Record]) -> Result<(), String> {
    let mut last: HashMap<TaskId, u32> = HashMap::new();
    for record in journal {
        if let Fact::Started { task, attempt } = record.fact {
            let before = last.insert(task, attempt).unwrap_or(0);
            if attempt <= before {
                return Err(format!("attempt {attempt} of task {task} follows attempt {before}"));
            }
        }
    }
    Ok(())
}

fn nothing_is_lost(tasks: &[TaskStatus]) -> Result<(), String> {
    match tasks.iter().find(|task| !task.state.is_over() || task.state == TaskState::Compensating) {
        Some(task) => Err(format!("task {} is {} though its job is over", task.path, task.state)),
        None => Ok(()),
    }
}

/// When what happened, by the place in the journal.
struct Story<'a> {
    tasks: &'a [TaskStatus],
    began: HashMap<TaskId, usize>,
    ended: HashMap<TaskId, usize>,
    succeeded: Vec<TaskId>,
    started: Vec<TaskId>,
}

impl<'a> Story<'a> {
    fn new(journal: &[Record], tasks: &'a [TaskStatus]) -> Self {
        let mut story = Self {
            tasks,
            began: HashMap::new(),
            ended: HashMap::new(),
            succeeded: Vec::new(),
            started: Vec::new(),
        };
        for (place, record) in journal.iter().enumerate() {
            match &record.fact {
                Fact::Started { task, .. }
                | Fact::Called { task, .. }
                | Fact::Chose { task, .. }
                | Fact::Fanned { task, .. }
                | Fact::Rounded { task, .. }
                | Fact::Slept { task, .. } => {
                    if story.began.insert(*task, place).is_none() {
                        story.started.push(*task);
                    } else if let Some(first) = story.began.get_mut(task) {
                        *first = place.min(*first);
                    }
                }
                Fact::Succeeded { task, .. } => {
                    story.ended.insert(*task, place);
                    story.succeeded.push(*task);
                }
                Fact::Failed { task, .. } => {
                    story.ended.insert(*task, place);
                }
                _ => {}
            }
        }
        // The first time counts: a later record of the same task may be another round.
        for (place, record) in journal.iter().enumerate().rev() {
            if let Some(task) = record.fact.task()
                && story.began.contains_key(&task)
                && matches!(
                    record.fact,
                    Fact::Started { .. }
                        | Fact::Called { .. }
                        | Fact::Chose { .. }
                        | Fact::Fanned { .. }
                        | Fact::Rounded { .. }
                        | Fact::Slept { .. }
                )
            {
                story.began.insert(task, place);
            }
        }
        story
    }

    fn path(&self, task: TaskId) -> &str {
        self.tasks.get(task as usize).map_or("", |task| task.path.as_str())
    }

    /// When the last of what a path names has ended: the task of that path, and what is inside.
    fn over(&self, path: &str) -> Option<usize> {
        let inside = |other: &str| {
            other == path
                || other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') || rest.starts_with('['))
        };
        let within = self.tasks.iter().filter(|task| inside(&task.path));
        within.filter_map(|task| self.ended.get(&task.id).copied()).max()
    }
}

/// The instance's path without the numbers of elements and rounds: the path of its node.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut within = false;
    for letter in path.chars() {
        match letter {
            '[' => within = true,
            ']' => within = false,
            letter if !within => plain.push(letter),
            _ => {}
        }
    }
    plain
}

fn dependencies_come_first(plan: &Plan, story: &Story<'_>) -> Result<(), String> {
    let nodes: HashMap<&str, u32> =
        (0..).zip(&plan.definition().nodes).map(|(id, node)| (node.path.as_str(), id)).collect();
    for task in story.tasks {
        let (Some(began), Some(node)) = (story.began.get(&task.id), nodes.get(plain(&task.path).as_str()))
        else {
            continue;
        };
        let block = task.path.rsplit_once('/').map_or("", |(block, _)| block);
        for before in plan.graph().predecessors(*node) {
            let name = &plan.node(*before).name;
            let path = if block.is_empty() { name.clone() } else { format!("{block}/{name}") };
            if story.over(&path).is_some_and(|ended| ended > *began) {
                return Err(format!("`{}` began before `{path}` was over", task.path));
            }
        }
    }
    Ok(())
}

fn phases_come_in_order(story: &Story<'_>) -> Result<(), String> {
    let mut phase: Option<&str> = None;
    let mut left: HashSet<&str> = HashSet::new();
    for task in &story.started {
        let Some(task) = story.tasks.get(*task as usize) else { continue };
        if task.path.starts_with("undo/") {
            continue;
        }
        let Some(own) = task.phase.as_deref() else { continue };
        if phase != Some(own) {
            if left.contains(own) {
                return Err(format!("`{}` of phase `{own}` began after that phase was left", task.path));
            }
            left.extend(phase);
            phase = Some(own);
        }
    }
    Ok(())
}

fn what_was_done_is_taken_back(plan: &Plan, status: &JobStatus, story: &Story<'_>) -> Result<(), String> {
    let undone: Vec<&str> = story.tasks.iter().filter_map(|task| task.path.strip_prefix("undo/")).collect();
    if status.state == JobState::Succeeded {
        return match undone.first() {
            Some(path) => Err(format!("`{path}` was taken back though the job succeeded")),
            None => Ok(()),
        };
    }
    let can_be_undone: HashSet<&str> = plan
        .definition()
        .nodes
        .iter()
        .filter(|node| matches!(&node.kind, NodeKind::Step(step) if step.undo.is_some()))
        .map(|node| node.path.as_str())
        .collect();
    let done: Vec<&str> = story
        .succeeded
        .iter()
        .map(|task| story.path(*task))
        .filter(|path| !path.starts_with("undo/") && can_be_undone.contains(plain(path).as_str()))
        .rev()
        .collect();
    if done == undone {
        Ok(())
    } else {
        Err(format!("done, the last first: {done:?}; taken back: {undone:?}"))
    }
}
