use proc_macro2::{Delimiter, Group, TokenTree};
use proptest::prelude::*;

use super::*;

/// Tokens that mean something somewhere.
const WORDS: &str = r##"
    phase workflow if else for in repeat while max let match loop sleep signal fn async pub struct self Self _ x question
    model timeout retry optional after undo or name 0 1 5 4294967296 0.5 "30s" "" "ä{x}" 'a' 'c' r#"{"type": 1}"# true
    = == => -> :: : ; , . .. ! ? & && | || < > # * - + () {} [] (x) {x} [x] (x, y) {x = f(y);} #[retry(3)] #[after(x)]
    State<T> &TaskContext impl T <T> -> Result<T, E> signal::<T>("x") f(x) x = f(y); phase p { x = f(y); }
"##;

#[derive(Debug, Clone)]
enum Change {
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, prop::sample::Index),
    Replace(prop::sample::Index, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        at().prop_map(Change::Remove),
        at().prop_map(Change::Repeat),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        (at(), at()).prop_map(|(one, other)| Change::Insert(one, other)),
        (at(), at()).prop_map(|(one, other)| Change::Replace(one, other)),
    ]
}

/// Changes tokens at some depth: most changes go into a group, as most of a workflow is in one.
fn changed(stream: TokenStream, change: &Change, path: &[prop::sample::Index]) -> TokenStream {
    let mut trees: Vec<TokenTree> = stream.into_iter().collect();
    let groups: Vec<usize> = trees
        .iter()
        .enumerate()
        .filter(|(_, tree)| matches!(tree, TokenTree::Group(_)))
        .map(|(at, _)| at)
        .collect();
    if let ([first, rest @ ..], false) = (path, groups.is_empty()) {
        let at = groups[first.index(groups.len())];
        if let TokenTree::Group(group) = &trees[at] {
            let inner = changed(group.stream(), change, rest);
            trees[at] = Group::new(group.delimiter(), inner).into();
        }
        return trees.into_iter().collect();
    }
    let words: Vec<TokenTree> = tokens(WORDS).into_iter().collect();
    let word = |at: &prop::sample::Index| words[at.index(words.len())].clone();
    if trees.is_empty() {
        if let Change::Insert(_, other) | Change::Replace(_, other) = change {
            trees.push(word(other));
        }
        return trees.into_iter().collect();
    }
    let count = trees.len();
    match change {
        Change::Remove(at) => _ = trees.remove(at.index(count)),
        Change::Repeat(at) => trees.insert(at.index(count), trees[at.index(count)].clone()),
        Change::Swap(one, other) => trees.swap(one.index(count), other.index(count)),
        Change::Insert(at, other) => trees.insert(at.index(count), word(other)),
        Change::Replace(at, other) => trees[at.index(count)] = word(other),
    }
    trees.into_iter().collect()
}

fn mutations() -> impl Strategy<Value = Vec<(Change, Vec<prop::sample::Index>)>> {
    let path = prop::collection::vec(any::<prop::sample::Index>(), 0..5);
    prop::collection::vec((change(), path), 1..6)
}

fn mutated(source: &str, mutations: &[(Change, Vec<prop::sample::Index>)]) -> TokenStream {
    mutations.iter().fold(tokens(source), |stream, (change, path)| changed(stream, change, path))
}

/// What was expanded is Rust, whether it is an error or not.
fn is_rust(expanded: TokenStream) -> Result<(), TestCaseError> {
    let text = expanded.to_string();
    prop_assert!(syn::parse2::<syn::File>(expanded).is_ok(), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_workflow_makes_it_panic(forms in any::<bool>(), mutations in mutations()) {
        let source = if forms { FORMS } else { ANSWER };
        is_rust(crate::workflow::expand(mutated(source, &mutations)))?;
    }

    #[test]
    fn no_agent_makes_it_panic(mutations in mutations(), options in mutations()) {
        let function = mutated(AGENT, &mutations);
        let function_is_rust = syn::parse2::<syn::ItemFn>(function.clone()).is_ok();
        let expanded = crate::agent::expand(mutated(AGENT_OPTIONS, &options), function);
        // What is no function is handed back as it came.
        if function_is_rust {
            is_rust(expanded)?;
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z(){}\\[\\];:=<>#!.,\" ]{0,60}") {
        if let Ok(stream) = text.parse::<TokenStream>() {
            let _ = crate::workflow::expand(stream.clone());
            let _ = crate::agent::expand(stream.clone(), tokens(AGENT));
            let _ = crate::agent::expand(tokens(AGENT_OPTIONS), stream.clone());
            let _ = crate::data::expand(&TokenStream::new(), stream);
        }
    }
}

#[test]
fn deep_nesting_is_no_deep_trouble() {
    let mut inner = "f(x)".to_owned();
    for _ in 0..40 {
        inner = format!("for x in xs {{ {inner} }}");
    }
    let source = format!("workflow W(xs: X) {{ phase p {{ {inner} }} }}");
    let _ = workflow(&source);
    let _ = TokenStream::from(TokenTree::from(Group::new(Delimiter::None, workflow(&source))));
}
