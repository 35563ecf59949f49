//! Choosing among equals by how they have done: pure, from what was measured and a number that says where chance begins.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What came of something that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// How long it took.
    pub took: Duration,
    /// What it cost, in cents.
    pub cents: f64,
}

/// What is wanted of a choice. A success counts one; time and money count against it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    second: f64,
    cent: f64,
    memory: f64,
}

impl Default for Goal {
    fn default() -> Self {
        Self { second: 0.001, cent: 0.001, memory: 100.0 }
    }
}

impl Goal {
    /// Success above all: a second and a cent count a thousandth of it each.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much a second counts against a success.
    #[must_use]
    pub fn second(mut self, weight: f64) -> Self {
        self.second = finite(weight);
        self
    }

    /// Sets how much a cent counts against a success.
    #[must_use]
    pub fn cent(mut self, weight: f64) -> Self {
        self.cent = finite(weight);
        self
    }

    /// Sets how many outcomes are remembered, about: older ones count less and less, so that who was bad once is tried again.
    /// 100 unless this is said.
    #[must_use]
    pub fn memory(mut self, outcomes: u32) -> Self {
        self.memory = f64::from(outcomes.max(2));
        self
    }
}

fn finite(number: f64) -> f64 {
    if number.is_finite() { number.max(0.0) } else { 0.0 }
}

/// What is known of one of those that may be chosen: sums over outcomes, of which older ones count less.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Arm {
    count: f64,
    succeeded: f64,
    seconds: f64,
    seconds_squared: f64,
    cents: f64,
    cents_squared: f64,
}

impl Arm {
    fn fade(&mut self, by: f64) {
        for number in [
            &mut self.count,
            &mut self.succeeded,
            &mut self.seconds,
            &mut self.seconds_squared,
            &mut self.cents,
            &mut self.cents_squared,
        ] {
            *number *= by;
        }
    }

    fn add(&mut self, measured: &Measured) {
        let (seconds, cents) = (measured.took.as_secs_f64(), finite(measured.cents));
        self.count += 1.0;
        self.succeeded += f64::from(u8::from(measured.succeeded));
        self.seconds += seconds;
        self.seconds_squared += seconds * seconds;
        self.cents += cents;
        self.cents_squared += cents * cents;
    }

    /// How good it may be, by chance: the less is known, the wider.
    fn guess(&self, goal: &Goal, chance: &mut Chance) -> f64 {
        let failed = (self.count - self.succeeded).max(0.0);
        let success = chance.beta(self.succeeded.max(0.0) + 1.0, failed + 1.0);
        let seconds = self.mean_by_chance(self.seconds, self.seconds_squared, chance);
        let cents = self.mean_by_chance(self.cents, self.cents_squared, chance);
        success - goal.second * seconds - goal.cent * cents
    }

    /// A mean as it may be. What was never tried costs nothing, so that it is tried.
    fn mean_by_chance(&self, sum: f64, squares: f64, chance: &mut Chance) -> f64 {
        if self.count < 0.5 {
            return 0.0;
        }
        let mean = sum / self.count;
        let spread = (squares / self.count - mean * mean).max(0.0).sqrt().max(mean / 4.0);
        (mean + chance.normal() * spread / self.count.sqrt()).max(0.0)
    }
}

/// What is known of a choice: of each of those that were chosen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Arms(BTreeMap<String, Arm>);

/// How many may be chosen among, by one name: what is more is not remembered.
const MOST: usize = 1000;

impl Arms {
    /// Notes what came of one. All others fade with it: what is not tried for long is no longer known.
    pub(crate) fn learn(&mut self, option: &str, measured: &Measured, goal: &Goal) {
        let by = 1.0 - 1.0 / goal.memory;
        self.0.values_mut().for_each(|arm| arm.fade(by));
        if self.0.contains_key(option) || self.0.len() < MOST {
            self.0.entry(option.to_owned()).or_default().add(measured);
        }
    }

    /// Chooses one; says which of them.
    pub(crate) fn choose<S: AsRef<str>>(&self, options: &[S], goal: &Goal, chance: &mut Chance) -> usize {
        let guesses = options.iter().map(|option| {
            let arm = self.0.get(option.as_ref()).copied().unwrap_or_default();
            arm.guess(goal, chance)
        });
        let best = guesses.enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map_or(0, |(place, _)| place)
    }
}

