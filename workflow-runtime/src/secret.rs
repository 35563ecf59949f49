//! What nobody is to see of the values of a job: what schemas mark, and what is equal to it.

use std::borrow::Cow;
#[cfg(feature = "acting")]
use std::collections::HashMap;

use serde_json::Value as Json;

use crate::failure::Failure;
#[cfg(feature = "acting")]
use crate::job_id::JobId;
use crate::marked::{HIDDEN, Marked, hide};
#[cfg(feature = "acting")]
use crate::record::TaskId;
use crate::registry::Registry;
#[cfg(feature = "acting")]
use crate::store::{Head, Store, StoreError};
use crate::view::JobView;

/// The secrets of one job: where they stand, and what they are.
#[derive(Debug, Default)]
pub(crate) struct Secrets<'a> {
    /// Nothing of the program is secret, unless this is there.
    marked: Option<&'a Marked>,
    job: String,
    #[cfg(feature = "acting")]
    calls: HashMap<TaskId, String>,
    texts: Vec<String>,
    /// It is not known where the values of the job's journal belong.
    misfit: bool,
}

impl<'a> Secrets<'a> {
    /// Hides what is secret of a job; gives what there was.
    pub(crate) fn hide_in(registry: &'a Registry, view: &mut JobView) -> Self {
        let marked = registry.marked();
        if marked.is_empty() {
            return Self::default();
        }
        #[cfg(feature = "acting")]
        let calls = view.steps.iter().filter_map(|step| Some((step.task, step.calls.as_deref()?.to_owned())));
        let mut secrets = Self {
            marked: Some(marked),
            job: view.head.name.to_string(),
            #[cfg(feature = "acting")]
            calls: calls.collect(),
            texts: Vec::new(),
            misfit: view.misfit.is_some(),
        };
        secrets.hide_marked(view);
        secrets.hide_texts(view);
        secrets
    }

    fn hide_marked(&mut self, view: &mut JobView) {
        let job = self.job.clone();
        self.hide_given(&job, view.input.as_mut());
        self.hide_output(&job, view.output.as_mut());
        for step in &mut view.steps {
            match step.calls.as_deref() {
                Some(callee) => {
                    self.hide_given(callee, step.input.as_mut());
                    self.hide_output(callee, step.output.as_mut());
                }
                None if self.misfit => {
                    let values = [&mut step.input, &mut step.output, &mut step.saved];
                    values.into_iter().flatten().for_each(|value| *value = HIDDEN.into());
                }
                None => {}
            }
        }
    }

    fn hide_texts(&mut self, view: &mut JobView) {
        self.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        self.texts.dedup();
        let clean = |text: &mut String| {
            if let Cow::Owned(clean) = self.without(text) {
                *text = clean;
            }
        };
        let clean_failure = |failure: &mut Failure| failure.each_text(&clean);
        if let Some(why) = view.head.failure.as_deref().map(|why| self.without(why).into_owned()) {
            view.head.failure = Some(why.into());
        }
        view.failure.iter_mut().for_each(clean_failure);
        view.output.iter_mut().for_each(|value| self.clean(value));
        for said in &mut view.said {
            said.what.each_value(|value| self.clean(value), clean);
        }
        for step in &mut view.steps {
            let values = [&mut step.input, &mut step.output, &mut step.saved];
            values.into_iter().flatten().for_each(|value| self.clean(value));
            step.failure.iter_mut().for_each(clean_failure);
            step.attempts.iter_mut().filter_map(|attempt| attempt.failure.as_mut()).for_each(clean_failure);
        }
    }

    fn hide_given(&mut self, callee: &str, value: Option<&mut Json>) {
        let schema = self.marked.and_then(|marked| marked.inputs.get(callee));
        if let (Some(schema), Some(value)) = (schema, value) {
            hide(schema, schema, value, &mut self.texts, 0);
        }
    }

    fn hide_output(&mut self, callee: &str, value: Option<&mut Json>) {
        let schema = self.marked.and_then(|marked| marked.outputs.get(callee));
        if let (Some(schema), Some(value)) = (schema, value) {
            hide(schema, schema, value, &mut self.texts, 0);
        }
    }

