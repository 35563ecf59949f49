//! A first workflow, and the command line of a program that has it.

use std::process::ExitCode;

use workflow_runtime::cli::Cli;
use workflow_runtime::prelude::*;

/// Greets somebody. Tried again if it fails, but not for a name that will be as empty next time.
#[task_agent(timeout = "10s", retry(max = 3, first = "1s"))]
pub async fn greet(name: String) -> Result<String, AgentError> {
    if name.is_empty() {
        return Err(AgentError::permanent("there is nobody to greet"));
    }
    Ok(format!("Hello, {name}!"))
}

workflow! {
    /// Greets people, all at once.
    pub workflow Welcome(names: Vec<String>) -> String {
        phase greet {
            greetings = for name in names { greet(name) };
        }
        greetings.join("\n")
    }
}

fn main() -> ExitCode {
    Cli::new().version(env!("CARGO_PKG_VERSION")).main()
}

#[cfg(test)]
mod tests {
    use workflow_runtime::Registry;
    use workflow_runtime::testing::TestRuntime;

    use super::*;

    /// Whatever only a whole program shows: names that are taken twice, agents that are missing, schemas that never fit.
    #[test]
    fn the_program_is_right() {
        if let Err(problems) = Registry::collect() {
            panic!("{problems}");
        }
    }

    /// The runtime of a test takes no time, not even between two attempts.
    #[tokio::test]
    async fn everybody_is_greeted_though_one_attempt_fails() {
        let runtime = TestRuntime::new();
        runtime.fail_attempt("greet", 1, AgentError::retry("nobody listens"));
        let names = ["Ada", "Bob"].map(str::to_owned).to_vec();
        let greetings = runtime.run(Welcome { names }).await.expect("it succeeds");
        assert_eq!(greetings, "Hello, Ada!\nHello, Bob!");
    }
}
