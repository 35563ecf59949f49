//! Thousands of random schedules, at work in a runtime and by themselves: the same ticks run, for the same reasons.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::schedule::{
    Cause, Cron, Meeting, Missed, Overlap, Rule, Schedule, State as Far, Tick, every,
};
use workflow_runtime::store::MemoryStore;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Fact, JobFilter, Registry, Timestamp};
use workflow_tests::random::Rng;
use workflow_tests::trace::{START, seconds};

const MICRO: Duration = Duration::from_micros(1);

#[task_agent]
async fn lasting(ctx: &TaskContext, micros: u64) {
    tokio::select! {
        () = ctx.sleep(Duration::from_micros(micros)) => {}
        () = ctx.cancelled() => {}
    }
}

/// What a schedule does by itself: its rules, a clock, and runs that take so long.
struct Model {
    schedule: Schedule,
    far: Far,
    waiting: Option<Tick>,
    /// When the runs end that count, and whether another has their place.
    runs: Vec<(Timestamp, bool)>,
    ran: BTreeMap<String, Cause>,
    by_hand: Timestamp,
    takes: Duration,
    now: Timestamp,
}

impl Model {
    fn running(&self) -> usize {
        self.runs.iter().filter(|(end, replaced)| *end > self.now && !replaced).count()
    }

    fn start(&mut self, tick: &Tick) {
        let is_taken = self.ran.contains_key(&tick.key());
        self.ran.entry(tick.key()).or_insert(tick.cause);
        // One whose key is taken is no run, which is found out when the others are decided.
        self.runs.push((if is_taken { self.now + MICRO } else { self.now + self.takes }, false));
    }

    /// Somebody looks.
    fn look(&mut self) {
        loop {
            let now = self.now;
            self.runs.retain(|(end, _)| *end > now);
            if !self.schedule.paused && self.running() == 0 {
                let waited = self.waiting.take();
                waited.iter().for_each(|tick| self.start(tick));
            }
            let due = self.schedule.due(&self.far, now);
            self.far = due.state;
            for tick in due.ticks {
                match self.schedule.overlap.decide(self.running(), usize::from(self.waiting.is_some())) {
                    Meeting::Run => self.start(&tick),
                    Meeting::Wait => self.waiting = Some(tick),
                    Meeting::Drop => {}
                    Meeting::Replace => {
                        self.runs.clear();
                        self.start(&tick);
                    }
                }
            }
            if due.next.is_some_and(|next| next <= now) {
                continue;
            }
            self.runs.retain(|(end, _)| *end > now + MICRO);
            if self.waiting.is_none() || self.schedule.paused || self.running() > 0 {
                return;
            }
        }
    }

    fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let due = self.schedule.due(&self.far, self.now).next;
            let ends = self.runs.iter().map(|(end, _)| *end).max().filter(|_| self.waiting.is_some());
            let Some(next) = due.into_iter().chain(ends).min().filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            self.look();
        }
        self.now = until;
    }

    /// The process ends, and comes again after a time: what ran begins again.
    fn down(&mut self, time: Duration) {
        let ended = self.now;
        self.runs.retain(|(end, _)| *end > ended);
        self.now = ended + time;
        let again = self.now + self.takes;
        self.runs.iter_mut().for_each(|(end, _)| *end = again);
        self.look();
    }

    fn trigger(&mut self) {
        self.by_hand = self.now.max(self.by_hand + MICRO);
        let tick = self.schedule.trigger(self.by_hand);
        self.start(&tick);
    }

    fn backfill(&mut self, from: Timestamp, to: Timestamp) -> (usize, usize) {
        let ticks: Vec<Tick> = self.schedule.backfill(from, to.min(self.now + MICRO)).collect();
        let new = ticks.iter().filter(|tick| !self.ran.contains_key(&tick.key())).count();
        for tick in &ticks {
            self.ran.entry(tick.key()).or_insert(tick.cause);
        }
        (new, ticks.len() - new)
    }
}

/// A rule, and about how long there is between two of its moments.
fn rule(rng: &mut Rng) -> (Rule, u64) {
    let berlin =
        |pattern: &str| Cron::parse(pattern).expect("a pattern").in_zone("Europe/Berlin").expect("a pattern");
    match rng.below(6) {
        0 => (berlin("*/10 * * * *").into(), 600),
        1 => (berlin("30 2 * * *").into(), 86_400),
        2 => (berlin("0 */2 * * SAT,SUN").into(), 7200),
        3 => (berlin("*/7 * * * * *").into(), 7),
        _ => {
            let millis = 1000 + rng.below(5_000_000);
            (
                every(Duration::from_millis(millis)).expect("it is in range").aligned().into(),
                millis.div_ceil(1000),
            )
        }
    }
}

fn schedule(rng: &mut Rng) -> (Schedule, u64) {
    let (rule, step) = rule(rng);
    let at_a_time =
        NonZeroU32::new(1 + u32::try_from(rng.below(5)).expect("it is in range")).expect("it is in range");
    let missed = *rng.pick(&[Missed::Skip, Missed::Once, Missed::All { at_a_time }]);
    let overlap = *rng.pick(&[Overlap::Allow, Overlap::Skip, Overlap::Queue, Overlap::CancelRunning]);
    let mut schedule = Schedule::new("it", rule, START).missed(missed).overlap(overlap);
    if rng.chance(30) {
        schedule = schedule.jitter(seconds(rng.below(step * 2)));
    }
    if rng.chance(50) {
        schedule = schedule.tolerance(seconds(rng.below(step * 3)));
    }
    if rng.chance(20) {
        schedule.starts = Some(START + seconds(rng.below(step * 20)));
    }
    if rng.chance(20) {
        schedule.ends = Some(START + seconds(rng.below(step * 100)));
    }
    (schedule, step)
}

