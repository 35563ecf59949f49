//! From tokens to [`syntax`](super::syntax).

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, PathArguments, Token, braced, parenthesized, token};

use super::syntax::{Body, Call, For, Form, If, Input, Phase, Repeat, Statement, Workflow};

impl Parse for Workflow {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        keyword(input, "workflow", "a workflow begins `workflow Name(input: Type) -> Type {`")?;
        let name: Ident = input.parse()?;
        if input.peek(Token![<]) {
            return Err(input.error("a workflow cannot be generic: it is registered once, by name"));
        }
        let inputs = inputs(input, &name)?;
        let output = if input.parse::<Option<Token![->]>>()?.is_some() { Some(input.parse()?) } else { None };
        let content;
        let brace = braced!(content in input);
        if !input.is_empty() {
            return Err(
                input.error("a `workflow!` holds one workflow; put another one in a `workflow!` of its own")
            );
        }
        let mut phases = Vec::new();
        while is_phase(&content) {
            phases.push(content.parse()?);
        }
        let result = if content.is_empty() { None } else { Some(result(&content)?) };
        Ok(Self { attributes, visibility, name, inputs, output, phases, result, end: brace.span.close() })
    }
}

fn inputs(input: ParseStream<'_>, name: &Ident) -> syn::Result<Vec<Input>> {
    if !input.peek(token::Paren) {
        let message = format!("a workflow says what it takes: write `{name}()`, or `{name}(input: Type)`");
        return Err(syn::Error::new(name.span(), message));
    }
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<Input, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        Ok(Self { attributes, name, ty: input.parse()? })
    }
}

fn is_phase(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any)
        && input.fork().parse::<Ident>().is_ok_and(|word| word == "phase")
        && input.peek2(Ident::peek_any)
}

impl Parse for Phase {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        keyword(input, "phase", "expected a phase")?;
        let name = input.parse()?;
        let content;
        braced!(content in input);
        Ok(Self { name, statements: statements(&content)? })
    }
}

/// What follows the phases: the expression for the workflow's result, and nothing else.
fn result(input: ParseStream<'_>) -> syn::Result<Expr> {
    if input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
        return Err(input.error("a step stands in a phase: write `phase name { … }` around it"));
    }
    let start = input.span();
    let result: Expr = input.parse()?;
    if input.peek(Token![;]) {
        return Err(input.error("the workflow's result has no `;` behind it"));
    }
    if !input.is_empty() {
        let message = match is_phase(input) {
            true => "the workflow's result comes last, behind all phases",
            false => "expected `phase name { … }`, or one expression for the workflow's result",
        };
        return Err(syn::Error::new(start, message));
    }
    Ok(result)
}

fn statements(input: ParseStream<'_>) -> syn::Result<Vec<Statement>> {
    let mut statements = Vec::new();
    while !input.is_empty() {
        let statement: Statement = input.parse()?;
        end_statement(input, &statement)?;
        statements.push(statement);
    }
    Ok(statements)
}

fn end_statement(input: ParseStream<'_>, statement: &Statement) -> syn::Result<()> {
    if input.parse::<Option<Token![;]>>()?.is_some() {
        return Ok(());
    }
    let is_block = matches!(statement.form, Form::If(_) | Form::For(_) | Form::Repeat(_));
    if is_block && statement.binding.is_none() {
        return Ok(());
    }
    if input.peek(Token![.]) && input.peek2(Token![await]) {
        return Err(input.error("a step is not awaited, for the runtime runs it; leave out `.await`"));
    }
    if input.peek(Token![.]) || input.peek(Token![?]) {
        return Err(input.error(
            "a step is one call; bind its result, and use an expression over it where it is needed, \
             as in `next(reply.text.clone())`",
        ));
    }
    Err(input.error("a statement ends in `;`"))
}

impl Parse for Statement {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        if input.peek(Token![let]) {
            return Err(input.error("a binding needs no `let`; write `name = agent(…);`"));
        }
        if is_phase(input) {
            return Err(input.error("a phase cannot stand in a phase; close the one before it"));
        }
        if input.peek(Token![_]) && input.peek2(Token![=]) {
            return Err(
                input.error("a step whose result nobody needs is written without a name; leave out `_ =`")
            );
        }
        let bound = input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        let binding = if bound {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            Some(name)
        } else {
            None
        };
        let form = input.parse()?;
        if let (Some(name), Form::If(_)) = (&binding, &form) {
            let message = "an `if` binds the names that its blocks bind; write them inside it";
            return Err(syn::Error::new(name.span(), message));
        }
        Ok(Self { attributes, binding, form })
    }
}

impl Parse for Form {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![if]) {
            return Ok(Self::If(input.parse()?));
        }
        if input.peek(Token![for]) {
            return Ok(Self::For(input.parse()?));
        }
        if input.peek(Token![while]) || input.peek(Token![loop]) {
            return Err(
                input.error("a loop has a bound: write `name = repeat value while condition max 5 { … };`")
            );
        }
        if input.peek(Token![match]) {
            return Err(
                input.error("a workflow branches by `if … { … } else { … }`; write the `match` in an agent")
            );
        }
        let is_repeat = input.fork().parse::<Ident>().is_ok_and(|word| word == "repeat");
        if is_repeat && input.peek2(Ident) {
            return Ok(Self::Repeat(input.parse()?));
        }
        call(input)
    }
}

