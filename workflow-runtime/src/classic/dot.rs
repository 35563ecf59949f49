//! Pictures of jobs in Graphviz's language.

use std::fmt::Write as _;

use super::cache::Cache;
use super::task::{Task, TaskStatus};

/// How much of a text a picture shows.
const WIDTH: usize = 80;

/// The tasks with their states, and what runs after what.
pub(super) fn plain(tasks: &[Task]) -> String {
    draw(tasks, |task| vec![format!("{} [{}]", task.task_id, task.status), short(&task.description)])
}

/// The same, with what the tasks were given and gave, and what they put into a cache.
pub(super) fn detailed(tasks: &[Task], cache: &Cache) -> String {
    draw(tasks, |task| {
        let mut lines = vec![
            format!("{} [{}]", task.task_id, task.status),
            short(&task.description),
            format!("agent: {}", task.agent),
            format!("input: {}", short(&task.input.to_string())),
        ];
        lines.extend(task.output.data.as_ref().map(|data| format!("output: {}", short(&data.to_string()))));
        lines.extend(task.output.error.as_ref().map(|error| format!("error: {}", short(error))));
        lines.extend(task.summary.as_ref().map(|summary| format!("summary: {}", short(summary))));
        let shelf = cache.shelf(&task.task_id);
        lines.extend(shelf.iter().map(|(key, value)| format!("cache {key}: {}", short(&value.to_string()))));
        lines
    })
}

fn draw(tasks: &[Task], lines: impl Fn(&Task) -> Vec<String>) -> String {
    let mut text = String::from("digraph job {\n  node [shape=box, style=rounded];\n");
    for task in tasks {
        let (id, color) = (quoted(&task.task_id), color(task.status));
        let _ = writeln!(text, "  {id} [label={}, color={color}];", quoted(&lines(task).join("\n")));
    }
    for task in tasks {
        let id = quoted(&task.task_id);
        for earlier in &task.dependencies {
            let _ = writeln!(text, "  {} -> {id};", quoted(earlier));
        }
        if let Some(parent) = &task.parent_task_id {
            let _ = writeln!(text, "  {} -> {id} [style=dotted, arrowhead=none];", quoted(parent));
        }
    }
    text.push_str("}\n");
    text
}

fn color(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Pending => "gray",
        TaskStatus::InProgress => "blue",
        TaskStatus::Completed => "green",
        TaskStatus::Failed => "red",
        TaskStatus::Blocked => "orange",
        TaskStatus::Accepted => "purple",
        TaskStatus::Rejected => "brown",
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
