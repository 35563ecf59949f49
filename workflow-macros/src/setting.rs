//! Settings as they are written: `key = value`, `key(values)`, `key`; with their spans.

use proc_macro2::Span;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token};

use crate::errors::{listed, nearest_or_all};

/// A value with its name, as in `retry(max = 3)`.
pub(crate) type Named<'a> = (Ident, &'a Expr);

/// One setting.
pub(crate) struct Setting {
    pub(crate) key: Ident,
    values: Vec<Expr>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key: Ident = input.parse()?;
        let values = if input.parse::<Option<Token![=]>>()?.is_some() {
            listed_values(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let inner;
            syn::parenthesized!(inner in input);
            Punctuated::<Expr, Token![,]>::parse_terminated(&inner)?.into_iter().collect()
        } else {
            Vec::new()
        };
        Ok(Self { key, values })
    }
}

/// An array is its elements, so that `tags = ["a", "b"]` and `tags("a", "b")` are one.
fn listed_values(value: Expr) -> Vec<Expr> {
    match value {
        Expr::Array(array) => array.elems.into_iter().collect(),
        value => vec![value],
    }
}

impl Setting {
    /// The settings in the parentheses of `#[task_agent(…)]`.
    pub(crate) fn parse_list(input: ParseStream<'_>) -> syn::Result<Vec<Self>> {
        Ok(Punctuated::<Self, Token![,]>::parse_terminated(input)?.into_iter().collect())
    }

    /// The setting that an attribute like `#[retry(3)]` is.
    pub(crate) fn from_attribute(meta: &Meta) -> syn::Result<Self> {
        syn::parse2(meta.to_token_stream())
    }

    /// Where the values stand; the key, when there is none.
    pub(crate) fn span(&self) -> Span {
        self.values.first().map_or_else(|| self.key.span(), Spanned::span)
    }

    /// Nothing but the key.
    pub(crate) fn flag(&self) -> syn::Result<()> {
        match self.values.first() {
            None => Ok(()),
            Some(value) => {
                Err(syn::Error::new_spanned(value, format!("`{}` takes no value; leave it out", self.key)))
            }
        }
    }

    /// The one value.
    fn one(&self, what: &str) -> syn::Result<&Expr> {
        match self.values.as_slice() {
            [value] => Ok(value),
            [] => Err(syn::Error::new_spanned(&self.key, format!("`{}` needs a value: {what}", self.key))),
            [_, second, ..] => {
                Err(syn::Error::new_spanned(second, format!("`{}` takes one value: {what}", self.key)))
            }
        }
    }

    /// The one value, a string literal.
    pub(crate) fn string(&self, what: &str) -> syn::Result<LitStr> {
        string(self.one(what)?, what)
    }

    /// The one value, a string literal that `parse` understands.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        what: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> syn::Result<T> {
        let literal = self.string(what)?;
        parse(&literal.value()).map_err(|error| syn::Error::new(literal.span(), error))
    }

    /// The one value, a whole number that is at least `least`.
    pub(crate) fn number(&self, least: u32, what: &str) -> syn::Result<u32> {
        number(self.one(what)?, least, what)
    }

    /// The values, string literals.
    pub(crate) fn strings(&self, what: &str) -> syn::Result<Vec<LitStr>> {
        if self.values.is_empty() {
            self.one(what)?;
        }
        self.values.iter().map(|value| string(value, what)).collect()
    }

    /// The one value, a path.
    pub(crate) fn path(&self, what: &str) -> syn::Result<Path> {
        path(self.one(what)?, what)
    }

    /// The values, paths.
    pub(crate) fn paths(&self, what: &str) -> syn::Result<Vec<Path>> {
        if self.values.is_empty() {
            self.one(what)?;
        }
        self.values.iter().map(|value| path(value, what)).collect()
    }

    /// The one value, a path that may be called with arguments.
    pub(crate) fn call(&self, what: &str) -> syn::Result<(Path, Option<Vec<Expr>>)> {
        match self.one(what)? {
            Expr::Call(call) => Ok((path(&call.func, what)?, Some(call.args.iter().cloned().collect()))),
            value => Ok((path(value, what)?, None)),
        }
    }

    /// The values, names.
    pub(crate) fn names(&self, what: &str) -> syn::Result<Vec<Ident>> {
        let paths = self.paths(what)?;
        paths.iter().map(|path| path.require_ident().cloned()).collect()
    }

    /// The values: an unnamed one, if it comes first, and named ones, each at most once.
    pub(crate) fn fields(&self, known: &[&str]) -> syn::Result<(Option<&Expr>, Vec<Named<'_>>)> {
        let mut unnamed = None;
        let mut named: Vec<Named<'_>> = Vec::new();
        for value in &self.values {
            match value {
                Expr::Assign(assign) => {
                    let name = path(&assign.left, "a name")?.require_ident()?.clone();
                    self.known_field(&name, known, &named)?;
                    named.push((name, &assign.right));
                }
                value if unnamed.is_none() && named.is_empty() => unnamed = Some(value),
                value => {
                    let message = format!(
                        "expected `name = value`, where the name is one of {}",
                        listed(known.iter().copied())
                    );
                    return Err(syn::Error::new_spanned(value, message));
                }
            }
        }
        Ok((unnamed, named))
    }

    fn known_field(&self, name: &Ident, known: &[&str], named: &[Named<'_>]) -> syn::Result<()> {
        if !known.contains(&name.to_string().as_str()) {
            let near = nearest_or_all(&name.to_string(), known.iter().copied());
            let message = format!("`{}` has no `{name}`{near}", self.key);
            return Err(syn::Error::new_spanned(name, message));
        }
        if named.iter().any(|(earlier, _)| earlier == name) {
            return Err(syn::Error::new_spanned(name, format!("`{name}` is given twice; keep one")));
        }
        Ok(())
    }
}

/// A string literal.
pub(crate) fn string(value: &Expr, what: &str) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Ok(literal.clone()),
        other => Err(syn::Error::new_spanned(other, format!("expected {what}"))),
    }
}

/// A whole number that is at least `least`.
pub(crate) fn number(value: &Expr, least: u32, what: &str) -> syn::Result<u32> {
    let Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) = value else {
        return Err(syn::Error::new_spanned(value, format!("expected {what}")));
    };
    let number: u32 = literal.base10_parse()?;
    if number < least {
        return Err(syn::Error::new_spanned(value, format!("expected {what}; the least is {least}")));
    }
    Ok(number)
}

fn path(value: &Expr, what: &str) -> syn::Result<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        other => Err(syn::Error::new_spanned(other, format!("expected {what}"))),
    }
}
