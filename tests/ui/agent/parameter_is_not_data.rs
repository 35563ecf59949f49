use workflow_runtime::prelude::*;

struct Question {
    text: String,
}

#[task_agent]
async fn count(question: Question) -> usize {
    question.text.len()
}

fn main() {}
