//! The macros of `workflow-runtime`. Use them through that crate, where they are documented.

mod agent;
mod data;
mod description;
mod errors;
mod json_position;
mod markdown;
mod options;
mod schema;
mod setting;
mod text;
mod workflow;

use proc_macro::TokenStream;

// Documented where it is re-exported, so that its examples can use the runtime.
#[expect(missing_docs, reason = "see above")]
#[proc_macro_attribute]
pub fn task_agent(attribute: TokenStream, item: TokenStream) -> TokenStream {
    agent::expand(attribute.into(), item.into()).into()
}

#[expect(missing_docs, reason = "as for `task_agent`")]
#[proc_macro_attribute]
pub fn data(attribute: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(&attribute.into(), item.into()).into()
}

#[expect(missing_docs, reason = "as for `task_agent`")]
#[proc_macro]
pub fn workflow(input: TokenStream) -> TokenStream {
    workflow::expand(input.into()).into()
}

#[cfg(test)]
mod tests;
