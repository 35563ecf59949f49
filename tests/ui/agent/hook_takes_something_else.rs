use workflow_runtime::prelude::*;

fn seen(name: String) {
    println!("{name}");
}

#[task_agent(on_failure = seen)]
async fn reply(text: String) -> String {
    text
}

fn main() {}
