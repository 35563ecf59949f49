use workflow_runtime::prelude::*;

#[task_agent(timeout = "30s", queue = "a", timeout = "5s")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
