mod shop {
    use workflow_runtime::prelude::*;

    #[data]
    struct Order {
        id: u32,
    }

    #[task_agent]
    pub async fn ship(order: Order) -> u32 {
        order.id
    }
}

fn main() {}
