use workflow_runtime::prelude::*;

#[task_agent]
async fn count(text: impl ToString) -> usize {
    text.to_string().len()
}

fn main() {}
