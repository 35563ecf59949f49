//! Where jobs are kept, as the command line says it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::refusal::{Exit, Refusal};
use super::threads::block_on;
use crate::act::{Act, Done};
use crate::builder::{RuntimeBuilder, StartError};
use crate::runtime::Runtime;
use crate::store::{Store, StoreErrorKind};

/// How often it is looked whether who has begun to work on a file lets others in, and how much time is between.
const KNOCKS: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(30);

/// Where jobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stores {
    Memory,
    File(PathBuf),
    Database(String),
}

impl Stores {
    pub(super) fn new(said: &str) -> Self {
        let is_address = |scheme: &str| said.starts_with(scheme);
        match said {
            "memory" => Self::Memory,
            _ if is_address("postgres://") || is_address("postgresql://") => Self::Database(said.to_owned()),
            _ => Self::File(PathBuf::from(said)),
        }
    }

    /// To be looked at only.
    pub(super) fn look(&self) -> Result<Arc<dyn Store>, Refusal> {
        match self {
            Self::Memory => Err(gone()),
            #[cfg(feature = "sqlite")]
            Self::File(path) => Ok(Arc::new(crate::store::SqliteLook::at(path)?)),
            #[cfg(feature = "postgres")]
            Self::Database(address) => Ok(Arc::new(crate::store::PostgresStore::connect(address.clone())?)),
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            other => Err(other.left_out()),
        }
    }

    /// To run jobs in.
    pub(super) async fn open(&self, builder: RuntimeBuilder) -> Result<Runtime, Refusal> {
        Ok(self.start(builder).await??)
    }

