//! The language: every form compiles.

use std::time::Duration;
use workflow_runtime::prelude::*;

#[data]
struct Question { kind: QuestionKind, text: String, wait: u64 }
#[data]
#[derive(Copy)]
enum QuestionKind { Simple, Hard }
#[data]
struct Model { name: String }
#[data]
struct Facts { all: Vec<String> }
#[data]
struct Reply { text: String, confidence: f64 }
#[data]
struct Checked { text: String }
#[data]
struct Receipt { id: u64 }

/// Picks the cheapest model that is good enough for the question.
#[task_agent]
async fn select_model(kind: QuestionKind) -> Model { Model { name: format!("{kind:?}") } }

#[task_agent(queue = "io")]
async fn fetch_facts(text: String) -> Result<Facts, std::io::Error> { Ok(Facts { all: vec![text] }) }

/// Asks a model. Retries what may pass, gives up on what will not.
#[task_agent(timeout = "30s", retry(max = 3, first = "1s", factor = 10, cap = "1000s"), queue = "llm")]
async fn ask_model(question: Question, model: Model, ctx: &TaskContext, facts: Facts) -> Result<Reply, AgentError> {
    let _ = (ctx.attempt(), model.name, facts.all);
    Ok(Reply { text: question.text, confidence: 0.9 })
}
#[task_agent]
async fn human_review(reply: Reply) -> Checked { Checked { text: reply.text } }
#[task_agent]
async fn accept(reply: Reply) -> Checked { Checked { text: reply.text } }
#[task_agent]
async fn publish(checked: Checked) -> Receipt { Receipt { id: checked.text.len() as u64 } }
#[task_agent]
async fn unpublish(receipt: Receipt) { let _ = receipt.id; }
#[task_agent]
async fn improve(reply: Reply) -> Reply { Reply { confidence: reply.confidence + 0.1, ..reply } }
#[task_agent]
async fn tick() {}

workflow! {
    /// Answers a question with the cheapest model that can.
    #[timeout("5m")]
    workflow Answer(question: Question) -> Receipt {
        phase prepare {
            model = select_model(question.kind);
            facts = fetch_facts(question.text.clone());      // beside select_model
        }
        phase call {
            #[retry(3)] #[timeout("30s")]
            reply = ask_model(question, model, facts);
        }
        phase review {
            if reply.confidence < 0.8 {
                checked = human_review(reply);
            } else {
                checked = accept(reply);
            }
        }
        phase publish {
            receipt = publish(checked);
        }
        receipt
    }
}

workflow! {
    #[name("every-form")]
    workflow Every(question: Question, replies: Vec<Reply>) -> Option<Receipt> {
        phase one {
            checks = for reply in replies { human_review(reply) };
            #[optional] #[or(accept)] first = human_review(replies[0].clone());
            #[after(pause)] done = Answer(question);
            pause = sleep("10m");
            #[timeout("1d")] approval = signal::<Receipt>("approve");
            sleep(Duration::from_secs(question.wait));
            tick();
        }
        phase two {
            best = repeat reply = replies[0].clone() while reply.confidence < 0.9 max 5 {
                one = improve(reply);
                improve(one)
            };
            lines = for item in checks.iter().filter(|check| check.text.len() > 2).cloned() {
                reply = accept(Reply { text: format!("{}{}", item.text, done.id + approval.id), confidence: 0.0 });
                #[undo(unpublish)]
                publish(reply)
            };
            if first.is_some() {
                #[undo(unpublish)] receipt = publish(first.clone().unwrap());
            } else if best.confidence > 0.5 {
                receipt = publish(Checked { text: best.text.clone() });
            }
        }
        receipt.clone().or(lines.first().cloned())
    }
}

#[test]
fn specs() {
    let spec = <Every as workflow_runtime::Workflow>::spec();
    println!("{}", serde_json::to_string_pretty(spec.definition()).unwrap());
}
