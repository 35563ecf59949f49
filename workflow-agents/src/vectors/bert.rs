//! A model of the kind of BERT, loaded.

use std::fmt;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use serde::Deserialize;
use tokenizers::{Encoding, Tokenizer, TruncationParams};

use super::made::Batch;
use super::network::{Network, Shape};
use super::recipe::{Pooling, Recipe};
use super::shelf::Shelf;

/// The files of a model.
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";

/// What is shorter than that is no vector that could be made one of length 1.
const LEAST: f64 = 1e-12;

/// A model, loaded.
pub(super) struct Bert {
    network: Network,
    tokenizer: Tokenizer,
    recipe: Recipe,
    /// What stands where a text has no token.
    padding: u32,
}

impl fmt::Debug for Bert {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bert").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

/// What kind of model it is.
#[derive(Deserialize)]
struct Kind {
    model_type: String,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Bert {
    /// Loads it.
    ///
    /// # Errors
    /// Which file is not there, or not right, and what is wrong with it.
    pub(super) fn load(shelf: &Shelf<'_>) -> Result<Self, String> {
        let shape = shape(shelf)?;
        let recipe = Recipe::of(shelf)?;
        let tokenizer = tokenizer(shelf, &shape, &recipe)?;
        let weights = shelf.weights(WEIGHTS)?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)
            .map_err(|error| shelf.wrong(WEIGHTS, brief(&error)))?;
        let network = Network::load(&weights, &shape).map_err(|error| shelf.wrong(WEIGHTS, brief(&error)))?;
        Ok(Self { network, tokenizer, recipe, padding: shape.pad_token_id })
    }

    /// The vectors of a few texts, and how many tokens were read.
    pub(super) fn vectors(&self, texts: &[String]) -> Result<Batch, Failed> {
        let read = texts.iter().map(|text| self.read(text)).collect::<Result<Vec<_>, _>>()?;
        let longest = read.iter().map(Encoding::len).max().unwrap_or(0);
        if longest == 0 {
            return Err("nothing in the texts is anything that it knows".into());
        }
        let tokens = rows(&read, longest, self.padding, Encoding::get_ids)?;
        let kinds = rows(&read, longest, 0, Encoding::get_type_ids)?;
        let mask = rows(&read, longest, 0, Encoding::get_attention_mask)?;
        let vectors = self.pooled(&self.network.forward(&tokens, &kinds, &mask)?, &mask)?;
        let tokens = read.iter().map(Encoding::len).sum::<usize>();
        Ok((vectors.to_vec2()?, tokens as u64))
    }

    /// A text, as tokens.
    fn read(&self, text: &str) -> Result<Encoding, Failed> {
        let text = text.trim();
        match self.recipe.is_lowered {
            true => self.tokenizer.encode_fast(text.to_lowercase(), true),
            false => self.tokenizer.encode_fast(text, true),
        }
    }

    /// One vector of those of a text's tokens.
    fn pooled(&self, hidden: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let vectors = match self.recipe.pooling {
            Pooling::First => hidden.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
                let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
                sum.broadcast_div(&mask.sum(1)?)?
            }
        };
        if !self.recipe.is_normalized {
            return Ok(vectors);
        }
        let length = vectors.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(LEAST)?;
        vectors.broadcast_div(&length)
    }
}

fn shape(shelf: &Shelf<'_>) -> Result<Shape, String> {
    let Kind { model_type } = shelf.settings(CONFIG)?;
    if model_type != "bert" {
        return Err(shelf.wrong(CONFIG, format!("a model of the type `{model_type}`; known is `bert`")));
    }
    let shape: Shape = shelf.settings(CONFIG)?;
    let (size, heads) = (shape.hidden_size, shape.num_attention_heads);
    if heads == 0 || size == 0 || !size.is_multiple_of(heads) {
        return Err(
            shelf.wrong(CONFIG, format!("{heads} attention heads do not share {size} numbers evenly"))
        );
    }
    Ok(shape)
}

/// What makes tokens of texts. How long those may be is for the model to say, not for this file.
fn tokenizer(shelf: &Shelf<'_>, shape: &Shape, recipe: &Recipe) -> Result<Tokenizer, String> {
    let mut tokenizer =
        Tokenizer::from_bytes(shelf.words(TOKENIZER)?).map_err(|error| shelf.wrong(TOKENIZER, error))?;
    let words = tokenizer.get_vocab(true).into_values().max().map_or(0, |last| last as usize + 1);
    if words > shape.vocab_size {
        let what = format!("it has {words} words, and the model knows {}", shape.vocab_size);
        return Err(shelf.wrong(TOKENIZER, what));
    }
    let most = shape.max_position_embeddings;
    let max_length = recipe.tokens.map_or(most, |tokens| tokens.min(most));
    if max_length < 8 {
        return Err(shelf.wrong(CONFIG, format!("it takes {max_length} tokens of a text, which is too few")));
    }
    let truncation = TruncationParams { max_length, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| shelf.wrong(TOKENIZER, error))?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

/// Numbers of each token of some texts, one row a text, all of one length.
fn rows(
    texts: &[Encoding],
    longest: usize,
    padding: u32,
    of: fn(&Encoding) -> &[u32],
) -> candle_core::Result<Tensor> {
    let padded = |text: &Encoding| {
        let mut row = of(text).to_vec();
        row.resize(longest, padding);
        row
    };
    Tensor::from_vec(texts.iter().flat_map(padded).collect(), (texts.len(), longest), &Device::Cpu)
}

/// An error, without where in a library it came up.
fn brief(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
