use workflow_runtime::prelude::*;

#[task_agent]
async fn reply(text: String) -> String {
    let shared = std::rc::Rc::new(text);
    tick().await;
    shared.to_string()
}

async fn tick() {}

fn main() {}
