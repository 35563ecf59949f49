//! A question, until it is answered.

use genai::chat::{ChatMessage, ChatRequest, ChatRole};
use workflow_runtime::{Advice, AgentError, Data, TaskContext};

use super::asked::{Llm, Speaker};
use super::catalogue::Models;
use super::line::{Line, options};
use super::reply::{Reply, Stop, Tokens};
use super::secret::Key;
use super::shape::Shape;
use super::tools::{Counts, Tools};
use crate::held::{as_its_role_may, held};
use crate::policy::{Limits, Policy};

impl Llm {
    /// Asks, as the role of the attempt's step may: what the agent [`llm`](crate::llm) does, for agents of your own.
    ///
    /// # Errors
    /// When the policy refuses it, or when no model answers as it should.
    pub async fn ask(
        &self,
        context: &TaskContext,
        policy: &Policy,
        models: &Models,
    ) -> Result<Reply, AgentError> {
        if let Some(mistake) = self.mistake() {
            return Err(AgentError::permanent(mistake));
        }
        let limits = self.permitted(context, policy).await?;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(AgentError::permanent(
                "a model needs tokio, which does not run here; in a test, put something else in its place",
            ));
        }
        let shape = self.output_schema.as_ref().map(Shape::of).transpose()?;
        let tools = Tools::of(&self.tools, context)?;
        let asking = Asking { llm: self, context, models, limits, shape, tools };
        held(context, &limits, asking.ask(), as_its_role_may).await
    }

    /// Asks for a `T`, as the role of the attempt's step may.
    ///
    /// # Errors
    /// When the policy refuses it, or when no model answers one.
    pub async fn ask_for<T: Data>(
        self,
        context: &TaskContext,
        policy: &Policy,
        models: &Models,
    ) -> Result<T, AgentError> {
        self.answer_as::<T>().ask(context, policy, models).await?.read()
    }

    /// How much may be used, if all that is asked for may be.
    async fn permitted(&self, context: &TaskContext, policy: &Policy) -> Result<Limits, AgentError> {
        let limits = policy
            .decide(context, "llm", |permit| {
                self.models.iter().try_for_each(|name| permit.model(name))?;
                Ok(permit.limits(self.limits))
            })
            .await?;
        // What a model may have done, its role may do.
        for tool in &self.tools {
            policy.decide(context, tool, |_| Ok(())).await?;
        }
        Ok(limits)
    }
}

/// A question that is being asked.
struct Asking<'a> {
    llm: &'a Llm,
    context: &'a TaskContext,
    models: &'a Models,
    limits: Limits,
    shape: Option<Shape>,
    tools: Tools,
}

/// What was used for it so far.
#[derive(Default)]
struct Bill {
    tokens: Tokens,
    cents: f64,
}

