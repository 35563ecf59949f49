//! The examples do what they say, by the reference interpreter.

use serde_json::{Value, json};
use workflow_examples::order::Approval;
use workflow_examples::report::Report;
use workflow_runtime::Registry;
use workflow_runtime::testing::TestRuntime;
use workflow_tests::Walker;

async fn run(workflow: &str, input: Value) -> Result<Value, String> {
    let registry = Registry::collect().unwrap_or_else(|problems| panic!("{problems}"));
    let walker = Walker::new(&registry).signal("approve", Approval { by: "Ada".to_owned() });
    walker.run(workflow, input).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_question_is_answered() {
    let question = json!({"question": {"kind": "hard", "text": "Why?"}});
    assert_eq!(run("Answer", question).await, Ok(json!({"page": "/answers/41"})));
    let empty = run("Answer", json!({"question": {"kind": "hard", "text": ""}})).await.unwrap_err();
    assert_eq!(
        empty,
        "the input of `Answer` is not right: \"\" is shorter than 1 character, at `/question/text`"
    );
}

#[tokio::test]
async fn an_order_is_fulfilled_with_consent_when_it_is_large() {
    let order = |cents: u32| json!({"order": {"id": 7, "articles": [1, 2, 3], "cents": cents}});
    let receipt = |charge: &str, approved_by: Option<&str>| {
        Ok(
            json!({"parcel": "parcel 7 with 3 articles", "charge": charge, "approved_by": approved_by, "told": true}),
        )
    };
    assert_eq!(run("Fulfil", order(500)).await, receipt("Fulfil/charge for 500", None));
    assert_eq!(run("Fulfil", order(500_000)).await, receipt("Fulfil/charge for 500000", Some("Ada")));
}

#[tokio::test]
async fn a_document_is_taken_in() {
    let document = json!({"document": {"source": "here", "text": "one\n\n two \n\nthree"}});
    assert_eq!(run("Ingest", document).await, Ok(json!(4)));
}

/// A region fails at first: the interpreter tries nothing again.
#[tokio::test]
async fn a_day_is_reported() {
    let runtime = TestRuntime::new();
    let report = runtime.run(Report { day: "Monday".to_owned() }).await.expect("it is reported");
    assert_eq!(report, "Monday: 40 orders for 810.00, most of it in the south");
}
