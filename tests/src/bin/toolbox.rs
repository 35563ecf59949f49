//! A program whose agents and workflows are tools, as far as they ask for that.

use std::process::ExitCode;
use std::time::Duration;

use workflow_runtime::cli::Cli;
use workflow_runtime::prelude::*;

/// Greets somebody.
#[task_agent(tags("mcp"))]
async fn greet(name: String) -> String {
    println!("what an agent prints is in nobody's way");
    format!("hello {name}")
}

/// Two numbers.
#[data]
pub struct Numbers {
    /// The first.
    a: i64,
    /// The second.
    b: i64,
}

/// What came of it.
#[data]
pub struct Sum {
    /// Both together.
    sum: i64,
}

/// Adds two numbers.
#[task_agent(tags("mcp"))]
async fn add(numbers: Numbers) -> Sum {
    Sum { sum: numbers.a + numbers.b }
}

/// Never can.
#[task_agent(tags("mcp"))]
async fn fail(why: String) -> Result<String, AgentError> {
    Err(AgentError::permanent(why))
}

/// Is nobody's tool.
#[task_agent]
async fn hidden(what: String) -> String {
    what
}

/// Says how far it is, and waits until somebody does not want it any more.
#[task_agent(tags("mcp", "slow"))]
async fn linger(ctx: &TaskContext, what: String) -> Result<String, AgentError> {
    ctx.progress(0.5, &format!("half of {what}"));
    ctx.cancelled().await;
    Err(AgentError::permanent("nobody wants it"))
}

/// Says how far it is, once.
#[task_agent]
async fn step(ctx: &TaskContext, what: String) -> String {
    ctx.progress(0.5, &format!("half of {what}"));
    ctx.sleep(Duration::from_millis(300)).await;
    what
}

workflow! {
    /// Does three things, one after the other.
    #[tags("mcp")]
    pub workflow Errand(what: String) -> String {
        phase go { gone = step(what.clone()); }
        phase stay { stayed = step(gone.clone()); }
        phase come { come = step(stayed.clone()); }
        come.clone()
    }
}

fn main() -> ExitCode {
    Cli::new().version("1.2.3").main()
}
