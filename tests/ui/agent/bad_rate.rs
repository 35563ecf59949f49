use workflow_runtime::prelude::*;

#[task_agent(rate = "ten per second")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
