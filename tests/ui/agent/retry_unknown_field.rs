use workflow_runtime::prelude::*;

#[task_agent(retry(max = 3, frist = "1s"))]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