async fn set(runtime: &TestRuntime, wanted: &Schedule, rule: Rule, takes: Duration) {
    let micros = u64::try_from(takes.as_micros()).expect("it is in range");
    let set = runtime.schedules().set("it", rule, lasting::with(micros));
    let mut set = set.missed(wanted.missed).overlap(wanted.overlap);
    set = set.jitter(wanted.jitter).tolerance(wanted.tolerance);
    if let Some(starts) = wanted.starts {
        set = set.starts(starts);
    }
    if let Some(ends) = wanted.ends {
        set = set.ends(ends);
    }
    set.await.expect("it is set");
}

/// The ticks that ran, by their keys. Panics when one ran twice.
async fn ran(runtime: &TestRuntime) -> BTreeMap<String, Cause> {
    let mut ran = BTreeMap::new();
    for head in runtime.history(JobFilter::new().tag("schedule:it")).await.expect("it can be read") {
        let journal = runtime.fetch(head.id).await.expect("it can be read").expect("all are kept").journal();
        let Fact::Submitted { submission } = &journal[0].fact else { panic!("{journal:?}") };
        let tick = submission.options.tick.as_ref().expect("it has a tick");
        assert_eq!(ran.insert(tick.key(), tick.cause), None, "{} ran twice", tick.key());
    }
    ran
}

async fn compare(seed: u64, registry: &Arc<Registry>) -> usize {
    let mut rng = Rng::new(seed);
    let (wanted, mut step) = schedule(&mut rng);
    // So that no run ends at the moment of a tick.
    let takes = seconds(rng.below(step * 3)) + Duration::from_micros(123_457);
    let builder = Runtime::builder().registry(Arc::clone(registry)).keep(1_000_000).deaths(u32::MAX);
    let mut runtime = match rng.chance(50) {
        true => TestRuntime::seeded(builder, seed),
        false => TestRuntime::on(builder, seed, Arc::new(MemoryStore::new())),
    };
    let mut model = Model {
        schedule: wanted.clone(),
        far: Far::default(),
        waiting: None,
        runs: Vec::new(),
        ran: BTreeMap::new(),
        by_hand: Timestamp::EPOCH,
        takes,
        now: START,
    };
    set(&runtime, &wanted, wanted.rule.clone(), takes).await;
    model.look();
    for _ in 0..15 + rng.below(15) {
        match rng.below(12) {
            0..=4 => {
                let time = seconds(rng.below(step * 6)) + Duration::from_millis(rng.below(1000));
                runtime.advance(time);
                model.advance(time);
            }
            5 => {
                let time = seconds(rng.below(step * 15));
                runtime.crash_after(0);
                runtime.advance(time);
                runtime = runtime.restart();
                runtime.run_until_idle();
                model.down(time);
            }
            6 => {
                assert_eq!(runtime.schedules().pause("it").await.expect("it works"), !model.schedule.paused);
                if !model.schedule.paused {
                    model.schedule.pause();
                }
                model.look();
            }
            7 | 8 => {
                assert_eq!(runtime.schedules().resume("it").await.expect("it works"), model.schedule.paused);
                if model.schedule.paused {
                    model.schedule.resume(model.now);
                }
                model.look();
            }
            9 => {
                runtime.schedules().trigger("it").await.expect("it works");
                model.trigger();
            }
            10 => {
                let from = model.now - seconds(rng.below(step * 20));
                let to = from + seconds(rng.below(step * 8));
                let fill = runtime.schedules().backfill("it", from, to).await.expect("it works");
                assert_eq!((fill.jobs.len(), fill.taken), model.backfill(from, to), "seed {seed}");
            }
            _ => {
                let rule = match rng.chance(50) {
                    true => {
                        let (rule, other) = rule(&mut rng);
                        step = other;
                        rule
                    }
                    false => model.schedule.rule.clone(),
                };
                set(&runtime, &wanted, rule.clone(), takes).await;
                if model.schedule.rule != rule {
                    model.schedule.change(rule, model.now);
                }
                model.look();
            }
        }
        runtime.run_until_idle();
        let status = runtime.schedules().get("it").await.expect("it works");
        assert_eq!((&status.schedule, status.handled), (&model.schedule, model.far.handled), "seed {seed}");
        assert_eq!(status.waiting, model.waiting, "seed {seed}");
    }
    let ran = ran(&runtime).await;
    let lost: Vec<_> = model.ran.iter().filter(|(key, cause)| ran.get(*key) != Some(cause)).collect();
    let made: Vec<_> = ran.iter().filter(|(key, cause)| model.ran.get(*key) != Some(cause)).collect();
    assert!(lost.is_empty() && made.is_empty(), "seed {seed}: lost {lost:?}, made {made:?}");
    model.ran.len()
}

#[tokio::test]
async fn what_runs_is_what_the_rules_say() {
    let registry = Arc::new(Registry::builder().agent::<lasting>().build().unwrap());
    let mut ticks = 0;
    for seed in 0..2000 {
        ticks += compare(seed, &registry).await;
    }
    assert!(ticks > 10_000, "{ticks} ticks are not many");
}
