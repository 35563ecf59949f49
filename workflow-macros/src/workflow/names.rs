//! Which names mean what, and where.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::Ident;
use syn::spanned::Spanned;

use super::syntax::{For, Form, Repeat, Statement, Workflow};
use crate::errors::{Errors, nearest, nearest_or_all};
use crate::setting::Setting;

/// The names of a workflow while it is read from top to bottom.
#[derive(Default)]
pub(super) struct Names {
    /// Those that can be read here, innermost scope last.
    visible: Vec<BTreeSet<String>>,
    /// All that are ever bound, and the phase of each.
    bound: BTreeMap<String, String>,
    /// The steps of the blocks around this place, innermost last.
    steps: Vec<BTreeSet<String>>,
    /// The steps of earlier phases, and those that were seen in this block.
    past: BTreeSet<String>,
    seen: Vec<BTreeSet<String>>,
    /// Those that were seen in earlier phases.
    seen_before: BTreeSet<String>,
    /// All steps that stand in a phase itself, and the phase of each.
    top: BTreeMap<String, String>,
    phase: Option<String>,
    /// All names that stand in an `#[after]`.
    awaited: BTreeSet<String>,
}

impl Names {
    /// All names that a workflow binds anywhere.
    pub(super) fn of(workflow: &Workflow) -> Self {
        let mut names = Self { visible: vec![BTreeSet::new()], ..Self::default() };
        for phase in &workflow.phases {
            let name = phase.name.to_string();
            phase.statements.iter().for_each(|statement| names.collect(statement, &name));
            names.top.extend(steps_of(&phase.statements).into_iter().map(|step| (step, name.clone())));
        }
        names
    }

    fn collect(&mut self, statement: &Statement, phase: &str) {
        if let Some(name) = &statement.binding {
            self.bound.entry(name.to_string()).or_insert_with(|| phase.to_owned());
        }
        let after = statement.attributes.iter().filter(|attribute| attribute.path().is_ident("after"));
        let names =
            after.filter_map(|attribute| Setting::from_attribute(&attribute.meta).ok()?.names("").ok());
        self.awaited.extend(names.flatten().map(|name| name.to_string()));
        match &statement.form {
            Form::If(form) => {
                form.then.iter().chain(&form.otherwise).for_each(|inner| self.collect(inner, phase))
            }
            Form::For(For { body, .. }) | Form::Repeat(Repeat { body, .. }) => {
                body.statements.iter().for_each(|inner| self.collect(inner, phase));
            }
            _ => {}
        }
    }

    /// Whether a step is named in an `#[after]`.
    pub(super) fn is_awaited(&self, step: &str) -> bool {
        self.awaited.contains(step)
    }

    pub(super) fn enter_phase(&mut self, phase: &Ident) {
        self.leave_phases();
        self.phase = Some(phase.to_string());
    }

    pub(super) fn leave_phases(&mut self) {
        if let Some(phase) = self.phase.take() {
            self.past.extend(self.top.iter().filter(|(_, of)| **of == phase).map(|(step, _)| step.clone()));
        }
    }

    pub(super) fn enter_block(&mut self, statements: &[Statement]) {
        self.steps.push(steps_of(statements));
        self.seen.push(BTreeSet::new());
    }

    pub(super) fn leave_block(&mut self) {
        self.steps.pop();
        let seen = self.seen.pop().unwrap_or_default();
        if self.seen.is_empty() {
            self.seen_before.extend(seen);
        }
    }

    pub(super) fn open(&mut self) {
        self.visible.push(BTreeSet::new());
    }

    pub(super) fn close(&mut self) {
        self.visible.pop();
    }

    pub(super) fn bind(&mut self, name: &Ident) {
        if let Some(scope) = self.visible.last_mut() {
            scope.insert(name.to_string());
        }
    }

    pub(super) fn is_visible(&self, name: &Ident) -> bool {
        let name = name.to_string();
        self.visible.iter().any(|scope| scope.contains(&name))
    }

