//! The need of tests on PostgreSQL: its programs, of which they start a server of their own, or a server that runs. A pooler
//! is tried, too, where there is one.

use crate::invocation::Invocation;
use crate::needs::Need;

/// By this, tests are told of a server that runs.
const VARIABLE: &str = "WORKFLOW_TEST_POSTGRES";

const UPDATE: Invocation = Invocation::new("apt-get", &["update", "--quiet"]);
const INSTALL: Invocation =
    Invocation::new("apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", "postgresql"]);

const INSTALL_POOLER: Invocation =
    Invocation::new("apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", "pgbouncer"]);

/// The programs of a PostgreSQL server, or a server.
pub(crate) struct Postgres;

impl Need for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn check(&self) -> Result<String, String> {
        if std::env::var_os(VARIABLE).is_some() {
            return Ok(format!("the server that {VARIABLE} names"));
        }
        private_postgres::find().ok_or_else(|| "its programs are missing".to_owned())?.version()
    }

    fn obtain(&self) -> Result<(), String> {
        println!("    running {UPDATE}, {INSTALL}");
        UPDATE.run()?;
        INSTALL.run()?;
        println!("    running {INSTALL_POOLER}");
        INSTALL_POOLER.run().unwrap_or_else(|why| println!("    no pooler is tried: {why}"));
        Ok(())
    }

    fn remedy(&self) -> String {
        format!("install it: {INSTALL} (or as your system does), or name a server by {VARIABLE}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_exact() {
        let remedy = Postgres.remedy();
        assert!(remedy.starts_with("install it: apt-get install "), "{remedy}");
        assert!(remedy.ends_with("or name a server by WORKFLOW_TEST_POSTGRES"), "{remedy}");
    }
}
