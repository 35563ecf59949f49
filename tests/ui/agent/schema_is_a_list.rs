use workflow_runtime::prelude::*;

#[task_agent(output_schema = "[1, 2]")]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
