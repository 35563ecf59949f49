//! Which model is to answer.

use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::received::Received;
use crate::Llm;
use crate::model::Models;
use crate::policy::Policy;

/// Chooses who is to answer: the model that was said, or else those of the table's class for such tasks that the role may ask, one
/// to be asked when another fails.
#[task_agent(name = "llm_request.select")]
pub async fn select_model(
    received: Received,
    policy: State<Policy>,
    ctx: &TaskContext,
) -> Result<Llm, AgentError> {
    let models = ctx.state::<Models>()?;
    let names = match &received.model {
        Some(model) => vec![model.clone()],
        None => permitted(fitting(&received, &models)?, &policy, ctx),
    };
    Ok(received.messages.into_iter().fold(Llm::first_of(names), Llm::message))
}

/// The models that fit, the best first.
fn fitting(received: &Received, models: &Models) -> Result<Vec<String>, AgentError> {
    let meant = |name: &&String| match &received.provider {
        Some(provider) => models.provider(name).is_some_and(|known| known.name() == provider),
        None => true,
    };
    let names: Vec<String> = models.of(received.class).iter().filter(meant).cloned().collect();
    if names.is_empty() {
        let of =
            received.provider.as_ref().map(|name| format!(" of the provider `{name}`")).unwrap_or_default();
        let class = received.class.name();
        return Err(AgentError::permanent(format!(
            "the table has no models of the class `{class}`{of}; name some under [classes]"
        )));
    }
    Ok(names)
}

/// Of some models those that the role may ask; all of them if it may ask none, for then it is the policy that says so.
fn permitted(names: Vec<String>, policy: &Policy, context: &TaskContext) -> Vec<String> {
    let Ok(permit) = policy.permit(context.role().as_deref(), "llm") else { return names };
    let may: Vec<String> = names.iter().filter(|name| permit.model(name).is_ok()).cloned().collect();
    if may.is_empty() { names } else { may }
}
