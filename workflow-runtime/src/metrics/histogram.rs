//! How long things took, as it was counted until a moment.

use std::time::Duration;

use serde::Serialize;

use crate::spread::Spread;

/// How long things took: how many took at most so long.
///
/// Its parts are narrow, an eighth of what they end with, so that quantiles are near; the difference of two that were read
/// at different moments is what happened between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Histogram {
    /// How many there are.
    pub count: u64,
    /// All of them together.
    #[serde(rename = "sum_nanos", serialize_with = "nanos")]
    pub sum: Duration,
    /// By its upper end, in nanoseconds, how many are in a part, without those before; parts that have none are left out.
    pub parts: Vec<(u64, u64)>,
}

fn nanos<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

impl From<&Spread> for Histogram {
    fn from(spread: &Spread) -> Self {
        let part = |(end, count): (Duration, u64)| (u64::try_from(end.as_nanos()).unwrap_or(u64::MAX), count);
        Self { count: spread.count(), sum: spread.sum, parts: spread.buckets().map(part).collect() }
    }
}

impl Histogram {
    /// The time that this share of them took at most, within an eighth: `0.95` for the slowest of the best 95 of 100.
    /// None, if there are none.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of so many need not be exact"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = ((self.count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        let part = self.parts.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        part.map(|(end, _)| Duration::from_nanos(*end))
    }

    /// What was counted here and not yet in an earlier one.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |end: u64| {
            let place = earlier.parts.binary_search_by_key(&end, |(end, _)| *end);
            place.map_or(0, |place| earlier.parts[place].1)
        };
        let left = self.parts.iter().map(|(end, count)| (*end, count.saturating_sub(before(*end))));
        let parts: Vec<(u64, u64)> = left.filter(|(_, count)| *count > 0).collect();
        let count = parts.iter().map(|(_, count)| count).sum();
        Self { count, sum: self.sum.saturating_sub(earlier.sum), parts }
    }

    /// How many took at most so long for certain.
    pub(super) fn up_to(&self, bound: Duration) -> u64 {
        let ends_before = |(end, _): &&(u64, u64)| u128::from(*end) <= bound.as_nanos();
        self.parts.iter().take_while(ends_before).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spread::Durations;

    #[test]
    fn the_difference_is_what_happened_between() {
        let counted = Durations::default();
        let read = || Histogram::from(&std::iter::once(&counted).collect::<Spread>());
        for millis in 1..=100 {
            counted.add(Duration::from_millis(millis));
        }
        let earlier = read();
        for seconds in 1..=10 {
            counted.add(Duration::from_secs(seconds));
        }
        let between = read().since(&earlier);
        assert_eq!((between.count, between.sum), (10, Duration::from_secs(55)));
        let near = |share, wanted: f64| {
            let told = between.quantile(share).expect("there are some").as_secs_f64();
            assert!(told >= wanted && told <= wanted * 1.13, "{told} for {wanted}");
        };
        near(0.5, 5.0);
        near(0.95, 10.0);
        assert_eq!(read().since(&read()).quantile(0.5), None);
        assert_eq!(read().up_to(Duration::from_millis(500)), 100);
    }
}
