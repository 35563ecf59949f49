use workflow_runtime::prelude::*;

#[task_agent(colour = "red")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