/// A call, or `sleep` or `signal`, which look like one.
fn call(input: ParseStream<'_>) -> syn::Result<Form> {
    const WHAT: &str = "a step is a call of an agent or a workflow, like `fetch_facts(question)`";
    let start = input.span();
    let Ok(path) = input.call(syn::Path::parse) else {
        return Err(syn::Error::new(start, WHAT));
    };
    if input.peek(Token![!]) {
        return Err(syn::Error::new_spanned(path, format!("{WHAT}; a macro cannot be one")));
    }
    if !input.peek(token::Paren) {
        let message = format!("{WHAT}; an expression goes where it is needed, as an argument");
        return Err(syn::Error::new_spanned(path, message));
    }
    let content;
    let parens = parenthesized!(content in input).span.join();
    let arguments: Vec<Expr> =
        Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect();
    match path.segments.last().map(|segment| segment.ident.to_string()).as_deref() {
        Some("sleep") if is_ours(&path) => sleep(path, arguments),
        Some("signal") if is_ours(&path) => signal(path, arguments),
        _ => Ok(Form::Call(Call { path, arguments, parens })),
    }
}

/// Whether a `sleep` or a `signal` is the language's own: it is, unless it is reached by another crate's or module's path.
fn is_ours(path: &syn::Path) -> bool {
    path.segments.len() == 1 || path.segments.first().is_some_and(|first| first.ident == "workflow_runtime")
}

fn sleep(path: syn::Path, arguments: Vec<Expr>) -> syn::Result<Form> {
    let [time] = <[Expr; 1]>::try_from(arguments).map_err(|_| {
        syn::Error::new_spanned(&path, "`sleep` takes how long: a text like \"10m\", or a `Duration`")
    })?;
    Ok(Form::Sleep { path, time })
}

fn signal(path: syn::Path, arguments: Vec<Expr>) -> syn::Result<Form> {
    let typed =
        matches!(path.segments.last().map(|last| &last.arguments), Some(PathArguments::AngleBracketed(_)));
    if !typed {
        let message = "a signal has a type: write `signal::<Approval>(\"approve\")`";
        return Err(syn::Error::new_spanned(path, message));
    }
    let message = "`signal` takes the event's name in quotes, like \"approve\"";
    match <[Expr; 1]>::try_from(arguments) {
        Ok([event]) => {
            Ok(Form::Signal { path, event: crate::setting::string(&event, "the event's name in quotes")? })
        }
        Err(_) => Err(syn::Error::new_spanned(path, message)),
    }
}

impl Parse for If {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let keyword = input.parse::<Token![if]>()?.span;
        if input.peek(Token![let]) {
            return Err(input.error("an `if` takes a condition; test with `.is_some()` or `matches!`, say"));
        }
        let condition = input.call(Expr::parse_without_eager_brace)?;
        let then = block(input)?;
        let otherwise = if input.parse::<Option<Token![else]>>()?.is_none() {
            Vec::new()
        } else if input.peek(Token![if]) {
            vec![Statement { attributes: Vec::new(), binding: None, form: Form::If(input.parse()?) }]
        } else {
            block(input)?
        };
        Ok(Self { keyword, condition, then, otherwise })
    }
}

fn block(input: ParseStream<'_>) -> syn::Result<Vec<Statement>> {
    let content;
    braced!(content in input);
    statements(&content)
}

impl Parse for For {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse::<Token![for]>()?;
        let Ok(item) = input.parse::<Ident>() else {
            return Err(input.error("a `for` names its element: write `for item in items { … }`"));
        };
        input.parse::<Token![in]>()?;
        let items = input.call(Expr::parse_without_eager_brace)?;
        Ok(Self { item, items, body: input.parse()? })
    }
}

impl Parse for Repeat {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        const FORM: &str = "a loop is written `name = repeat value while condition max 5 { … };`";
        keyword(input, "repeat", FORM)?;
        let carried = input.parse()?;
        let first = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        if !input.peek(Token![while]) {
            return Err(input.error(FORM));
        }
        input.parse::<Token![while]>()?;
        let condition: Expr = input.parse()?;
        keyword(input, "max", "a loop has a bound: write `max 5` behind its condition")?;
        let Ok(max) = input.parse() else {
            return Err(input.error("`max` takes a whole number, like 5"));
        };
        Ok(Self { carried, first, condition, max, body: input.parse()? })
    }
}

impl Parse for Body {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let content;
        let brace = braced!(content in input);
        let mut statements = Vec::new();
        let mut last = None;
        while !content.is_empty() {
            let statement: Statement = content.parse()?;
            if content.is_empty() && statement.binding.is_none() && !matches!(statement.form, Form::If(_)) {
                last = Some(Box::new(statement));
                break;
            }
            end_statement(&content, &statement)?;
            statements.push(statement);
        }
        Ok(Self { statements, last, end: brace.span.close() })
    }
}

/// Takes a word that is a keyword only here.
fn keyword(input: ParseStream<'_>, word: &str, message: &str) -> syn::Result<()> {
    let ahead = input.fork();
    match Ident::parse_any(&ahead) {
        Ok(found) if found == word => Ident::parse_any(input).map(drop),
        Ok(found) => {
            Err(syn::Error::new(found.span(), format!("expected `{word}`, found `{found}`; {message}")))
        }
        Err(_) => Err(syn::Error::new(input.span(), format!("expected `{word}`; {message}"))),
    }
}