impl Asking<'_> {
    /// Asks one model after the other until one answers.
    async fn ask(&self) -> Result<Reply, AgentError> {
        let mut bill = Bill::default();
        let mut failed = Vec::new();
        for name in &self.llm.models {
            if let Some((before, error)) = failed.last() {
                self.context.log(format!("`{name}` is asked, for the model `{before}` failed: {error}"));
            }
            match self.one(name, &mut bill).await {
                Ok(reply) => return Ok(reply),
                Err(error) => failed.push((name, error)),
            }
        }
        Err(all_failed(&failed))
    }

    /// Asks one model, lets it call what it may, and mend what it answers.
    async fn one(&self, name: &str, bill: &mut Bill) -> Result<Reply, AgentError> {
        let model = self.models.get(name)?;
        if let Some(problem) = model.misplaced() {
            return Err(AgentError::permanent(problem));
        }
        let most = self.limits.output.unwrap_or(u64::MAX);
        let (client, key) = (self.models.client()?, Key::of(model)?);
        let line = Line { model, client, key, context: self.context, most };
        let mut options = options(self.llm, model);
        if let Some(shape) = &self.shape {
            options = shape.tell(model, !self.tools.is_empty(), options);
        }
        let mut request = self.request();
        let (mut counts, mut called) = (Counts::default(), Vec::new());
        let (mut rounds, mut repairs) = (self.llm.rounds, self.llm.repairs);
        loop {
            let heard = line.ask(request.clone(), &options).await?;
            bill.add(heard.tokens, model.cost(&heard.tokens), self.context);
            if !heard.calls.is_empty() {
                rounds = rounds.checked_sub(1).ok_or_else(|| self.too_many_rounds())?;
                let (agents, answers) = self.tools.answer(&heard.calls, &mut counts, self.context).await?;
                called.extend(agents);
                request.messages.push(ChatMessage::assistant(heard.content));
                request.messages.push(ChatMessage::from(answers));
                continue;
            }
            let value = match &self.shape {
                None => None,
                Some(shape) => match shape.read(&heard.text) {
                    Ok(value) => Some(value),
                    Err(_) if heard.stop == Stop::Length => return Err(too_short()),
                    Err(why) if repairs == 0 => return Err(does_not_fit(&why)),
                    Err(why) => {
                        repairs -= 1;
                        request.messages.push(ChatMessage::assistant(heard.text));
                        request.messages.push(ChatMessage::user(mend(&why)));
                        continue;
                    }
                },
            };
            let Bill { tokens, cents } = *bill;
            let (text, model, stop) = (heard.text, name.to_owned(), heard.stop);
            return Ok(Reply { text, value, called, model, tokens, cost_cents: cents, stop });
        }
    }

    fn request(&self) -> ChatRequest {
        let message = |message: &super::Message| {
            let role = match message.role {
                Speaker::System => ChatRole::System,
                Speaker::User => ChatRole::User,
                Speaker::Assistant => ChatRole::Assistant,
            };
            ChatMessage::new(role, message.content.as_str())
        };
        let mut request = ChatRequest::new(self.llm.messages.iter().map(message).collect());
        let instruction = self.shape.as_ref().map(Shape::instruction);
        let told: Vec<String> = self.llm.system.clone().into_iter().chain(instruction).collect();
        request.system = (!told.is_empty()).then(|| told.join("\n\n"));
        request.tools = (!self.tools.is_empty()).then(|| self.tools.offer());
        request
    }

    fn too_many_rounds(&self) -> AgentError {
        let most = self.llm.rounds;
        AgentError::permanent(format!(
            "it called agents more than {most} times without coming to an end; let it by `rounds` if that is meant"
        ))
    }
}

impl Bill {
    fn add(&mut self, tokens: Tokens, cents: f64, context: &TaskContext) {
        self.tokens.add(tokens);
        self.cents += cents;
        context.cost(cents);
    }
}

fn mend(why: &str) -> String {
    format!(
        "That does not fit the JSON Schema: {why}. Answer again, with the JSON value that fits and nothing else."
    )
}

fn does_not_fit(why: &str) -> AgentError {
    AgentError::permanent(format!(
        "it did not answer what fits the schema, though it was told what is wrong: {why}"
    ))
}

fn too_short() -> AgentError {
    AgentError::permanent("it may not write enough for what it is to answer; raise `max_tokens`")
}

/// What all models said, and whether and when another attempt may help: as soon as it may with one of them.
fn all_failed(failed: &[(&String, AgentError)]) -> AgentError {
    let told: Vec<String> =
        failed.iter().map(|(name, error)| format!("the model `{name}`: {error}")).collect();
    let told = told.join("; ");
    let wait = failed.iter().filter_map(|(_, error)| match error.advice() {
        Advice::RetryAfter(time) => Some(time),
        _ => None,
    });
    let may_retry = failed.iter().any(|(_, error)| error.advice() == Advice::Retry);
    match (may_retry, wait.min()) {
        (true, _) => AgentError::retry(told),
        (false, Some(time)) => AgentError::retry_after(time, told),
        (false, None) => AgentError::permanent(told),
    }
}
