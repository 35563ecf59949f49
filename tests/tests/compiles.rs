//! Programs that must compile, and do what they say.

use elsewhere::agents::measure as gauge;
use elsewhere::{Describe, Size, Town, agents};
use serde_json::{Value, json};
use workflow_runtime::prelude::*;
use workflow_runtime::{Registry, TaskManager};
use workflow_tests::Walker;

// The classic form, word for word.
#[task_agent(
    name = "planning_agent",
    description = "Creates a plan",
    input_schema = r#"{"type": "object", "properties": {"objective": {"type": "string"}}, "required": ["objective"]}"#,
    output_schema = r#"{"type": "object", "properties": {"plan": {"type": "string"}}, "required": ["plan"]}"#
)]
async fn planning_agent(
    input: Value,
    task_id: &str,
    job_id: &str,
    task_manager: &TaskManager,
) -> Result<Value, String> {
    let agents = task_manager.agents().iter().filter(|agent| agent.description == "Creates a plan").count();
    let objective = input["objective"].as_str().ok_or("no objective")?;
    Ok(json!({ "plan": format!("{objective} {task_id} {job_id} {agents}") }))
}

mod nested {
    pub(crate) mod deep {
        use workflow_runtime::prelude::*;

        #[task_agent]
        pub(crate) async fn shout(text: String) -> String {
            text.to_uppercase()
        }

        #[task_agent]
        pub(in crate::nested) async fn whisper(text: String) -> String {
            text.to_lowercase()
        }

        #[task_agent]
        pub(super) async fn r#type(r#struct: String, other: Option<u8>) -> String {
            format!("{}{other:?}", r#struct)
        }
    }

    use workflow_runtime::prelude::*;

    workflow! {
        pub(crate) workflow Loud(text: String) -> String {
            phase only {
                quiet = deep::whisper(text);
                loud = self::deep::shout(quiet);
                typed = deep::r#type(loud, None);
            }
            typed
        }
    }
}

mod crossing {
    use super::*;

    workflow! {
        pub(super) workflow Tour(town: Town) -> String {
            phase one {
                size = gauge(town);
                size_again = agents::measure(town);
                #[undo(forget(town))]
                text = elsewhere::agents::describe(town, size);
                whole = Describe(town);
            }
            phase two {
                loud = crate::nested::deep::shout(text);
                loudest = crate::nested::Loud(whole);
            }
            format!("{loud} {loudest} {}", *size_again == Size::Small)
        }
    }

    #[task_agent]
    async fn forget(town: Town) {
        let _ = town;
    }
}

mod hundred {
    use super::*;

    #[task_agent(name = "next")]
    async fn next(number: u32) -> u32 {
        number + 1
    }

    workflow! {
        pub(super) workflow Hundred(start: u32) -> u32 {
            phase all {
                s0 = next(start);
                s1 = next(s0);
                s2 = next(s1);
                s3 = next(s2);
                s4 = next(s3);
                s5 = next(s4);
                s6 = next(s5);
                s7 = next(s6);
                s8 = next(s7);
                s9 = next(s8);
                s10 = next(s9);
                s11 = next(s10);
                s12 = next(s11);
                s13 = next(s12);
                s14 = next(s13);
                s15 = next(s14);
                s16 = next(s15);
                s17 = next(s16);
                s18 = next(s17);
                s19 = next(s18);
                s20 = next(s19);
                s21 = next(s20);
                s22 = next(s21);
                s23 = next(s22);
                s24 = next(s23);
                s25 = next(s24);
                s26 = next(s25);
                s27 = next(s26);
                s28 = next(s27);
                s29 = next(s28);
                s30 = next(s29);
                s31 = next(s30);
                s32 = next(s31);
                s33 = next(s32);
                s34 = next(s33);
                s35 = next(s34);
                s36 = next(s35);
                s37 = next(s36);
                s38 = next(s37);
                s39 = next(s38);
                s40 = next(s39);
                s41 = next(s40);
                s42 = next(s41);
                s43 = next(s42);
                s44 = next(s43);
                s45 = next(s44);
                s46 = next(s45);
                s47 = next(s46);
                s48 = next(s47);
                s49 = next(s48);
                s50 = next(s49);
                s51 = next(s50);
                s52 = next(s51);
                s53 = next(s52);
                s54 = next(s53);
                s55 = next(s54);
                s56 = next(s55);
                s57 = next(s56);
                s58 = next(s57);
                s59 = next(s58);
                s60 = next(s59);
                s61 = next(s60);
                s62 = next(s61);
                s63 = next(s62);
                s64 = next(s63);
                s65 = next(s64);
                s66 = next(s65);
                s67 = next(s66);
                s68 = next(s67);
                s69 = next(s68);
                s70 = next(s69);
                s71 = next(s70);
                s72 = next(s71);
                s73 = next(s72);
                s74 = next(s73);
                s75 = next(s74);
                s76 = next(s75);
                s77 = next(s76);
                s78 = next(s77);
                s79 = next(s78);
                s80 = next(s79);
                s81 = next(s80);
                s82 = next(s81);
                s83 = next(s82);
                s84 = next(s83);
                s85 = next(s84);
                s86 = next(s85);
                s87 = next(s86);
                s88 = next(s87);
                s89 = next(s88);
                s90 = next(s89);
                s91 = next(s90);
                s92 = next(s91);
                s93 = next(s92);
                s94 = next(s93);
                s95 = next(s94);
                s96 = next(s95);
                s97 = next(s96);
                s98 = next(s97);
                s99 = next(s98);
            }
            s99
        }
    }
}

