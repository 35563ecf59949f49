//! What is done to a message, step by step.

use serde_json::json;
use workflow_runtime::{AgentError, SubmitError, TaskContext, task_agent};

use super::message::{Acknowledgement, AgentMessage};
use super::misrouted::Misrouted;
use super::routes::Routes;

/// Receives a message: it has an id, and says from whom, to whom and about what it is.
#[task_agent(name = "agent_coordination.receive")]
pub async fn receive(message: AgentMessage) -> Result<AgentMessage, AgentError> {
    Routes::read(&message).map_err(AgentError::permanent)?;
    Ok(message)
}

/// Refuses a message whose sender, target or type is not known, whose payload is not what messages of its type say, and that
/// goes in a loop.
#[task_agent(name = "agent_coordination.validate")]
pub async fn validate(message: AgentMessage, ctx: &TaskContext) -> Result<AgentMessage, AgentError> {
    match ctx.state::<Routes>()?.check(&message) {
        Ok(()) => Ok(message),
        Err(why) => Err(refused(ctx, &message, why).await),
    }
}

/// Makes a message a job of its target's, one for each message id, whoever else sends it again.
#[task_agent(
    name = "agent_coordination.route",
    timeout = "30s",
    retry(max = 3, first = "1s", factor = 10, cap = "1000s")
)]
pub async fn route(message: AgentMessage, ctx: &TaskContext) -> Result<Acknowledgement, AgentError> {
    let routes = ctx.state::<Routes>()?;
    if ctx.attempt() == 1
        && let Err(why) = routes.count(&message.source_agent, ctx.now())
    {
        return Err(refused(ctx, &message, why).await);
    }
    let input = routes.input(&message).map_err(AgentError::permanent)?;
    let submission = ctx.runtime()?.submit_json(&message.target_agent, input);
    let handed_in =
        submission.once(format!("message {}", message.message_id)).tag("message").or_refuse().await;
    let job = handed_in.map_err(unrouted)?.id().to_string();
    let AgentMessage { message_id, source_agent, target_agent, .. } = message;
    Ok(Acknowledgement { message_id, source_agent, target_agent, routed: true, job, timestamp: ctx.now() })
}

/// Tells the sender that its message is on its way.
#[task_agent(name = "agent_coordination.acknowledge")]
pub async fn acknowledge(routed: Acknowledgement) -> Acknowledgement {
    routed
}

/// A message that is refused is refused for good, and it is kept who was refused what.
async fn refused(ctx: &TaskContext, message: &AgentMessage, why: Misrouted) -> AgentError {
    let act = json!({
        "message": message.message_id,
        "from": message.source_agent,
        "to": message.target_agent,
        "type": message.message_type,
    });
    match ctx.audit(act, format!("refused: {why}")).await {
        Ok(()) => AgentError::permanent(why),
        Err(unkept) => unkept,
    }
}

/// What may be otherwise in a while is tried again.
fn unrouted(error: SubmitError) -> AgentError {
    match error {
        SubmitError::Full { .. } | SubmitError::Store(_) | SubmitError::ShuttingDown => {
            AgentError::retry(error)
        }
        error => AgentError::permanent(error),
    }
}
