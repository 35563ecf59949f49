use workflow_runtime::prelude::*;

struct Plain;

#[task_agent]
async fn tick() {}

workflow! {
    workflow Answer(plain: Plain) {
        phase only { tick(); }
    }
}

fn main() {}
