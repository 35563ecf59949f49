use workflow_runtime::prelude::*;

#[task_agent(retry)]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
