use workflow_runtime::prelude::*;

#[data]
struct Question {
    kind: u32,
    text: String,
}

#[data]
struct Model {
    name: String,
}

#[data]
struct Facts {
    all: Vec<String>,
}

#[task_agent]
async fn select(kind: u32) -> Model {
    Model { name: kind.to_string() }
}

#[task_agent]
async fn fetch(text: String) -> Facts {
    Facts { all: vec![text] }
}

#[task_agent]
async fn ask(question: Question, model: Model) -> String {
    format!("{} {}", question.text, model.name)
}

#[task_agent]
async fn drop_model(model: Model) {
    let _ = model;
}

workflow! {
    workflow Answer(question: Question) -> String {
        phase call {
            match question.kind { _ => select(question.kind) }
        }
        question.text.clone()
    }
}

fn main() {}
