//! Limits that all nodes share.

use std::time::Duration;

use sqlx::{Row, query};

use super::database::Database;
use super::failure::Trouble;
use super::schema::Schema;
use super::terms::number;
use super::wire::text;
use crate::store::{Asking, Leave, Toll};

pub(super) async fn pass(
    database: &Database,
    schema: &Schema,
    asking: &Asking,
) -> Result<Vec<Leave>, Trouble> {
    let tolls = &asking.tolls;
    let each = |number: fn(&Toll) -> Option<i64>| tolls.iter().map(number).collect::<Vec<_>>();
    let sql = schema.sql("SELECT place, leave, again FROM @.pass($1, $2, $3, $4, $5, $6, $7, $8)");
    let asked = query(sql)
        .bind(number(asking.term))
        .bind(i64::try_from(asking.number).unwrap_or(i64::MAX))
        .bind(tolls.iter().map(|toll| text(&toll.gate)).collect::<Vec<_>>())
        .bind(each(|toll| Some(i64::from(toll.held))))
        .bind(each(|toll| Some(i64::from(toll.wants))))
        .bind(each(|toll| toll.limit.map(i64::from)))
        .bind(each(|toll| toll.rate.map(|rate| i64::from(rate.count.get()))))
        .bind(each(|toll| toll.rate.map(|rate| i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX))));
    let rows = database.rows(asked).await?;
    let mut leaves = vec![Leave { given: 0, again: None }; tolls.len()];
    for row in rows {
        let (place, given, again): (i64, i64, Option<i64>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let place = usize::try_from(place - 1).ok();
        if let Some(leave) = place.and_then(|place| leaves.get_mut(place)) {
            leave.given = u32::try_from(given).unwrap_or(0);
            leave.again = again.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        }
    }
    Ok(leaves)
}
