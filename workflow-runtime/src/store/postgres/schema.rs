//! The tables, and how those of an older version become those of today.

use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction, query, query_scalar, raw_sql};

use super::database::Database;
use super::failure::Trouble;
use crate::store::{StoreError, StoreErrorKind};

/// What makes each version from the one before it; a schema's version is how many of them it has seen. What stands here
/// never changes: what is to be different is added at the end.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// What is said of our schemas, and of no others; the version follows.
const MARK: &str = "journals of workflows, version ";

/// The schema of a store, and the lock of its terms.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    name: String,
}

impl Schema {
    /// # Errors
    /// When it is no name that needs no quotes.
    pub(super) fn new(name: &str, described: &str) -> Result<Self, StoreError> {
        let is_plain = |byte: u8| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        if begins && name.len() < 64 && name.bytes().all(is_plain) && !name.starts_with("pg_") {
            return Ok(Self { name: name.to_owned() });
        }
        let message = format!(
            "{described}: `{name}` is no name for a schema: it has up to 63 of a-z, 0-9 and _, begins with no digit, \
             and not with `pg_`"
        );
        Err(StoreError::new(StoreErrorKind::Foreign, message))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A text of SQL about this schema: `@` is its name, `#` the number of its lock.
    pub(super) fn sql(&self, text: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(
            text.replace('#', &self.lock().to_string())
                .replace("CHANNEL", &format!("'{}'", self.name))
                .replace('@', &format!("\"{}\"", self.name)),
        )
    }

    /// A number that another schema of the same database hardly has: the locks of a database have numbers only.
    fn lock(&self) -> i64 {
        let hash = self.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        i64::from_be_bytes(hash.to_be_bytes())
    }

    /// Makes the tables, or brings them up to date; whoever else does so waits meanwhile.
    pub(super) async fn prepare(&self, database: &Database, described: &str) -> Result<(), Trouble> {
        let mut own = database.take().await?;
        let mut transaction = database.begin(&mut own).await?;
        self.bring_up_to_date(&mut transaction, described).await?;
        transaction.commit().await?;
        own.give_back();
        Ok(())
    }

    async fn bring_up_to_date(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        described: &str,
    ) -> Result<(), Trouble> {
        let found = self.version(transaction, described).await?;
        if found == Some(MIGRATIONS.len()) {
            return Ok(());
        }
        let server: i32 = query_scalar("SELECT current_setting('server_version_num')::int")
            .persistent(false)
            .fetch_one(&mut **transaction)
            .await?;
        if server < 130_000 {
            let message = format!(
                "{described}: PostgreSQL {} is too old: 13 is the oldest that will do",
                server / 10_000
            );
            return Err(StoreError::new(StoreErrorKind::Foreign, message).into());
        }
        let lock = query("SELECT pg_advisory_xact_lock($1)").persistent(false).bind(self.lock());
        lock.execute(&mut **transaction).await?;
        let found = self.version(transaction, described).await?;
        // Who may make none may have one that somebody has made for him: to ask for it again would be refused.
        let is_there = query_scalar("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
            .persistent(false)
            .bind(&self.name);
        if found.is_none() && !is_there.fetch_one(&mut **transaction).await? {
            raw_sql(self.sql("CREATE SCHEMA @")).execute(&mut **transaction).await?;
        }
        for migration in &MIGRATIONS[found.unwrap_or(0)..] {
            raw_sql(self.sql(migration)).execute(&mut **transaction).await?;
        }
        let mark = format!("COMMENT ON SCHEMA @ IS '{MARK}{}'", MIGRATIONS.len());
        raw_sql(self.sql(&mark)).execute(&mut **transaction).await?;
        Ok(())
    }

    /// What tells this store from others of the same name, in other databases.
    pub(super) async fn identity(&self, database: &Database) -> Result<Uuid, Trouble> {
        Ok(database.value(query(self.sql("SELECT id FROM @.identity"))).await?)
    }

    /// Which version the schema is of, if there is anything in it.
    async fn version(
        &self,
        connection: &mut PgConnection,
        described: &str,
    ) -> Result<Option<usize>, Trouble> {
        let row: Option<(Option<String>, bool)> = sqlx::query_as(
            "SELECT obj_description(oid, 'pg_namespace'), \
             NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid) \
             FROM pg_namespace WHERE nspname = $1",
        )
        .persistent(false)
        .bind(&self.name)
        .fetch_optional(connection)
        .await?;
        let Some((comment, is_empty)) = row else { return Ok(None) };
        let version = comment.as_deref().and_then(|comment| comment.strip_prefix(MARK));
        let newest = MIGRATIONS.len();
        let message = match version.map(str::parse) {
            None if is_empty => return Ok(None),
            Some(Ok(found)) if found <= newest => return Ok(Some(found)),
            Some(Ok(found)) => format!(
                "{described}: it was written by a newer version of this program: its tables are of version {found}, and \
                 this program knows those up to {newest}; use the newer program, or another schema"
            ),
            _ => format!(
                "{described}: the schema `{}` is that of another program; nothing was changed: give another schema",
                self.name
            ),
        };
        Err(StoreError::new(StoreErrorKind::Foreign, message).into())
    }
}
