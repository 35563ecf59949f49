//! A shop that may be killed at any moment: `shop FOLDER [ORDER] [SECONDS]`.
//!
//! It sells an order, step by step, and says what it does. Its jobs are in `jobs.db` in the folder: kill it in the
//! middle, start it again with the same words, and it goes on where it was. Nobody pays twice.
//!
//! With the feature `postgres`, an address such as `postgres://user@host/database` may stand in the place of the folder: then
//! as many shops as you like sell at once, and what one was at when it was killed, another goes on with.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use workflow_runtime::prelude::*;
use workflow_runtime::{JobFilter, JobHandle};

/// How long a step takes.
struct Pace(Duration);

/// What somebody wants.
#[data]
struct Order {
    number: u32,
    articles: Vec<String>,
    cents: u32,
}

/// What a step says of itself; who was started again says the next number.
fn say(ctx: &TaskContext, what: &str) {
    println!("{}, attempt {}: {what}", ctx.task_id(), ctx.attempt());
}

/// Takes the money.
#[task_agent]
async fn pay(order: Order, pace: State<Pace>, ctx: &TaskContext) -> String {
    say(ctx, "begins");
    ctx.sleep(pace.0.0).await;
    // A bank that has heard this key before takes nothing more, and says what it said.
    let payment = format!("{} cents by {}", order.cents, ctx.idempotency_key());
    say(ctx, "done");
    payment
}

/// Takes an article from its shelf.
#[task_agent]
async fn pick(article: String, pace: State<Pace>, ctx: &TaskContext) -> String {
    say(ctx, "begins");
    ctx.sleep(pace.0.0).await;
    say(ctx, "done");
    article
}

/// Puts one article after the other into a box. An attempt that follows does not begin anew.
#[task_agent]
async fn pack(articles: Vec<String>, pace: State<Pace>, ctx: &TaskContext) -> Result<u32, AgentError> {
    say(ctx, "begins");
    let mut packed: u32 = ctx.restored()?.unwrap_or(0);
    for article in articles.iter().skip(packed as usize) {
        ctx.sleep(pace.0.0).await;
        packed += 1;
        ctx.checkpoint(&packed).await?;
        say(ctx, &format!("{packed} of {}, {article}", articles.len()));
    }
    say(ctx, "done");
    Ok(packed)
}

/// Sends the box.
#[task_agent]
async fn send(order: Order, packed: u32, pace: State<Pace>, ctx: &TaskContext) -> String {
    say(ctx, "begins");
    ctx.sleep(pace.0.0).await;
    say(ctx, "done");
    format!("parcel {} with {packed} articles", order.number)
}

workflow! {
    /// Takes the money, picks the articles, packs and sends them.
    workflow Sell(order: Order) -> String {
        phase secure {
            payment = pay(order);
            picked = for article in order.articles.clone() { pick(article) };
        }
        phase parcel {
            packed = pack(picked);
            parcel = send(order, packed);
        }
        format!("{parcel}, {payment}")
    }
}

/// The job of an order: the one that an earlier process has left, or a new one.
async fn job_of(runtime: &Runtime, number: u32) -> Result<JobHandle<Json>, Box<dyn Error>> {
    let tag = format!("order:{number}");
    if let Some(known) = runtime.history(JobFilter::new().tag(&tag)).await?.first() {
        println!("order {number} {}", if known.state.is_over() { "is over" } else { "goes on" });
        return runtime.fetch(known.id).await?.ok_or_else(|| "it is kept, but is nowhere".into());
    }
    println!("order {number} is new");
    let articles = ["hat", "scarf", "umbrella"].map(str::to_owned).to_vec();
    let order = Order { number, articles, cents: 4200 };
    let job = runtime.submit(Sell { order }).tag(&*tag).await?;
    runtime.job(job.id()).ok_or_else(|| "it was taken in, but is nowhere".into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().ok_or("say where: shop FOLDER [ORDER] [SECONDS]")?;
    let wrong = |what: &str, text: &str| format!("`{text}` is no {what}: shop FOLDER [ORDER] [SECONDS]");
    let number =
        arguments.next().map_or(Ok(1), |text| text.parse().map_err(|_| wrong("order's number", &text)))?;
    let seconds = arguments.next().map_or(Ok(1.0), |text| text.parse().map_err(|_| wrong("time", &text)))?;
    let pace = Duration::try_from_secs_f64(seconds).map_err(|_| wrong("time", &seconds.to_string()))?;
    let pace = Pace(pace);
    let runtime =
        if place.starts_with("postgres") { connect(place, pace).await? } else { open(&place, pace).await? };
    // What an earlier process has left is running by now.
    runtime.recovered().await;
    let receipt = job_of(&runtime, number).await?.await?;
    println!("order {number}: {}", receipt.as_str().unwrap_or_default());
    runtime.shutdown(Duration::from_secs(10)).await;
    Ok(())
}

async fn open(folder: impl AsRef<Path>, pace: Pace) -> Result<Runtime, Box<dyn Error>> {
    std::fs::create_dir_all(&folder)?;
    Ok(Runtime::builder().state(pace).open(folder.as_ref().join("jobs.db")).await?)
}

#[cfg(feature = "postgres")]
async fn connect(address: String, pace: Pace) -> Result<Runtime, Box<dyn Error>> {
    use std::sync::Arc;
    use workflow_runtime::store::PostgresOptions;

    // Who is killed is missed soon.
    let options = PostgresOptions::new(address).schema("shop").lease(Duration::from_secs(2));
    let store = tokio::task::spawn_blocking(|| options.open()).await??;
    Ok(Runtime::builder().state(pace).on(Arc::new(store)).await?)
}

#[cfg(not(feature = "postgres"))]
async fn connect(_address: String, _pace: Pace) -> Result<Runtime, Box<dyn Error>> {
    Err("for an address of PostgreSQL, build it with `--features postgres`".into())
}
