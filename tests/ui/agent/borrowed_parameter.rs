use workflow_runtime::prelude::*;

#[task_agent]
async fn count(text: &str) -> usize {
    text.len()
}

fn main() {}
