//! Reading the command line, and doing what it says.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};

use super::arguments::{Arguments, Command};
use super::looks::{Looks, Paint};
#[cfg(feature = "mcp")]
use super::mcp;
use super::output::{Output, plain};
use super::refusal::{Exit, Refusal};
use super::run::{Told, What};
#[cfg(feature = "http")]
use super::serve::{self, At, Named};
use super::stores::Stores;
use super::worker::Started;
use super::{
    acting, catalogue, doctor, follow, init, jobs, logs, nodes, prune, queues, report, run, schedules,
    transfer, watch, worker,
};
use crate::act::How;
use crate::builder::RuntimeBuilder;
use crate::config::Configuration;
use crate::registry::Registry;
use crate::runtime::Runtime;

type SetUp = Box<dyn FnOnce(RuntimeBuilder) -> RuntimeBuilder>;

/// The command line of a program whose agents need nothing but their inputs.
///
/// Others are set up by [`Cli::set_up`].
pub fn main() -> ExitCode {
    Cli::new().main()
}

/// A command line, for programs that set their runtime up themselves.
///
/// ```no_run
/// use std::process::ExitCode;
/// use workflow_runtime::Queue;
/// use workflow_runtime::cli::Cli;
///
/// fn main() -> ExitCode {
///     Cli::new()
///         .version(env!("CARGO_PKG_VERSION"))
///         .set_up(|builder| builder.queue(Queue::new("llm").concurrency(8)))
///         .main()
/// }
/// ```
#[must_use = "nothing is read before `main` or `run`"]
pub struct Cli {
    set_up: SetUp,
    started: Started,
    version: Option<String>,
    about: Option<String>,
    store: Option<String>,
}

impl fmt::Debug for Cli {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cli").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

impl Cli {
    /// A command line that sets nothing up.
    pub fn new() -> Self {
        let started: Started = Box::new(|_| Box::pin(std::future::ready(Ok(()))));
        Self { set_up: Box::new(|builder| builder), started, version: None, about: None, store: None }
    }

    /// Sets how a runtime is made, for commands that need one: what agents ask for, queues, limits, retention. Where jobs
    /// are kept is said on the command line.
    pub fn set_up(mut self, set_up: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder + 'static) -> Self {
        self.set_up = Box::new(set_up);
        self
    }

    /// Sets what is done first by `worker`, and by `serve` where it works on the store itself: what this program says about
    /// its [schedules](crate::Schedules), say. If that fails, the command ends.
    pub fn started<F, R>(mut self, started: F) -> Self
    where
        F: FnOnce(Runtime) -> R + 'static,
        R: Future<Output = Result<(), Box<dyn Error>>> + 'static,
    {
        self.started = Box::new(|runtime| Box::pin(started(runtime)));
        self
    }

