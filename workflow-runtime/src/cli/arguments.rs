//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::job_id::JobId;
use crate::state::JobState;

/// What was written.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Where jobs are kept: a file, an address that begins with postgres://, or `memory`
    #[arg(
        long,
        global = true,
        env = "WORKFLOW_STORE",
        default_value = "jobs.db",
        value_name = "STORE",
        hide_env_values = true
    )]
    pub(super) store: String,
    /// Prints JSON, for programs
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the agents of this program
    Agents,
    /// Lists the workflows of this program
    Workflows,
    /// Shows an agent or a workflow: what it takes, what it gives, its steps
    Show {
        /// Its name
        name: String,
    },
    /// Draws a workflow
    Graph {
        /// Its name
        name: String,
        #[command(flatten)]
        form: Form,
    },
    /// Prints all agents and workflows with their schemas, as JSON
    Catalogue,
    /// Runs a workflow or an agent to its end, and prints what it gives
    Run {
        /// Its name
        name: String,
        #[command(flatten)]
        input: GivenInput,
    },
    /// Lists jobs, the newest last
    Jobs(JobsFilter),
    /// Shows a job: its steps, their attempts, what they gave and why they failed
    Job {
        /// Its id
        id: JobId,
    },
    /// Lists the jobs that failed for good and that nobody has looked after
    Dead {
        /// Only those that run this agent or workflow
        #[arg(long)]
        name: Option<String>,
        /// So many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Prints a script that completes this command line in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// In which form a workflow is drawn.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Form {
    /// As SVG, which is what is printed if nothing is said
    #[arg(long)]
    pub(super) svg: bool,
    /// As Mermaid
    #[arg(long)]
    pub(super) mermaid: bool,
    /// As DOT, for Graphviz
    #[arg(long)]
    pub(super) dot: bool,
}

/// What a job is given.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct GivenInput {
    /// The input, as JSON
    #[arg(long, value_name = "JSON")]
    pub(super) input: Option<String>,
    /// A file that holds the input, as JSON; `-` is what this command is given to read
    #[arg(long, value_name = "FILE")]
    pub(super) input_file: Option<PathBuf>,
}

/// Which jobs are listed.
#[derive(Debug, Args)]
pub(super) struct JobsFilter {
    /// Only those in this state; said again, in one of these
    #[arg(long, value_enum)]
    pub(super) state: Vec<StateName>,
    /// Only those that run this agent or workflow
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Only those that begin in this queue
    #[arg(long)]
    pub(super) queue: Option<String>,
    /// Only the children of this job
    #[arg(long, value_name = "JOB")]
    pub(super) parent: Option<JobId>,
    /// Only those that no program at work can go on with
    #[arg(long)]
    pub(super) parked: bool,
    /// Only those that were accepted after this one: for the next page
    #[arg(long, value_name = "JOB")]
    pub(super) after: Option<JobId>,
    /// So many at most
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
}

/// A job's state, as it is written here.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateName(pub(super) JobState);

impl ValueEnum for StateName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [StateName; JobState::ALL.len()] = {
            let mut all = [StateName(JobState::Pending); JobState::ALL.len()];
            let mut place = 0;
            while place < all.len() {
                all[place] = StateName(JobState::ALL[place]);
                place += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name().to_ascii_lowercase()))
    }
}
