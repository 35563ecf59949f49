use workflow_runtime::prelude::*;

#[task_agent]
async unsafe fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
