use workflow_runtime::prelude::*;

#[task_agent(timeuot = "30s")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
