//! What PostgreSQL tells of what other nodes have done: by LISTEN, on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::schema::Schema;
use crate::store::News;

/// How soon, and how late, it is tried again to connect.
const SOON: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_secs(5);

/// Who wants to hear of it.
pub(super) type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// Listens for ever; connects anew when the connection is cut, or when nothing is heard of it for a lease even if it is asked.
pub(super) async fn listen(connect: PgConnectOptions, schema: Schema, lease: Duration, tell: Tell) {
    let mut pause = SOON;
    loop {
        let listening = async {
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(connect.clone());
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(schema.name()).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        match listening.await {
            Ok(mut listener) => {
                pause = SOON;
                // Something may have been missed until now.
                tell(News::Anything);
                loop {
                    match timeout(lease, listener.try_recv()).await {
                        Ok(Ok(Some(notification))) => tell(news_of(notification.payload())),
                        Ok(_) => break,
                        Err(_) => match timeout(lease, listener.execute("SELECT 1")).await {
                            Ok(Ok(_)) => {}
                            _ => break,
                        },
                    }
                }
            }
            Err(error) => {
                tracing::warn!("what other nodes do is noticed late, for there is no listening: {error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LATE);
            }
        }
    }
}

fn news_of(payload: &str) -> News {
    match payload {
        "jobs" => News::Jobs,
        "words" => News::Words,
        "replies" => News::Replies,
        "notes" => News::Notes,
        "ended" => News::Ended,
        "gates" => News::Gates,
        // Of a newer version.
        _ => News::Anything,
    }
}
