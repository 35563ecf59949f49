//! The registry: collected whole, checked whole, told whole.

use proptest::prelude::*;
use serde_json::{Value, json};
use workflow_runtime::prelude::*;
use workflow_runtime::{
    AgentSpec, CATALOGUE_SCHEMA, Catalogue, Options, Problem, Registry, RegistryBuilder, Schema,
};

#[task_agent]
async fn first(text: String) -> String {
    text
}

#[task_agent]
async fn second(text: String, number: u8) -> String {
    format!("{text}{number}")
}

#[task_agent(
    output_schema = r#"{"type": "object", "properties": {"plan": {"type": "string"}}, "additionalProperties": false}"#
)]
async fn plans(text: String) -> Value {
    json!({ "plan": text })
}

#[task_agent(input_schema = r#"{"type": "object", "required": ["objective"]}"#)]
async fn wants_objective(input: Value) -> Value {
    input
}

#[task_agent(
    input_schema = r#"{"type": "object", "properties": {"count": {"type": "integer"}, "plan": {"type": "object", "required": ["goal"]}}}"#
)]
async fn wants_goal(count: u8, plan: Value) -> Value {
    json!([count, plan])
}

#[task_agent(timeout = "10s", heartbeat = "5s")]
async fn beats(text: String) -> String {
    text
}

workflow! {
    workflow Both(text: String) -> String {
        phase only {
            one = first(text);
            two = second(one, 1);
        }
        two
    }
}

workflow! {
    workflow Misfits(text: String) -> Value {
        phase one { plan = plans(text); }
        phase two {
            told = wants_objective(plan);
            goal = wants_goal(3, plan);
        }
        json!([told, goal])
    }
}

workflow! {
    workflow Impatient(text: String) -> String {
        phase only {
            #[timeout("2s")]
            beaten = beats(text);
        }
        beaten
    }
}

fn told(builder: RegistryBuilder) -> Vec<String> {
    match builder.build() {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn json_agent(name: &'static str) -> AgentSpec {
    AgentSpec::json(name, |input, _| async { Ok::<_, AgentError>(input) })
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place() {
    let builder = Registry::builder()
        .agent::<plans>()
        .agent::<wants_objective>()
        .agent::<wants_goal>()
        .agent::<beats>()
        .agent::<second>()
        .agent_spec(json_agent("twice"))
        .agent_spec(json_agent("twice"))
        .agent_spec(json_agent("frist"))
        .agent_spec(json_agent("broken").input_schema("{\"type\": \"objekt\"}"))
        .agent_spec(json_agent("impatient").options(Options::new().timeout(std::time::Duration::ZERO)))
        .workflow::<Both>()
        .workflow::<Misfits>()
        .workflow::<Impatient>();
    let told = told(builder);
    let found = |part: &str| {
        let matching: Vec<&String> = told.iter().filter(|problem| problem.contains(part)).collect();
        assert_eq!(matching.len(), 1, "{part}\n{told:#?}");
        assert!(matching[0].starts_with("tests/tests/registry.rs:"), "no place: {}", matching[0]);
    };
    found("there is a `twice` already, at tests/tests/registry.rs:");
    found("`one` of `Both` calls `first`, which is not registered; did you mean `frist`?");
    found("the input schema of `broken` is not a JSON Schema: \"objekt\" is not valid");
    found("`impatient`: timeout is zero");
    found(
        "`told` of `Misfits` can never take what `plan` gives: `objective` is required but can never be there",
    );
    found("`goal` of `Misfits` can never take what `plan` gives: `goal` is required but can never be there");
    found("`beaten` of `Impatient`: heartbeat 5s is not shorter than timeout 2s");
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[test]
fn an_agent_and_a_workflow_cannot_share_a_name() {
    let builder = Registry::builder()
        .agent::<first>()
        .agent::<second>()
        .workflow::<Both>()
        .agent_spec(json_agent("Both"));
    let problems = builder.build().unwrap_err();
    assert!(matches!(problems.iter().next(), Some(Problem::DuplicateName { name, .. }) if name == "Both"));
    assert_eq!(problems.iter().len(), 1);
}

#[test]
fn a_missing_agent_without_a_near_name_is_told_how_to_link_it() {
    let told = told(Registry::builder().workflow::<Impatient>());
    assert!(told[0].contains("link that crate: `use the_crate as _;`"), "{told:?}");
}

#[test]
fn the_catalogue_satisfies_its_published_schema_and_can_be_read_again() {
    // `Misfits` and `Impatient` are wrong on purpose, so this registry is made by hand.
    let registry = elsewhere_and_these();
    let catalogue = registry.catalogue();
    let document = serde_json::to_value(&catalogue).unwrap();
    let schema = Schema::parse(CATALOGUE_SCHEMA).unwrap();
    schema.check(&document).unwrap_or_else(|violations| panic!("{violations}\n{document:#}"));
    assert_eq!(serde_json::from_value::<Catalogue>(document.clone()).unwrap(), catalogue);
    let mut wrong = document;
    wrong["agents"][0]["name"] = json!(1);
    schema.check(&wrong).unwrap_err();
}

fn elsewhere_and_these() -> Registry {
    use elsewhere::{Describe, agents};
    Registry::builder()
        .agent::<first>()
        .agent::<second>()
        .agent::<agents::describe>()
        .agent::<agents::measure>()
        .workflow::<Both>()
        .workflow::<Describe>()
        .workflow::<workflow_examples::order::Fulfil>()
        .workflow::<workflow_examples::order::Reserve>()
        .workflow::<workflow_examples::ingest::Ingest>()
        .agent::<workflow_examples::order::charge_card>()
        .agent::<workflow_examples::order::refund>()
        .agent::<workflow_examples::order::put_back>()
        .agent::<workflow_examples::order::release>()
        .agent::<workflow_examples::order::reserve>()
        .agent::<workflow_examples::order::ship>()
        .agent::<workflow_examples::order::notify>()
        .agent::<workflow_examples::ingest::split>()
        .agent::<workflow_examples::ingest::clean>()
        .agent::<workflow_examples::ingest::embed>()
        .agent::<workflow_examples::ingest::embed_roughly>()
        .agent::<workflow_examples::ingest::summarize>()
        .agent::<workflow_examples::ingest::improve>()
        .agent::<workflow_examples::ingest::store>()
        .build()
        .unwrap_or_else(|problems| panic!("{problems}"))
}

proptest! {
    #[test]
    fn the_order_of_registration_does_not_matter(order in Just((0..4).collect::<Vec<usize>>()).prop_shuffle()) {
        let add: [fn(RegistryBuilder) -> RegistryBuilder; 4] = [
            |builder| builder.agent::<first>(),
            |builder| builder.agent::<second>(),
            |builder| builder.workflow::<Both>(),
            |builder| builder.agent::<beats>(),
        ];
        let builder = order.iter().fold(Registry::builder(), |builder, place| add[*place](builder));
        let sorted = add.iter().fold(Registry::builder(), |builder, add| add(builder));
        prop_assert_eq!(builder.build().unwrap().catalogue(), sorted.build().unwrap().catalogue());
    }
}
