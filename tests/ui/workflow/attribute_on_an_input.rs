use workflow_runtime::prelude::*;

#[task_agent]
async fn tick(number: u32) {
    let _ = number;
}

workflow! {
    workflow Answer(#[serde(default)] number: u32) {
        phase only { tick(number); }
    }
}

fn main() {}
