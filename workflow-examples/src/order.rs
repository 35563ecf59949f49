//! An order is paid, packed and sent; what was done is taken back when a later step fails for good.

use workflow_runtime::prelude::*;

/// An order.
#[data]
pub struct Order {
    /// Its number.
    pub id: u32,
    /// What was ordered, by article number.
    pub articles: Vec<u32>,
    /// What it costs, in cents.
    pub cents: u32,
}

/// A payment.
#[data]
pub struct Charge {
    /// Its number.
    pub id: String,
}

/// Somebody's consent to a large order.
#[data]
pub struct Approval {
    /// Who gave it.
    pub by: String,
}

/// Takes the money.
#[task_agent(retry(max = 5, first = "2s"), queue = "payments")]
pub async fn charge_card(order: Order, ctx: &TaskContext) -> Result<Charge, AgentError> {
    // The key is the same at each attempt, so that the bank takes the money once.
    Ok(Charge { id: format!("{} for {}", ctx.idempotency_key(), order.cents) })
}

/// Gives the money back.
#[task_agent(retry = 20, queue = "payments")]
pub async fn refund(charge: Charge) -> Result<(), AgentError> {
    if charge.id.is_empty() { Err(AgentError::permanent("there was no charge")) } else { Ok(()) }
}

/// Reserves one article.
#[task_agent]
pub async fn reserve(article: u32) -> u32 {
    article
}

/// Frees what was reserved.
#[task_agent]
pub async fn release(articles: Vec<u32>) {
    drop(articles);
}

/// Sends a parcel, and gives its number.
#[task_agent(timeout = "1m")]
pub async fn ship(order: Order, articles: Vec<u32>) -> String {
    format!("parcel {} with {} articles", order.id, articles.len())
}

/// Writes to the customer.
#[task_agent]
pub async fn notify(parcel: String) {
    drop(parcel);
}

workflow! {
    /// Reserves all articles of an order, or none.
    pub workflow Reserve(articles: Vec<u32>) -> Vec<u32> {
        phase all {
            #[concurrency(8)]
            reserved = for article in articles { reserve(article) };
        }
        reserved
    }
}

workflow! {
    /// Fulfils an order: payment, stock, parcel, a word to the customer.
    #[queue("orders")]
    pub workflow Fulfil(order: Order) -> String {
        phase consent {
            if order.cents > 100_000 {
                #[timeout("2d")]
                approval = signal::<Approval>("approve");
            }
        }
        phase secure {
            #[undo(refund)]
            #[after(articles)]
            charge = charge_card(order);
            #[undo(release)]
            articles = Reserve(order.articles.clone());
        }
        phase send {
            parcel = ship(order, articles);
            pause = sleep("10m");
            #[after(pause)]
            #[optional]
            told = notify(parcel);
        }
        format!("{parcel}, {}, {}, {}", charge.id, approval.is_some(), told.is_some())
    }
}
