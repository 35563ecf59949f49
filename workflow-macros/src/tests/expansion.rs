use super::*;

/// Without the documentation: pictures change with every touch of the layout, and are tested where they are drawn.
fn code(expanded: TokenStream) -> String {
    let mut file: syn::File = syn::parse2(expanded).unwrap_or_else(|error| panic!("{error}"));
    for item in &mut file.items {
        let attributes = match item {
            syn::Item::Fn(item) => &mut item.attrs,
            syn::Item::Struct(item) => &mut item.attrs,
            _ => continue,
        };
        attributes.retain(|attribute| !attribute.path().is_ident("cfg_attr"));
    }
    prettyplease::unparse(&file)
}

#[test]
fn a_small_agent() {
    insta::assert_snapshot!(code(agent("", "async fn double(number: u32) -> u32 { number * 2 }")));
}

#[test]
fn an_agent_with_everything() {
    insta::assert_snapshot!(code(agent(AGENT_OPTIONS, AGENT)));
}

#[test]
fn a_workflow() {
    insta::assert_snapshot!(code(workflow(ANSWER)));
}

#[test]
fn every_form() {
    insta::assert_snapshot!(code(workflow(FORMS)));
}

#[test]
fn a_mistake_leaves_the_function_and_the_struct() {
    insta::assert_snapshot!(code(agent(
        "timeuot = \"3s\"",
        "async fn double(number: u32) -> u32 { number * 2 }"
    )));
    insta::assert_snapshot!(code(workflow("workflow W(a: A) -> B { phase p { b = f(c); } b }")));
}

#[test]
fn documentation() {
    let expanded = workflow("/** Words. */ workflow W(a: A) -> B { phase p { #[retry(2)] b = m::f(a); } b }");
    let file: syn::File = syn::parse2(expanded).unwrap();
    let Some(syn::Item::Struct(item)) = file.items.first() else { panic!("the struct comes first") };
    let page = item.attrs.iter().find(|attribute| attribute.path().is_ident("cfg_attr")).unwrap();
    let attribute = quote::ToTokens::to_token_stream(page).to_string();
    assert!(attribute.contains("<div><svg"), "{attribute}");
    assert!(attribute.contains("| p | `b` | [`f`](fn@m::f) | retry 2 |"), "{attribute}");
    // A blank line would end the picture, as Markdown sees it.
    let picture = &attribute[attribute.find("<svg").unwrap()..attribute.find("</svg>").unwrap()];
    assert!(!picture.contains("\\n"), "{picture}");
}

/// What is expanded has to be compiled, again and again; the README tells these numbers.
#[test]
fn expansions_stay_small() {
    let lines = |text: &str| text.lines().count();
    let small = "async fn double(number: u32) -> u32 { number * 2 }";
    let agent_lines = lines(&code(agent("", small))) - lines(&pretty(tokens(small)));
    let steps = |count: usize| {
        let steps: String = (1..=count).map(|step| format!("s{step} = next(s{});", step - 1)).collect();
        lines(&code(workflow(&format!("workflow W(s0: u32) -> u32 {{ phase p {{ {steps} }} s{count} }}"))))
    };
    let (ten, one) = (steps(10), steps(1));
    let step_lines = (ten - one) / 9;
    println!("{agent_lines} lines an agent, {} a workflow and {step_lines} a step", one - step_lines);
    assert!(agent_lines <= 60, "{agent_lines} lines an agent");
    assert!(step_lines <= 20, "{step_lines} lines a step");
}
