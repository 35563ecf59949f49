use workflow_runtime::prelude::*;

#[task_agent(name = "select model")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
