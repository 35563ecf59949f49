//! From an [`Agent`] to code: the function as it was, a hidden struct of its name, and its registration.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemFn};

use super::docs::footer;
use super::model::{Agent, Parameter};
use super::parse::parse;
use crate::errors::Errors;

/// Expands `#[task_agent]`. On errors: those, and the function, so that one mistake gives one error.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let message = "`#[task_agent]` stands on an async function";
            let error = match item.clone().into_iter().any(|token| token.to_string() == "fn") {
                true => error,
                false => syn::Error::new(error.span(), message),
            };
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let mut errors = Errors::default();
    let agent = parse(attribute, &function, &mut errors);
    let errors = errors.into_tokens();
    match agent {
        Some(agent) => {
            let function = with_footer(&agent);
            let registration = registration(&agent);
            quote!(#errors #function #registration)
        }
        None => quote!(#errors #function),
    }
}

fn with_footer(agent: &Agent) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = &agent.function;
    let footer = footer(agent);
    quote! {
        #(#attrs)*
        #[cfg_attr(doc, doc = #footer)]
        #vis #sig #block
    }
}

fn registration(agent: &Agent) -> TokenStream {
    let ItemFn { vis, sig, attrs, .. } = &agent.function;
    let ident = &sig.ident;
    let configured: Vec<_> = attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let constructor = constructor(agent);
    let callable = callable(agent);
    let spec = spec(agent);
    quote! {
        #(#configured)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, clippy::allow_attributes, clippy::allow_attributes_without_reason)]
        #vis struct #ident {}

        #(#configured)*
        // None of it is the user's own code, but for paths.
        #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
        const _: () = {
            use ::workflow_runtime::__private as __rt;
            #constructor
            #callable
            #spec
            __rt::submit! { __rt::Entry::agent::<#ident>() }
        };
    }
}

/// `with`, whose parameters are the agent's: what a workflow's arguments are checked against.
fn constructor(agent: &Agent) -> TokenStream {
    let ident = &agent.function.sig.ident;
    let vis = &agent.function.vis;
    let parameters = agent.values().map(|(name, ty)| quote!(#name: #ty));
    let names = agent.values().map(|(name, _)| name);
    let function = quote_spanned! {ident.span()=>
        #vis fn with(#(#parameters),*) -> __rt::Call<Self> { __rt::Call::new((#(#names,)*)) }
    };
    quote! {
        impl #ident {
            #[doc(hidden)]
            #[inline]
            // An agent that only the registry knows is not dead.
            #[allow(private_interfaces, dead_code)]
            #function
        }
    }
}

fn callable(agent: &Agent) -> TokenStream {
    let ident = &agent.function.sig.ident;
    let name = &agent.name;
    let names = agent.values().map(|(name, _)| syn::ext::IdentExt::unraw(name).to_string());
    // A complaint that a type is private stands on the type.
    let (input, output) = (input_type(agent), &agent.output);
    let input = quote_spanned!(input_span(agent)=> type Input = #input;);
    let input_end = quote_spanned!(input_span(agent)=> __rt::taking::<#ident, _>().end);
    let output_end = quote_spanned!(output.span()=> __rt::End::output::<#output, _>());
    let output = quote_spanned!(output.span()=> type Output = #output;);
    quote! {
        impl __rt::Callable for #ident {
            #input
            #output
            const NAME: &'static str = #name;
            const PARAMETERS: &'static [&'static str] = &[#(#names),*];
            const KIND: __rt::CalleeKind = __rt::CalleeKind::Agent;
            fn input() -> __rt::End { #input_end }
            fn output() -> __rt::End { #output_end }
        }
    }
}

/// The tuple of the parameters' types; its brackets stand where the types do, and so do errors about it.
fn input_type(agent: &Agent) -> TokenStream {
    let types = agent.values().map(|(_, ty)| ty);
    quote_spanned!(input_span(agent)=> (#(#types,)*))
}

fn input_span(agent: &Agent) -> Span {
    agent.values().next().map_or_else(Span::call_site, |(_, ty)| ty.span())
}

fn spec(agent: &Agent) -> TokenStream {
    let ident = &agent.function.sig.ident;
    let description = &agent.description;
    let line = u32::try_from(ident.span().start().line).unwrap_or(u32::MAX);
    let is_plain = agent.parameters.iter().all(|parameter| matches!(parameter, Parameter::Value { .. }));
    let run = run(agent, is_plain);
    let new = if is_plain { quote!(plain) } else { quote!(new) };
    let options =
        (!agent.options.is_empty()).then(|| agent.options.tokens()).map(|options| quote!(.options(#options)));
    let hooks = agent.options.hook_tokens().map(|hooks| quote!(.hooks(#hooks)));
    let schemas = checked_schemas(agent);
    let needs = agent.parameters.iter().filter_map(|parameter| match parameter {
        Parameter::State(ty) => Some(quote!(.need(__rt::Need::state::<#ty>()))),
        Parameter::Pooled(ty) => Some(quote!(.need(__rt::Need::pooled::<#ty>()))),
        _ => None,
    });
    quote! {
        impl __rt::Agent for #ident {
            fn spec() -> __rt::AgentSpec {
                #run
                __rt::AgentSpec::#new::<Self>(__rt::Location::new(file!(), #line), #description, __run)
                    #options #hooks #schemas #(#needs)*
            }
        }
    }
}

fn checked_schemas(agent: &Agent) -> Option<TokenStream> {
    let given = |schema: &Option<syn::LitStr>| match schema {
        Some(schema) => quote!(__rt::Some(#schema)),
        None => quote!(__rt::None),
    };
    let (input, output) = (given(&agent.input_schema), given(&agent.output_schema));
    let is_given = agent.input_schema.is_some() || agent.output_schema.is_some();
    is_given.then(|| quote!(.checked_schemas(#input, #output)))
}

/// The function that takes the erased input apart, calls the agent's, and erases what it gives.
fn run(agent: &Agent, is_plain: bool) -> TokenStream {
    let ident = &agent.function.sig.ident;
    let values: Vec<Ident> =
        (0..agent.values().count()).map(|index| format_ident!("__value{index}")).collect();
    // The same call as in `input`, at the same place, so that what is wrong with a type is told once.
    let taking = quote_spanned!(input_span(agent)=> __rt::taking::<#ident, _>());
    let unpack = (!values.is_empty()).then(|| quote!(let (#(#values,)*) = (#taking.unpack)(__input)?;));
    let mut next_value = values.iter();
    let arguments = agent.parameters.iter().map(|parameter| argument(parameter, &mut next_value));
    let call = quote_spanned!(ident.span()=> #ident(#(#arguments),*).await);
    let output = result_span(agent);
    let outcome = match agent.fallible {
        true => quote_spanned!(output=> __rt::fallible(#call)),
        false => quote_spanned!(output=> __rt::infallible(#call)),
    };
    // A complaint that the future is not `Send` stands on the function's name.
    let body = quote_spanned!(ident.span()=> __rt::Box::pin(async move { #unpack #outcome }));
    let context = (!is_plain).then(|| quote!(, __context: __rt::TaskContext));
    quote! {
        fn __run(__input: __rt::Erased #context) -> __rt::Running { #body }
    }
}

fn result_span(agent: &Agent) -> Span {
    match &agent.function.sig.output {
        syn::ReturnType::Type(_, ty) => ty.span(),
        syn::ReturnType::Default => agent.function.sig.ident.span(),
    }
}

fn argument<'a>(parameter: &Parameter, values: &mut impl Iterator<Item = &'a Ident>) -> TokenStream {
    match parameter {
        Parameter::Value { .. } => values.next().to_token_stream(),
        Parameter::Context => quote!(&__context),
        Parameter::State(ty) => quote!(__context.state::<#ty>()?),
        Parameter::Pooled(ty) => quote!(__context.pooled::<#ty>().await?),
        Parameter::TaskId => quote!(__context.task_id()),
        Parameter::JobId => quote!(__context.job_id()),
        Parameter::Manager => quote!(__context.task_manager()),
    }
}
