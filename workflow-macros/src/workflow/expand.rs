//! From a [`model`](super::model) to code: the input's struct, and the calls that record the workflow.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::attributes::Undo;
use super::check::check;
use super::docs::footer;
use super::model::{Bound, Expression, Header, Join, Kind, Node, Time, Workflow};
use super::syntax;
use crate::errors::Errors;
use crate::options::duration_tokens;
use crate::text::{text, type_text};

/// Expands `workflow!`. On errors: those, and the struct, so that one mistake gives one error.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let written: syntax::Workflow = match syn::parse2(input) {
        Ok(written) => written,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let workflow = check(written, &mut errors);
    let errors = errors.into_tokens();
    if errors.is_empty() {
        let page = footer(&workflow);
        let structure = structure(&workflow.header, Some(&page));
        let implementation = implementation(&workflow.header, &body(&workflow));
        quote!(#structure #implementation)
    } else {
        let structure = structure(&workflow.header, None);
        let implementation =
            implementation(&workflow.header, &quote!(::core::unreachable!("it did not compile")));
        quote!(#errors #structure #implementation)
    }
}

/// The struct that is the workflow's input, and its name.
fn structure(header: &Header, page: Option<&str>) -> TokenStream {
    let Header { attributes, visibility, name, inputs, .. } = header;
    let page =
        page.map(|page| quote!(#[cfg_attr(doc, doc = #page)] #[allow(rustdoc::private_intra_doc_links)]));
    let fields = inputs.iter().map(|input| {
        let (attributes, name, ty) = (&input.attributes, &input.name, &input.ty);
        let documented = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
        let words = (!documented).then(|| format!("The workflow's input `{name}`.")).into_iter();
        quote!(#(#attributes)* #(#[doc = #words])* #visibility #name: #ty)
    });
    quote! {
        #(#attributes)*
        #page
        #visibility struct #name { #(#fields),* }
    }
}

fn implementation(header: &Header, body: &TokenStream) -> TokenStream {
    let Header { attributes, visibility, name, registered, output, inputs, .. } = header;
    let configured: Vec<_> = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let output_end = quote_spanned!(output.span()=> __rt::End::output::<#output, _>());
    let output_type = quote_spanned!(output.span()=> type Output = #output;);
    let names: Vec<&Ident> = inputs.iter().map(|input| &input.name).collect();
    let types: Vec<&syn::Type> = inputs.iter().map(|input| &input.ty).collect();
    let data = data(header);
    quote! {
        #(#configured)*
        #[allow(deprecated, clippy::allow_attributes, clippy::allow_attributes_without_reason)]
        const _: () = {
            use ::workflow_runtime::__private as __rt;
            impl #name {
                /// The call of the workflow with this input: for subtasks, and for jobs put together in code.
                #[inline]
                #[allow(clippy::too_many_arguments, dead_code, private_interfaces)]
                #visibility fn with(#(#names: #types),*) -> __rt::Call<Self> { __rt::Call::new((Self { #(#names),* },)) }
            }
            #data
            impl __rt::Callable for #name {
                type Input = (Self,);
                #output_type
                const NAME: &'static str = #registered;
                const PARAMETERS: &'static [&'static str] = &["input"];
                const KIND: __rt::CalleeKind = __rt::CalleeKind::Workflow;
                fn input() -> __rt::End { __rt::taking::<#name, _>().end }
                fn output() -> __rt::End { #output_end }
            }
            impl __rt::Workflow for #name {
                fn spec() -> __rt::WorkflowSpec { #body }
            }
            __rt::submit! { __rt::Entry::workflow::<#name>() }
        };
    }
}

/// What makes the struct workflow data. Each field is asked for by one expression at one place, wherever it is needed,
/// so that a type that is not data is told once.
fn data(header: &Header) -> TokenStream {
    let Header { name, registered, description, inputs, .. } = header;
    let names: Vec<&Ident> = inputs.iter().map(|input| &input.name).collect();
    let keys: Vec<String> = names.iter().map(|name| syn::ext::IdentExt::unraw(*name).to_string()).collect();
    let fields: Vec<TokenStream> = inputs.iter().map(|input| field(&input.ty)).collect();
    let words = inputs.iter().map(|input| crate::description::description(&input.attributes));
    quote! {
        impl ::core::clone::Clone for #name {
            fn clone(&self) -> Self { Self { #(#names: (#fields.clone)(&self.#names)),* } }
        }
        impl ::core::fmt::Debug for #name {
            fn fmt(&self, __out: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                __out.debug_struct(::core::stringify!(#name)).finish_non_exhaustive()
            }
        }
        impl __rt::serde::Serialize for #name {
            fn serialize<S: __rt::serde::Serializer>(&self, __to: S) -> ::core::result::Result<S::Ok, S::Error> {
                __rt::write_fields(__to, [#((#keys, (#fields.write)(&self.#names))),*])
            }
        }
        impl<'de> __rt::serde::Deserialize<'de> for #name {
            fn deserialize<D: __rt::serde::Deserializer<'de>>(__from: D) -> ::core::result::Result<Self, D::Error> {
                #[allow(unused_mut, unused_variables)]
                let mut __object = __rt::read_object(__from)?;
                ::core::result::Result::Ok(Self {
                    #(#names: (#fields.read)(&mut __object, #keys).map_err(__rt::wrong_field)?),*
                })
            }
        }
        impl __rt::schemars::JsonSchema for #name {
            fn schema_name() -> __rt::Cow<'static, str> { __rt::Cow::Borrowed(#registered) }
            fn schema_id() -> __rt::Cow<'static, str> {
                __rt::Cow::Borrowed(::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)))
            }
            #[allow(unused_variables)]
            fn json_schema(__to: &mut __rt::schemars::SchemaGenerator) -> __rt::schemars::Schema {
                __rt::fields_schema(#description, __rt::vec![#((#keys, #words, (#fields.schema)(__to))),*])
            }
        }
    }
}

/// What to do with a field of this type.
fn field(ty: &syn::Type) -> TokenStream {
    quote_spanned!(ty.span()=> __rt::field::<#ty, _>())
}

/// The body of `spec`: one call for each thing that was written, in order.
fn body(workflow: &Workflow) -> TokenStream {
    let header = &workflow.header;
    let (name, description, line) = (&header.registered, &header.description, line(header.name.span()));
    let options = workflow.settings.options.tokens();
    let inputs = header.inputs.iter().map(|input| {
        let (name, ty, text, type_name) =
            (&input.name, &input.ty, input.name.to_string(), type_text(&input.ty));
        let field = field(ty);
        quote!(let #name = __w.input(#text, #type_name, &#field);)
    });
    let phases = workflow.phases.iter().map(|phase| {
        let name = phase.name.to_string();
        let nodes = phase.nodes.iter().map(node);
        quote!(__w.phase(#name); #(#nodes)*)
    });
    let (written, result) = match &workflow.result {
        Some(result) => {
            (written(result), closure(std::slice::from_ref(result), |values| quote!(#(#values)*)))
        }
        None => (quote!(("()", &[])), quote!(|_| ())),
    };
    let fields = header.inputs.iter().map(|input| &input.name);
    let output_type = type_text(&header.output);
    quote! {
        let mut __w = __rt::Wire::new(#name, #description, __rt::Location::new(file!(), #line), #options);
        #(#inputs)*
        #(#phases)*
        __w.finish::<Self>(
            #written,
            #output_type,
            |__input| __rt::fields::<Self>(__input, |__input| __rt::vec![#(__rt::Erased::new(__input.#fields)),*]),
            #result,
        )
    }
}

/// A statement: `let name = …;`, or a tuple of names for an `if`.
fn node(node: &Node) -> TokenStream {
    let value = value(node);
    match (&node.kind, &node.binding) {
        (Kind::If { joins, .. }, _) if joins.is_empty() => value,
        // A binding that others only wait for is used, too.
        (Kind::If { joins, .. }, _) => {
            let names = joins.iter().map(|join| &join.name);
            let awaited = joins.iter().filter(|join| join.awaited).map(|join| &join.name);
            quote!(let (#(#names,)*) = #value; #(let _ = &#awaited;)*)
        }
        (_, Some(binding)) if node.awaited => quote!(let #binding = #value; let _ = &#binding;),
        (_, Some(binding)) => quote!(let #binding = #value;),
        (_, None) => quote!(let _ = #value;),
    }
}

/// An expression whose value is the node's port; a tuple of ports for an `if`.
fn value(node: &Node) -> TokenStream {
    let (name, line) = (&node.name, line(node.span));
    match &node.kind {
        Kind::Call { path, arguments, parens } => call(node, path, arguments, *parens),
        Kind::Sleep { path, time } => {
            let (written, make) = match time {
                Time::Known(time) => {
                    let (text, time) = (workflow_graph::format_duration(*time), duration_tokens(*time));
                    (quote!((#text, &[])), quote!(|_| #path(#time)))
                }
                Time::Computed(time) => {
                    let make = closure(std::slice::from_ref(time), |values| quote!(#path(#(#values),*)));
                    (written(time), make)
                }
            };
            finished(node, quote!(__w.sleep(#name, #line, #written, #make)), quote!())
        }
        Kind::Signal { path, event } => {
            finished(node, quote!(__w.signal(#name, #line, &#path(#event))), quote!())
        }
        Kind::If { condition, then, otherwise, joins } => branch(node, condition, then, otherwise, joins),
        Kind::For { item, items, body } => {
            let (text, written) = (item.to_string(), written(items));
            let span = items.code.span();
            let make = closure(
                std::slice::from_ref(items),
                |values| quote_spanned!(span=> __rt::Elements::of(#(#values)*)),
            );
            let (statements, last) = block(body);
            let settings = settings(node);
            let finish = optional(node, quote!(__w.gather(__form, #name, #last)));
            // A complaint about the elements stands on the collection.
            let each = quote_spanned!(span=> __w.each);
            quote!({
                let (__form, #item) = #each(#name, #line, #text, #written, #make);
                #settings
                #statements
                #finish
            })
        }
        Kind::Repeat { carried, first, condition, max, body } => {
            let (text, begin, test) = (carried.to_string(), written(first), written(condition));
            let make = closure(std::slice::from_ref(first), |values| quote!(#(#values)*));
            let holds = closure(std::slice::from_ref(condition), |values| quote!(#(#values)*));
            let (statements, last) = block(body);
            let settings = settings(node);
            let finish = optional(node, quote!(__w.again(__form, #name, #carried, #last)));
            quote!({
                let (__form, #carried) = __w.repeat(#name, #line, #text, #begin, #max, #make);
                #settings
                __w.while_(__form, #test, #holds);
                #statements
                #finish
            })
        }
    }
}

fn call(node: &Node, path: &syn::Path, arguments: &[Expression], parens: Span) -> TokenStream {
    let (name, line, called) = (&node.name, line(node.span), text(path));
    let listed = arguments.iter().map(written);
    let make = closure(arguments, |values| {
        // Where the user's parentheses stand, so that what the compiler would write into them fits.
        let mut values = Group::new(Delimiter::Parenthesis, quote_spanned!(path.span()=> #(#values),*));
        values.set_span(parens);
        quote_spanned!(path.span()=> <#path>::with #values)
    });
    let step = quote!(__w.step(#name, #line, #called, &[#(#listed),*], #make));
    let or = node.settings.or.iter().map(|other| {
        let text = text(other);
        let alike = quote_spanned!(other.span()=> __rt::alike::<#path, #other>());
        quote!(#alike; __w.or::<#other>(#text);)
    });
    let undo = node.settings.undo.iter().map(|undo| undo_tokens(node, undo));
    finished(node, step, quote!(#(#or)* #(#undo)*))
}

/// What takes the step back: by default it is called with what the step gave.
fn undo_tokens(node: &Node, undo: &Undo) -> TokenStream {
    let path = &undo.path;
    let text = text(path);
    match &undo.arguments {
        None => {
            let value = Ident::new("__value", path.span());
            let name = &node.name;
            let make = quote_spanned!(path.span()=> <#path>::with(#value));
            quote!(__w.undo(#text, &[(#name, &[__port.slot()])], move |__s| { let #value = __s.take(__port); #make });)
        }
        Some(arguments) => {
            let listed = arguments.iter().map(written);
            let make = closure(arguments, |values| quote_spanned!(path.span()=> <#path>::with(#(#values),*)));
            let own =
                node.binding.iter().map(|binding| quote!(#[allow(unused_variables)] let #binding = __port;));
            quote!({ #(#own)* __w.undo(#text, &[#(#listed),*], #make); })
        }
    }
}

fn branch(
    node: &Node,
    condition: &Expression,
    then: &[Node],
    otherwise: &[Node],
    joins: &[Join],
) -> TokenStream {
    let (name, line, text) = (&node.name, line(node.span), written(condition));
    let test = closure(std::slice::from_ref(condition), |values| quote!(#(#values)*));
    let settings = settings(node);
    let then = arm("Then", then, joins.iter().filter_map(|join| join.then.as_ref()));
    let in_else = joins.iter().filter_map(|join| join.otherwise.as_ref());
    let otherwise = (!otherwise.is_empty()).then(|| arm("Else", otherwise, in_else));
    let begin = quote!(let __form = __w.branch(#name, #line, #text, #test); #settings);
    if joins.is_empty() {
        return quote!({ #begin #then #otherwise });
    }
    let joined = joined(joins);
    let otherwise = otherwise.map(|otherwise| quote!(let __else = #otherwise;));
    quote!({ #begin let __then = #then; #otherwise (#(#joined,)*) })
}

/// A block of an `if`; its value is the tuple of the ports that it binds.
fn arm<'a>(arm: &str, nodes: &[Node], bound: impl Iterator<Item = &'a Bound>) -> TokenStream {
    let arm = format_ident!("{arm}");
    let nodes = nodes.iter().map(node);
    let names: Vec<&Ident> = bound.map(|bound| &bound.name).collect();
    let ports = (!names.is_empty()).then(|| quote!((#(#names,)*)));
    quote!({ __w.arm(__form, __rt::Arm::#arm); #(#nodes)* __w.end(); #ports })
}

/// For each name that the blocks bind, the call that makes one port of theirs.
fn joined(joins: &[Join]) -> Vec<TokenStream> {
    let (mut in_then, mut in_else) = (0, 0);
    let port = |tuple: &str, next: &mut u32, bound: &Bound| {
        let place = syn::Index { index: *next, span: bound.name.span() };
        *next += 1;
        let tuple = Ident::new(tuple, bound.name.span());
        quote_spanned!(bound.name.span()=> #tuple.#place)
    };
    let joined = joins.iter().map(|join| {
        let then = join.then.as_ref().map(|bound| (port("__then", &mut in_then, bound), bound.surely));
        let otherwise =
            join.otherwise.as_ref().map(|bound| (port("__else", &mut in_else, bound), bound.surely));
        let name = join.name.to_string();
        match (then, otherwise) {
            (Some((then, true)), Some((otherwise, true))) => {
                quote!(__w.either(__form, #name, #then, #otherwise))
            }
            (then, otherwise) => {
                let ports = then.into_iter().chain(otherwise).map(|(port, surely)| match surely {
                    true => quote!(__rt::Maybe::Surely(#port)),
                    false => quote!(__rt::Maybe::Perhaps(#port)),
                });
                quote!(__w.perhaps(__form, #name, [#(#ports),*]))
            }
        }
    });
    joined.collect()
}

/// The statements of a body, and the port of its last one.
fn block(body: &[Node]) -> (TokenStream, TokenStream) {
    let Some((last, statements)) = body.split_last() else { return (quote!(), quote!(())) };
    let statements = statements.iter().map(node);
    let value = value(last);
    let port = Ident::new("__last", last.span);
    (quote!(#(#statements)* let #port = #value;), quote!(#port))
}

/// A node without a body: its settings follow at once, then what else there is to say of it.
fn finished(node: &Node, made: TokenStream, more: TokenStream) -> TokenStream {
    let settings = settings(node);
    if settings.is_empty() && more.is_empty() && !node.settings.optional {
        return made;
    }
    let port = optional(node, quote!(__port));
    quote!({ let __port = #made; #settings #more #port })
}

fn optional(node: &Node, port: TokenStream) -> TokenStream {
    if node.settings.optional {
        return quote!({ let __port = #port; __w.optional(__port) });
    }
    port
}

/// What is set for the node just made.
fn settings(node: &Node) -> TokenStream {
    let settings = &node.settings;
    let options = (!settings.options.is_empty()).then(|| settings.options.tokens());
    let options = options.map(|options| quote!(__w.options(#options);));
    let hooks = settings.options.hook_tokens().map(|hooks| quote!(__w.hooks(#hooks);));
    let names = settings.after.iter().map(ToString::to_string);
    let after = (!settings.after.is_empty()).then(|| quote!(__w.after(&[#(#names),*]);));
    quote!(#options #hooks #after)
}

/// An expression's text, and the slots it reads.
fn written(expression: &Expression) -> TokenStream {
    let (text, reads) = (&expression.text, &expression.reads);
    quote!((#text, &[#(#reads.slot()),*]))
}

/// A closure over the bindings that the expressions read. A binding that is an argument by itself is handed over by
/// value, under a name that stands where the binding was written, so that errors stand there too.
fn closure(expressions: &[Expression], call: impl FnOnce(&[TokenStream]) -> TokenStream) -> TokenStream {
    let mut prepare = TokenStream::new();
    let mut values = Vec::new();
    let mut borrowed: Vec<&Ident> = Vec::new();
    for (index, expression) in expressions.iter().enumerate() {
        match expression.reads.as_slice() {
            [name] if expression.whole => {
                let value = format_ident!("__value{index}", span = name.span());
                prepare.extend(quote!(let #value = __s.take(#name);));
                values.push(value.to_token_stream());
            }
            reads => {
                borrowed.extend(reads);
                values.push(expression.code.to_token_stream());
            }
        }
    }
    borrowed.dedup();
    let mut seen: Vec<&Ident> = Vec::new();
    for name in borrowed {
        if !seen.contains(&name) {
            seen.push(name);
            prepare.extend(quote!(#[allow(unused_variables)] let #name = __s.get(#name);));
        }
    }
    let call = call(&values);
    quote!(move |__s| { #prepare #call })
}

fn line(span: Span) -> u32 {
    u32::try_from(span.start().line).unwrap_or(u32::MAX)
}
