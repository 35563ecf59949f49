use workflow_runtime::prelude::*;

#[task_agent]
async fn count(all: &[String]) -> usize {
    all.len()
}

fn main() {}
