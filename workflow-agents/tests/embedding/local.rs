//! Vectors that a model of this machine makes, beside those of the reference implementation.

use serde::Deserialize;
use workflow_agents::vectors::{Embedder, Embedders};
use workflow_agents::{Embed, Embedding};

use crate::minilm::{Copy, folder};
use crate::setting::{Setting, librarian};

/// What the reference implementation makes of some texts; `make.py` beside it says how that was found out.
const REFERENCE: &str = include_str!("reference/vectors.json");

#[derive(Deserialize)]
struct Reference {
    vectors: Vec<(String, Vec<f32>)>,
}

fn reference() -> Vec<(String, Vec<f32>)> {
    serde_json::from_str::<Reference>(REFERENCE).expect("it is JSON").vectors
}

/// The texts that the workflow's agents take: those with something in them.
fn texts(of: &[(String, Vec<f32>)]) -> Vec<String> {
    of.iter().map(|(text, _)| text.clone()).collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

/// The largest difference of any two numbers.
fn difference(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Refuses vectors that are not those of the reference; gives how much they differ.
fn compare(made: &[Vec<f32>], reference: &[(String, Vec<f32>)]) -> f32 {
    assert_eq!(made.len(), reference.len());
    let mut most: f32 = 0.0;
    for (made, (text, known)) in made.iter().zip(reference) {
        let (cosine, difference) = (cosine(made, known), difference(made, known));
        assert!(cosine > 0.9999 && difference < 2e-6, "{cosine} {difference} {text:?}");
        most = most.max(difference);
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_those_of_the_reference_however_texts_are_put_together() {
    let reference = reference();
    assert!(reference.len() > 20);
    for batch in [1, 7] {
        let setting = Setting::of(Embedder::folder(folder()).dimension(384).batch(batch)).await;
        let made = setting.make(Embed::new("m").texts(texts(&reference))).await.unwrap();
        println!("{batch} at a time: they differ by {} at most", compare(&made.vectors, &reference));
        assert_eq!((made.dimension, made.cost_cents), (384, 0.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_read_as_far_as_the_model_says() {
    let setting = Setting::of(Embedder::folder(folder())).await;
    let made = setting.make(Embed::new("m").texts(["a", "word word"])).await.unwrap();
    // Two words, one word, and twice what stands before and after.
    assert_eq!(made.tokens, 3 + 4);
    let long = |words: usize| "word ".repeat(words);
    let made = setting.make(Embed::new("m").texts([long(254), long(255), long(1000)])).await.unwrap();
    assert_eq!(made.tokens, 3 * 256);
    assert!(difference(&made.vectors[0], &made.vectors[2]) < 1e-6);
    // Without a file that says so, it is as far as the model can.
    let copy = Copy::new("longer");
    copy.remove("sentence_bert_config.json");
    let setting = Setting::of(Embedder::folder(&copy.path)).await;
    let made = setting.make(Embed::new("m").text(long(1000))).await.unwrap();
    assert_eq!(made.tokens, 512);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_mean_the_same_are_near_each_other() {
    let setting = Setting::of(Embedder::folder(folder())).await;
    let texts = ["How do I cancel a job?", "Stopping work that runs", "A recipe for apple pie"];
    let made = setting.make(Embed::new("m").texts(texts)).await.unwrap().vectors;
    assert!(cosine(&made[0], &made[1]) > cosine(&made[0], &made[2]) + 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_says_nothing_of_it_is_taken_as_a_mean_of_length_one() {
    let copy = Copy::new("plain");
    copy.remove("modules.json");
    copy.remove("1_Pooling/config.json");
    let reference = &reference()[..3];
    let setting = Setting::of(Embedder::folder(&copy.path)).await;
    let made = setting.make(Embed::new("m").texts(texts(reference))).await.unwrap();
    compare(&made.vectors, reference);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_folder_says_of_pooling_is_done() {
    let reference = &reference()[..2];
    let request = || Embed::new("m").texts(texts(reference));
    let length = |vector: &[f32]| vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    // Not made one of length 1, it points the same way.
    let copy = Copy::new("long");
    copy.write(
        "modules.json",
        r#"[{"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#,
    );
    let made = Setting::of(Embedder::folder(&copy.path)).await.make(request()).await.unwrap().vectors;
    for (made, (_, known)) in made.iter().zip(reference) {
        assert!((length(made) - 1.0).abs() > 0.1 && cosine(made, known) > 0.9999);
    }
    // The first token's is another.
    let copy = Copy::new("first");
    copy.write("1_Pooling/config.json", r#"{"word_embedding_dimension": 384, "pooling_mode": "cls"}"#);
    let made = Setting::of(Embedder::folder(&copy.path)).await.make(request()).await.unwrap().vectors;
    for (made, (_, known)) in made.iter().zip(reference) {
        assert!((length(made) - 1.0).abs() < 1e-5 && cosine(made, known) < 0.99);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workflow_takes_a_model_of_this_machine_as_well() {
    let (text, known) = reference().swap_remove(0);
    let embedders = Embedders::new().with("minilm", Embedder::folder(folder()).dimension(384));
    let setting = Setting::with(librarian(), embedders).await;
    let query = Embedding { query_id: "1".to_owned(), query: text, model: "minilm".to_owned() };
    let response = setting.runtime.run(query).await.unwrap();
    assert_eq!(response.embedding_dim, 384);
    assert!(cosine(&response.embedding, &known) > 0.9999);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_given_their_own() {
    let reference = reference();
    let setting = Setting::of(Embedder::folder(folder())).await;
    let mut jobs = Vec::new();
    for (text, _) in &reference[..10] {
        jobs.push(setting.begin(Embed::new("m").text(text)).await);
    }
    for (job, (text, known)) in jobs.into_iter().zip(&reference) {
        let made = job.await.unwrap();
        assert!(cosine(&made.vectors[0], known) > 0.9999, "{text:?}");
    }
}
