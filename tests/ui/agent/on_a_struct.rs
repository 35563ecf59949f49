use workflow_runtime::prelude::*;

#[task_agent]
struct Select;

fn main() {}
