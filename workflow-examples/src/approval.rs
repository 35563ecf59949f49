//! An expense is paid once somebody consents to it; after two days without a word, it is not.
//!
//! ```sh
//! cargo run -q -p workflow-examples -- submit Reimburse --input '{"expense": {"who": "Ada", "what": "a chair", "cents": 19900}}'
//! cargo run -q -p workflow-examples -- worker &
//! cargo run -q -p workflow-examples -- signal JOB decision '{"by": "Grace", "approved": true}'
//! ```

use workflow_runtime::prelude::*;

/// What somebody wants back.
#[data]
pub struct Expense {
    /// Who has paid for it.
    pub who: String,
    /// What it was for.
    pub what: String,
    /// What it cost, in cents.
    #[schemars(range(min = 1))]
    pub cents: u64,
}

/// What a person says to it.
#[data]
pub struct Decision {
    /// Who says it.
    pub by: String,
    /// Whether it is to be paid.
    pub approved: bool,
}

impl Decision {
    /// Why an expense is not paid, if nobody has said that it should be.
    fn refusal(decision: &Option<Self>) -> String {
        match decision {
            Some(decision) => format!("{} has refused it", decision.by),
            None => "nobody has decided in two days".to_owned(),
        }
    }
}

/// Tells those who may consent that something waits for them.
#[task_agent(retry = 5)]
pub async fn ask_for_consent(expense: Expense, ctx: &TaskContext) {
    ctx.log(format!(
        "{} wants {} cents for {}; job {} waits",
        expense.who,
        expense.cents,
        expense.what,
        ctx.job_id()
    ));
}

/// Pays it.
#[task_agent(retry = 5)]
pub async fn pay_back(expense: Expense, ctx: &TaskContext) -> String {
    format!("{} cents to {} by {}", expense.cents, expense.who, ctx.idempotency_key())
}

/// Says that it is not paid, and why.
#[task_agent(retry = 5)]
pub async fn decline(expense: Expense, why: String) -> String {
    format!("{} is not paid for {}: {why}", expense.who, expense.what)
}

workflow! {
    /// Pays an expense that a person consents to.
    pub workflow Reimburse(expense: Expense) -> String {
        phase ask {
            ask_for_consent(expense);
        }
        phase decide {
            // Without a decision the job goes on when the time has passed: this is `None` then.
            #[optional]
            #[timeout("2d")]
            decision = signal::<Decision>("decision");
        }
        phase act {
            if decision.as_ref().is_some_and(|decision| decision.approved) {
                outcome = pay_back(expense);
            } else {
                outcome = decline(expense, Decision::refusal(decision));
            }
        }
        outcome.clone()
    }
}
