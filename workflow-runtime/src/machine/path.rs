//! What tasks are called: the paths that people see.

use std::fmt::Write as _;
use std::sync::Arc;

use super::job::Machine;
use super::state::{Kind, NONE, Task};
use crate::definition::{Arm, Block, NodeKind, Place};
use crate::record::{Fact, TaskId};

impl Machine {
    /// The task's path: `review/then/checked`, `vectors[3]/embed`, `plan/fetch-1`.
    pub(crate) fn path(&self, id: TaskId) -> String {
        let mut path = String::new();
        self.write_path(id, &mut path);
        path
    }

    /// The paths that stand in a record's line: of the task that it is about, or that made that one; and of those that it
    /// waits for.
    pub(crate) fn paths_of(&self, fact: &Fact) -> (Option<String>, Vec<Arc<str>>) {
        let after = match fact {
            Fact::Spawned { spawn, .. } => {
                spawn.after.iter().map(|after| self.path(after.task).into()).collect()
            }
            _ => Vec::new(),
        };
        (fact.in_line().map(|task| self.path(task)), after)
    }

    fn write_path(&self, id: TaskId, path: &mut String) {
        let Some(task) = self.task(id) else { return };
        match task.kind {
            Kind::Undo => {
                path.push_str("undo/");
                self.write_path(task.source, path);
            }
            Kind::Made => self.write_made(id, task, path),
            _ => self.write_node(task, path),
        }
    }

    fn write_made(&self, id: TaskId, task: &Task, path: &mut String) {
        if task.place != NONE {
            self.write_path(task.place, path);
            path.push('/');
        }
        let spawn = self.spawn(id);
        let alone = self.tasks_given.is_none() && id == 0;
        let _ = match spawn.map(|spawn| (&spawn.key, &spawn.callee.name)) {
            Some((Some(key), _)) => write!(path, "{key}"),
            Some((None, name)) if alone => write!(path, "{name}"),
            Some((None, name)) => write!(path, "{name}-{id}"),
            None => Ok(()),
        };
    }

    fn write_node(&self, task: &Task, path: &mut String) {
        let (Some(program), Some(run)) = (self.program(), self.blocks.get(task.place as usize)) else {
            return;
        };
        if run.form != NONE {
            self.write_path(run.form, path);
            if let Block::Inside(Place { node, arm }) = run.block {
                let _ = match (arm, &program.plan.node(node).kind) {
                    (Arm::Body, NodeKind::For { .. } | NodeKind::Repeat { .. }) => {
                        write!(path, "[{}]", run.index)
                    }
                    (arm, _) => write!(path, "/{}", arm.name()),
                };
            }
            path.push('/');
        }
        path.push_str(&program.plan.node(task.source).name);
    }

    /// The phase that a task belongs to.
    pub(crate) fn phase_of(&self, id: TaskId) -> Option<&str> {
        let (program, task) = (self.program()?, self.task(id)?);
        let node = match task.kind {
            Kind::Made => return None,
            Kind::Undo => self.task(task.source)?.source,
            _ => task.source,
        };
        let definition = program.plan.definition();
        definition.phases.get(definition.nodes[node as usize].phase as usize).map(String::as_str)
    }
}