    /// A name that no binding has here: an error, unless it can be a constant.
    pub(super) fn check_unknown(&self, name: &Ident, errors: &mut Errors) {
        let text = name.to_string();
        if let Some(phase) = self.bound.get(&text) {
            let message = match self.phase.as_ref() == Some(phase) || self.phase.is_none() {
                true => format!("`{text}` is not bound here; bind it above, or use it where it is bound"),
                false => format!("`{text}` is bound in phase `{phase}`, which does not come before this one"),
            };
            errors.at(name, message);
        } else if text.starts_with(|first: char| first.is_lowercase() || first == '_') {
            let known = self.visible.iter().flatten().map(String::as_str);
            let cure = match known.clone().next() {
                Some(_) => nearest_or_all(&text, known),
                None => "; nothing is bound yet".to_owned(),
            };
            errors.at(name, format!("there is no binding `{text}` here{cure}"));
        }
    }

    /// The name, with a number if there is a form of that name already.
    pub(super) fn numbered(&self, name: String) -> String {
        let numbers = (2_u32..).map(|number| format!("{name} {number}"));
        std::iter::once(name.clone()).chain(numbers).find(|name| !self.is_seen(name)).unwrap_or(name)
    }

    fn is_seen(&self, name: &str) -> bool {
        let seen_here = self.seen.last().is_some_and(|seen| seen.contains(name));
        seen_here || (self.steps.len() == 1 && self.seen_before.contains(name))
    }

    /// Two steps of one name cannot be told apart in a journal.
    pub(super) fn check_step(&mut self, name: &str, span: Span, bound: bool, errors: &mut Errors) {
        let seen = self.is_seen(name);
        if let Some(here) = self.seen.last_mut() {
            here.insert(name.to_owned());
        }
        // A second binding of one name is told where the name is bound.
        if seen && !bound {
            let message =
                format!("there is a step `{name}` already; bind one of them to a name: `name = {name}(…);`");
            errors.span(span, message);
        }
    }

    /// A name in `#[after]` must be that of a step that may come first.
    pub(super) fn check_after(&self, name: &Ident, errors: &mut Errors) {
        let text = name.to_string();
        if self.past.contains(&text) || self.steps.iter().any(|steps| steps.contains(&text)) {
            return;
        }
        let message = match self.top.get(&text) {
            Some(phase) => {
                format!("`{text}` is a step of phase `{phase}`, which does not come before this one")
            }
            None => {
                let known = self.past.iter().chain(self.steps.iter().flatten()).map(String::as_str);
                format!("there is no step `{text}` here{}", nearest(&text, known))
            }
        };
        errors.at(name, message);
    }
}

/// What can be waited for in a block: its steps, and the names that its `if`s bind.
fn steps_of(statements: &[Statement]) -> BTreeSet<String> {
    let named = |statement: &Statement| match &statement.form {
        Form::If(form) => form.then.iter().chain(&form.otherwise).flat_map(bound_by).collect(),
        form => vec![step_name(statement.binding.as_ref(), form).0],
    };
    statements.iter().flat_map(named).collect()
}

fn bound_by(statement: &Statement) -> Vec<String> {
    match &statement.form {
        Form::If(form) => form.then.iter().chain(&form.otherwise).flat_map(bound_by).collect(),
        _ => statement.binding.iter().map(ToString::to_string).collect(),
    }
}

/// The name of a step: what it is bound to, or else what it does.
pub(super) fn step_name(binding: Option<&Ident>, form: &Form) -> (String, Span) {
    if let Some(binding) = binding {
        return (binding.to_string(), binding.span());
    }
    match form {
        Form::Call(call) => {
            let last = call.path.segments.last();
            (last.map(|segment| segment.ident.to_string()).unwrap_or_default(), call.path.span())
        }
        Form::If(form) => {
            let first = form.then.first().or(form.otherwise.first());
            let name =
                first.map(|first| step_name(first.binding.as_ref(), &first.form).0).unwrap_or_default();
            (format!("if {name}"), form.keyword)
        }
        Form::For(form) => (format!("for {}", form.item), form.item.span()),
        Form::Repeat(form) => (format!("repeat {}", form.carried), form.carried.span()),
        Form::Sleep { path, .. } => ("sleep".to_owned(), path.span()),
        Form::Signal { path, event } => (event.value(), path.span()),
    }
}