    /// The same; nothing, if another process works on the file that lets others ask.
    pub(super) async fn open_unless_at_work(
        &self,
        builder: RuntimeBuilder,
    ) -> Result<Option<Runtime>, Refusal> {
        match self.start(builder).await? {
            Ok(runtime) => Ok(Some(runtime)),
            Err(StartError::Store(error)) if error.kind() == StoreErrorKind::InUse => {
                // Who has just begun lets others in a moment after the file is his own.
                for _ in 0..KNOCKS {
                    if self.is_open() {
                        return Ok(None);
                    }
                    tokio::time::sleep(BETWEEN).await;
                }
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn start(&self, builder: RuntimeBuilder) -> Result<Result<Runtime, StartError>, Refusal> {
        let started = match self {
            Self::Memory => builder.in_memory().await,
            #[cfg(feature = "sqlite")]
            Self::File(path) => builder.open(path).await,
            #[cfg(feature = "postgres")]
            Self::Database(address) => builder.connect(address.clone()).await,
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            other => return Err(other.left_out()),
        };
        Ok(started)
    }

    /// The file, if another process works on it that lets others ask.
    #[cfg(all(feature = "http", feature = "sqlite"))]
    pub(super) fn at_work(&self) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        self.is_open().then(|| real(path))
    }

    /// Whether a process has the file open that lets others in.
    pub(super) fn is_open(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::File(path) => crate::door::is_open(&real(path)),
            _ => false,
        }
    }

    /// Has something done by the process that has the file open; nothing, if there is none.
    pub(super) fn ask(&self, act: &Act) -> Result<Option<Done>, Refusal> {
        #[cfg(feature = "sqlite")]
        if let Self::File(path) = self {
            let asked = crate::door::ask(&real(path), &who(), act).map_err(|error| {
                let path = path.display();
                let message = format!(
                    "{path}: the process that has it open was asked, and it is not known whether it did it: {error}; \
                     look before you ask again"
                );
                Refusal::new(Exit::Store, message)
            })?;
            return Ok(asked.transpose()?);
        }
        #[cfg(not(feature = "sqlite"))]
        let _ = act;
        Ok(None)
    }

    /// Has something done: by the process that has the file open, or, if there is none, by this one, which starts nothing.
    pub(super) fn act(&self, builder: RuntimeBuilder, act: Act) -> Result<Done, Refusal> {
        let mut done = None;
        self.act_each(builder, vec![act], &mut |one| {
            done = Some(one);
            Ok(())
        })?;
        done.unwrap_or_else(|| Err(Refusal::new(Exit::Store, "it was not done")))
    }

    /// Has things done by the process that has the file open, as far as there is one.
    fn ask_each(
        &self,
        acts: &mut VecDeque<Act>,
        tell: &mut dyn FnMut(Result<Done, Refusal>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        while let Some(act) = acts.front() {
            match self.ask(act) {
                Ok(None) => break,
                Ok(Some(done)) => tell(Ok(done))?,
                Err(refusal) if refusal.exit == Exit::Store => return Err(refusal),
                Err(refusal) => tell(Err(refusal))?,
            }
            acts.pop_front();
        }
        Ok(())
    }

    /// Has several things done, one after the other, and what came of each told.
    pub(super) fn act_each(
        &self,
        builder: RuntimeBuilder,
        acts: Vec<Act>,
        tell: &mut dyn FnMut(Result<Done, Refusal>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        #[cfg(feature = "sqlite")]
        if let (Self::File(path), false) = (self, acts.iter().any(makes_jobs)) {
            // There is nothing to act on in a file that is not there.
            crate::store::SqliteLook::at(path)?;
        }
        let mut acts = VecDeque::from(acts);
        self.ask_each(&mut acts, tell)?;
        if acts.is_empty() {
            return Ok(());
        }
        if *self == Self::Memory {
            return Err(gone());
        }
        block_on(async {
            let nothing: [&str; 0] = [];
            let opened = self.open_unless_at_work(builder.serves(nothing).hands_off()).await?;
            let Some(runtime) = opened else {
                self.ask_each(&mut acts, tell)?;
                let message = "who had the file open has ended meanwhile; say it again";
                return if acts.is_empty() { Ok(()) } else { Err(Refusal::new(Exit::Store, message)) };
            };
            if let Self::File(_) = self {
                runtime.recovered().await;
            }
            let mut told = Ok(());
            for act in acts {
                told = tell(runtime.perform_for(&who(), act).await.map_err(Refusal::from));
                if told.is_err() {
                    break;
                }
            }
            runtime.shutdown(Duration::ZERO).await;
            told
        })
    }

    /// This program has no part that could read it.
    #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
    fn left_out(&self) -> Refusal {
        let (what, feature) = match self {
            Self::Memory => ("memory", "default"),
            Self::File(_) => ("a file", "sqlite"),
            Self::Database(_) => ("PostgreSQL", "postgres"),
        };
        let message = format!(
            "this program keeps no jobs in {what}: build it with the feature `{feature}` of workflow-runtime, or give \
             --store another place"
        );
        Refusal::new(Exit::Store, message)
    }
}

/// Whether it may be the first thing that is kept in a file.
#[cfg(feature = "sqlite")]
fn makes_jobs(act: &Act) -> bool {
    matches!(act, Act::Submit { .. } | Act::Import { .. })
}

/// Where a file really is: whoever has it open calls it so.
#[cfg(feature = "sqlite")]
fn real(path: &std::path::Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Who asks, as the operating system knows him.
fn who() -> String {
    let known = ["USER", "LOGNAME", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let user = known.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned());
    format!("{user}, by the command line")
}

fn gone() -> Refusal {
    let message = "what is kept in memory ends with its process; give --store a file or a database";
    Refusal::new(Exit::Store, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_tells_where_jobs_are_kept() {
        assert_eq!(Stores::new("memory"), Stores::Memory);
        assert_eq!(Stores::new("memory.db"), Stores::File(PathBuf::from("memory.db")));
        let address = "postgres://user@host/shop";
        assert_eq!(Stores::new(address), Stores::Database(address.to_owned()));
    }
}
