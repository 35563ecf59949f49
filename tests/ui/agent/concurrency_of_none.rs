use workflow_runtime::prelude::*;

#[task_agent(concurrency = 0)]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
