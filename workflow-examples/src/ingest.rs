//! Documents are cut up, embedded in parallel, and summarized until the summary is good.

use workflow_runtime::prelude::*;

/// A text and where it is from.
#[data]
pub struct Document {
    /// Where it is from.
    pub source: String,
    /// Its text.
    pub text: String,
}

/// A summary and how good it is.
#[data]
pub struct Summary {
    /// The text.
    pub text: String,
    /// How good it is, from 0 to 1.
    pub score: f64,
}

/// Cuts a text into pieces.
#[task_agent]
pub async fn split(document: Document) -> Vec<String> {
    document.text.split("\n\n").map(str::to_owned).collect()
}

/// Cleans a piece.
#[task_agent]
pub async fn clean(chunk: String) -> String {
    chunk.trim().to_owned()
}

/// Turns a piece into a vector.
#[task_agent(queue = "gpu", retry = 3, rate = "100/s")]
pub async fn embed(chunk: String) -> Vec<f32> {
    vec![f32::from(u16::try_from(chunk.len()).unwrap_or(u16::MAX))]
}

/// Does the same, worse and cheaper.
#[task_agent]
pub async fn embed_roughly(chunk: String) -> Vec<f32> {
    vec![if chunk.is_empty() { 0.0 } else { 1.0 }]
}

/// Writes a first summary.
#[task_agent]
pub async fn summarize(document: Document) -> Summary {
    Summary { text: document.source, score: 0.2 }
}

/// Makes a summary better.
#[task_agent(timeout = "1m")]
pub async fn improve(summary: Summary) -> Summary {
    Summary { score: summary.score + 0.3, ..summary }
}

/// Stores what was found; gives the number of vectors.
#[task_agent]
pub async fn store(summary: Summary, vectors: Vec<Vec<f32>>) -> usize {
    vectors.len() + usize::from(summary.score > 1.0)
}

workflow! {
    /// Takes in a document.
    pub workflow Ingest(document: Document) -> usize {
        phase read {
            chunks = split(document);
            draft = summarize(document);
        }
        phase think {
            #[concurrency(8)]
            vectors = for chunk in chunks {
                cleaned = clean(chunk);
                #[or(embed_roughly)]
                embed(cleaned)
            };
            summary = repeat draft while draft.score < 0.9 max 5 { improve(draft) };
        }
        phase keep {
            count = store(summary, vectors);
        }
        *count
    }
}
