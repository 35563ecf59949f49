//! The agent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Client, Response};
use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::answer::Answer;
use super::asked::Http;
use super::client::client;
use super::hop::{Hop, variables};
use super::resolve::refusal;
use crate::Output;
use crate::held::{as_its_role_may, held};
use crate::output::Capture;
use crate::policy::{Limits, Permit, Policy};
use crate::web::failure;

/// How much of an answer that is not as it should be a failure tells.
const LAST: usize = 1000;

/// How often it is told how far an answer has come.
const TOLD: Duration = Duration::from_millis(100);

/// Asks a server over HTTP, as the role of its step may.
///
#[doc = include_str!("../../doc/http.md")]
#[task_agent(timeout = "60s", retry(max = 3, first = "1s", factor = 2, cap = "60s"))]
pub async fn http(request: Http, policy: State<Policy>, ctx: &TaskContext) -> Result<Answer, AgentError> {
    let limits = policy
        .decide(ctx, "http", |permit| {
            variables(&request).into_iter().try_for_each(|name| permit.variable(name))?;
            Ok(permit.limits(request.limits))
        })
        .await?;
    let asking = Asking { request: &request, policy: &policy, context: ctx, limits };
    held(ctx, &limits, asking.ask(), as_its_role_may).await
}

/// A request that is being asked.
struct Asking<'a> {
    request: &'a Http,
    policy: &'a Policy,
    context: &'a TaskContext,
    limits: Limits,
}

impl Asking<'_> {
    async fn ask(&self) -> Result<Answer, AgentError> {
        let began = Instant::now();
        let key = self.context.idempotency_key();
        let mut hop = Hop::first(self.request, &key).map_err(AgentError::permanent)?;
        for number in 0.. {
            let client = self.permitted(&hop).await?;
            let response = self.sent(&client, &hop).await?;
            if number < self.request.redirects
                && let Some(next) = hop.next(response.status(), response.headers())
            {
                hop =
                    next.map_err(|why| AgentError::permanent(format!("{} answered, and {why}", hop.url)))?;
                continue;
            }
            return self.answer(response, began).await;
        }
        Err(AgentError::permanent("it was sent on too often"))
    }

    /// The client to ask by, if the role may ask.
    async fn permitted(&self, hop: &Hop) -> Result<Client, AgentError> {
        let check = |permit: &Permit| hop.check(permit).map(|()| permit.clone());
        client(&self.policy.decide(self.context, "http", check).await?)
    }

    async fn sent(&self, client: &Client, hop: &Hop) -> Result<Response, AgentError> {
        let mut request = client.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        let error = match request.send().await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        match refusal(&error) {
            Some(refused) => self.policy.decide(self.context, "http", |_| Err(refused)).await,
            None => Err(AgentError::retry(error)),
        }
    }

    async fn answer(&self, mut response: Response, began: Instant) -> Result<Answer, AgentError> {
        let (status, url) = (response.status(), response.url().to_string());
        let headers = response.headers().clone();
        let is_right = status.is_success() || self.request.accept.contains(&status.as_u16());
        let most = if is_right { self.limits.output.unwrap_or(u64::MAX) } else { LAST as u64 };
        let body = self.body(&mut response, most, is_right).await?;
        if !is_right {
            let said = body.end(LAST);
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            return Err(failure(status, &headers, format!("{url} answered {status}{said}")));
        }
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Answer { status: status.as_u16(), url, headers: plain(&headers), body, took_ms })
    }

    /// What is sent back, which is not cut where it is to be used.
    async fn body(&self, response: &mut Response, most: u64, is_right: bool) -> Result<Output, AgentError> {
        let mut capture = Capture::new(most.saturating_mul(2));
        let mut told = Instant::now();
        while let Some(chunk) = response.chunk().await.map_err(AgentError::retry)? {
            if capture.bytes() + chunk.len() as u64 > most {
                if is_right {
                    let url = response.url();
                    return Err(AgentError::permanent(format!(
                        "{url} answers more than {most} bytes, which is the limit"
                    )));
                }
                break;
            }
            capture.add(&chunk);
            if told.elapsed() > TOLD {
                self.tell(response, capture.bytes());
                told = Instant::now();
            }
        }
        Ok(capture.into_output())
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of so many need not be exact")]
    fn tell(&self, response: &Response, bytes: u64) {
        let share = response.content_length().map_or(0.0, |all| bytes as f64 / all.max(1) as f64);
        self.context.progress(share, &format!("{bytes} bytes"));
    }
}

/// Headers as a journal may have them.
fn plain(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut plain: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| **name != SET_COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        plain
            .entry(name.as_str().to_owned())
            .and_modify(|known| *known = format!("{known}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    plain
}