/// A source of chance that gives the same from the same beginning.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// From what says where it begins.
    pub(crate) fn of(parts: &[&str]) -> Self {
        // FNV-1a, each part behind its length.
        let bytes =
            parts.iter().flat_map(|part| (part.len() as u64).to_le_bytes().into_iter().chain(part.bytes()));
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// Between 0 and 1, neither of them.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what the number has")]
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (one, other) = (self.uniform(), self.uniform());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    /// By Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); the shape is 1 or more.
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let normal = self.normal();
            let v = (1.0 + c * normal).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (one, other) = (self.gamma(a), self.gamma(b));
        one / (one + other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something to choose: how often it succeeds, how long it takes, what it costs.
    #[derive(Clone, Copy)]
    struct World(&'static str, f64, f64, f64);

    /// Chooses so often among these; gives how often the first was chosen.
    fn chosen(arms: &mut Arms, worlds: &[World], goal: &Goal, times: usize, seed: &str) -> usize {
        let mut first = 0;
        for time in 0..times {
            let mut chance = Chance::of(&[seed, &time.to_string()]);
            let names: Vec<&str> = worlds.iter().map(|world| world.0).collect();
            let World(name, rate, seconds, cents) = worlds[arms.choose(&names, goal, &mut chance)];
            first += usize::from(name == worlds[0].0);
            let succeeded = chance.uniform() < rate;
            let took = Duration::from_secs_f64(seconds * (0.5 + chance.uniform()));
            arms.learn(name, &Measured { succeeded, took, cents }, goal);
        }
        first
    }

    #[test]
    fn the_better_is_chosen_whatever_it_is_better_at() {
        let goal = Goal::new().second(0.1).cent(0.05);
        for (better, worse) in [
            (World("a", 0.95, 1.0, 1.0), World("b", 0.6, 1.0, 1.0)),
            (World("a", 0.9, 1.0, 1.0), World("b", 0.9, 4.0, 1.0)),
            (World("a", 0.9, 1.0, 1.0), World("b", 0.9, 1.0, 9.0)),
        ] {
            for seed in ["x", "y", "z"] {
                let mut arms = Arms::default();
                let first = chosen(&mut arms, &[better, worse], &goal, 1000, seed);
                assert!((850..1000).contains(&first), "{first} of 1000, and the other is still tried");
            }
        }
    }

    #[test]
    fn what_changes_is_noticed() {
        let (goal, mut arms) = (Goal::new().memory(50), Arms::default());
        chosen(&mut arms, &[World("a", 0.9, 1.0, 1.0), World("b", 0.3, 1.0, 1.0)], &goal, 1000, "x");
        chosen(&mut arms, &[World("b", 0.9, 1.0, 1.0), World("a", 0.3, 1.0, 1.0)], &goal, 100, "y");
        let first =
            chosen(&mut arms, &[World("b", 0.9, 1.0, 1.0), World("a", 0.3, 1.0, 1.0)], &goal, 500, "z");
        assert!(first > 400, "{first} of 500");
    }

    #[test]
    fn the_same_chance_gives_the_same_and_numbers_that_are_none_do_no_harm() {
        let mut arms = Arms::default();
        let wrong = Measured { succeeded: true, took: Duration::MAX, cents: f64::NAN };
        let goal = Goal::new().second(f64::INFINITY).cent(-1.0);
        arms.learn("a", &wrong, &goal);
        let choose = || arms.choose(&["a", "b", "c"], &goal, &mut Chance::of(&["1"]));
        assert_eq!(choose(), choose());
        assert_eq!(arms.choose::<&str>(&[], &goal, &mut Chance::of(&["1"])), 0);
    }

    #[test]
    fn chance_is_as_it_should_be() {
        let mut chance = Chance::of(&["mean"]);
        let mut mean = |mut draw: Box<dyn FnMut(&mut Chance) -> f64>| {
            (0..20_000).map(|_| draw(&mut chance)).sum::<f64>() / 20_000.0
        };
        assert!((mean(Box::new(Chance::uniform)) - 0.5).abs() < 0.02);
        assert!(mean(Box::new(Chance::normal)).abs() < 0.03);
        assert!((mean(Box::new(|chance| chance.normal().powi(2))) - 1.0).abs() < 0.05);
        assert!((mean(Box::new(|chance| chance.beta(8.0, 2.0))) - 0.8).abs() < 0.01);
    }
}
