//! Schedules: what is due, what becomes of what was missed, and that each tick runs once, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use workflow_runtime::Timestamp;
use workflow_runtime::schedule::{
    Cause, Cron, Due, Every, Meeting, Missed, Overlap, Rule, Schedule, State, Tick, every,
};

const HOUR: Duration = Duration::from_secs(3600);
const MICRO: Duration = Duration::from_micros(1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn cron(pattern: &str) -> Cron {
    Cron::parse(pattern).unwrap_or_else(|error| panic!("{error}"))
}

fn hourly() -> Every {
    every(HOUR).expect("long enough").aligned()
}

/// Every full hour, made at half past eight.
fn schedule() -> Schedule {
    Schedule::new("report", hourly(), at("2026-01-01T08:30:00Z"))
}

fn all(at_a_time: u32) -> Missed {
    Missed::All { at_a_time: NonZeroU32::new(at_a_time).expect("at least one") }
}

/// The hours of some ticks, each with a `!` if it was missed.
fn hours(ticks: &[Tick]) -> Vec<String> {
    let missed = |tick: &Tick| if tick.cause == Cause::Missed { "!" } else { "" };
    ticks.iter().map(|tick| format!("{}{}", &tick.moment.to_string()[11..16], missed(tick))).collect()
}

#[test]
fn a_tick_is_due_from_its_moment_on_and_once() {
    let (schedule, state) = (schedule(), State::default());
    let early = schedule.due(&state, at("2026-01-01T08:59:59.999999Z"));
    assert_eq!(
        (hours(&early.ticks), early.next, early.state),
        (vec![], Some(at("2026-01-01T09:00:00Z")), state)
    );
    let due = schedule.due(&early.state, at("2026-01-01T09:00:00Z"));
    assert_eq!((hours(&due.ticks), due.skipped), (vec!["09:00".to_owned()], 0));
    assert_eq!(due.next, Some(at("2026-01-01T10:00:00Z")));
    assert_eq!(due.ticks[0].key(), "report@2026-01-01T09:00:00Z");
    let again = schedule.due(&due.state, at("2026-01-01T09:00:01Z"));
    assert_eq!((hours(&again.ticks), again.next, again.state), (vec![], due.next, due.state));
}

#[test]
fn what_was_missed_follows_its_policy() {
    // 9 to 12 were missed, 13 is on time.
    let noon = |missed| schedule().missed(missed).due(&State::default(), at("2026-01-01T12:30:00Z"));
    let one = |missed| schedule().missed(missed).due(&State::default(), at("2026-01-01T13:00:30Z"));
    let told = |due: Due| {
        (hours(&due.ticks).join(" "), due.skipped, due.next.unwrap().to_string()[11..16].to_owned())
    };
    let expected = |ticks: &str, skipped, next: &str| (ticks.to_owned(), skipped, next.to_owned());
    assert_eq!(told(noon(Missed::Skip)), expected("", 4, "13:00"));
    assert_eq!(told(noon(Missed::Once)), expected("12:00!", 3, "13:00"));
    assert_eq!(told(noon(all(9))), expected("09:00! 10:00! 11:00! 12:00!", 0, "13:00"));
    assert_eq!(told(one(Missed::Skip)), expected("13:00", 4, "14:00"));
    assert_eq!(told(one(Missed::Once)), expected("13:00", 4, "14:00"));
    assert_eq!(told(one(all(9))), expected("09:00! 10:00! 11:00! 12:00! 13:00", 0, "14:00"));
    // A few at a time: the next moment to ask is over already.
    assert_eq!(told(one(all(3))), expected("09:00! 10:00! 11:00!", 0, "12:00"));
    let rest = schedule().missed(all(3)).due(&one(all(3)).state, at("2026-01-01T13:00:30Z"));
    assert_eq!(told(rest), expected("12:00! 13:00", 0, "14:00"));
}

#[test]
fn the_tolerance_says_what_is_in_time() {
    let seen = |tolerance, now| {
        let schedule = schedule().missed(Missed::Skip).tolerance(tolerance);
        schedule.due(&State::default(), at(now)).ticks.len()
    };
    let minute = Duration::from_secs(60);
    assert_eq!(seen(minute, "2026-01-01T09:01:00Z"), 1);
    assert_eq!(seen(minute, "2026-01-01T09:01:00.000001Z"), 0);
    assert_eq!(seen(Duration::ZERO, "2026-01-01T09:00:00Z"), 1);
    assert_eq!(seen(Duration::ZERO, "2026-01-01T09:00:00.000001Z"), 0);
    assert_eq!(seen(Duration::MAX, "2026-01-01T12:00:00Z"), 4);
}

#[test]
fn a_clock_that_jumps_back_runs_nothing_twice() {
    let schedule = schedule().missed(all(100));
    let mut state = State::default();
    let mut keys = Vec::new();
    for now in
        ["09:00:00", "10:00:00", "08:45:00", "09:30:00", "10:59:00", "11:00:00", "02:00:00", "12:00:30"]
    {
        let due = schedule.due(&state, at(&format!("2026-01-01T{now}Z")));
        assert!(due.state >= state);
        keys.extend(due.ticks.iter().map(Tick::key));
        state = due.state;
    }
    let expected = [9, 10, 11, 12].map(|hour| format!("report@2026-01-01T{hour:02}:00:00Z"));
    assert_eq!(keys, expected);
}

#[test]
fn nothing_is_due_before_it_starts_and_from_when_it_ends() {
    let schedule =
        schedule().missed(all(100)).starts(at("2026-01-01T10:00:00Z")).ends(at("2026-01-01T12:00:00Z"));
    let first = schedule.due(&State::default(), at("2026-01-01T09:30:00Z"));
    assert_eq!((hours(&first.ticks), first.next), (vec![], Some(at("2026-01-01T10:00:00Z"))));
    let due = schedule.due(&State::default(), at("2026-01-02T00:00:00Z"));
    assert_eq!((hours(&due.ticks).join(" "), due.next), ("10:00! 11:00!".to_owned(), None));
    let over = schedule.due(&due.state, at("2026-01-02T00:00:00Z"));
    assert_eq!((over.ticks.len(), over.next, over.state), (0, None, due.state));
    let once = schedule.clone().missed(Missed::Once).due(&State::default(), at("2026-01-02T00:00:00Z"));
    assert_eq!((hours(&once.ticks).join(" "), once.skipped), ("11:00!".to_owned(), 1));
    assert_eq!(
        schedule.next_times(Timestamp::EPOCH, 5),
        [at("2026-01-01T10:00:00Z"), at("2026-01-01T11:00:00Z")]
    );
    let filled = schedule.backfill(at("2025-12-31T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    assert_eq!(hours(&filled.collect::<Vec<_>>()).join(" "), "10:00 11:00");
}

#[test]
fn what_passes_in_a_pause_is_neither_run_nor_missed() {
    let mut schedule = schedule().missed(all(100));
    let before = schedule.due(&State::default(), at("2026-01-01T09:00:00Z"));
    schedule.pause();
    let paused = schedule.due(&before.state, at("2026-01-01T11:30:00Z"));
    assert_eq!((paused.ticks.len(), paused.skipped, paused.next, paused.state), (0, 0, None, before.state));
    assert_eq!(schedule.next_times(at("2026-01-01T11:30:00Z"), 1), [at("2026-01-01T12:00:00Z")]);
    schedule.resume(at("2026-01-01T11:30:00Z"));
    let after = schedule.due(&paused.state, at("2026-01-01T12:00:00Z"));
    assert_eq!((hours(&after.ticks).join(" "), schedule.version), ("12:00".to_owned(), 2));
    // A clock that is behind does not bring it back.
    schedule.pause();
    schedule.resume(at("2026-01-01T08:00:00Z"));
    assert_eq!(schedule.due(&State::default(), at("2026-01-01T11:30:00Z")).ticks, []);
}

#[test]
fn a_changed_rule_begins_where_it_is_changed() {
    let mut schedule = schedule().missed(all(100));
    schedule.change(cron("*/10 * * * *"), at("2026-01-01T12:05:00Z"));
    let due = schedule.due(&State::default(), at("2026-01-01T12:20:00Z"));
    assert_eq!((hours(&due.ticks).join(" "), schedule.version), ("12:10! 12:20".to_owned(), 1));
    // An interval counts from where it is set, unless it says from where.
    schedule.change(every(HOUR).unwrap(), at("2026-01-01T12:25:00Z"));
    let due = schedule.due(&due.state, at("2026-01-01T13:25:00Z"));
    assert_eq!(hours(&due.ticks).join(" "), "13:25");
    schedule.change(hourly(), at("2026-01-01T13:30:00Z"));
    assert_eq!(schedule.next_times(at("2026-01-01T13:30:00Z"), 1), [at("2026-01-01T14:00:00Z")]);
}

#[test]
fn a_backfill_gives_the_keys_that_the_ticks_had() {
    let schedule = schedule();
    let ran = schedule.due(&State::default(), at("2026-01-01T09:00:00Z")).ticks;
    let mut paused = schedule.clone();
    paused.pause();
    // Also before it was made, from the first moment on, and not the last.
    let filled: Vec<Tick> = paused.backfill(at("2026-01-01T07:00:00Z"), at("2026-01-01T10:00:00Z")).collect();
    assert_eq!(hours(&filled).join(" "), "07:00 08:00 09:00");
    assert_eq!(filled[2].key(), ran[0].key());
    assert!(filled.iter().all(|tick| tick.cause == Cause::Backfill));
    let none = schedule.backfill(at("2026-01-01T10:00:00Z"), at("2026-01-01T07:00:00Z"));
    assert_eq!(none.count(), 0);
}

#[test]
fn a_run_by_hand_has_a_key_of_its_own() {
    let schedule = schedule();
    let tick = schedule.trigger(at("2026-01-01T09:00:00Z"));
    assert_eq!((tick.key().as_str(), tick.cause), ("report@2026-01-01T09:00:00Z/by-hand", Cause::ByHand));
    let tick = schedule.trigger(at("2026-01-01T09:07:31.000012Z"));
    assert_eq!(tick.key(), "report@2026-01-01T09:07:31.000012Z/by-hand");
}

#[test]
fn jitter_is_the_same_everywhere_and_keeps_the_order() {
    let jittered = |name: &str, rule: Rule| {
        Schedule::new(name, rule, at("2026-01-01T00:00:00Z")).missed(all(1000)).jitter(HOUR * 3)
    };
    // Written down once: another version of the program must say the same.
    let schedule = jittered("report", cron("0 0 * * *").into());
    let due = schedule.due(&State::default(), at("2026-01-04T12:00:00Z")).ticks;
    let late: Vec<u64> = due.iter().map(|tick| tick.due.since(tick.moment).as_secs()).collect();
    assert_eq!(late, [4950, 9715, 10_471]);
    // The jitter is longer than the interval, but no tick waits for the next.
    let schedule = jittered("report", hourly().into());
    let due = schedule.due(&State::default(), at("2026-01-31T00:00:00Z")).ticks;
    assert!(due.len() > 700);
    assert!(due.is_sorted_by(|one, next| one.due < next.moment), "{due:?}");
    let late: Vec<u64> = due.iter().map(|tick| tick.due.since(tick.moment).as_secs() / 360).collect();
    for tenth in 0..10 {
        let count = late.iter().filter(|late| **late == tenth).count();
        assert!((40..110).contains(&count), "{count} of {} in tenth {tenth}", late.len());
    }
    let other = jittered("other", hourly().into());
    assert_ne!(other.due(&State::default(), at("2026-01-31T00:00:00Z")).ticks[0].due, due[0].due);
    // It is not due before.
    let early = schedule.due(&State::default(), due[0].due - MICRO);
    assert_eq!((early.ticks.len(), early.next), (0, Some(due[0].due)));
    assert_eq!(schedule.due(&State::default(), due[0].due).ticks.len(), 1);
}

#[test]
fn years_of_missed_seconds_are_counted_and_not_walked() {
    let started = Instant::now();
    let made = at("2020-01-01T00:00:00Z");
    let second: Rule = every(Duration::from_secs(1)).unwrap().into();
    for rule in [second, cron("* * * * * *").in_zone("Europe/Berlin").unwrap().into()] {
        let schedule = Schedule::new("tick", rule, made).tolerance(Duration::ZERO);
        let due = schedule.due(&State::default(), at("2026-01-01T00:00:00.5Z"));
        assert_eq!((due.ticks.len(), due.skipped), (1, 2192 * 86_400 - 1));
    }
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
}

#[test]
fn ten_thousand_schedules_are_asked_in_milliseconds() {
    let made = at("2026-01-01T00:00:00Z");
    let schedules: Vec<Schedule> = (0..10_000)
        .map(|number| {
            let rule = match number % 3 {
                0 => Rule::from(every(Duration::from_secs(60 + number)).unwrap()),
                1 => cron(&format!("{} {} * * *", number % 60, number % 24))
                    .in_zone("Europe/Berlin")
                    .unwrap()
                    .into(),
                _ => cron("*/5 * * * MON-FRI").in_zone("America/New_York").unwrap().into(),
            };
            Schedule::new(format!("schedule {number}"), rule, made)
        })
        .collect();
    let started = Instant::now();
    let due: usize = schedules.iter().map(|schedule| schedule.due(&State::default(), made).ticks.len()).sum();
    let took = started.elapsed();
    println!("10,000 schedules: {took:?}");
    assert_eq!(due, 0);
    // Tests are not optimized, and machines are busy.
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_schedule_is_kept_as_json() {
    let schedule = Schedule::new(
        "report",
        cron("0 9 * * *").in_zone("Europe/Berlin").unwrap(),
        at("2026-01-01T08:30:00Z"),
    )
    .missed(all(5))
    .overlap(Overlap::Queue)
    .jitter(Duration::from_secs(90))
    .ends(at("2027-01-01T00:00:00Z"));
    let json = r#"{"name":"report","rule":{"cron":{"pattern":"0 9 * * *","zone":"Europe/Berlin"}},"missed":{"all":{"at_a_time":5}},"overlap":"queue","paused":false,"ends":"2027-01-01T00:00:00.000000Z","jitter":"1m30s","tolerance":"1m","since":"2026-01-01T08:30:00.000000Z","version":0}"#;
    assert_eq!(serde_json::to_string(&schedule).unwrap(), json);
    assert_eq!(serde_json::from_str::<Schedule>(json).unwrap(), schedule);
    // What has a default need not be written.
    let short = r#"{"name":"report","rule":{"every":{"interval":"1h","anchor":"1970-01-01T00:00:00.000000Z"}},"since":"2026-01-01T08:30:00.000000Z"}"#;
    assert_eq!(serde_json::from_str::<Schedule>(short).unwrap(), self::schedule());
    let state = State { handled: at("2026-01-01T09:00:00Z") };
    assert_eq!(serde_json::to_string(&state).unwrap(), r#"{"handled":"2026-01-01T09:00:00.000000Z"}"#);
    let tick = self::schedule().due(&State::default(), at("2026-01-01T09:00:00Z")).ticks.remove(0);
    let json = r#"{"schedule":"report","moment":"2026-01-01T09:00:00.000000Z","due":"2026-01-01T09:00:00.000000Z","cause":"on_time"}"#;
    assert_eq!(serde_json::to_string(&tick).unwrap(), json);
    assert_eq!(serde_json::from_str::<Tick>(json).unwrap(), tick);
}

#[test]
fn a_schedule_is_told_in_plain_words() {
    let mut schedule = schedule().jitter(Duration::from_secs(90)).starts(at("2026-01-01T10:00:00Z"));
    assert_eq!(
        schedule.describe(),
        "every hour, counted from midnight UTC, up to 1 minute and 30 seconds later, from 2026-01-01 10:00:00 UTC on"
    );
    schedule = schedule.jitter(Duration::ZERO).ends(at("2027-01-01T00:00:00Z"));
    schedule.starts = None;
    schedule.pause();
    assert_eq!(
        schedule.describe(),
        "every hour, counted from midnight UTC, until 2027-01-01 00:00:00 UTC, paused"
    );
}

#[test]
fn what_meets_follows_its_policy() {
    use Meeting::{Drop, Replace, Run, Wait};
    for (overlap, expected) in [
        (Overlap::Allow, [Run, Run, Run, Run]),
        (Overlap::Skip, [Run, Drop, Run, Drop]),
        (Overlap::Queue, [Run, Wait, Drop, Drop]),
        (Overlap::CancelRunning, [Run, Replace, Run, Replace]),
    ] {
        let met = [(0, 0), (2, 0), (0, 1), (1, 1)].map(|(running, waiting)| overlap.decide(running, waiting));
        assert_eq!(met, expected, "{overlap:?}");
    }
}

// ---------------------------------------------------------------------------------------------------------------
// A world in which everything goes wrong

/// What happens next.
#[derive(Debug, Clone)]
enum Happening {
    /// The clock goes on by so many seconds.
    Later(u64),
    /// It goes on to the very moment at which the schedule wants to be asked.
    ToNext,
    /// It is put back by so many seconds.
    Back(u64),
    /// A node asks what is due, by its own clock, and writes the ticks that it is given: all of them and the state; or
    /// so many of them, and then it ends.
    Ask { node: usize, written: Option<usize> },
    /// A node reads the state that is kept.
    Read { node: usize },
    /// A node writes the state that it has in mind, however old that is.
    WriteOld { node: usize },
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        5 => (1..200_u64).prop_map(Happening::Later),
        2 => (200..20_000_u64).prop_map(Happening::Later),
        1 => (20_000..300_000_u64).prop_map(Happening::Later),
        3 => Just(Happening::ToNext),
        1 => (1..100_000_u64).prop_map(Happening::Back),
        8 => (0..3_usize).prop_map(|node| Happening::Ask { node, written: None }),
        2 => (0..3_usize, 0..4_usize).prop_map(|(node, written)| Happening::Ask { node, written: Some(written) }),
        3 => (0..3_usize).prop_map(|node| Happening::Read { node }),
        1 => (0..3_usize).prop_map(|node| Happening::WriteOld { node }),
    ];
    prop::collection::vec(one, 1..80)
}

fn rules() -> impl Strategy<Value = Rule> {
    let berlin = |pattern: &str| Rule::from(cron(pattern).in_zone("Europe/Berlin").expect("a zone"));
    prop_oneof![
        (7..4000_u64).prop_map(|seconds| every(Duration::from_secs(seconds)).expect("long enough").into()),
        (1000..5_000_000_u64)
            .prop_map(|millis| every(Duration::from_millis(millis)).expect("long enough").aligned().into()),
        Just(berlin("*/5 * * * *")),
        Just(berlin("30 2 * * *")),
        Just(berlin("0 1-4 * * *")),
        Just(berlin("*/30 * * * * *")),
        Just(berlin("0 */2 * * SUN")),
        Just(berlin("0 0 30 2 *")),
    ]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let missed = prop_oneof![Just(Missed::Skip), Just(Missed::Once), (1..50_u32).prop_map(all)];
    // An hour before clocks are put back, and two before they are put forward.
    let made = prop_oneof![Just("2026-10-25T00:00:00Z"), Just("2026-03-28T23:00:00Z")];
    let jitter = prop_oneof![Just(0), 1..10_000_u64];
    let tolerance = prop_oneof![Just(0), Just(60), 0..10_000_u64];
    let bounds = (prop::option::of(0..50_000_u64), prop::option::of(50_000..500_000_u64));
    (rules(), missed, made, jitter, tolerance, bounds).prop_map(
        |(rule, missed, made, jitter, tolerance, bounds)| {
            let later = |seconds: Option<u64>| seconds.map(|seconds| at(made) + Duration::from_secs(seconds));
            let mut schedule = Schedule::new("it", rule, at(made)).missed(missed);
            (schedule.starts, schedule.ends) = (later(bounds.0), later(bounds.1));
            schedule.jitter(Duration::from_secs(jitter)).tolerance(Duration::from_secs(tolerance))
        },
    )
}

struct World {
    schedule: Schedule,
    clock: Timestamp,
    /// The latest that any clock has shown.
    latest: Timestamp,
    /// What the store keeps: the ticks by their keys, and the state.
    ran: BTreeMap<String, Tick>,
    kept: State,
    /// What each node has in mind.
    nodes: [State; 3],
    skipped: BTreeSet<Timestamp>,
}

impl World {
    fn new(schedule: Schedule) -> Self {
        Self {
            clock: schedule.since,
            latest: schedule.since,
            schedule,
            ran: BTreeMap::new(),
            kept: State::default(),
            nodes: [State::default(); 3],
            skipped: BTreeSet::new(),
        }
    }

    /// The moments of the rule, within the bounds, after one and up to another.
    fn moments(&self, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let from = self.schedule.starts.map_or(after + MICRO, |starts| starts.max(after + MICRO));
        let to = self.schedule.ends.map_or(until + MICRO, |ends| ends.min(until + MICRO));
        self.schedule.rule.between(from, to).collect()
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Later(seconds) => self.clock = self.clock + Duration::from_secs(seconds),
            Happening::Back(seconds) => {
                self.clock = (self.clock - Duration::from_secs(seconds)).max(at("2026-01-01T00:00:00Z"));
            }
            Happening::ToNext => {
                if let Some(next) = self.schedule.due(&self.kept, self.clock).next {
                    let far = self.clock + HOUR * 24 * 30;
                    self.clock = next.max(self.clock).min(far);
                }
            }
            Happening::Read { node } => self.nodes[node] = self.kept,
            Happening::WriteOld { node } => self.kept = self.nodes[node],
            Happening::Ask { node, written } => self.ask(node, written),
        }
        self.latest = self.latest.max(self.clock);
    }

    fn ask(&mut self, node: usize, written: Option<usize>) {
        // The clocks of nodes differ by some seconds.
        let now = self.clock + Duration::from_secs(3) * u32::try_from(node).expect("one of three");
        self.latest = self.latest.max(now);
        let state = self.nodes[node];
        let due = self.schedule.due(&state, now);
        self.check(state, now, &due);
        for tick in due.ticks.iter().take(written.unwrap_or(usize::MAX)) {
            self.ran.entry(tick.key()).or_insert_with(|| tick.clone());
        }
        if written.is_some() {
            // It begins anew, with what is kept.
            self.nodes[node] = self.kept;
        } else {
            self.kept = due.state;
            self.nodes[node] = due.state;
        }
    }

    /// What holds of everything that is said to be due.
    fn check(&mut self, state: State, now: Timestamp, due: &Due) {
        let handled = state.handled.max(self.schedule.since);
        assert!(due.state >= state, "it goes back: {due:?}");
        assert!(
            due.ticks.iter().all(|tick| tick.moment > handled && tick.moment <= tick.due && tick.due <= now)
        );
        assert!(due.ticks.is_sorted_by(|one, next| one.moment < next.moment && one.due < next.due));
        // What is handled now was either given or skipped, and is of the rule.
        let mut passed: BTreeSet<Timestamp> = if due.state == state {
            BTreeSet::new()
        } else {
            self.moments(handled, due.state.handled).into_iter().collect()
        };
        assert_eq!(passed.len() as u64, due.ticks.len() as u64 + due.skipped, "{due:?}");
        assert!(due.ticks.iter().all(|tick| passed.remove(&tick.moment)), "some are invented: {due:?}");
        self.skipped.extend(passed);
        let late = |tick: &&Tick| tick.due + self.schedule.tolerance < now;
        assert!(due.ticks.iter().all(|tick| (tick.cause == Cause::Missed) == late(&tick)), "{due:?}");
        match self.schedule.missed {
            Missed::Skip => assert_eq!(due.ticks.iter().filter(late).count(), 0),
            Missed::Once => {
                let late = due.ticks.iter().filter(late).count();
                assert!(late == 0 || due.ticks.len() == 1, "{due:?}");
                assert!(due.skipped == 0 || !due.ticks.is_empty(), "nothing makes up for {due:?}");
            }
            Missed::All { at_a_time } => {
                assert!(due.skipped == 0 && due.ticks.len() <= at_a_time.get() as usize, "{due:?}");
            }
            _ => unreachable!(),
        }
        // Nothing is due before it says so, and then something is.
        let Some(next) = due.next else {
            assert!(self.schedule.due(&due.state, now + HOUR * 24 * 400).ticks.is_empty());
            return;
        };
        if next > now {
            let early = self.schedule.due(&due.state, next - MICRO);
            assert_eq!((early.ticks.len(), early.skipped, early.state), (0, 0, due.state));
            let then = self.schedule.due(&due.state, next);
            assert_eq!(then.ticks.first().map(|tick| tick.due), Some(next));
        } else {
            assert!(!due.ticks.is_empty(), "more is due, but nothing was given: {due:?}");
        }
    }

    /// One node alone, until nothing is due any more.
    fn settle(&mut self) {
        self.clock = self.latest;
        for _ in 0..100_000 {
            self.nodes[0] = self.kept;
            let before = self.kept;
            self.ask(0, None);
            if self.kept == before {
                return;
            }
        }
        panic!("it does not end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_tick_runs_once_whatever_happens(schedule in schedules(), happenings in happenings()) {
        let mut world = World::new(schedule);
        for happening in &happenings {
            world.happen(happening);
        }
        world.settle();
        // No two runs of one moment, none that is not of the rule.
        let moments: BTreeSet<Timestamp> = world.ran.values().map(|tick| tick.moment).collect();
        prop_assert_eq!(moments.len(), world.ran.len());
        let due: Vec<Timestamp> = world.moments(world.schedule.since, world.kept.handled);
        prop_assert!(moments.iter().all(|moment| due.binary_search(moment).is_ok()));
        // None is forgotten: it ran, or its policy left it out.
        for moment in &due {
            prop_assert!(moments.contains(moment) || world.skipped.contains(moment), "{} is forgotten", moment);
        }
        if matches!(world.schedule.missed, Missed::All { .. }) {
            prop_assert_eq!(moments.len(), due.len());
        }
        // What is due by now is handled.
        let next = world.schedule.due(&world.kept, world.latest).next;
        prop_assert!(next.is_none_or(|next| next > world.latest));
    }

    #[test]
    fn who_asks_in_time_misses_nothing(schedule in schedules(), steps in prop::collection::vec(0..60_u64, 1..200)) {
        let schedule = schedule.tolerance(Duration::from_secs(60));
        let (mut now, mut state, mut ran) = (schedule.since, State::default(), 0);
        for step in steps {
            now = now + Duration::from_secs(step);
            // Until no more is due than could be given at a time.
            let mut next = Some(now);
            while next.is_some_and(|next| next <= now) {
                let due = schedule.due(&state, now);
                prop_assert_eq!(due.skipped, 0);
                prop_assert!(due.ticks.iter().all(|tick| tick.cause == Cause::OnTime));
                ran += due.ticks.len();
                (state, next) = (due.state, due.next);
            }
        }
        let world = World::new(schedule);
        let last = state.handled.max(world.schedule.since);
        prop_assert_eq!(ran, world.moments(world.schedule.since, last).len());
    }
}
