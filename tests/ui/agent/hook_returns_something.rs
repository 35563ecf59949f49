use workflow_runtime::prelude::*;

fn seen(_: &Outcome<'_>) -> u32 {
    1
}

#[task_agent(on_success = seen)]
async fn reply(text: String) -> String {
    text
}

fn main() {}
