//! What can be written on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::sought::{Sought, When};
use crate::act::How;
use crate::job_id::JobId;
use crate::options::Priority;
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
    /// Runs a workflow or an agent to its end, and prints what it gives; with a key that a job has already, goes on with that
    Run {
        /// Its name
        name: String,
        #[command(flatten)]
        input: GivenInput,
        #[command(flatten)]
        how: HowArguments,
    },
    /// Lists jobs, the newest first
    Jobs(JobsFilter),
    /// Shows a job: its steps, their attempts, what they gave and why they failed
    Job {
        /// Its id
        id: JobId,
    },
    /// Tells what happens to a job until it is over, whoever runs it
    Watch {
        /// Its id
        id: JobId,
    },
    /// Prints what the agents of a job wrote to its log, and those of the jobs inside it
    Logs(LogsArguments),
    /// Lists the schedules: when they fire next, and what they run
    Schedules,
    /// Lists the jobs that failed for good and that nobody has looked after
    Dead {
        /// Only those that run this agent or workflow
        #[arg(long)]
        name: Option<String>,
        /// So many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Lists the queues in which jobs begin: what waits there, what runs, and whether they are paused
    Queues,
    /// Lists who works on the store
    Nodes,
    /// Tells how agents have done: how many attempts succeeded, how long they took, what they cost
    Report {
        /// Only this one, hour by hour
        agent: Option<String>,
        /// Over so long, up to now: two weeks are kept
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = workflow_graph::parse_duration)]
        last: Duration,
    },
    /// Writes jobs with all that is known of them, one a line, to be looked at, kept or imported elsewhere
    Export {
        /// Their ids
        #[arg(required = true)]
        jobs: Vec<JobId>,
        /// The file that they are written to; they are printed, if there is none
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// With the jobs that they wait for, or did
        #[arg(long)]
        children: bool,
    },
    /// Takes in jobs that were exported elsewhere: those that are not over go on here
    Import {
        /// The file that they were written to; `-` is what this command is given to read
        file: PathBuf,
    },
    /// Forgets jobs that are over
    Prune(PruneArguments),
    /// Works on the store until it is interrupted
    Worker,
    /// Works on the store, and shows the dashboard, until it is interrupted
    #[cfg(feature = "http")]
    Serve(super::serve::Serve),
    /// Serves agents and workflows as tools of the Model Context Protocol, to who has begun it or over HTTP
    #[cfg(feature = "mcp")]
    Mcp(super::mcp::Mcp),
    #[command(flatten)]
    Act(ActCommand),
    /// Tells which jobs that are not over this program could not go on with
    Check,
    /// Looks whether all is well: what the program has, how it is set and by whom, its store, and what asks for somebody
    Doctor,
    /// Begins a new project: an agent, a workflow, this command line, and tests
    Init {
        /// Its folder, which is made, unless it is there and empty
        folder: PathBuf,
        /// Its name; that of the folder, if nothing is said
        #[arg(long)]
        name: Option<String>,
    },
    /// Prints a script that completes this command line in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is done by whoever works on the store.
