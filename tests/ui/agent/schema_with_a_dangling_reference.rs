use workflow_runtime::prelude::*;

#[task_agent(output_schema = r##"{"$ref": "#/$defs/reply"}"##)]
async fn select(kind: u32) -> u32 {
    kind
}

fn main() {}
