//! How a store in PostgreSQL is opened.

use std::fmt;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::store::PostgresStore;
use crate::store::{StoreError, StoreErrorKind};

/// How a store in PostgreSQL is opened.
///
/// ```no_run
/// use std::time::Duration;
/// use workflow_runtime::store::PostgresOptions;
///
/// let store = PostgresOptions::new("postgres://jobs@db.example/production")
///     .schema("orders")
///     .lease(Duration::from_secs(10))
///     .open()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PostgresOptions {
    pub(super) address: String,
    pub(super) schema: String,
    pub(super) connections: u32,
    pub(super) transactions: u32,
    pub(super) lease: Duration,
    pub(super) patience: Duration,
    pub(super) is_pooled: bool,
}

impl PostgresOptions {
    /// A database, by an address as PostgreSQL's own programs take it: `postgres://user:password@host:port/database`.
    /// What it does not say is taken from `PGHOST`, `PGUSER` and so on, as they do.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            schema: "workflow".to_owned(),
            connections: 4,
            transactions: 8,
            lease: Duration::from_secs(15),
            patience: Duration::from_secs(5),
            is_pooled: false,
        }
    }

    /// The schema in which everything is kept; `workflow`, if nothing is said. Who opens it first makes it.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// How many connections are open at once, at most, one of them to write; 4, if nothing is said, and 2 at least.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(2);
        self
    }

    /// How many connections are open at once besides, at most, for transactions of
    /// [steps](crate::TaskContext::transaction); 8, if nothing is said. Further transactions wait for one.
    #[must_use]
    pub fn transactions(mut self, connections: u32) -> Self {
        self.transactions = connections.max(1);
        self
    }

    /// How long nothing may be heard of a process until others take its jobs over; 15 seconds, if nothing is said. Its
    /// database must be in reach several times in that time.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(100));
        self
    }

    /// How long a connection is waited for until the answer is that there is none; 5 seconds, if nothing is said.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The address is that of a pooler that gives a connection for a transaction at a time, such as PgBouncer: each question
    /// is a transaction of its own, which leaves nothing behind, and costs three round trips more.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.is_pooled = true;
        self
    }

    /// Connects, and makes the schema or brings it up to date.
    ///
    /// # Errors
    /// When the address is none or the database cannot be reached; when the schema is
    /// [foreign](StoreErrorKind::Foreign): of a newer version, or not ours.
    pub fn open(self) -> Result<PostgresStore, StoreError> {
        PostgresStore::with(self)
    }

    /// What the address says.
    pub(super) fn connect(&self) -> Result<PgConnectOptions, StoreError> {
        let wrong = |what: String| {
            let message = format!(
                "{}: it is no address of a database: {what}; write it as \
                 `postgres://user:password@host:port/database`, with `@`, `/`, `#` and `?` in a password as `%40`, `%2F`, \
                 `%23` and `%3F`",
                shown(&self.address)
            );
            StoreError::new(StoreErrorKind::Unavailable, message)
        };
        if let Some((scheme, _)) = self.address.split_once("://")
            && !matches!(scheme, "postgres" | "postgresql")
        {
            return Err(wrong(format!("`{scheme}` is not PostgreSQL")));
        }
        if let Some((said, meant)) = misspelt(&self.address) {
            return Err(wrong(format!("it says `{said}`; did you mean `{meant}`?")));
        }
        let options: PgConnectOptions =
            self.address.parse().map_err(|error: sqlx::Error| wrong(error.to_string()))?;
        // A transaction that waits for a process that stands still holds everybody up.
        let options = if self.is_pooled {
            // Poolers know few settings of a connection, and refuse who names another.
            options.statement_cache_capacity(0).extra_float_digits(None)
        } else {
            options.options([("idle_in_transaction_session_timeout", "10s")])
        };
        Ok(match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("workflow"),
        })
    }

    /// The address and the schema, without a password.
    pub(super) fn describe(&self) -> String {
        format!("{} ({})", shown(&self.address), self.schema)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PostgresOptions({})", self.describe())
    }
}

/// What can be said of a connection in an address.
const SAYINGS: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// What is said in an address that is nearly something else. Else it would be passed over in silence, and a connection be
/// made that is not encrypted, say. What is like nothing may be for other programs.
fn misspelt(address: &str) -> Option<(&str, &'static str)> {
    let said = address.split_once('?')?.1.split('&').filter_map(|pair| pair.split('=').next());
    let is_known = |key: &str| {
        SAYINGS.contains(&key) || key.starts_with("options[") || key.starts_with("ssl-") || key.is_empty()
    };
    said.filter(|key| !is_known(key))
        .find_map(|key| Some((key, workflow_graph::nearest(key, SAYINGS.iter().copied())?)))
}

/// An address without what is secret: the password, and whatever is said after `?`. A password may have signs in it that
/// belong elsewhere in an address.
fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return "the address of the database".to_owned();
    };
    let until = |text: &str| text.split_once('?').map_or(text, |(before, _)| before).to_owned();
    let place = until(rest);
    let password = |user: &str| user.split_once(':').map(|(user, _)| user.to_owned());
    if let Some((user, place)) = place.rsplit_once('@') {
        return format!("{scheme}://{}@{place}", password(user).unwrap_or_else(|| user.to_owned()));
    }
    let port = place.split_once(':').map(|(_, port)| port.split_once('/').map_or(port, |(port, _)| port));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    match rest.rsplit_once('@') {
        Some((user, place)) if !is_port => {
            format!("{scheme}://{}@{}", password(user).unwrap_or_default(), until(place))
        }
        _ => format!("{scheme}://{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (address, said) in [
            ("postgres://me:secret@db:5432/jobs", "postgres://me@db:5432/jobs"),
            ("postgres://me:se@cret@db/jobs?password=secret", "postgres://me@db/jobs"),
            ("postgres://db/jobs?host=/tmp&password=secret", "postgres://db/jobs"),
            ("postgres://me:secret?y@db:5432/jobs?password=secret", "postgres://me@db:5432/jobs"),
            ("postgres://me:se/cr#et@db/jobs", "postgres://me@db/jobs"),
            ("postgres://db:5432/jobs?application_name=a@b", "postgres://db:5432/jobs"),
            ("host=db password=secret", "the address of the database"),
        ] {
            assert_eq!(shown(address), said);
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        let error =
            PostgresOptions::new("postgres://me:secret@db:many/jobs").connect().unwrap_err().to_string();
        assert!(error.starts_with("postgres://me@db:many/jobs: it is no address of a database"), "{error}");
        assert!(!error.contains("secret"), "{error}");
        let error = PostgresOptions::new("mysql://me:secret@db/jobs").connect().unwrap_err().to_string();
        assert!(
            error.starts_with("mysql://me@db/jobs: it is no address of a database: `mysql` is not"),
            "{error}"
        );
        let address = "postgres://me@db/jobs?host=db&sslmod=verify-full";
        let error = PostgresOptions::new(address).connect().unwrap_err().to_string();
        assert!(error.contains("it says `sslmod`; did you mean `sslmode`?"), "{error}");
        let fine =
            "postgres://db/jobs?sslmode=disable&options[search_path]=a&channel_binding=require&ssl-key=k";
        assert_eq!(misspelt(fine), None);
    }
}
