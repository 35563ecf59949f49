//! Folders that have no model, or none that is known, and work that is ended.

use std::time::Duration;

use workflow_agents::Embed;
use workflow_agents::policy::Limits;
use workflow_agents::vectors::Embedder;

use crate::minilm::{Copy, folder};
use crate::setting::{Setting, two};

/// What is told of a folder.
async fn told(copy: &Copy) -> String {
    let told = Setting::of(Embedder::folder(&copy.path)).await.make(two()).await.expect_err("it is broken");
    assert!(told.contains("attempt 1") && told.contains("the model `m`"), "{told}");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"] {
        let copy = Copy::new(&format!("without-{}", file.replace('/', "-")));
        copy.remove(file);
        let told = told(&copy).await;
        let shown = copy.path.join(file).display().to_string();
        assert!(told.contains(&shown) && told.contains("cannot be read: No such file"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_broken_is_named_and_what_is_wrong_with_it() {
    for (name, file, text, why) in [
        ("config", "config.json", "{", "EOF while parsing"),
        ("tokenizer", "tokenizer.json", "{}", "Model missing"),
        ("weights", "model.safetensors", "no weights at all", "header"),
        ("empty", "model.safetensors", "", "header"),
        ("modules", "modules.json", "[]", "there is no module Pooling"),
        ("pooling", "1_Pooling/config.json", "{}", "it pools by []"),
    ] {
        let copy = Copy::new(&format!("broken-{name}"));
        copy.write(file, text);
        let told = told(&copy).await;
        assert!(told.contains(&copy.path.join(file).display().to_string()) && told.contains(why), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_that_are_cut_are_told() {
    let copy = Copy::new("cut");
    let whole = std::fs::read(folder().join("model.safetensors")).unwrap();
    copy.write("model.safetensors", &whole[..whole.len() / 2]);
    let told = told(&copy).await;
    assert!(told.contains("model.safetensors"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_refused_by_its_name() {
    for (name, file, before, after, why) in [
        ("kind", "config.json", "\"model_type\": \"bert\"", "\"model_type\": \"mpnet\"", "the type `mpnet`"),
        ("act", "config.json", "\"gelu\"", "\"silu\"", "unknown variant `silu`"),
        (
            "heads",
            "config.json",
            "\"num_attention_heads\": 12",
            "\"num_attention_heads\": 0",
            "0 attention heads",
        ),
        (
            "odd",
            "config.json",
            "\"num_attention_heads\": 12",
            "\"num_attention_heads\": 7",
            "7 attention heads",
        ),
        ("words", "config.json", "30522", "100", "it has 30522 words, and the model knows 100"),
        (
            "size",
            "config.json",
            "\"hidden_size\": 384",
            "\"hidden_size\": 768",
            "model.safetensors: shape mismatch",
        ),
        ("layers", "config.json", "\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7", "encoder.layer.6"),
        ("dense", "modules.json", "Normalize", "Dense", "module 2 is a `sentence_transformers.models.Dense`"),
        (
            "max",
            "1_Pooling/config.json",
            "max_tokens\": false",
            "max_tokens\": true",
            "[\"max_tokens\", \"mean_tokens\"]",
        ),
        ("few", "sentence_bert_config.json", "256", "1", "it takes 1 tokens of a text, which is too few"),
    ] {
        let copy = Copy::new(&format!("unknown-{name}"));
        copy.replace(file, before, after);
        let told = told(&copy).await;
        assert!(told.contains(why), "{name}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_put_right_is_read_again() {
    let copy = Copy::new("mended");
    copy.replace("config.json", "\"bert\"", "\"mpnet\"");
    let setting = Setting::of(Embedder::folder(&copy.path)).await;
    setting.make(two()).await.expect_err("it is broken");
    copy.replace("config.json", "\"mpnet\"", "\"bert\"");
    assert_eq!(setting.make(two()).await.unwrap().dimension, 384);
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_another_length_than_was_said_are_an_error() {
    let setting = Setting::of(Embedder::folder(folder()).dimension(768)).await;
    let told = setting.make(two()).await.expect_err("it has 384");
    assert!(told.contains("the vector of text 1 has 384 numbers, where 768 are expected"), "{told}");
}

/// So many texts that they are not done soon.
fn many() -> Embed {
    Embed::new("m").texts(std::iter::repeat_n("word ".repeat(300), 600))
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_cancelled_ends_between_two_batches() {
    let setting = Setting::of(Embedder::folder(folder()).batch(1)).await;
    let job = setting.begin(many()).await;
    job.progress().next().await.expect("it is told");
    assert!(job.cancel("enough").await);
    tokio::time::timeout(Duration::from_secs(20), job).await.expect("it ends").expect_err("it was cancelled");
    // Whoever comes next has their turn.
    let made = tokio::time::timeout(Duration::from_secs(20), setting.make(two())).await.expect("it ends");
    assert_eq!(made.unwrap().vectors.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reckoned_with_for_longer_than_the_role_may() {
    let setting = Setting::of(Embedder::folder(folder()).batch(1)).await;
    setting.make(two()).await.unwrap();
    let limits = Limits { time_ms: Some(200), ..Limits::default() };
    let told = setting.make(many().limits(limits)).await.expect_err("it takes long");
    assert!(told.contains("the model was ended after 200ms"), "{told}");
}
