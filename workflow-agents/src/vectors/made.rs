//! What was made of texts.

use workflow_runtime::{AgentError, TaskContext, data};

/// What was made of texts.
#[data]
#[derive(PartialEq)]
pub struct Vectors {
    /// By which model, by its name in the table.
    pub model: String,
    /// The vector of each text, in the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// How many numbers each has.
    pub dimension: u32,
    /// How many tokens were read for it, as far as that was told.
    pub tokens: u64,
    /// What that cost, in cents, by the price in the table.
    pub cost_cents: f64,
}

/// The vectors of some texts, and how many tokens were read for them.
pub(super) type Batch = (Vec<Vec<f32>>, u64);

/// Vectors, as they are made one batch after the other.
pub(super) struct Making {
    pub(super) vectors: Vec<Vec<f32>>,
    tokens: u64,
    cents: f64,
    /// How many numbers each is to have, once that is known.
    pub(super) dimension: Option<usize>,
    /// How many numbers all of them may have.
    most: u64,
}

impl Making {
    pub(super) fn new(dimension: Option<usize>, bytes: u64) -> Self {
        Self { vectors: Vec::new(), tokens: 0, cents: 0.0, dimension, most: bytes / 4 }
    }

    /// How many numbers may be added still.
    pub(super) fn left(&self) -> u64 {
        let numbers = self.vectors.len() * self.dimension.unwrap_or(0);
        self.most.saturating_sub(numbers as u64)
    }

    /// Refuses so many texts whose vectors would be too much.
    pub(super) fn room(&self, texts: usize) -> Result<(), AgentError> {
        let numbers = (texts as u64).saturating_mul(self.dimension.unwrap_or(0) as u64);
        if numbers <= self.left() {
            return Ok(());
        }
        Err(AgentError::permanent(format!(
            "the vectors have more than {} bytes, four for a number, which is the limit of `output`",
            self.most * 4
        )))
    }

    /// Takes the vectors of the texts that follow, if each is as it has to be.
    pub(super) fn add(&mut self, vectors: Vec<Vec<f32>>) -> Result<(), AgentError> {
        for vector in vectors {
            let number = self.vectors.len() + 1;
            let wanted = *self.dimension.get_or_insert(vector.len());
            self.room(1)?;
            if vector.is_empty() || vector.len() != wanted {
                return Err(AgentError::permanent(format!(
                    "the vector of text {number} has {} numbers, where {wanted} are expected; \
                     see which model that is, and which `dimension` is said",
                    vector.len()
                )));
            }
            if let Some(place) = vector.iter().position(|number| !number.is_finite()) {
                return Err(AgentError::permanent(format!(
                    "number {} of the vector of text {number} is no number that can be reckoned with",
                    place + 1
                )));
            }
            self.vectors.push(vector);
        }
        Ok(())
    }

    /// Notes what so many tokens cost.
    pub(super) fn bill(&mut self, cents: f64, tokens: u64, context: &TaskContext) {
        self.cents += cents;
        self.tokens += tokens;
        context.cost(cents);
    }

    pub(super) fn done(self, model: &str) -> Vectors {
        let dimension = u32::try_from(self.dimension.unwrap_or(0)).unwrap_or(u32::MAX);
        let Self { vectors, tokens, cents, .. } = self;
        Vectors { model: model.to_owned(), vectors, dimension, tokens, cost_cents: cents }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_taken_that_is_none() {
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut making = Making::new(None, 100);
            making.add(vec![vec![1.0, 2.0]]).expect("it is right");
            let told = making.add(vec![vec![1.0, wrong]]).expect_err("it is wrong").to_string();
            assert!(told.starts_with("number 2 of the vector of text 2 is no number"), "{told}");
        }
    }

    #[test]
    fn there_is_room_for_so_many_numbers() {
        let mut making = Making::new(Some(3), 24);
        assert_eq!(making.left(), 6);
        assert!(making.room(2).is_ok() && making.room(3).is_err());
        making.add(vec![vec![1.0; 3]]).expect("it is right");
        assert_eq!(making.left(), 3);
        assert!(making.room(1).is_ok() && making.room(2).is_err());
        assert!(making.add(vec![vec![1.0; 3], vec![1.0; 3]]).is_err());
    }
}
