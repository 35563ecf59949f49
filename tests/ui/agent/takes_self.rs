use workflow_runtime::prelude::*;

struct Service;

impl Service {
    #[task_agent]
    async fn select(&self, kind: u32) -> u32 {
        kind
    }
}

fn main() {}
