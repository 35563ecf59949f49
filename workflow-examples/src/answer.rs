//! A question goes to the cheapest model that can answer it, and to a person when the model is not sure.

use workflow_runtime::prelude::*;

/// A question.
#[data]
pub struct Question {
    /// How hard it is.
    pub kind: QuestionKind,
    /// Its words.
    #[schemars(length(min = 1))]
    pub text: String,
}

/// How hard a question is.
#[data]
#[derive(Copy)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// A look-up answers it.
    Simple,
    /// Somebody has to think.
    Hard,
}

/// A language model.
#[data]
pub struct Model {
    /// Its name.
    pub name: String,
}

/// What is known about a question.
#[data]
pub struct Facts {
    /// One sentence each.
    pub sentences: Vec<String>,
}

/// What a model says.
#[data]
pub struct Reply {
    /// Its words.
    pub text: String,
    /// How sure it is, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub confidence: f64,
}

/// A reply that may be published.
#[data]
pub struct Checked {
    /// Its words.
    pub text: String,
}

/// Where a reply was published.
#[data]
pub struct Receipt {
    /// The page.
    pub page: String,
}

/// Picks the cheapest model that is good enough for the question.
#[task_agent]
pub async fn select_model(kind: QuestionKind) -> Model {
    let name = match kind {
        QuestionKind::Simple => "small",
        QuestionKind::Hard => "large",
    };
    Model { name: name.to_owned() }
}

/// Looks up what is known.
#[task_agent(queue = "io", timeout = "10s")]
pub async fn fetch_facts(text: String) -> Facts {
    Facts { sentences: vec![format!("Somebody asked: {text}")] }
}

/// Asks a model. Retries what may pass, gives up on what will not.
#[task_agent(timeout = "30s", retry(max = 3, first = "1s", factor = 10, cap = "1000s"), queue = "llm")]
pub async fn ask_model(
    question: Question,
    model: Model,
    facts: Facts,
    ctx: &TaskContext,
) -> Result<Reply, AgentError> {
    if question.text.is_empty() {
        return Err(AgentError::permanent("there is no question"));
    }
    let known = facts.sentences.len();
    let text = format!("{} says so, from {known} facts, at attempt {}", model.name, ctx.attempt());
    Ok(Reply { text, confidence: 0.9 })
}

/// Has a person look at a reply.
#[task_agent]
pub async fn human_review(reply: Reply) -> Checked {
    Checked { text: format!("{} (reviewed)", reply.text) }
}

/// Takes a reply as it is.
#[task_agent]
pub async fn accept(reply: Reply) -> Checked {
    Checked { text: reply.text }
}

/// Publishes a reply.
#[task_agent]
pub async fn publish(checked: Checked) -> Receipt {
    Receipt { page: format!("/answers/{}", checked.text.len()) }
}

workflow! {
    /// Answers a question with the cheapest model that can.
    ///
    /// A reply that the model itself doubts goes to a person first.
    #[timeout("5m")]
    pub workflow Answer(
        /// What to answer.
        question: Question,
    ) -> Receipt {
        phase prepare {
            model = select_model(question.kind);
            facts = fetch_facts(question.text.clone());
        }
        phase call {
            #[retry(3)]
            #[timeout("30s")]
            reply = ask_model(question, model, facts);
        }
        phase review {
            if reply.confidence < 0.8 {
                checked = human_review(reply);
            } else {
                checked = accept(reply);
            }
        }
        phase publish {
            receipt = publish(checked);
        }
        receipt
    }
}
