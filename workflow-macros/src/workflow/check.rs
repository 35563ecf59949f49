//! From [`syntax`](super::syntax) to [`model`](super::model): resolves names, checks options and order.

use proc_macro2::Span;
use syn::{Expr, Ident, LitStr};

use super::attributes::{Place, StepSettings, step_settings, workflow_settings};
use super::expression::{lone_name, mentions, written};
use super::model::{self, Expression, Header, Join, Kind, Node, Time};
use super::names::Names;
use super::order::check_order;
use super::syntax::{self, Body, Form, Statement};
use crate::description::description;
use crate::errors::Errors;

/// Checks a workflow. What comes back without errors can be expanded; the header can be expanded in any case.
pub(super) fn check(workflow: syntax::Workflow, errors: &mut Errors) -> model::Workflow {
    let (settings, attributes) = workflow_settings(&workflow.attributes, errors);
    let mut checker = Checker { names: Names::of(&workflow), errors };
    checker.inputs(&workflow.inputs);
    let phases = checker.phases(workflow.phases, workflow.end);
    let result = checker.result(workflow.result, workflow.output.as_ref(), &workflow.name, workflow.end);
    let registered = settings.name.as_ref().map_or_else(|| workflow.name.to_string(), LitStr::value);
    let mut inputs: Vec<syntax::Input> = Vec::new();
    for mut input in workflow.inputs {
        input.attributes.retain(|attribute| attribute.path().is_ident("doc"));
        if !inputs.iter().any(|earlier| earlier.name == input.name) {
            inputs.push(input);
        }
    }
    let header = Header {
        description: description(&attributes),
        attributes,
        visibility: workflow.visibility,
        name: workflow.name,
        registered,
        inputs,
        output: workflow.output.unwrap_or_else(|| syn::parse_quote!(())),
    };
    model::Workflow { header, settings, phases, result }
}

struct Checker<'a> {
    names: Names,
    errors: &'a mut Errors,
}

