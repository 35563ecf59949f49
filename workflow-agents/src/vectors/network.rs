//! The network of BERT (Devlin et al., 2018), whose weights have the names that the first publication's have.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear};
use serde::Deserialize;

/// What a model says of its shape.
#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    /// How many words it knows, and at how many places.
    pub(super) vocab_size: usize,
    pub(super) max_position_embeddings: usize,
    /// How many numbers a token is, and by how many heads they are shared.
    pub(super) hidden_size: usize,
    pub(super) num_attention_heads: usize,
    num_hidden_layers: usize,
    intermediate_size: usize,
    #[serde(default)]
    hidden_act: Bend,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "tiny")]
    layer_norm_eps: f64,
    /// What stands where a text has no token.
    #[serde(default)]
    pub(super) pad_token_id: u32,
}

fn two() -> usize {
    2
}

fn tiny() -> f64 {
    1e-12
}

/// What is between the two halves of a layer, without which they were one.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bend {
    #[default]
    Gelu,
    /// Nearly the same, sooner done.
    #[serde(alias = "gelu_approximate", alias = "gelu_pytorch_tanh")]
    GeluNew,
    Relu,
}

/// The network.
pub(super) struct Network {
    words: Embedding,
    places: Embedding,
    kinds: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

impl Network {
    pub(super) fn load(weights: &VarBuilder<'_>, shape: &Shape) -> Result<Self> {
        // Models for more than vectors have it in a part of their own.
        let inner = weights.pp("bert");
        let is_inner = inner.contains_tensor("embeddings.word_embeddings.weight");
        let weights = if is_inner { &inner } else { weights };
        let (size, tokens) = (shape.hidden_size, weights.pp("embeddings"));
        let layer = |number| Layer::load(&weights.pp("encoder.layer").pp(number), shape);
        Ok(Self {
            words: embedding(shape.vocab_size, size, tokens.pp("word_embeddings"))?,
            places: embedding(shape.max_position_embeddings, size, tokens.pp("position_embeddings"))?,
            kinds: embedding(shape.type_vocab_size, size, tokens.pp("token_type_embeddings"))?,
            norm: layer_norm(size, shape.layer_norm_eps, tokens.pp("LayerNorm"))?,
            layers: (0..shape.num_hidden_layers).map(layer).collect::<Result<_>>()?,
        })
    }

    /// What becomes of the tokens of some texts, one row a text; what is there is 1 in the mask, the rest is 0.
    pub(super) fn forward(&self, tokens: &Tensor, kinds: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let length = u32::try_from(tokens.dim(1)?).map_err(candle_core::Error::wrap)?;
        let places = self.places.forward(&Tensor::arange(0, length, &Device::Cpu)?)?;
        let sum = (self.words.forward(tokens)? + self.kinds.forward(kinds)?)?.broadcast_add(&places)?;
        // Nobody listens to what is not there: least of all numbers is added to it.
        let mask = mask.to_dtype(sum.dtype())?.unsqueeze(1)?.unsqueeze(1)?;
        let silence = (mask.affine(-1.0, 1.0)? * f64::from(f32::MIN))?;
        let begun = self.norm.forward(&sum)?;
        self.layers.iter().try_fold(begun, |hidden, layer| layer.forward(&hidden, &silence))
    }
}

/// A layer: tokens look at each other, then each by itself.
struct Layer {
    heads: usize,
    asks: Linear,
    answers: Linear,
    tells: Linear,
    heard: (Linear, LayerNorm),
    wide: Linear,
    bend: Bend,
    narrow: (Linear, LayerNorm),
}

impl Layer {
    fn load(weights: &VarBuilder<'_>, shape: &Shape) -> Result<Self> {
        let (size, wide) = (shape.hidden_size, shape.intermediate_size);
        let looks = |name| linear(size, size, weights.pp("attention.self").pp(name));
        let added = |from, name| -> Result<(Linear, LayerNorm)> {
            let weights = weights.pp(name);
            let norm = layer_norm(size, shape.layer_norm_eps, weights.pp("LayerNorm"))?;
            Ok((linear(from, size, weights.pp("dense"))?, norm))
        };
        Ok(Self {
            heads: shape.num_attention_heads,
            asks: looks("query")?,
            answers: looks("key")?,
            tells: looks("value")?,
            heard: added(size, "attention.output")?,
            wide: linear(size, wide, weights.pp("intermediate.dense"))?,
            bend: shape.hidden_act,
            narrow: added(wide, "output")?,
        })
    }

    fn forward(&self, hidden: &Tensor, silence: &Tensor) -> Result<Tensor> {
        let asks = self.shared(&self.asks.forward(hidden)?)?;
        let answers = self.shared(&self.answers.forward(hidden)?)?;
        let tells = self.shared(&self.tells.forward(hidden)?)?;
        #[expect(clippy::cast_precision_loss, reason = "a head has few numbers")]
        let scale = (asks.dim(D::Minus1)? as f64).sqrt();
        let scores = (asks.matmul(&answers.t()?)? / scale)?.broadcast_add(silence)?;
        let heard = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&tells)?;
        let heard = heard.transpose(1, 2)?.flatten_from(D::Minus2)?;
        let hidden = added(&self.heard, &heard, hidden)?;
        let wide = self.wide.forward(&hidden)?;
        let bent = match self.bend {
            Bend::Gelu => wide.gelu_erf(),
            Bend::GeluNew => wide.gelu(),
            Bend::Relu => wide.relu(),
        };
        added(&self.narrow, &bent?, &hidden)
    }

    /// Each head's own numbers.
    fn shared(&self, numbers: &Tensor) -> Result<Tensor> {
        let (texts, tokens, size) = numbers.dims3()?;
        numbers.reshape((texts, tokens, self.heads, size / self.heads))?.transpose(1, 2)?.contiguous()
    }
}

/// What comes out, with what went in.
fn added((dense, norm): &(Linear, LayerNorm), new: &Tensor, old: &Tensor) -> Result<Tensor> {
    norm.forward(&(dense.forward(new)? + old)?)
}
