//! All that is wrong with one use of a macro, each thing once, at its place.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Errors, gathered while checking goes on.
#[derive(Debug, Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds an error at some tokens.
    pub(crate) fn at(&mut self, tokens: &impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error at a span.
    pub(crate) fn span(&mut self, span: Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Adds an error.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    /// Takes the value of a result, or adds its error.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The errors as `compile_error!`s; nothing when there is none.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.map(syn::Error::into_compile_error).unwrap_or_default()
    }
}

/// ` (did you mean …?)`, when there is a name near enough.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match workflow_graph::nearest(name, names) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// The nearest name, or else all that there are: `; did you mean …?`, `; there are …`.
pub(crate) fn nearest_or_all<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    match workflow_graph::nearest(name, names.clone()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are {}", listed(names)),
    }
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
