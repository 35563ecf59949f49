use workflow_runtime::prelude::*;

#[task_agent(timeout = "30sec")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