mod without {
    use super::*;

    #[task_agent]
    async fn nothing() {}

    #[task_agent(retry = 2, priority = "high", concurrency = 3, rate = "10/s", heartbeat = "1s", timeout = "2s", version = 4, tags = ["x"], role = "coder", on_success = seen, on_retry = seen, on_failure = self::noted)]
    async fn everything() -> Result<(), std::fmt::Error> {
        Ok(())
    }

    fn seen(_: &Outcome<'_>) {}

    fn noted(outcome: &Outcome<'_>) -> Result<(), String> {
        Err(outcome.agent.to_owned())
    }

    workflow! {
        #[name("does.nothing")]
        #[queue("bulk")]
        #[priority("low")]
        #[tags("a", "b")]
        #[version(3)]
        pub(super) workflow Nothing() {
            phase only {
                nothing();
                /// Comments are welcome anywhere.
                #[queue("other")]
                #[tags("c")]
                #[on_failure(noted)]
                everything();
            }
        }
    }

    workflow! {
        pub(super) workflow Twice(number: u32) -> u32 {
            phase one {
                if *number > 1 { nothing(); }
                if *number > 2 { nothing(); }
                if *number > 3 { big = size(number); } else { big = size(0); }
                #[after(big)]
                after = size(1);
            }
            phase two {
                if *number > 4 { nothing(); }
                for one in vec![1, 2] { size(one) }
                for one in vec![3] { size(one) }
            }
            *after
        }
    }

    #[task_agent]
    async fn size(number: u32) -> u32 {
        number
    }

    #[test]
    fn forms_of_one_name_are_numbered_and_names_of_an_if_can_be_awaited() {
        let registry = Registry::collect().unwrap();
        let plan = registry.workflow("Twice").unwrap().plan();
        let paths: Vec<&str> = plan.definition().nodes.iter().map(|node| node.path.as_str()).collect();
        assert!(paths.contains(&"if nothing/then/nothing"), "{paths:?}");
        assert!(paths.contains(&"if nothing 2/then/nothing"), "{paths:?}");
        assert!(paths.contains(&"if nothing 3/then/nothing"), "{paths:?}");
        assert!(paths.contains(&"for one 2/size"), "{paths:?}");
        let place = |path| u32::try_from(paths.iter().position(|other| *other == path).unwrap()).unwrap();
        assert_eq!(plan.graph().predecessors(place("after")), [place("if big")]);
    }

    #[test]
    fn every_option_arrives() {
        let registry = Registry::collect().unwrap();
        let options = registry.agent("everything").unwrap().options();
        let expected = json!({
            "retry": {"max": 2, "first": "1s", "factor": 2.0, "cap": "5m"},
            "timeout": "2s",
            "priority": "high",
            "concurrency": 3,
            "rate": {"count": 10, "per": "1s"},
            "heartbeat": "1s",
            "version": 4,
            "tags": ["x"],
            "role": "coder",
        });
        assert_eq!(serde_json::to_value(options).unwrap(), expected);
        let workflow = registry.workflow("does.nothing").unwrap();
        let definition = workflow.plan().definition();
        let expected = json!({"queue": "bulk", "priority": "low", "tags": ["a", "b"], "version": 3});
        assert_eq!(serde_json::to_value(&definition.options).unwrap(), expected);
        assert_eq!(
            serde_json::to_value(&definition.nodes[1].options).unwrap(),
            json!({"queue": "other", "tags": ["c"]})
        );
    }

    #[test]
    fn hooks_arrive_and_see_the_outcome() {
        let registry = Registry::collect().unwrap();
        let error = AgentError::permanent("why");
        let outcome = Outcome::new("everything", "job", "task", 1, Err(&error));
        let hooks = registry.agent("everything").unwrap().hooks();
        assert!(hooks.on_success.unwrap()(&outcome).is_ok() && hooks.on_retry.unwrap()(&outcome).is_ok());
        assert_eq!(hooks.on_failure.unwrap()(&outcome).unwrap_err().to_string(), "everything");
        let workflow = registry.workflow("does.nothing").unwrap();
        let workflow_runtime::NodeCode::Step { hooks, .. } = &workflow.code().nodes[1] else {
            panic!("a step")
        };
        assert!(hooks.on_failure.is_some() && hooks.on_success.is_none());
    }

    // Agents and workflows in a function, as tests have them.
    #[test]
    fn inside_a_function() {
        #[task_agent(name = "inner_one")]
        async fn one(number: i64) -> i64 {
            number
        }
        workflow! {
            workflow Inner(number: i64) -> i64 {
                phase only { same = one(number); }
                same
            }
        }
        let registry = Registry::builder().agent::<one>().workflow::<Inner>().build().unwrap();
        assert_eq!(registry.agents().len(), 1);
    }
}

async fn run(name: &str, input: Value) -> Value {
    let registry = Registry::collect().unwrap_or_else(|problems| panic!("{problems}"));
    Walker::new(&registry).run(name, input).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn agents_of_other_crates_and_modules_by_any_name() {
    let town = json!({"town": {"label": "Ulm", "people": 9000}});
    assert_eq!(run("Tour", town).await, json!("ULM IS SMALL ULM IS SMALLNone true"));
}

#[tokio::test]
async fn a_hundred_steps() {
    assert_eq!(run("Hundred", json!({"start": 5})).await, json!(105));
}

#[tokio::test]
async fn a_workflow_without_input_and_output() {
    assert_eq!(run("does.nothing", json!({})).await, json!(null));
}

#[tokio::test]
async fn the_classic_form_runs() {
    let registry = Registry::collect().unwrap();
    let agent = registry.agent("planning_agent").unwrap();
    let context =
        workflow_runtime::TaskContext::new("j", "t", 1, std::sync::Arc::default(), registry.task_manager());
    let plan = agent.call(json!({"objective": "win"}), context.clone()).await.unwrap();
    assert_eq!(plan, json!({"plan": "win t j 1"}));
    let wrong = agent.call(json!({}), context.clone()).await.unwrap_err();
    assert!(wrong.to_string().contains("\"objective\" is a required property"), "{wrong}");
    let direct =
        planning_agent(json!({"objective": "win"}), "t", "j", &registry.task_manager()).await.unwrap();
    assert_eq!(direct["plan"], "win t j 1");
}

#[test]
fn schemas_come_from_types_and_words_from_comments() {
    let registry = Registry::collect().unwrap();
    let describe = registry.agent("town.describe").unwrap();
    assert_eq!(describe.description(), "Describes a town.");
    let input = describe.input_schema();
    assert_eq!(input["required"], json!(["town", "size"]));
    assert_eq!(input["$defs"]["Town"]["properties"]["people"]["minimum"], json!(1));
    assert_eq!(input["$defs"]["Town"]["required"], json!(["label", "people"]));
    assert_eq!(registry.agent("measure").unwrap().options().tags, ["geo", "cheap"]);
    let tour = registry.workflow("Describe").unwrap();
    assert_eq!(tour.input_schema()["properties"]["town"]["description"], json!("The town to describe."));
}
