use workflow_runtime::prelude::*;

#[task_agent(retry(max = 3, max = 4))]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