    /// Sets what `--version` says.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets what the program says of itself, in a line.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Sets where jobs are kept if nothing is said: in the file `jobs.db` otherwise.
    pub fn default_store(mut self, store: impl Into<String>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Does what this process's command line says; for a program's `main`.
    pub fn main(self) -> ExitCode {
        self.main_of(std::env::args_os().collect())
    }

    /// The same as if these words stood on the command line.
    pub fn main_with(self, words: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
        let program = std::env::args_os().take(1);
        self.main_of(program.chain(words.into_iter().map(Into::into)).collect())
    }

    fn main_of(self, words: Vec<OsString>) -> ExitCode {
        // Not locked: agents print, too.
        let (mut out, mut err) = (io::stdout(), io::stderr());
        let is_terminal = err.is_terminal();
        let asks = is_terminal && io::stdin().is_terminal();
        let told = Told { to: &mut err, is_terminal, looks: Looks::of_errors(), asks };
        ExitCode::from(self.perform(words, &mut out, Looks::of_output(), told))
    }

    /// Does what a command line says, its first word the program's name. What is asked for is printed to the first,
    /// what goes wrong and what goes on to the second. Gives the exit code.
    pub fn run(
        self,
        words: impl IntoIterator<Item = impl Into<OsString>>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> u8 {
        let looks = Looks::plain();
        self.perform(words, out, looks, Told { to: err, is_terminal: false, looks, asks: false })
    }

    fn perform(
        self,
        words: impl IntoIterator<Item = impl Into<OsString>>,
        out: &mut dyn Write,
        looks: Looks,
        mut told: Told<'_>,
    ) -> u8 {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let mut command = Arguments::command();
        if let Some(name) = words.first().and_then(|path| Path::new(path).file_stem()) {
            command = command.name(name.to_string_lossy().into_owned());
        }
        if let Some(store) = self.store {
            command = command.mut_arg("store", |argument| argument.default_value(store));
        }
        if let Some(version) = self.version {
            command = command.version(version);
        }
        if let Some(about) = self.about {
            command = command.about(about);
        }
        let read = command
            .clone()
            .try_get_matches_from(words)
            .and_then(|matches| Arguments::from_arg_matches(&matches));
        let arguments = match read {
            Ok(arguments) => arguments,
            Err(said) if said.use_stderr() => {
                let _ = write!(told.to, "{}", plain(&said.to_string()));
                return Exit::Misused as u8;
            }
            Err(said) => {
                let _ = write!(out, "{said}");
                return Exit::Done as u8;
            }
        };
        let mut output = Output::new(out, arguments.json, looks);
        let done = Ready { set_up: self.set_up, started: self.started, command }.perform(
            arguments,
            &mut output,
            &mut told,
        );
        match done.and_then(|exit| Ok(output.flush().map(|()| exit)?)) {
            Ok(exit) => exit as u8,
            Err(refusal) => {
                if refusal.exit != Exit::Done {
                    let error = told.looks.paint(Some(Paint::Bad), "error:");
                    let _ = writeln!(told.to, "{error} {}", plain(&refusal.message));
                }
                refusal.exit as u8
            }
        }
    }
}

/// What a command has to work with.
struct Ready {
    set_up: SetUp,
    started: Started,
    command: clap::Command,
}

impl Ready {
    fn perform(
        self,
        arguments: Arguments,
        output: &mut Output<'_>,
        told: &mut Told<'_>,
    ) -> Result<Exit, Refusal> {
        let stores = Stores::new(&arguments.store);
        match arguments.command {
            Command::Act(command) => {
                return acting::act(self.builder(), &stores, command.into_wanted()?, output, told);
            }
            Command::Agents => catalogue::agents(&*self.registry()?, output)?,
            Command::Workflows => catalogue::workflows(&*self.registry()?, output)?,
            Command::Show { name } => catalogue::show(&*self.registry()?, &name, output)?,
            Command::Graph { name, form } => catalogue::graph(&*self.registry()?, &name, &form, output)?,
            Command::Catalogue => output.document(&self.registry()?.catalogue())?,
            Command::Run { name, input, how } => {
                let (input, how) = (input.read()?, How { join: true, ..how.into_how() });
                return run::run(self.builder(), &stores, What { name, input, how }, output, told);
            }
            Command::Worker => {
                let (builder, started) = self.at_work();
                return worker::work(builder, started, &stores, told.to);
            }
            #[cfg(feature = "http")]
            Command::Serve(how) => {
                let named = self.named();
                let (builder, started) = self.at_work();
                return serve::serve(At { builder, started, stores: &stores }, named, &how, told.to);
            }
            #[cfg(feature = "mcp")]
            Command::Mcp(how) => {
                let named = self.named();
                let (builder, started) = self.at_work();
                return mcp::serve(At { builder, started, stores: &stores }, named, &how, told.to);
            }
            Command::Jobs(filter) if filter.follow => {
                follow::follow(&*self.registry()?, &*stores.look()?, &filter, output)?;
            }
            Command::Jobs(filter) => {
                jobs::list(&*self.registry()?, &*stores.look()?, &filter, output)?;
            }
            Command::Queues => queues::list(&*stores.look()?, output)?,
            Command::Nodes => nodes::list(&stores, output)?,
            Command::Report { agent, last } => {
                report::tell(&*self.registry()?, &*stores.look()?, agent.as_deref(), last, output)?;
            }
            Command::Export { jobs, out, children } => {
                transfer::export(&*stores.look()?, &jobs, children, out.as_deref(), output)?;
            }
            Command::Import { file } => return transfer::import(self.builder(), &stores, &file, output),
            Command::Prune(what) => return prune::prune(self.builder(), &stores, &what, output, told),
            Command::Job { id } => jobs::show(&*self.registry()?, &*stores.look()?, id, output)?,
            Command::Watch { id } => {
                return watch::watch(&*self.registry()?, &*stores.look()?, id, output);
            }
            Command::Logs(asked) => logs::tell(&*self.registry()?, &*stores.look()?, &asked, output)?,
            Command::Schedules => schedules::list(&*stores.look()?, output)?,
            Command::Dead { name, limit } => {
                jobs::dead(&*self.registry()?, &*stores.look()?, name, limit, output)?;
            }
            Command::Doctor => {
                let version = self.command.get_version().map(str::to_owned);
                return doctor::doctor(self.builder(), version.as_deref(), &stores, output);
            }
            Command::Check => return jobs::check(&*self.registry()?, &*stores.look()?, output),
            Command::Init { folder, name } => return init::init(&folder, name, output),
            Command::Completions { shell } => {
                let mut command = self.command;
                let name = command.get_name().to_owned();
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut command, name, &mut script);
                output.raw(&String::from_utf8_lossy(&script))?;
            }
        }
        Ok(Exit::Done)
    }

    /// What the program is called.
    #[cfg(feature = "http")]
    fn named(&self) -> Named {
        Named {
            program: self.command.get_name().to_owned(),
            version: self.command.get_version().unwrap_or_default().to_owned(),
        }
    }

    /// A runtime as the program sets it up, and above that the operator.
    fn builder(self) -> RuntimeBuilder {
        self.at_work().0
    }

    /// The same, and what is done first where it is to work.
    fn at_work(self) -> (RuntimeBuilder, Started) {
        ((self.set_up)(Runtime::builder()).configuration(Configuration::found()), self.started)
    }

    fn registry(self) -> Result<Arc<Registry>, Refusal> {
        Ok(self.builder().registered()?)
    }
}
