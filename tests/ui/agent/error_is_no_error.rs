use workflow_runtime::prelude::*;

struct Odd;

#[task_agent]
async fn reply(text: String) -> Result<String, Odd> {
    if text.is_empty() { Err(Odd) } else { Ok(text) }
}

fn main() {}