impl Checker<'_> {
    fn inputs(&mut self, inputs: &[syntax::Input]) {
        for input in inputs {
            self.bind(&input.name);
            let foreign = input.attributes.iter().find(|attribute| !attribute.path().is_ident("doc"));
            if let Some(foreign) = foreign {
                let message = "an input has no attributes but its documentation; what describes a value stands on its type";
                self.errors.at(foreign, message);
            }
        }
    }

    fn phases(&mut self, phases: Vec<syntax::Phase>, end: Span) -> Vec<model::Phase> {
        if phases.is_empty() {
            self.errors.span(end, "a workflow needs a phase; write `phase name { … }`");
        }
        let mut checked: Vec<model::Phase> = Vec::new();
        for phase in phases {
            if checked.iter().any(|earlier| earlier.name == phase.name) {
                let message = format!("there is a phase `{}` already; choose another name", phase.name);
                self.errors.at(&phase.name, message);
            }
            if phase.statements.is_empty() {
                let message = format!("phase `{}` is empty; put a step into it, or leave it out", phase.name);
                self.errors.at(&phase.name, message);
            }
            self.names.enter_phase(&phase.name);
            let nodes = self.block(phase.statements);
            checked.push(model::Phase { name: phase.name, nodes });
        }
        self.names.leave_phases();
        checked
    }

    fn result(
        &mut self,
        result: Option<Expr>,
        output: Option<&syn::Type>,
        name: &Ident,
        end: Span,
    ) -> Option<Expression> {
        match (result, output) {
            (Some(result), Some(_)) => Some(self.expression(result)),
            (None, None) => None,
            (None, Some(ty)) => {
                let ty = crate::text::type_text(ty);
                self.errors.span(
                    end,
                    format!("`{name}` gives a `{ty}`; end it with a binding, or an expression over bindings"),
                );
                None
            }
            (Some(result), None) => {
                let message =
                    format!("`{name}` does not say what it gives; write `-> Type` behind its input");
                self.errors.at(&result, message);
                None
            }
        }
    }

    fn block(&mut self, statements: Vec<Statement>) -> Vec<Node> {
        self.names.enter_block(&statements);
        let nodes = statements.into_iter().map(|statement| self.statement(statement)).collect::<Vec<_>>();
        check_order(&nodes, self.errors);
        self.names.leave_block();
        nodes
    }

    fn statement(&mut self, statement: Statement) -> Node {
        let Statement { attributes, binding, form } = statement;
        let place = place(&form);
        let mut settings = step_settings(&attributes, place, self.errors);
        let (name, span) = super::names::step_name(binding.as_ref(), &form);
        let name = match place {
            // Nobody can name it, so nobody can tell two of them apart but by their order.
            Place::If | Place::For | Place::Repeat if binding.is_none() => self.names.numbered(name),
            _ => name,
        };
        self.names.check_step(&name, span, binding.is_some(), self.errors);
        self.after(&settings, &name);
        let kind = self.kind(form);
        let awaited = self.names.is_awaited(&name);
        let node = |settings, kind| Node { name, binding: binding.clone(), awaited, span, settings, kind };
        match &kind {
            Kind::If { joins, .. } => {
                joins.iter().for_each(|join| self.bind(&join.name));
            }
            _ => {
                if let Some(binding) = &binding {
                    self.bind(binding);
                }
            }
        }
        self.undo(&mut settings);
        node(settings, kind)
    }

    /// A step may be taken back by what it gave, so its own name is known here.
    fn undo(&mut self, settings: &mut StepSettings) {
        if let Some(undo) = &mut settings.undo {
            undo.arguments = undo
                .written
                .take()
                .map(|written| written.into_iter().map(|argument| self.expression(argument)).collect());
        }
    }

    fn after(&mut self, settings: &StepSettings, own: &str) {
        for name in &settings.after {
            if name == own {
                self.errors.at(name, format!("`{name}` cannot run after itself; leave the `#[after]` out"));
            } else {
                self.names.check_after(name, self.errors);
            }
        }
    }

    fn kind(&mut self, form: Form) -> Kind {
        match form {
            Form::Call(call) => {
                let arguments =
                    call.arguments.into_iter().map(|argument| self.expression(argument)).collect();
                Kind::Call { path: call.path, arguments, parens: call.parens }
            }
            Form::If(form) => self.branch(form),
            Form::For(form) => {
                let items = self.expression(form.items);
                self.names.open();
                self.bind(&form.item);
                let body = self.body(form.body);
                self.names.close();
                Kind::For { item: form.item, items, body }
            }
            Form::Repeat(form) => self.repeat(form),
            Form::Sleep { path, time } => Kind::Sleep { path, time: self.time(time) },
            Form::Signal { path, event } => {
                if event.value().trim().is_empty() {
                    self.errors.at(&event, "the event's name is empty; name it, like \"approve\"");
                }
                Kind::Signal { path, event: event.value() }
            }
        }
    }

    fn branch(&mut self, form: syntax::If) -> Kind {
        if form.then.is_empty() {
            self.errors.span(
                form.keyword,
                "the first block of this `if` is empty; put a step into it, or turn the condition round",
            );
        }
        let condition = self.expression(form.condition);
        self.names.open();
        let then = self.block(form.then);
        self.names.close();
        self.names.open();
        let otherwise = self.block(form.otherwise);
        self.names.close();
        let mut joins = joins(&then, &otherwise);
        joins.iter_mut().for_each(|join| join.awaited = self.names.is_awaited(&join.name.to_string()));
        Kind::If { condition, then, otherwise, joins }
    }

    fn repeat(&mut self, form: syntax::Repeat) -> Kind {
        let max = match form.max.base10_parse::<u32>() {
            Ok(0) => {
                self.errors.at(&form.max, "a loop of no rounds does nothing; write at least `max 1`");
                0
            }
            Ok(max) => max,
            Err(error) => {
                self.errors.push(error);
                0
            }
        };
        let shorthand = form.first.is_none();
        let first = form.first.unwrap_or_else(|| {
            let name = &form.carried;
            syn::parse_quote!(#name)
        });
        let first = self.expression(first);
        self.names.open();
        match shorthand {
            true => self.names.bind(&form.carried),
            false => self.bind(&form.carried),
        }
        let condition = self.expression(form.condition);
        let body = self.body(form.body);
        self.names.close();
        Kind::Repeat { carried: form.carried, first, condition, max, body }
    }

    fn body(&mut self, body: Body) -> Vec<Node> {
        let Body { mut statements, last, end } = body;
        match last {
            Some(last) => statements.push(*last),
            None => {
                let message = "this block gives nothing; end it with a call, without a name and without `;`";
                self.errors.span(end, message);
            }
        }
        self.block(statements)
    }

    fn time(&mut self, time: Expr) -> Time {
        let Expr::Lit(literal) = &time else { return Time::Computed(self.expression(time)) };
        let known = crate::setting::string(&time, "a text like \"10m\", or an expression of type `Duration`")
            .and_then(|text| {
                workflow_graph::parse_duration(&text.value())
                    .map_err(|error| syn::Error::new(text.span(), error))
            })
            .map_err(|error| syn::Error::new_spanned(literal, error));
        Time::Known(self.errors.take(known).unwrap_or_default())
    }

    fn expression(&mut self, code: Expr) -> Expression {
        let found = mentions(&code);
        let mut reads: Vec<Ident> = Vec::new();
        for name in found.names {
            match self.names.is_visible(&name) {
                true => reads.push(name),
                false => self.names.check_unknown(&name, self.errors),
            }
        }
        for name in found.perhaps {
            if self.names.is_visible(&name) && !reads.contains(&name) {
                reads.push(name);
            }
        }
        let whole = lone_name(&code).is_some_and(|name| reads.contains(name));
        Expression { text: written(&code), code, reads, whole }
    }

    fn bind(&mut self, name: &Ident) {
        if self.names.is_visible(name) {
            self.errors.at(name, format!("`{name}` is bound already; choose another name"));
        }
        self.names.bind(name);
    }
}

fn place(form: &Form) -> Place {
    match form {
        Form::Call(_) => Place::Call,
        Form::If(_) => Place::If,
        Form::For(_) => Place::For,
        Form::Repeat(_) => Place::Repeat,
        Form::Sleep { .. } => Place::Sleep,
        Form::Signal { .. } => Place::Signal,
    }
}

/// The names that the blocks of an `if` bind, in order of appearance.
fn joins(then: &[Node], otherwise: &[Node]) -> Vec<Join> {
    let in_then = then.iter().flat_map(Node::bounds);
    let mut joins: Vec<Join> = in_then
        .map(|bound| Join { name: bound.name.clone(), then: Some(bound), otherwise: None, awaited: false })
        .collect();
    for bound in otherwise.iter().flat_map(Node::bounds) {
        match joins.iter_mut().find(|join| join.name == bound.name) {
            Some(join) => join.otherwise = Some(bound),
            None => joins.push(Join {
                name: bound.name.clone(),
                then: None,
                otherwise: Some(bound),
                awaited: false,
            }),
        }
    }
    joins
}
