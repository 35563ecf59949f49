//! A report of the day: regions are asked in parallel, one of them fails at first, and what they have sold is put together.

use std::time::Duration;

use workflow_runtime::prelude::*;

/// What a region has sold.
#[data]
pub struct Sales {
    /// The region.
    pub region: String,
    /// How many orders there were.
    pub orders: u64,
    /// What they brought, in cents.
    pub cents: u64,
}

/// What all regions have sold.
#[data]
pub struct Total {
    /// How many orders there were.
    pub orders: u64,
    /// What they brought, in cents.
    pub cents: u64,
    /// The region that sold most.
    pub best: String,
}

/// How many pages a region's list has.
const PAGES: u32 = 10;

/// How long a page takes.
const PAGE: Duration = Duration::from_millis(200);

/// Tells which regions there are.
#[task_agent]
pub async fn regions() -> Vec<String> {
    ["north", "east", "south", "west"].map(str::to_owned).into()
}

/// Reads what a region has sold, page by page. An attempt that follows goes on after the last page that was read.
#[task_agent(retry(max = 3, first = "1s"), timeout = "1m")]
pub async fn read_sales(region: String, ctx: &TaskContext) -> Result<Sales, AgentError> {
    let mut sales: Sales = ctx.restored()?.unwrap_or(Sales { region, orders: 0, cents: 0 });
    let first = u32::try_from(sales.orders).unwrap_or(PAGES);
    for page in first..PAGES {
        ctx.sleep(PAGE).await;
        if sales.region == "west" && page == 4 && ctx.attempt() == 1 {
            return Err("the connection was cut".into());
        }
        sales.orders += 1;
        sales.cents += 100 * u64::from(page) * u64::try_from(sales.region.len()).unwrap_or(1);
        ctx.checkpoint(&sales).await?;
        ctx.progress(f64::from(page + 1) / f64::from(PAGES), &format!("{} of {PAGES} pages", page + 1));
    }
    Ok(sales)
}

/// Adds up what all regions have sold.
#[task_agent]
pub async fn add_up(sales: Vec<Sales>) -> Result<Total, AgentError> {
    let best = sales.iter().max_by_key(|sales| sales.cents).ok_or("there are no regions")?;
    Ok(Total {
        orders: sales.iter().map(|sales| sales.orders).sum(),
        cents: sales.iter().map(|sales| sales.cents).sum(),
        best: best.region.clone(),
    })
}

/// Writes the report in a sentence.
#[task_agent]
pub async fn write_report(day: String, total: Total, ctx: &TaskContext) -> String {
    ctx.sleep(PAGE * 3).await;
    let Total { orders, cents, best } = total;
    format!("{day}: {orders} orders for {}.{:02}, most of it in the {best}", cents / 100, cents % 100)
}

workflow! {
    /// Reports what was sold on a day.
    #[timeout("5m")]
    pub workflow Report(day: String) -> String {
        phase ask {
            places = regions();
        }
        phase read {
            sales = for region in places { read_sales(region) };
        }
        phase write {
            total = add_up(sales);
            report = write_report(day, total);
        }
        report.clone()
    }
}
