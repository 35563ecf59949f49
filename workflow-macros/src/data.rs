//! `#[data]`: the derives that make a type workflow data.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Item, Path};

/// Expands `#[data]`.
pub(crate) fn expand(attribute: &TokenStream, item: TokenStream) -> TokenStream {
    let error = match check(attribute, &item) {
        Ok(()) => return derives(&item),
        Err(error) => error.into_compile_error(),
    };
    quote!(#error #item)
}

fn derives(item: &TokenStream) -> TokenStream {
    let given = derived(item);
    let ours = [
        ("Clone", quote!(::core::clone::Clone)),
        ("Debug", quote!(::core::fmt::Debug)),
        ("Serialize", quote!(::workflow_runtime::__private::serde::Serialize)),
        ("Deserialize", quote!(::workflow_runtime::__private::serde::Deserialize)),
        ("JsonSchema", quote!(::workflow_runtime::__private::schemars::JsonSchema)),
    ];
    let wanted =
        ours.iter().filter(|(name, _)| !given.iter().any(|given| given == name)).map(|(_, path)| path);
    let has = |name| given.iter().any(|given| given == name);
    let serde = (!has("Serialize") || !has("Deserialize"))
        .then(|| quote!(#[serde(crate = "::workflow_runtime::__private::serde")]));
    let schemars =
        (!has("JsonSchema")).then(|| quote!(#[schemars(crate = "::workflow_runtime::__private::schemars")]));
    quote! {
        #[derive(#(#wanted),*)]
        #serde
        #schemars
        #item
    }
}

/// The names in the item's own `#[derive(…)]`s.
fn derived(item: &TokenStream) -> Vec<String> {
    let attributes = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => item.attrs,
        Ok(Item::Enum(item)) => item.attrs,
        _ => Vec::new(),
    };
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).flat_map(names).collect()
}

fn names(attribute: &Attribute) -> Vec<String> {
    let paths =
        attribute.parse_args_with(syn::punctuated::Punctuated::<Path, syn::Token![,]>::parse_terminated);
    let last = |path: &Path| path.segments.last().map(|segment| segment.ident.to_string());
    paths.iter().flatten().filter_map(last).collect()
}

fn check(attribute: &TokenStream, item: &TokenStream) -> syn::Result<()> {
    if !attribute.is_empty() {
        let message = "`#[data]` takes nothing; say `#[serde(…)]` or `#[schemars(…)]` on the type itself";
        return Err(syn::Error::new_spanned(attribute, message));
    }
    match syn::parse2(item.clone())? {
        Item::Struct(_) | Item::Enum(_) => Ok(()),
        other => Err(syn::Error::new_spanned(other, "`#[data]` stands on a struct or an enum")),
    }
}
