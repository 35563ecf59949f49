//! One picture everywhere: what `cargo doc` shows is what the plan draws.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use workflow_examples as _;
use workflow_runtime::Registry;
use workflow_runtime::prelude::*;

#[test]
fn documentation_shows_what_the_plan_draws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["doc", "--quiet", "--package", "workflow-examples", "--no-deps"];
    let status = Command::new(cargo).current_dir(&root).args(arguments).status().unwrap();
    assert!(status.success());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let registry = Registry::collect().unwrap();
    for (workflow, page) in [
        ("Answer", "answer/struct.Answer.html"),
        ("Fulfil", "order/struct.Fulfil.html"),
        ("Reserve", "order/struct.Reserve.html"),
        ("Ingest", "ingest/struct.Ingest.html"),
    ] {
        let page = std::fs::read_to_string(target.join("doc/workflow_examples").join(page)).unwrap();
        let picture = registry.workflow(workflow).unwrap().plan().to_svg();
        assert!(page.contains(&picture), "the page of {workflow} does not show\n{picture}");
        assert!(
            page.contains("<th>phase</th><th>step</th><th>agent</th>"),
            "the page of {workflow} has no table"
        );
    }
    let page =
        std::fs::read_to_string(target.join("doc/workflow_examples/answer/struct.Answer.html")).unwrap();
    assert!(page.contains("href=\"fn.ask_model.html\""), "steps are not linked to their agents");
    let index = std::fs::read_to_string(target.join("doc/workflow_examples/answer/index.html")).unwrap();
    assert!(!index.contains("struct.ask_model.html"), "the index shows what the macro generated");
    let agent =
        std::fs::read_to_string(target.join("doc/workflow_examples/answer/fn.ask_model.html")).unwrap();
    assert!(agent.contains("retry 3 · timeout 30s · queue llm"), "the agent's page has no footer");
}

#[test]
fn the_other_languages_name_everything() {
    let registry = Registry::collect().unwrap();
    let plan = registry.workflow("Ingest").unwrap().plan();
    for text in [plan.to_mermaid(), plan.to_dot()] {
        for name in ["read", "think", "keep", "chunks", "clean", "for chunk in chunks", "embed_roughly"] {
            assert!(text.contains(name), "{name} is missing in\n{text}");
        }
    }
}

#[task_agent]
async fn halve(number: u32) -> u32 {
    number / 2
}

workflow! {
    /// Halves a number in every way that there is.
    #[name("every_form")]
    pub workflow EveryForm(number: u32) -> u32 {
        phase first {
            if *number > 1 {
                half = halve(number);
            } else {
                half = halve(2);
            }
            halves = for one in vec![*number, *number] {
                own = halve(one);
                Halved(own)
            };
            least = repeat number while *number > 1 max 9 {
                less = halve(number);
                halve(less)
            };
        }
        phase then {
            inner = Halved(*half + *least + halves.len() as u32);
            sleep("1ms");
        }
        *inner
    }
}

workflow! {
    /// Halves a number.
    #[name("halved")]
    pub workflow Halved(number: u32) -> u32 {
        phase only { half = halve(number); }
        *half
    }
}

workflow! {
    /// Halves a number until nothing is left.
    pub workflow Nothing(number: u32) -> u32 {
        phase only {
            half = halve(number);
            if *half > 0 { rest = Nothing(half); } else { rest = halve(half); }
        }
        *rest
    }
}

/// The values of an attribute of a picture.
fn values(svg: &str, attribute: &str) -> BTreeSet<String> {
    let begin = format!(" {attribute}=\"");
    let values = svg.split(&begin).skip(1).filter_map(|rest| rest.split_once('"'));
    values.map(|(value, _)| value.replace("&#95;", "_")).collect()
}

/// A path without the numbers of elements and rounds.
fn plain(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

#[tokio::test]
async fn every_task_is_found_in_the_picture_by_its_path() {
    let runtime = Runtime::in_memory().await.unwrap();
    let plan = runtime.registry().workflow("every_form").unwrap().plan();
    for number in [1, 40] {
        let job = runtime.submit(EveryForm { number }).await.unwrap();
        let drawn = values(&plan.to_svg(), "data-step");
        job.outcome().await.unwrap();
        let paths: BTreeSet<String> = job.tasks().iter().map(|task| plain(&task.path)).collect();
        assert!(number == 1 || paths.contains("least/less"), "{paths:?}");
        assert!(paths.is_subset(&drawn), "{paths:?} are not all in {drawn:?}");
    }
}

#[test]
fn a_workflow_is_opened_in_place_where_it_is_called() {
    let registry = Registry::collect().unwrap();
    let plan = registry.workflow("every_form").unwrap().plan();
    let closed = plan.to_svg();
    assert_eq!(values(&closed, "data-child"), BTreeSet::from(["halved".to_owned()]));
    assert_eq!(plan.to_svg_opened(&registry, &["no/such", "if half", ""]), closed);
    let opened = plan.to_svg_opened(&registry, &["inner"]);
    let more = &values(&opened, "data-step") - &values(&closed, "data-step");
    assert_eq!(more, BTreeSet::from(["inner/half".to_owned()]));
    let both = values(&plan.to_svg_opened(&registry, &["inner", "halves/Halved"]), "data-step");
    assert!(both.contains("inner/half") && both.contains("halves/Halved/half"), "{both:?}");
    assert!(!opened.contains('\n') && !opened.contains(" id="), "{opened}");
}

#[test]
fn a_workflow_that_calls_itself_is_opened_as_often_as_asked_but_not_for_ever() {
    let registry = Registry::collect().unwrap();
    let plan = registry.workflow("Nothing").unwrap().plan();
    let paths: Vec<String> = (1..30).map(|deep| vec!["if rest/then/rest"; deep].join("/")).collect();
    let depth = |open: &[String]| {
        let svg = plan.to_svg_opened(&registry, open);
        values(&svg, "data-step").iter().filter(|path| path.ends_with("half")).count()
    };
    assert_eq!([depth(&[]), depth(&paths[..1]), depth(&paths[..3]), depth(&paths)], [1, 2, 4, 9]);
    // Nothing opens inside of what is closed.
    assert_eq!(depth(&paths[1..]), 1);
}
