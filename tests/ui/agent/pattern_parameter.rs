use workflow_runtime::prelude::*;

#[task_agent]
async fn add((one, other): (u32, u32)) -> u32 {
    one + other
}

fn main() {}
