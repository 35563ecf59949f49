//! What a workflow's page in `cargo doc` says below its author's words: the picture, and a table with links.

use std::fmt::Write as _;

use syn::Path;

use super::model::{Kind, Node, Time, Workflow};
use super::picture::{is_workflow, marks, picture};
use crate::markdown::cell_code;
use crate::text::text;

/// The picture and the table.
pub(super) fn footer(workflow: &Workflow) -> String {
    let svg = picture(workflow).to_svg();
    let mut page = format!("\n\n<div>{svg}</div>\n\n| phase | step | agent | |\n| --- | --- | --- | --- |\n");
    for phase in &workflow.phases {
        let mut shown = phase.name.to_string();
        for node in &phase.nodes {
            rows(node, "", &mut shown, &mut page);
        }
    }
    let words = workflow.settings.options.words();
    if !words.is_empty() || workflow.header.name != workflow.header.registered {
        let options: Vec<String> = words.iter().map(|(key, value)| format!(" · {key} {value}")).collect();
        let _ =
            write!(page, "\n**Workflow** {}{}\n", cell_code(&workflow.header.registered), options.concat());
    }
    page
}

/// The rows of a node: its own, then those of what is in it, each behind the form it stands in.
fn rows(node: &Node, within: &str, phase: &mut String, page: &mut String) {
    let shown = std::mem::take(phase);
    let mut row = |step: &str, called: &str, notes: &str| {
        let _ = writeln!(page, "| {shown} | {within}{step} | {called} | {notes} |");
    };
    let name = cell_code(&node.name);
    let notes = marks(node).join(" · ");
    match &node.kind {
        Kind::Call { path, .. } => row(&name, &link(path), &notes),
        Kind::Sleep { time: Time::Known(time), .. } => {
            row(&name, "sleep", &workflow_graph::format_duration(*time))
        }
        Kind::Sleep { time: Time::Computed(time), .. } => row(&name, "sleep", &cell_code(&time.text)),
        Kind::Signal { event, .. } => row(&name, "signal", &format!("{} {notes}", cell_code(event))),
        Kind::If { condition, .. } => row("if", &cell_code(&condition.text), &notes),
        Kind::For { item, items, .. } => {
            row(&name, &cell_code(&format!("for {item} in {}", items.text)), &notes)
        }
        Kind::Repeat { carried, condition, max, .. } => {
            let loops = format!("repeat {carried} while {} max {max}", condition.text);
            row(&name, &cell_code(&loops), &notes);
        }
    }
    let deeper = format!("{within}\u{2003}");
    for inner in node.inner() {
        rows(inner, &deeper, phase, page);
    }
}

/// A link that rustdoc resolves as the code does.
fn link(path: &Path) -> String {
    let kind = if is_workflow(path) { "struct" } else { "fn" };
    let path = text(path);
    let last = path.rsplit("::").next().unwrap_or(&path);
    format!("[`{last}`]({kind}@{path})")
}
