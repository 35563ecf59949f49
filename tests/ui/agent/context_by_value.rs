use workflow_runtime::TaskManager;
use workflow_runtime::prelude::*;

#[task_agent]
async fn count(text: String, ctx: TaskContext) -> usize {
    text.len() + ctx.attempt() as usize
}

#[task_agent]
async fn change(text: String, ctx: &mut TaskContext) -> usize {
    text.len() + ctx.attempt() as usize
}

#[task_agent]
async fn manage(_: TaskManager) {}

fn main() {}
