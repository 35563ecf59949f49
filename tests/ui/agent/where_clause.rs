use workflow_runtime::prelude::*;

#[task_agent]
async fn select(kind: u32) -> u32
where
    u32: Copy,
{
    kind
}

fn main() {}
