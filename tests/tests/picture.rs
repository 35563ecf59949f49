//! One picture everywhere: what `cargo doc` shows is what the plan draws.

use std::path::Path;
use std::process::Command;

use workflow_examples as _;
use workflow_runtime::Registry;

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
