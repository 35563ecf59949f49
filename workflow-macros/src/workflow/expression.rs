//! Expressions over bindings: what they read, and their text.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Ident, Pat};

use crate::text::text;

/// What an expression mentions.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Names that are values from outside the expression, each with the place where it is first mentioned.
    pub(super) names: Vec<Ident>,
    /// Names that may be values, for they stand in a macro's tokens.
    pub(super) perhaps: Vec<Ident>,
}

/// Finds what an expression mentions.
pub(super) fn mentions(expression: &Expr) -> Mentions {
    let mut finder = Finder::default();
    finder.visit_expr(expression);
    finder.found
}

/// The expression's one name, if it is nothing else.
pub(super) fn lone_name(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(path) if path.attrs.is_empty() && path.qself.is_none() => path.path.get_ident(),
        Expr::Group(group) => lone_name(&group.expr),
        _ => None,
    }
}

/// The expression's text.
pub(super) fn written(expression: &Expr) -> String {
    text(expression)
}

#[derive(Default)]
struct Finder {
    found: Mentions,
    /// Names that the expression itself binds, innermost last.
    own: Vec<BTreeSet<String>>,
}

impl Finder {
    fn is_own(&self, name: &Ident) -> bool {
        self.own.iter().any(|names| names.contains(&name.to_string()))
    }

    fn mention(&mut self, name: &Ident) {
        if !self.is_own(name) && !self.found.names.contains(name) {
            self.found.names.push(name.clone());
        }
    }

    fn within(&mut self, patterns: &[&Pat], visit: impl FnOnce(&mut Self)) {
        let mut names = BTreeSet::new();
        patterns.iter().for_each(|pattern| bound_by(pattern, &mut names));
        self.own.push(names);
        visit(self);
        self.own.pop();
    }

    fn macro_tokens(&mut self, tokens: TokenStream) {
        let mut after_dot = false;
        for token in tokens {
            match &token {
                TokenTree::Group(group) => self.macro_tokens(group.stream()),
                TokenTree::Ident(name) if !after_dot && !self.is_own(name) => {
                    self.found.perhaps.push(name.clone())
                }
                TokenTree::Literal(literal) => self.inline_arguments(&literal.to_string(), literal.span()),
                _ => {}
            }
            after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        }
    }

    /// The names in a format string: `"{name}"`, `"{name:?}"`.
    fn inline_arguments(&mut self, literal: &str, span: proc_macro2::Span) {
        for part in literal.replace("{{", "").split('{').skip(1) {
            let name: String =
                part.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            let closes = part[name.len()..].starts_with(['}', ':']);
            if let (true, Ok(mut name)) = (closes, syn::parse_str::<Ident>(&name)) {
                name.set_span(span);
                self.found.perhaps.push(name);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let (None, Some(name)) = (&path.qself, path.path.get_ident()) {
            self.mention(name);
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        // The name in front of the brackets is a function's.
        if lone_name(&call.func).is_none() {
            self.visit_expr(&call.func);
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        let patterns: Vec<&Pat> = closure.inputs.iter().collect();
        self.within(&patterns, |finder| finder.visit_expr(&closure.body));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.within(&[&arm.pat], |finder| visit::visit_arm(finder, arm));
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.within(&[], |finder| visit::visit_block(finder, block));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        if let Some(own) = self.own.last_mut() {
            bound_by(&local.pat, own);
        }
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        match &*expression.cond {
            Expr::Let(condition) => {
                self.within(&[&condition.pat], |finder| visit::visit_expr_if(finder, expression))
            }
            _ => visit::visit_expr_if(self, expression),
        }
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.visit_expr(&expression.expr);
        self.within(&[&expression.pat], |finder| finder.visit_block(&expression.body));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.macro_tokens(call.tokens.clone());
    }
}

fn bound_by(pattern: &Pat, names: &mut BTreeSet<String>) {
    struct Names<'a>(&'a mut BTreeSet<String>);
    impl<'ast> Visit<'ast> for Names<'_> {
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            self.0.insert(pattern.ident.to_string());
            visit::visit_pat_ident(self, pattern);
        }
    }
    Names(names).visit_pat(pattern);
}

#[cfg(test)]
mod tests {
    use super::mentions;

    fn found(source: &str) -> Vec<String> {
        let found = mentions(&syn::parse_str(source).unwrap());
        found.names.iter().chain(&found.perhaps).map(ToString::to_string).collect()
    }

    #[test]
    fn values_are_mentions_and_nothing_else_is() {
        assert_eq!(found("reply.model"), ["reply"]);
        assert_eq!(found("f(a, g::h(b))"), ["a", "b"]);
        assert_eq!(found("Summary { title: a.title.clone(), b }"), ["a", "b"]);
        assert_eq!(found("items.iter().map(|item| item.len() + base).sum::<usize>()"), ["items", "base"]);
        assert_eq!(found("match a { Some(b) => b, None => c }"), ["a", "c"]);
        assert_eq!(found("{ let x = a; x + y }"), ["a", "y"]);
        assert_eq!(found("if let Some(x) = a { x } else { b }"), ["a", "b"]);
        assert_eq!(found("format!(\"{a} {} {c:?} {{d}}\", b.x)"), ["a", "c", "b"]);
    }
}