#[derive(Debug, Subcommand)]
pub(super) enum ActCommand {
    /// Hands a job in, and prints its id; whoever works on the store runs it
    Submit {
        /// The workflow or the agent
        name: String,
        #[command(flatten)]
        input: GivenInput,
        #[command(flatten)]
        how: HowArguments,
    },
    /// Cancels jobs: what runs is told to stop, what was done is taken back
    Cancel {
        #[command(flatten)]
        jobs: Chosen,
        /// Why, for who looks at them later
        #[arg(long, default_value = "cancelled by hand")]
        why: String,
    },
    /// Lets nothing more of jobs, a queue or a schedule start
    Pause(Which),
    /// Lets them go on
    Resume(Which),
    /// Tells a job that something has happened that it waits for
    Signal {
        /// Its id
        job: JobId,
        /// What has happened, by the name that its workflow gives it
        event: String,
        /// What comes with it, as JSON
        #[arg(default_value = "null")]
        value: String,
    },
    /// Lets dead letters go on from where they failed
    Retry {
        #[command(flatten)]
        jobs: Chosen,
        /// From their beginning
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        input: GivenInput,
    },
    /// Takes jobs off the dead letters: they ask for nothing any more
    Discard {
        #[command(flatten)]
        jobs: Chosen,
    },
    /// Runs a job that is over again, as a new one
    Rerun {
        /// Its id
        job: JobId,
        /// From this step on: what was done before it stays done
        #[arg(long, value_name = "STEP")]
        from: Option<String>,
        #[command(flatten)]
        input: GivenInput,
    },
    /// Runs a schedule once, now
    Trigger {
        /// Its name
        schedule: String,
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

/// How a job is run.
#[derive(Debug, Args)]
pub(super) struct HowArguments {
    /// The queue of what names none itself
    #[arg(long)]
    queue: Option<String>,
    /// How urgent it is
    #[arg(long, value_enum)]
    priority: Option<PriorityName>,
    /// Not before so long: 90s, 5m, 1h
    #[arg(long, value_name = "TIME")]
    delay: Option<String>,
    /// It is given up after so long
    #[arg(long, value_name = "TIME")]
    deadline: Option<String>,
    /// No other job of this name that is not over may have this key
    #[arg(long, value_name = "KEY")]
    unique: Option<String>,
    /// No other job may ever have this key
    #[arg(long, value_name = "KEY")]
    once: Option<String>,
    /// What it shares a limit with
    #[arg(long)]
    key: Option<String>,
    /// A word to find it by; may be said again
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

impl HowArguments {
    pub(super) fn into_how(self) -> How {
        let Self { queue, priority, delay, deadline, unique, once, key, tags } = self;
        let priority = priority.map(|name| match name {
            PriorityName::Critical => Priority::Critical,
            PriorityName::High => Priority::High,
            PriorityName::Normal => Priority::Normal,
            PriorityName::Low => Priority::Low,
        });
        How { queue, priority, delay, deadline, unique, once, key, tags, join: false }
    }
}

/// A priority, as it is written here.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PriorityName {
    Critical,
    High,
    Normal,
    Low,
}

/// Some jobs: those that are named, or all that are meant.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Chosen {
    /// The jobs, by their ids
    #[arg(value_name = "JOB")]
    pub(super) jobs: Vec<JobId>,
    /// All with which it can be done, of those that the other options leave
    #[arg(long, conflicts_with = "jobs")]
    pub(super) all: bool,
    /// Asks nobody whether it is meant
    #[arg(long, requires = "all")]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) sought: Sought,
}

/// Some jobs, a queue or a schedule.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Which {
    #[command(flatten)]
    pub(super) jobs: Chosen,
    /// The queue
    #[arg(long, conflicts_with_all = ["jobs", "all", "schedule"])]
    pub(super) queue: Option<String>,
    /// The schedule
    #[arg(long, conflicts_with_all = ["jobs", "all"])]
    pub(super) schedule: Option<String>,
}

/// Which jobs are forgotten.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct PruneArguments {
    /// Those that ended longer ago than this: 12h, 30d
    #[arg(long, value_name = "AGE")]
    pub(super) older_than: When,
    /// Dead letters, too: jobs that failed for good and that nobody has looked after
    #[arg(long)]
    pub(super) dead: bool,
    /// Forgets none, and says how many there are
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Asks nobody whether it is meant
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) sought: Sought,
}

/// Which lines of a job's log are printed.
#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    /// Its id
    pub(super) id: JobId,
    /// Only those of this step, and of what is inside it
    #[arg(long, value_name = "STEP")]
    pub(super) step: Option<String>,
    /// Goes on until the job is over
    #[arg(long)]
    pub(super) follow: bool,
}

/// Which jobs are listed.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct JobsFilter {
    #[command(flatten)]
    pub(super) sought: Sought,
    /// Only those that begin in this queue
    #[arg(long)]
    pub(super) queue: Option<String>,
    /// Only the children of this job
    #[arg(long, value_name = "JOB")]
    pub(super) parent: Option<JobId>,
    /// Only those that no program at work can go on with
    #[arg(long)]
    pub(super) parked: bool,
    /// Only those that failed for good and that nobody has looked after
    #[arg(long)]
    pub(super) dead: bool,
    /// The oldest first
    #[arg(long)]
    pub(super) oldest: bool,
    /// Only those that come after this one in the list: for the next page
    #[arg(long, value_name = "JOB")]
    pub(super) after: Option<JobId>,
    /// So many at most
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
    /// Goes on, and tells what becomes of them and of those that come, until it is interrupted
    #[arg(long, conflicts_with_all = ["after", "oldest"])]
    pub(super) follow: bool,
}

/// A job's state, as it is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
