//! An order is paid, packed and sent; what was done is taken back when a later step fails for good.
//!
//! See it happen: `run Fulfil` with article 13, which is sold out, or with more than ten articles, which no parcel holds.

use workflow_runtime::prelude::*;

/// An article that there is no more of.
const SOLD_OUT: u32 = 13;

/// How many articles a parcel holds.
const ROOM: usize = 10;

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

/// What became of an order.
#[data]
pub struct Receipt {
    /// The parcel it went out in.
    pub parcel: String,
    /// The payment.
    pub charge: String,
    /// Who consented, if it was large.
    pub approved_by: Option<String>,
    /// Whether the customer was told.
    pub told: bool,
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
pub async fn reserve(article: u32) -> Result<u32, AgentError> {
    if article == SOLD_OUT { Err(AgentError::permanent("it is sold out")) } else { Ok(article) }
}

/// Puts a reserved article back on its shelf.
#[task_agent]
pub async fn put_back(article: u32, ctx: &TaskContext) {
    ctx.log(format!("article {article} is free again"));
}

/// Puts all of them back.
#[task_agent]
pub async fn release(articles: Vec<u32>, ctx: &TaskContext) {
    ctx.log(format!("{} articles are free again", articles.len()));
}

/// Sends a parcel, and gives its number.
#[task_agent(timeout = "1m", retry = 3)]
pub async fn ship(order: Order, articles: Vec<u32>) -> Result<String, AgentError> {
    if articles.len() > ROOM {
        return Err(AgentError::permanent(format!(
            "a parcel holds {ROOM} articles, and not {}",
            articles.len()
        )));
    }
    Ok(format!("parcel {} with {} articles", order.id, articles.len()))
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
            reserved = for article in articles {
                #[undo(put_back)]
                reserve(article)
            };
        }
        reserved
    }
}

workflow! {
    /// Fulfils an order: payment, stock, parcel, a word to the customer.
    #[queue("orders")]
    pub workflow Fulfil(order: Order) -> Receipt {
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
            pause = sleep("2s");
            #[after(pause)]
            #[optional]
            told = notify(parcel);
        }
        Receipt {
            parcel: parcel.clone(),
            charge: charge.id.clone(),
            approved_by: approval.as_ref().map(|approval| approval.by.clone()),
            told: told.is_some(),
        }
    }
}
