//! A server that makes vectors, asked as OpenAI's is.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Response, Url};
use serde::Serialize;
use workflow_runtime::{AgentError, TaskContext};

use super::answer;
use super::key::Key;
use super::made::{Batch, Making};
use crate::web::failure;

/// How much of an answer that is not as it should be a failure tells.
const TOLD: usize = 1000;

/// How long a number may be as it is written, with what is between it and the next; and all that is said besides.
const NUMBER: u64 = 32;
const BESIDES: u64 = 64 << 10;

/// Where a model is asked, and how.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) url: String,
    /// What it is called there.
    pub(super) name: String,
    /// The variable that has its key.
    pub(super) key: Option<String>,
    /// For how long it may say nothing.
    pub(super) silence: Duration,
    /// Whether it is told how many numbers vectors are to have.
    pub(super) shortened: bool,
}

impl Endpoint {
    /// Where vectors are asked for.
    ///
    /// # Errors
    /// When that is nowhere.
    pub(super) fn place(&self) -> Result<Url, String> {
        let url = Url::parse(&self.url).ok().and_then(|url| url.join("embeddings").ok());
        url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
            .ok_or_else(|| format!("`{}` is no URL; write one like \"http://localhost:11434/v1/\"", self.url))
    }
}

/// What it is asked.
#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

/// A line to a server.
pub(super) struct Line<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) client: &'a Client,
    pub(super) key: Key,
    pub(super) context: &'a TaskContext,
}

impl Line<'_> {
    /// Asks for the vectors of some texts; gives them in the order of the texts, and how many tokens were read.
    ///
    /// # Errors
    /// When they are not answered, or too long, or wrong.
    pub(super) async fn ask(&self, texts: &[String], making: &Making) -> Result<Batch, AgentError> {
        let response = self.quiet(self.sent(texts, making)).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if !status.is_success() {
            // What came of an error before it broke off is told.
            let body = self.error(response).await;
            let said = self.told(&String::from_utf8_lossy(&body));
            let said = if said.is_empty() { said } else { format!(": {said}") };
            return Err(failure(status, &headers, format!("it answered {status}{said}")));
        }
        let numbers = match making.dimension {
            Some(dimension) => (texts.len() as u64).saturating_mul(dimension as u64),
            None => making.left(),
        };
        let body = self.body(response, numbers.saturating_mul(NUMBER).saturating_add(BESIDES)).await?;
        answer::read(&body, texts.len(), making.vectors.len()).map_err(|(why, may_pass)| {
            let why = self.told(&why);
            if may_pass { AgentError::retry(why) } else { AgentError::permanent(why) }
        })
    }

    async fn sent(&self, texts: &[String], making: &Making) -> Result<Response, AgentError> {
        let Endpoint { name, shortened, .. } = self.endpoint;
        let url = self.endpoint.place().map_err(AgentError::permanent)?;
        let dimensions = making.dimension.filter(|_| *shortened);
        let asked = Asked { model: name, input: texts, encoding_format: "float", dimensions };
        let body = serde_json::to_vec(&asked).map_err(AgentError::permanent)?;
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let request = match self.key.header()? {
            Some(key) => request.header(AUTHORIZATION, key),
            None => request,
        };
        request.send().await.map_err(|error| self.lost(&error))
    }

    /// All that is answered, if that is not too much.
    async fn body(&self, mut response: Response, most: u64) -> Result<Vec<u8>, AgentError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.quiet(self.chunk(&mut response)).await? {
            if body.len() as u64 + chunk.len() as u64 > most {
                return Err(AgentError::permanent(format!(
                    "it answers more than {most} bytes, which is the most for these vectors; see its `dimension`, and the limit of `output`"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<Vec<u8>>, AgentError> {
        Ok(response.chunk().await.map_err(|error| self.lost(&error))?.map(|chunk| chunk.to_vec()))
    }

    /// The beginning of what it says about an error.
    async fn error(&self, mut response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() <= TOLD
            && let Ok(Some(chunk)) = self.quiet(self.chunk(&mut response)).await
        {
            body.extend_from_slice(&chunk);
        }
        body
    }

    /// Waits, but not for somebody who says nothing.
    async fn quiet<T>(&self, work: impl Future<Output = Result<T, AgentError>>) -> Result<T, AgentError> {
        let time = self.endpoint.silence;
        tokio::select! {
            came = work => came,
            () = self.context.sleep(time) => {
                let time = workflow_graph::format_duration(time);
                Err(AgentError::retry(format!("it said nothing for {time}")))
            }
        }
    }

    fn lost(&self, error: &(dyn Error + 'static)) -> AgentError {
        AgentError::retry(self.told(&format!("the connection failed: {}", chain(error))))
    }

    /// A text as others may read it.
    fn told(&self, text: &str) -> String {
        let mut text = self.key.strip(text.trim().to_owned());
        if text.len() > TOLD {
            text.truncate(text.floor_char_boundary(TOLD));
            text.push('…');
        }
        text
    }
}

/// An error with all its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
