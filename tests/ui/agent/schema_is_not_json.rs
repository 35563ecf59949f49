use workflow_runtime::prelude::*;

#[task_agent(
    input_schema = r#"{
        "type": "object",
        "properties": }"#
)]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
