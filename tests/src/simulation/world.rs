//! What agents do in a simulation: by a number made of the seed and of who asks, so that it is the same in every run.

use std::time::Duration;

use workflow_runtime::AgentError;

use crate::random::{Rng, World, mix};

/// What kind of world it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mood {
    seed: u64,
    /// Some calls fail for good, always the same.
    fails: bool,
    /// Some attempts fail, and the next may not.
    pub fails_at_times: bool,
    /// Agents take their time.
    is_slow: bool,
    /// Jobs are cancelled, paused, and given deadlines.
    pub interferes: bool,
    /// The runtime crashes and is started again.
    pub crashes: bool,
}

impl Mood {
    /// A random one.
    pub fn of(rng: &mut Rng) -> Self {
        Self {
            seed: rng.next(),
            fails: rng.chance(50),
            fails_at_times: rng.chance(50),
            is_slow: rng.chance(70),
            interferes: rng.chance(50),
            crashes: rng.chance(30),
        }
    }
}

impl Mood {
    /// Whether what comes out is decided by what was asked alone.
    pub fn is_fair(self) -> bool {
        !self.interferes && !self.fails_at_times
    }
}

fn hash(seed: u64, text: &str, number: u64) -> u64 {
    let mut mixed = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in text.bytes() {
        mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    Rng::new(mixed).next()
}

/// The world of a mood.
pub fn world(mood: Mood) -> World {
    World::new(move |name, context, inputs| {
        let value = mix(name, inputs);
        // What fails for good is what is asked, not who asks: the reference interpreter must find it, too.
        let fails = mood.fails
            && name != "sim_give_back"
            && hash(mood.seed, name, value.unsigned_abs()).is_multiple_of(23);
        let attempt = u64::from(context.attempt());
        let chance = hash(mood.seed, &context.idempotency_key(), attempt);
        let fails_now = mood.fails_at_times && chance.is_multiple_of(11);
        let panics = mood.fails_at_times && chance % 31 == 1;
        let time = if mood.is_slow { Duration::from_millis((chance >> 8) % 900) } else { Duration::ZERO };
        let listens = chance.is_multiple_of(3);
        let context = context.clone();
        Box::pin(async move {
            if !time.is_zero() {
                context.sleep(time).await;
            }
            if listens && context.is_cancelled() {
                return Err("it was told to stop".into());
            }
            assert!(!panics, "an agent of the simulation panics");
            if fails {
                return Err(AgentError::permanent("it cannot be done"));
            }
            if fails_now {
                return Err("it did not work this time".into());
            }
            Ok(value)
        })
    })
}
