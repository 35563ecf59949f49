use workflow_runtime::prelude::*;

#[task_agent(timeout = "0s")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
