use workflow_runtime::prelude::*;

#[task_agent(priority = "hihg")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
