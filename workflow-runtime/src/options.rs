//! What may be set for an agent, and again for a step, where it overrides.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an agent, a step or a workflow asks for. A step inherits what it does not set from its agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// How often, and how, failed attempts are made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub timeout: Option<Duration>,
    /// How long the task may take from when it is ready, all waiting and all attempts together.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub deadline: Option<Duration>,
    /// The queue whose workers run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Cow<'static, str>>,
    /// What goes first when workers are scarce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How many attempts may run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<NonZeroU32>,
    /// How many attempts may start in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How long an attempt may be silent before it counts as stalled.
    #[serde(skip_serializing_if = "Option::is_none", with = "text")]
    pub heartbeat: Option<Duration>,
    /// The version of what the agent does; a change of it is a change of meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Cow<'static, str>>,
    /// The role whose policy it runs under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'static, str>>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)+) => {
        impl Options {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: impl Into<$type>) -> Self {
                self.$name = Some($name.into());
                self
            })+
        }
    };
}

setters! {
    /// Sets how failed attempts are made again.
    retry: Retry;
    /// Sets how long one attempt may take.
    timeout: Duration;
    /// Sets how long the task may take, all waiting and all attempts together.
    deadline: Duration;
    /// Sets the queue.
    queue: Cow<'static, str>;
    /// Sets the priority.
    priority: Priority;
    /// Sets how many attempts may run at once.
    concurrency: NonZeroU32;
    /// Sets how many attempts may start in a time.
    rate: Rate;
    /// Sets how long an attempt may be silent.
    heartbeat: Duration;
    /// Sets the version.
    version: u32;
    /// Sets the role.
    role: Cow<'static, str>;
}

impl Options {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Cow<'static, str>>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// These options, with what they leave open taken from `outer`. Tags add up.
    #[must_use]
    pub fn over(&self, outer: &Options) -> Options {
        let mut tags = outer.tags.clone();
        tags.extend(self.tags.iter().filter(|tag| !outer.tags.contains(tag)).cloned());
        Options {
            retry: self.retry.or(outer.retry),
            timeout: self.timeout.or(outer.timeout),
            deadline: self.deadline.or(outer.deadline),
            queue: self.queue.clone().or_else(|| outer.queue.clone()),
            priority: self.priority.or(outer.priority),
            concurrency: self.concurrency.or(outer.concurrency),
            rate: self.rate.or(outer.rate),
            heartbeat: self.heartbeat.or(outer.heartbeat),
            version: self.version.or(outer.version),
            tags,
            role: self.role.clone().or_else(|| outer.role.clone()),
        }
    }

    /// What in these options contradicts itself, one sentence each: the problem, then the cure.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let (Some(heartbeat), Some(timeout)) = (self.heartbeat, self.timeout)
            && heartbeat >= timeout
        {
            found.push(format!(
                "heartbeat {} is not shorter than timeout {}, so it can never be noticed; make it shorter",
                show(heartbeat),
                show(timeout)
            ));
        }
        let zero = |time: Option<Duration>| time.is_some_and(|time| time.is_zero());
        if zero(self.timeout) {
            found.push("timeout is zero, so no attempt can finish; leave it out for none".to_owned());
        }
        if zero(self.heartbeat) {
            found
                .push("heartbeat is zero, so every attempt stalls at once; leave it out for none".to_owned());
        }
        if let Some(retry) = self.retry
            && retry.cap < retry.first
        {
            found.push(format!(
                "retry cap {} is below its first delay {}; raise the cap",
                show(retry.cap),
                show(retry.first)
            ));
        }
        if self.rate.is_some_and(|rate| rate.per.is_zero()) {
            found.push("rate is per no time; write a rate like \"10/s\"".to_owned());
        }
        found
    }
}

fn show(time: Duration) -> String {
    workflow_graph::format_duration(time)
}

