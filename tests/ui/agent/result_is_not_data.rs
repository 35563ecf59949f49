use workflow_runtime::prelude::*;

struct Reply;

#[task_agent]
async fn reply(text: String) -> Reply {
    let _ = text;
    Reply
}

fn main() {}
