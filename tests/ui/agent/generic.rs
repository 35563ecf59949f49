use workflow_runtime::prelude::*;

#[task_agent]
async fn select<T: Clone>(kind: u32) -> u32 {
    kind
}

fn main() {}
