use workflow_runtime::prelude::*;

#[task_agent(timeout = "5s", heartbeat = "10s")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
