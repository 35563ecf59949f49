//! A folder that has a model, which is loaded when it is first asked, and kept.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::bert::Bert;
use super::made::Batch;
use super::shelf::Shelf;

/// A folder that has a model.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    loaded: Mutex<Option<Arc<Bert>>>,
    /// Who reckons. One does at a time: it uses all processors, and much memory.
    turn: Mutex<()>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, loaded: Mutex::default(), turn: Mutex::default() }
    }

    /// The model, which whoever is first loads, for all. What did not load is tried again: its files may be put right meanwhile.
    ///
    /// # Errors
    /// When it is none, or none that is known here: which file, and what is wrong with it.
    pub(super) fn model(&self) -> Result<Arc<Bert>, String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*loaded {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(Bert::load(&Shelf::new(&self.path))?);
        *loaded = Some(Arc::clone(&model));
        Ok(model)
    }

    /// Makes vectors of a few texts, once it is this one's turn; gives with them how many tokens were read. None if, then, nobody
    /// wants it any more.
    pub(super) fn vectors(
        &self,
        texts: &[String],
        is_over: impl Fn() -> bool,
    ) -> Result<Option<Batch>, String> {
        let model = self.model()?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if is_over() {
            return Ok(None);
        }
        model.vectors(texts).map(Some).map_err(|why| format!("it failed: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use candle_core::{Device, Tensor};
    use serde_json::json;

    use super::*;

    /// A folder with a model that knows two words; gone when dropped.
    struct Small(PathBuf);

    impl Small {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("small-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            let config = json!({
                "model_type": "bert", "vocab_size": 3, "hidden_size": 4, "num_hidden_layers": 1,
                "num_attention_heads": 2, "intermediate_size": 8, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
                "max_position_embeddings": 16, "type_vocab_size": 1, "initializer_range": 0.02,
                "layer_norm_eps": 1e-12, "pad_token_id": 0,
            });
            let tokenizer = json!({
                "version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"},
            });
            std::fs::write(path.join("config.json"), config.to_string()).unwrap();
            std::fs::write(path.join("tokenizer.json"), tokenizer.to_string()).unwrap();
            weights(&path.join("model.safetensors"));
            Self(path)
        }
    }

    impl Drop for Small {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn weights(file: &Path) {
        let mut all = HashMap::new();
        let mut add = |name: &str, shape: &[usize]| {
            let count: usize = shape.iter().product();
            let numbers: Vec<f32> =
                (1_u8..=32).cycle().take(count).map(|number| f32::from(number % 7) - 3.0).collect();
            all.insert(name.to_owned(), Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap());
        };
        add("embeddings.word_embeddings.weight", &[3, 4]);
        add("embeddings.position_embeddings.weight", &[16, 4]);
        add("embeddings.token_type_embeddings.weight", &[1, 4]);
        let layer = "encoder.layer.0";
        for name in ["embeddings".to_owned(), format!("{layer}.attention.output"), format!("{layer}.output")]
        {
            add(&format!("{name}.LayerNorm.weight"), &[4]);
            add(&format!("{name}.LayerNorm.bias"), &[4]);
        }
        for (name, out, of) in [
            ("attention.self.query", 4, 4),
            ("attention.self.key", 4, 4),
            ("attention.self.value", 4, 4),
            ("attention.output.dense", 4, 4),
            ("intermediate.dense", 8, 4),
            ("output.dense", 4, 8),
        ] {
            add(&format!("{layer}.{name}.weight"), &[out, of]);
            add(&format!("{layer}.{name}.bias"), &[out]);
        }
        candle_core::safetensors::save(&all, file).unwrap();
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_model_is_loaded_once_and_kept() {
        let small = Small::new("kept");
        let folder = Folder::new(small.0.clone());
        let first = folder.model().unwrap();
        drop(small);
        assert!(Arc::ptr_eq(&first, &folder.model().unwrap()));
        let (vectors, tokens) = folder.vectors(&texts(&["a", "b a"]), || false).unwrap().unwrap();
        assert_eq!((vectors.len(), vectors[0].len(), tokens), (2, 4, 3));
        assert_ne!(vectors[0], vectors[1]);
    }

    #[test]
    fn nothing_is_reckoned_with_that_nobody_wants_any_more() {
        let small = Small::new("unwanted");
        let folder = Folder::new(small.0.clone());
        assert_eq!(folder.vectors(&texts(&["a"]), || true), Ok(None));
    }

    #[test]
    fn texts_of_which_nothing_is_known_are_an_error() {
        let small = Small::new("unknown");
        let folder = Folder::new(small.0.clone());
        let told = folder.vectors(&texts(&[" "]), || false).expect_err("there is no token");
        assert!(told.contains("nothing in the texts"), "{told}");
        // Beside another, its vector is one of no numbers, which who takes it refuses.
        let (vectors, _) = folder.vectors(&texts(&["a", " "]), || false).unwrap().unwrap();
        assert!(vectors[0][0].is_finite() && vectors[1][0].is_nan(), "{vectors:?}");
    }
    #[test]
    fn a_part_of_a_larger_model_is_found_and_what_bends_it_may_be_approximate() {
        let small = Small::new("larger");
        let made = |name: &str| {
            let (vectors, _) = Folder::new(small.0.clone())
                .vectors(&texts(&["a b"]), || false)
                .expect(name)
                .expect("it is wanted");
            vectors[0].clone()
        };
        let plain = made("plain");
        let file = small.0.join("model.safetensors");
        let weights = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
        let weights: HashMap<String, Tensor> =
            weights.into_iter().map(|(name, weight)| (format!("bert.{name}"), weight)).collect();
        candle_core::safetensors::save(&weights, &file).unwrap();
        assert_eq!(made("in a part"), plain);
        let config = std::fs::read_to_string(small.0.join("config.json")).unwrap();
        let bent = |how: &str| {
            std::fs::write(small.0.join("config.json"), config.replace("\"gelu\"", how)).unwrap();
            made(how)
        };
        let near = bent("\"gelu_new\"");
        assert!(
            near != plain && near.iter().zip(&plain).all(|(one, other)| (one - other).abs() < 0.01),
            "{near:?}"
        );
        assert_eq!(bent("\"gelu_pytorch_tanh\""), near);
        assert_ne!(bent("\"relu\""), near);
    }
}