    /// Hides a secret wherever it is a part of a text.
    fn clean(&self, value: &mut Json) {
        match value {
            Json::String(text) => {
                if let Cow::Owned(clean) = self.without(text) {
                    *text = clean;
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Json::Object(members) => members.values_mut().for_each(|member| self.clean(member)),
            _ => {}
        }
    }

    /// A text without the secrets in it.
    pub(crate) fn without<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in &self.texts {
            if clean.contains(secret.as_str()) {
                clean = Cow::Owned(clean.replace(secret.as_str(), HIDDEN));
            }
        }
        clean
    }
}

/// What is asked for where people look at more than views.
#[cfg(feature = "acting")]
impl<'a> Secrets<'a> {
    /// The secrets of a job in a store.
    pub(crate) fn of_job(registry: &'a Registry, store: &dyn Store, job: JobId) -> Result<Self, StoreError> {
        if registry.marked().is_empty() {
            return Ok(Self::default());
        }
        let Some(mut view) = registry.bare_view(store, job)? else { return Ok(Self::default()) };
        Ok(Self::hide_in(registry, &mut view))
    }

    /// The secrets of a job that is given this.
    #[cfg(feature = "cli")]
    pub(crate) fn of_input(registry: &'a Registry, job: &str, input: &Json) -> Self {
        let mut secrets = Self { marked: Some(registry.marked()), job: job.to_owned(), ..Self::default() };
        secrets.hide_given(job, Some(&mut input.clone()));
        secrets
    }

    /// Hides what is secret of a record, as it is written in a journal.
    pub(crate) fn hide_line(&self, line: &mut Json) {
        let Some(marked) = self.marked else { return };
        let task = line["task"].as_u64().and_then(|task| TaskId::try_from(task).ok());
        let callee = task.map_or(Some(&self.job), |task| self.calls.get(&task));
        let of = |schemas: &'a HashMap<String, Json>| callee.and_then(|callee| schemas.get(callee));
        let mut texts = Vec::new();
        let mut hide_at = |value: Option<&mut Json>, schema: Option<&Json>| {
            if let (Some(value), Some(schema)) = (value, schema) {
                hide(schema, schema, value, &mut texts, 0);
            }
        };
        if self.misfit {
            for name in ["output", "input", "value", "items", "first"] {
                line.get_mut(name).into_iter().for_each(|value| *value = HIDDEN.into());
            }
        }
        hide_at(line.get_mut("output"), of(&marked.outputs));
        hide_at(line.get_mut("input"), of(&marked.inputs));
        hide_at(line.pointer_mut("/submission/work/call/input"), marked.inputs.get(&self.job));
        let spawned = line.pointer("/spawn/callee/name").and_then(Json::as_str).map(str::to_owned);
        let given = spawned.and_then(|callee| marked.inputs.get(&callee));
        hide_at(line.pointer_mut("/spawn/input/whole"), given);
        self.clean(line);
    }

    /// Hides what is secret of what the job gave.
    #[cfg(feature = "cli")]
    pub(crate) fn hide_result(&mut self, output: &mut Json) {
        let job = self.job.clone();
        self.hide_output(&job, Some(output));
        self.clean(output);
    }

    /// Hides what is secret of why jobs failed.
    pub(crate) fn hide_in_heads(
        registry: &'a Registry,
        store: &dyn Store,
        heads: &mut [Head],
    ) -> Result<(), StoreError> {
        if !registry.has_secrets() {
            return Ok(());
        }
        for head in heads.iter_mut().filter(|head| head.failure.is_some()) {
            Self::of_job(registry, store, head.id)?.hide_in_head(head);
        }
        Ok(())
    }

    /// Hides what is secret of why a job failed.
    pub(crate) fn hide_in_head(&self, head: &mut Head) {
        if let Some(Cow::Owned(clean)) = head.failure.as_deref().map(|why| self.without(why)) {
            head.failure = Some(clean.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_other_texts() {
        let secrets = Secrets { texts: vec!["hunter22".to_owned()], ..Secrets::default() };
        assert_eq!(secrets.without("login by hunter22 failed"), "login by ••• failed");
    }
}