/// How failed attempts are made again: `max` times, after `first`, `first × factor`, … but never more than `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// How many attempts may follow the first.
    pub max: u32,
    /// The delay before the first of them.
    #[serde(with = "text::plain")]
    pub first: Duration,
    /// What each delay is multiplied by to give the next.
    pub factor: f64,
    /// The longest delay.
    #[serde(with = "text::plain")]
    pub cap: Duration,
}

impl Retry {
    /// `max` more attempts, after 1 s, 2 s, 4 s, … up to 5 minutes.
    pub const fn new(max: u32) -> Self {
        Self { max, first: Duration::from_secs(1), factor: 2.0, cap: Duration::from_secs(300) }
    }

    /// Sets the first delay; the longest is not shorter.
    #[must_use]
    pub const fn first(mut self, first: Duration) -> Self {
        self.first = first;
        if self.cap.as_nanos() < first.as_nanos() {
            self.cap = first;
        }
        self
    }

    /// Sets the factor; below one it counts as one.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = if factor >= 1.0 { factor } else { 1.0 };
        self
    }

    /// Sets the longest delay.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The delay before retry number `retry` (the first is 1), jitter apart.
    pub fn delay(&self, retry: u32) -> Duration {
        let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.max(1.0).powi(exponent);
        if seconds.is_finite() && seconds < self.cap.as_secs_f64() {
            Duration::try_from_secs_f64(seconds).unwrap_or(self.cap)
        } else {
            self.cap
        }
    }
}

/// What goes first when workers are scarce. Waiting raises it: nothing starves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Priority {
    /// When nothing else wants to run.
    Low,
    /// Unless something else is said.
    #[default]
    Normal,
    /// Before the others.
    High,
    /// Before all.
    Critical,
}

/// So many starts in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how much time.
    #[serde(with = "text::plain")]
    pub per: Duration,
}

/// Durations as people write them: `"1h30m"`.
mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => plain::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| workflow_graph::parse_duration(&text).map_err(serde::de::Error::custom)).transpose()
    }

    pub(super) mod plain {
        use std::time::Duration;

        use serde::{Deserialize, Deserializer, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_str(&workflow_graph::format_duration(*time))
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Duration, D::Error> {
            let text = String::deserialize(from)?;
            workflow_graph::parse_duration(&text).map_err(serde::de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_sets_overrides_and_tags_add_up() {
        let agent = Options::new().timeout(Duration::from_secs(30)).queue("llm").tag("a");
        let step = Options::new().timeout(Duration::from_secs(5)).tag("a").tag("b");
        let both = step.over(&agent);
        assert_eq!(both.timeout, Some(Duration::from_secs(5)));
        assert_eq!(both.queue.as_deref(), Some("llm"));
        assert_eq!(both.tags, ["a", "b"]);
    }

    #[test]
    fn delays_grow_to_the_cap_and_never_overflow() {
        let retry = Retry::new(9).first(Duration::from_secs(1)).factor(10.0).cap(Duration::from_secs(1000));
        let seconds: Vec<u64> = (1..=5).map(|retry_number| retry.delay(retry_number).as_secs()).collect();
        assert_eq!(seconds, [1, 10, 100, 1000, 1000]);
        assert_eq!(retry.delay(u32::MAX).as_secs(), 1000);
    }

    #[test]
    fn contradictions_are_told() {
        let options = Options::new().timeout(Duration::from_secs(1)).heartbeat(Duration::from_secs(2));
        assert!(options.contradictions()[0].contains("heartbeat 2s is not shorter than timeout 1s"));
    }

    #[test]
    fn options_are_readable_json() {
        let options =
            Options::new().timeout(Duration::from_secs(90)).retry(Retry::new(3)).priority(Priority::High);
        let json = serde_json::to_value(&options).unwrap();
        assert_eq!(json["timeout"], "1m30s");
        assert_eq!(serde_json::from_value::<Options>(json).unwrap(), options);
    }
}
