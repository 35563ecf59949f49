//! The workflow, and what its steps are given.

use serde_json::json;
use workflow_agents::{Accept, Finished, Lua, Shell, llm, lua, shell};
use workflow_runtime::prelude::*;

use super::crafted::{Crafted, tell};
use super::plan::{File, Plan, question, read_plan};

workflow! {
    /// Has a small program planned, written, tested and judged.
    pub(crate) workflow Craft(task: String) -> Crafted {
        phase plan {
            #[role("planner")]
            reply = llm(question(task));
            plan = read_plan(reply);
        }
        phase write {
            written = for file in plan.files.clone() {
                #[role("coder")]
                shell(writing(file))
            };
        }
        phase test {
            #[role("tester")]
            tested = shell(testing(plan));
        }
        phase judge {
            #[role("critic")]
            judged = lua(judging(plan, tested));
            // He is to judge, and not to mend: this is refused, and the job goes on.
            #[role("critic")]
            #[optional]
            meddled = shell(Shell::new("tee").arg("greet.sh").input("echo I was here"));
        }
        phase tell {
            crafted = tell(reply, plan, written.len(), judged, meddled.is_some());
        }
        crafted
    }
}

fn writing(file: &File) -> Shell {
    Shell::new("tee").arg("--").arg(&file.name).input(&file.text)
}

/// The test may end as it likes: that is for the critic to judge.
fn testing(plan: &Plan) -> Shell {
    let (program, arguments) =
        plan.test.split_first().map_or(("false", &[][..]), |(first, rest)| (first, rest));
    Shell::new(program).args(arguments).accept(Accept::Any)
}

fn judging(plan: &Plan, tested: &Finished) -> Lua {
    let input = json!({ "plan": plan, "tested": { "code": tested.code, "said": tested.stdout.text } });
    Lua::new(include_str!("judge.lua")).input(input)
}
