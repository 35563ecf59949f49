//! What the configuration sets of a schedule, and what was so before.

use serde::{Deserialize, Serialize};

use super::order::{Order, is_as_kept};
use crate::schedule::{Cron, Rule};
use crate::timestamp::Timestamp;

/// What the configuration sets of a schedule.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ScheduleSetting {
    /// It is paused, if this is `false`.
    pub(crate) enabled: Option<bool>,
    pub(crate) rule: Option<Rule>,
    /// The time zone of a rule of times of day; that of the rule before, if nothing is said.
    pub(crate) zone: Option<String>,
}

impl ScheduleSetting {
    /// The rule that takes the place of another, if one does.
    fn rule_for(&self, own: &Rule) -> Option<Rule> {
        let cron = match (&self.rule, own) {
            (Some(Rule::Cron(cron)), _) | (None, Rule::Cron(cron)) => cron,
            (Some(every), _) => return Some(every.clone()),
            (None, _) => return None,
        };
        let zone = match (&self.zone, own) {
            (Some(zone), _) => zone,
            (None, Rule::Cron(own)) => own.zone(),
            (None, _) => cron.zone(),
        };
        let is_set = self.rule.is_some() || self.zone.is_some();
        is_set.then(|| Cron::clone(cron).in_zone(zone).map_or_else(|_| own.clone(), Rule::Cron))
    }
}

/// What the configuration has set otherwise: kept, so that all is as before when it says so no more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Overruled {
    /// It is the configuration that has paused it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    /// The rule that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<Rule>,
}

impl Overruled {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Order {
    /// Takes over what the configuration says, or what was so before it did; says whether that is anything new.
    pub(crate) fn configure(&mut self, setting: Option<&ScheduleSetting>, now: Timestamp) -> bool {
        let is_paused = self.configure_pause(setting.and_then(|setting| setting.enabled), now);
        let own = self.overruled.rule.as_ref().unwrap_or(&self.schedule.rule).clone();
        let wanted = setting.and_then(|setting| setting.rule_for(&own));
        let is_ruled = match wanted {
            Some(rule) if !is_as_kept(&rule, &self.schedule.rule) => {
                self.overruled.rule = Some(own);
                self.schedule.change(rule, now);
                true
            }
            Some(_) => false,
            None => match self.overruled.rule.take() {
                Some(own) => {
                    self.schedule.change(own, now);
                    true
                }
                None => false,
            },
        };
        is_paused || is_ruled
    }

    fn configure_pause(&mut self, enabled: Option<bool>, now: Timestamp) -> bool {
        let (is_off, schedule) = (enabled == Some(false), &mut self.schedule);
        match (is_off, self.overruled.paused) {
            (true, _) if !schedule.paused => schedule.pause(),
            (false, true) if schedule.paused => schedule.resume(now),
            (false, true) => {}
            _ => return false,
        }
        self.overruled.paused = is_off;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::timetable::order::RunOptions;
    use crate::record::{Tasks, Work};
    use crate::schedule::{Schedule, every};

    fn order(rule: impl Into<Rule>) -> Order {
        let tasks: Tasks = serde_json::from_value(serde_json::json!({ "name": "t", "tasks": [] })).unwrap();
        let schedule = Schedule::new("nightly", rule, Timestamp::EPOCH);
        Order::new(schedule, Work::Tasks(tasks.into()), RunOptions::default())
    }

    fn cron(text: &str) -> Cron {
        Cron::parse(text).unwrap()
    }

    #[test]
    fn what_is_set_is_taken_back_when_nothing_is_set_any_more() {
        let berlin = cron("0 3 * * *").in_zone("Europe/Berlin").unwrap();
        let mut order = order(berlin.clone());
        let before = order.clone();
        let rule = Some(Rule::Cron(cron("0 5 * * *")));
        let setting = ScheduleSetting { enabled: Some(false), rule, zone: None };
        assert!(order.configure(Some(&setting), Timestamp::EPOCH));
        let ruled = cron("0 5 * * *").in_zone("Europe/Berlin").unwrap();
        assert_eq!(order.schedule.rule, Rule::Cron(ruled));
        assert!(order.schedule.paused);
        assert!(!order.configure(Some(&setting), Timestamp::EPOCH), "twice is once");
        assert!(order.configure(None, Timestamp::EPOCH));
        assert_eq!((&order.schedule.rule, order.schedule.paused), (&before.schedule.rule, false));
        assert!(order.overruled.is_nothing());
    }

    #[test]
    fn who_paused_it_by_hand_ends_that_by_hand() {
        let mut order = order(every(Duration::from_secs(60)).unwrap());
        order.schedule.pause();
        let off = ScheduleSetting { enabled: Some(false), ..ScheduleSetting::default() };
        assert!(!order.configure(Some(&off), Timestamp::EPOCH));
        assert!(!order.configure(None, Timestamp::EPOCH));
        assert!(order.schedule.paused);
    }

    #[test]
    fn what_a_program_sets_meanwhile_is_for_later() {
        let mut order = order(cron("0 3 * * *"));
        let rule = Some(Rule::Cron(cron("0 5 * * *")));
        let setting = ScheduleSetting { rule, ..ScheduleSetting::default() };
        order.configure(Some(&setting), Timestamp::EPOCH);
        let new: Rule = cron("0 4 * * *").into();
        let wanted = self::order(new.clone());
        assert!(order.renew(&wanted, &new, Timestamp::EPOCH));
        assert_eq!(order.schedule.rule, Rule::Cron(cron("0 5 * * *")));
        order.configure(None, Timestamp::EPOCH);
        assert_eq!(order.schedule.rule, new);
    }
}
