//! Schedules at work: what is due runs once, whatever its policies say, whatever becomes of the process.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::schedule::{Cause, Cron, Every, Missed, Overlap, Rule, Tick, every};
use workflow_runtime::store::{
    Claimed, Durability, Entry, Expiry, Filter, Head, Kept, MemoryStore, Most, Note, SqliteOptions, Store,
    StoreError, StoreErrorKind, Term, Verdict,
};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    Dag, Fact, JobFilter, JobId, JobState, Queue, Registry, RuntimeBuilder, ScheduleError, Timestamp,
};
use workflow_tests::folder::Folder;
use workflow_tests::log::Log;
use workflow_tests::trace::{START, seconds};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The hour and minute of a tick, with a `!` if it was missed.
fn told(tick: &Tick) -> String {
    let mark = match tick.cause {
        Cause::OnTime => "",
        Cause::Missed => "!",
        Cause::Backfill => "<",
        _ => "*",
    };
    format!("{}{mark}", &tick.moment.to_string()[11..16])
}

/// Takes some seconds; less, if it is told to stop.
#[task_agent]
async fn work(ctx: &TaskContext, log: State<Log>, takes: u64) -> String {
    let tick = ctx.tick().map(|tick| told(&tick)).unwrap_or_default();
    log.add(&*tick);
    tokio::select! {
        () = ctx.sleep(seconds(takes)) => tick,
        () = ctx.cancelled() => "stopped".to_owned(),
    }
}

/// Takes some microseconds.
#[task_agent]
async fn brief(ctx: &TaskContext, micros: u64) {
    ctx.sleep(Duration::from_micros(micros)).await;
}

/// Is done so many seconds after the moment of its tick, whenever it begins.
#[task_agent]
async fn until(ctx: &TaskContext, ends: u64) -> String {
    let tick = ctx.tick().expect("a schedule runs it");
    tokio::select! {
        () = ctx.sleep((tick.moment + seconds(ends)).since(ctx.now())) => told(&tick),
        () = ctx.cancelled() => "stopped".to_owned(),
    }
}

#[task_agent]
async fn after(ctx: &TaskContext, log: State<Log>, what: String) -> String {
    log.add(format!("after {}", ctx.tick().map(|tick| told(&tick)).unwrap_or_default()));
    what
}

workflow! {
    /// Two steps.
    pub workflow Chores(ends: u64) -> String {
        phase first { done = until(*ends); }
        phase second { all = after(done.clone()); }
        all.clone()
    }
}

workflow! {
    /// Two steps, one of which is a job of its own.
    pub workflow Calling(ends: u64) -> String {
        phase first { done = Chores(*ends); }
        phase second { all = after(done.clone()); }
        all.clone()
    }
}

/// Where the schedules of a test are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Nowhere,
    Memory,
    File,
}

const EVERYWHERE: [Where; 3] = [Where::Nowhere, Where::Memory, Where::File];

struct World {
    log: Log,
    folder: Folder,
}

impl World {
    fn new(name: &str) -> Self {
        Self { log: Log::default(), folder: Folder::new(name) }
    }

    fn builder(&self) -> RuntimeBuilder {
        Runtime::builder().state(self.log.clone()).jitter(0.0).keep(1_000_000)
    }

    fn start(&self, kept: Where) -> TestRuntime {
        match kept {
            Where::Nowhere => TestRuntime::of(self.builder()),
            Where::Memory => TestRuntime::on(self.builder(), 0, Arc::new(MemoryStore::new())),
            Where::File => {
                let file = SqliteOptions::new(self.folder.fresh("jobs.db")).durability(Durability::Off);
                TestRuntime::on(self.builder(), 0, Arc::new(file.open().expect("a file can be made")))
            }
        }
    }
}

fn hourly() -> Every {
    every(HOUR).expect("it is in range").aligned()
}

fn all(at_a_time: u32) -> Missed {
    Missed::All { at_a_time: NonZeroU32::new(at_a_time).expect("it is in range") }
}

/// Nothing runs for a time: the process is gone, and comes again.
fn down(runtime: &TestRuntime, time: Duration) -> TestRuntime {
    runtime.crash_after(0);
    runtime.advance(time);
    runtime.restart()
}

/// The jobs of a schedule, the oldest first: the tick that each runs, and how it stands.
async fn runs(runtime: &TestRuntime, schedule: &str) -> Vec<(Tick, JobState)> {
    let filter = JobFilter::new().tag(format!("schedule:{schedule}"));
    let heads = runtime.history(filter).await.expect("it can be read");
    let mut runs = Vec::new();
    for head in heads {
        let journal = runtime.fetch(head.id).await.expect("it can be read").expect("it is kept").journal();
        let Fact::Submitted { submission } = &journal[0].fact else { panic!("it begins with {journal:?}") };
        let tick = (**submission.options.tick.as_ref().expect("it has a tick")).clone();
        assert_eq!(submission.options.once.as_deref(), Some(&*format!("schedule:{}", tick.key())));
        runs.push((tick, head.state));
    }
    runs
}

/// The same, as a store has it.
fn kept_runs(store: &dyn Store, schedule: &str) -> Vec<(Tick, JobState)> {
    let filter = |head: &Head| head.tags.iter().any(|tag| **tag == format!("schedule:{schedule}"));
    let heads = store.list(&Filter::default()).expect("it can be read").into_iter().filter(filter);
    let tick = |head: Head| {
        let records = store
            .read(head.id)
            .expect("it can be read")
            .expect("it can be read")
            .records()
            .expect("it can be read");
        let Fact::Submitted { submission } = &records[0].record.fact else { panic!("{records:?}") };
        ((**submission.options.tick.as_ref().expect("it works")).clone(), head.state)
    };
    heads.map(tick).collect()
}

async fn ticks(runtime: &TestRuntime, schedule: &str) -> String {
    runs(runtime, schedule).await.iter().map(|(tick, _)| told(tick)).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_schedule_runs_at_its_moments_and_its_jobs_know_them() {
    let world = World::new("moments");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        let set = runtime.schedules().set("report", hourly(), work::with(60)).tag("mine");
        let status = set.queue("bulk").priority(Priority::High).deadline("30m").await.unwrap();
        assert_eq!((status.runs.as_str(), status.next), ("work", Some(START + HOUR)));
        runtime.advance(HOUR - seconds(1));
        assert_eq!(world.log.take(), Vec::<String>::new());
        runtime.advance(seconds(1) + HOUR * 2);
        assert_eq!(world.log.take(), ["01:00", "02:00", "03:00"]);
        let jobs = runtime.jobs(&JobFilter::new().tag("schedule:report").tag("mine").queue("bulk"));
        assert_eq!(
            (jobs.len(), jobs[0].priority, &*jobs[0].tags[0]),
            (3, Some(Priority::High), "schedule:report")
        );
        assert_eq!(runtime.count(JobState::Succeeded), 2);
        let status = runtime.schedules().get("report").await.unwrap();
        assert_eq!((status.handled, status.running.len()), (START + HOUR * 3, 1));
        // A rerun runs the same tick under no key.
        let again = runtime.rerun(jobs[0].id).await.unwrap();
        runtime.advance(MINUTE);
        assert_eq!((world.log.take(), again.state()), (vec!["01:00".to_owned()], JobState::Succeeded));
    }
}

#[tokio::test]
async fn what_was_missed_follows_its_policy() {
    let world = World::new("missed");
    for kept in EVERYWHERE {
        for (missed, expected) in [
            (Missed::Skip, "01:00 06:00"),
            (Missed::Once, "01:00 05:00! 06:00"),
            (all(2), "01:00 02:00! 03:00! 04:00! 05:00! 06:00"),
        ] {
            let runtime = world.start(kept);
            let set = runtime.schedules().set("it", hourly(), work::with(0));
            set.missed(missed).overlap(Overlap::Allow).await.unwrap();
            runtime.advance(HOUR + MINUTE);
            let runtime = down(&runtime, HOUR * 4 + MINUTE * 9);
            runtime.advance(HOUR);
            assert_eq!(ticks(&runtime, "it").await, expected, "{missed:?} {kept:?}");
        }
    }
}

#[tokio::test]
async fn what_meets_follows_its_policy() {
    let world = World::new("meets");
    for kept in EVERYWHERE {
        for (overlap, expected, stopped) in [
            (Overlap::Allow, "01:00 02:00 03:00 04:00 05:00", 0),
            (Overlap::Skip, "01:00 04:00", 0),
            (Overlap::Queue, "01:00 02:00", 0),
            (Overlap::CancelRunning, "01:00 02:00 03:00 04:00 05:00", 4),
        ] {
            let runtime = world.start(kept);
            let set = runtime.schedules().set("it", hourly(), work::with(3600 * 5 / 2));
            set.overlap(overlap).await.unwrap();
            runtime.advance(HOUR * 5 + MINUTE * 20);
            assert_eq!(ticks(&runtime, "it").await, expected, "{overlap:?} {kept:?}");
            assert_eq!(runtime.count(JobState::Cancelled), stopped, "{overlap:?} {kept:?}");
            let status = runtime.schedules().get("it").await.unwrap();
            let waiting = status.waiting.map(|tick| told(&tick));
            assert_eq!(waiting.as_deref(), (overlap == Overlap::Queue).then_some("04:00"), "{kept:?}");
        }
    }
}

#[tokio::test]
async fn what_runs_and_what_waits_is_known_after_a_restart() {
    let world = World::new("known");
    for kept in EVERYWHERE {
        let begin = async |overlap| {
            let runtime = world.start(kept);
            runtime.schedules().set("it", hourly(), work::with(5400)).overlap(overlap).await.unwrap();
            runtime.advance(HOUR * 2 + MINUTE);
            down(&runtime, MINUTE * 3)
        };
        // 01:00 ran until it was lost, runs again, and is not over before 03:34.
        let runtime = begin(Overlap::Skip).await;
        runtime.advance(HOUR * 3);
        assert_eq!(ticks(&runtime, "it").await, "01:00 04:00", "{kept:?}");
        let runtime = begin(Overlap::Queue).await;
        runtime.advance(HOUR * 2);
        assert_eq!(ticks(&runtime, "it").await, "01:00 02:00", "{kept:?}");
        let runtime = begin(Overlap::CancelRunning).await;
        runtime.advance(HOUR);
        let states: Vec<JobState> = runs(&runtime, "it").await.into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, [JobState::Cancelled, JobState::Cancelled, JobState::Running], "{kept:?}");
    }
}

#[tokio::test]
async fn a_program_sets_its_schedules_whenever_it_starts() {
    let world = World::new("set");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        // Not aligned: it counts from when it is first set.
        let set = async |runtime: &TestRuntime, hours: u32, ends| {
            let rule = every(HOUR * hours).unwrap();
            runtime.schedules().set("it", rule, Chores { ends }).missed(all(9)).await.unwrap()
        };
        runtime.advance(MINUTE * 30);
        let first = set(&runtime, 1, 0).await;
        runtime.schedules().pause("it").await.unwrap();
        runtime.schedules().resume("it").await.unwrap();
        runtime.advance(HOUR + MINUTE * 10);
        let runtime = down(&runtime, HOUR * 2);
        let second = set(&runtime, 1, 0).await;
        assert_eq!(
            (second.schedule.since, &second.schedule.rule),
            (first.schedule.since, &first.schedule.rule)
        );
        assert_eq!(second.schedule.version, 2);
        runtime.run_until_idle();
        assert_eq!(ticks(&runtime, "it").await, "01:30 02:30!", "{kept:?}");
        // Another input changes what runs, and not when.
        let third = set(&runtime, 1, 1).await;
        assert_eq!((third.schedule.version, third.schedule.since), (3, first.schedule.since));
        // Another rule counts from now.
        let fourth = set(&runtime, 2, 1).await;
        assert_eq!((fourth.schedule.version, fourth.schedule.since), (4, START + MINUTE * 220));
        assert_eq!(fourth.next, Some(START + MINUTE * 340));
        // What an operator has paused stays so.
        runtime.schedules().pause("it").await.unwrap();
        assert!(set(&runtime, 2, 1).await.schedule.paused);
        assert_eq!(runtime.schedules().list().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_pause_lets_nothing_be_due() {
    let world = World::new("pause");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        let schedules = runtime.schedules();
        schedules.set("it", hourly(), work::with(0)).missed(all(9)).await.unwrap();
        runtime.advance(HOUR);
        assert!(schedules.pause("it").await.unwrap());
        assert!(!schedules.pause("it").await.unwrap());
        runtime.advance(HOUR);
        let runtime = down(&runtime, HOUR);
        let schedules = runtime.schedules();
        runtime.advance(HOUR + MINUTE);
        assert_eq!(schedules.get("it").await.unwrap().next, None);
        assert!(schedules.resume("it").await.unwrap());
        assert!(!schedules.resume("it").await.unwrap());
        runtime.advance(HOUR);
        assert_eq!(ticks(&runtime, "it").await, "01:00 05:00", "{kept:?}");
        // A backfill finds what passed in the pause, once, and nothing that is to come.
        let fill = schedules.backfill("it", START, START + HOUR * 48).await.unwrap();
        assert_eq!((fill.jobs.len(), fill.taken), (4, 2), "{kept:?}");
        assert_eq!(schedules.backfill("it", START, START + HOUR * 48).await.unwrap().taken, 6);
        runtime.run_until_idle();
        let mut all: Vec<String> = runs(&runtime, "it").await.iter().map(|(tick, _)| told(tick)).collect();
        all.sort();
        assert_eq!(all, ["00:00<", "01:00", "02:00<", "03:00<", "04:00<", "05:00"], "{kept:?}");
    }
}

#[tokio::test]
async fn a_run_by_hand_is_one_of_its_own() {
    let world = World::new("by-hand");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        let schedules = runtime.schedules();
        schedules.set("it", hourly(), work::with(60)).await.unwrap();
        runtime.advance(HOUR);
        schedules.pause("it").await.unwrap();
        // At the very moment of a tick that ran, twice, beside it, in a pause.
        let (one, other) = (schedules.trigger("it").await.unwrap(), schedules.trigger("it").await.unwrap());
        assert_ne!(one.id(), other.id());
        assert_eq!((one.await.unwrap(), other.await.unwrap()), (json!("01:00*"), json!("01:00*")));
        assert_eq!(ticks(&runtime, "it").await, "01:00 01:00* 01:00*", "{kept:?}");
        // A tick meets a run by hand as any other.
        schedules.resume("it").await.unwrap();
        runtime.advance(HOUR - MINUTE - seconds(30));
        schedules.trigger("it").await.unwrap();
        runtime.advance(HOUR);
        assert_eq!(ticks(&runtime, "it").await, "01:00 01:00* 01:00* 01:59*", "{kept:?}");
    }
}

#[tokio::test]
async fn a_schedule_that_is_taken_away_runs_no_more_and_its_ticks_stay_taken() {
    let world = World::new("away");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        let schedules = runtime.schedules();
        schedules.set("it", hourly(), work::with(60)).await.unwrap();
        runtime.advance(HOUR);
        schedules.remove("it").await.unwrap();
        runtime.advance(HOUR);
        assert_eq!(runtime.count(JobState::Succeeded), 1);
        let gone = schedules.get("it").await.unwrap_err();
        assert_eq!(gone.to_string(), "there is no schedule `it`");
        let runtime = down(&runtime, MINUTE);
        let schedules = runtime.schedules();
        schedules.set("it", hourly(), work::with(60)).await.unwrap();
        let fill = schedules.backfill("it", START + MINUTE, START + HOUR * 3).await.unwrap();
        assert_eq!((fill.jobs.len(), fill.taken), (1, 1), "{kept:?}");
        runtime.advance(HOUR);
        assert_eq!(ticks(&runtime, "it").await, "01:00 02:00< 03:00", "{kept:?}");
    }
}

#[tokio::test]
async fn errors_name_the_schedule_and_what_is_nearest() {
    let world = World::new("errors");
    let runtime = world.start(Where::Memory);
    let schedules = runtime.schedules();
    schedules.set_json("nightly", hourly(), "work", json!(1)).await.unwrap();
    let misspelt = schedules.pause("nigthly").await.unwrap_err();
    assert_eq!(misspelt.to_string(), "there is no schedule `nigthly`; did you mean `nightly`?");
    let unknown = schedules.set_json("other", hourly(), "wrok", json!(1)).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the schedule `other` cannot run: there is no agent or workflow `wrok`; did you mean `work`?"
    );
    let bad = schedules.set_json("other", hourly(), "work", json!("soon")).await.unwrap_err();
    assert!(matches!(&bad, ScheduleError::Unrunnable { name, .. } if name == "other"), "{bad}");
    let nameless = schedules.set(" ", hourly(), work::with(1)).await.unwrap_err();
    assert_eq!(nameless.to_string(), "the schedule ` ` cannot be set: it needs a name");
    let long = schedules.set("other", hourly(), work::with(1)).jitter("soon").await.unwrap_err();
    assert!(matches!(&long, ScheduleError::BadSetting { .. }), "{long}");
    assert_eq!(schedules.list().await.unwrap().len(), 1);
    assert_eq!(schedules.next_times("nightly", 2).await.unwrap(), [START + HOUR, START + HOUR * 2]);
}

#[tokio::test]
async fn cron_in_a_time_zone_is_right_when_clocks_change() {
    let world = World::new("dst");
    for kept in [Where::Nowhere, Where::Memory] {
        let runtime = world.start(kept);
        let berlin = Cron::parse("30 2 * * *").unwrap().in_zone("Europe/Berlin").unwrap();
        runtime.schedules().set("it", berlin.clone(), work::with(0)).await.unwrap();
        runtime.schedules().set("hours", every(HOUR).unwrap(), work::with(0)).await.unwrap();
        let days = 366;
        for day in 0..days {
            runtime.advance(HOUR * 24);
            assert_eq!(runtime.now(), START + HOUR * 24 * (day + 1));
        }
        let moments: Vec<Timestamp> =
            runs(&runtime, "it").await.iter().map(|(tick, _)| tick.moment).collect();
        let expected: Vec<Timestamp> = Rule::from(berlin).between(START, START + HOUR * 24 * days).collect();
        assert_eq!(moments, expected);
        // Once on the day that has half past two twice, and once on the day that has none.
        for (day, hour) in [("2025-03-29", "01:30"), ("2025-03-30", "01:00"), ("2025-10-26", "00:30")] {
            let of_day: Vec<String> =
                moments.iter().map(Timestamp::to_string).filter(|m| m.starts_with(day)).collect();
            assert_eq!(of_day.iter().map(|moment| &moment[11..16]).collect::<Vec<_>>(), [hour], "{day}");
        }
        assert_eq!(runs(&runtime, "hours").await.len(), 24 * days as usize);
    }
}

#[tokio::test]
async fn tasks_put_together_in_code_can_be_scheduled() {
    let world = World::new("dag");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        let mut dag = Dag::new("two");
        let first = dag.task::<work>(60);
        let second = dag.task::<after>(first);
        runtime.schedules().set("it", hourly(), dag.giving(second)).await.unwrap();
        let runtime = down(&runtime, MINUTE);
        runtime.advance(HOUR * 2);
        assert_eq!(world.log.take(), ["01:00", "after 01:00", "02:00", "after 02:00"]);
        assert_eq!(runtime.schedules().get("it").await.unwrap().runs, "two");
    }
}

#[tokio::test]
async fn jobs_that_are_called_know_the_tick_too() {
    let world = World::new("called");
    let runtime = world.start(Where::Memory);
    runtime.schedules().set("it", hourly(), Calling { ends: 5 }).await.unwrap();
    runtime.advance(HOUR * 2 + MINUTE);
    assert_eq!(world.log.take(), ["after 01:00", "after 01:00", "after 02:00", "after 02:00"]);
    assert_eq!(runs(&runtime, "it").await.len(), 2, "those that are called are no runs");
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_given_up() {
    let world = World::new("deadline");
    let runtime = world.start(Where::Nowhere);
    runtime.schedules().set("it", hourly(), work::with(3000)).deadline("40m").await.unwrap();
    runtime.advance(HOUR + MINUTE * 39);
    assert_eq!(runtime.count(JobState::Running), 1);
    runtime.advance(MINUTE);
    assert_eq!(runtime.count(JobState::Expired), 1);
}

/// What the first version of this library has written, and every later one reads.
const FIRST: &str = r#"{
    "format": 1,
    "schedule": {
        "name": "it", "rule": {"every": {"interval": "1h", "anchor": "1970-01-01T00:00:00.000000Z"}},
        "missed": {"all": {"at_a_time": 9}}, "overlap": "queue", "paused": false, "tolerance": "1m",
        "since": "2024-12-31T00:00:00.000000Z", "version": 3
    },
    "work": {"call": {"callee": {"name": "work", "kind": "agent"}, "input": 60}},
    "options": {"queue": "bulk", "priority": "high", "key": "acme", "tags": ["mine"], "deadline": "30m"},
    "state": {"handled": "2024-12-31T23:00:00.000000Z"},
    "waiting": {"schedule": "it", "moment": "2024-12-31T23:00:00.000000Z", "due": "2024-12-31T23:00:00.000000Z",
        "cause": "on_time"},
    "runs": [{"job": "01941c5e-d000-7000-8000-000000000000",
        "tick": {"schedule": "it", "moment": "2024-12-31T22:00:00.000000Z", "due": "2024-12-31T22:00:00.000000Z",
            "cause": "on_time"},
        "replaced": false}],
    "by_hand": "1970-01-01T00:00:00.000000Z"
}"#;

#[tokio::test]
async fn what_the_first_version_has_written_is_read() {
    let world = World::new("first");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let term = store.begin("earlier").unwrap();
    let (topic, name, text) = ("schedule".into(), "it".into(), Some(FIRST.into()));
    store.write(&[Entry::Note { topic, name, text, was: Some(0), term }]).unwrap();
    let runtime = TestRuntime::on(world.builder(), 0, store);
    runtime.advance(MINUTE * 5);
    // The run of which there is no job, and the tick that waits; what is due then, one waits already.
    assert_eq!(ticks(&runtime, "it").await, "22:00 23:00");
    let jobs = runtime.jobs(&JobFilter::new().tag("mine").queue("bulk"));
    assert_eq!((jobs.len(), jobs[0].priority), (2, Some(Priority::High)));
    assert_eq!(runtime.schedules().get("it").await.unwrap().schedule.version, 3);
}

// ---------------------------------------------------------------------------------------------------------------
// What goes wrong

/// A store that can be told to fail, from now on or after so many entries, and that has a name of its own.
#[derive(Debug)]
struct Moody {
    inner: Arc<dyn Store>,
    node: String,
    fails: AtomicBool,
    /// So many entries are written yet.
    left: AtomicUsize,
}

impl Moody {
    fn new(inner: Arc<dyn Store>, node: &str) -> Arc<Self> {
        let (fails, left) = (AtomicBool::new(false), AtomicUsize::new(usize::MAX));
        Arc::new(Self { inner, node: node.to_owned(), fails, left })
    }

    fn set(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn has_failed(&self) -> bool {
        self.fails.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.has_failed() {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "the disk is full")),
            false => Ok(()),
        }
    }
}

impl Store for Moody {
    fn describe(&self) -> String {
        "a moody store".to_owned()
    }

    fn begin(&self, _: &str) -> Result<Term, StoreError> {
        self.inner.begin(&self.node)
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.check()?;
        let left = self.left.load(Ordering::SeqCst);
        if left == usize::MAX {
            return self.inner.write(entries);
        }
        self.left.store(left.saturating_sub(entries.len()), Ordering::SeqCst);
        if left >= entries.len() {
            return self.inner.write(entries);
        }
        self.inner.write(&entries[..left])?;
        self.set(true);
        self.check().map(|()| Vec::new())
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.check()?;
        self.inner.claim(term, most)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.check()?;
        self.inner.read(job)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.check()?;
        self.inner.list(filter)
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.check()?;
        self.inner.taker(once)
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.check()?;
        self.inner.notes(topic)
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.inner.expired(rule)
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.inner.forget(jobs)
    }
}

/// Asserts that no two jobs run one tick.
fn assert_once(runs: &[(Tick, JobState)]) {
    let mut seen = BTreeMap::new();
    for (tick, _) in runs {
        *seen.entry(tick.key()).or_insert(0) += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// A workload in which ticks are handed in, wait, are replaced, and run by hand.
async fn begin(runtime: &TestRuntime) {
    let schedules = runtime.schedules();
    let quarters = every(MINUTE * 15).expect("it is in range").aligned();
    schedules
        .set("allow", quarters, work::with(1))
        .overlap(Overlap::Allow)
        .missed(all(3))
        .await
        .expect("it is set");
    schedules.set("queue", quarters, Chores { ends: 1500 }).overlap(Overlap::Queue).await.expect("it is set");
    schedules
        .set("cancel", quarters, Chores { ends: 1500 })
        .overlap(Overlap::CancelRunning)
        .await
        .expect("it is set");
    schedules.set("skip", quarters, Chores { ends: 1500 }).await.expect("it is set");
    runtime.run_until_idle();
}

const NAMES: [&str; 4] = ["allow", "queue", "cancel", "skip"];

/// The ticks that ran, and how they ended, of all schedules.
async fn outcome(runtime: &TestRuntime) -> Vec<String> {
    let mut outcome = Vec::new();
    for name in NAMES {
        let runs = runs(runtime, name).await;
        assert_once(&runs);
        let mut told: Vec<String> =
            runs.iter().map(|(tick, state)| format!("{} {state}", told(tick))).collect();
        told.sort();
        outcome.push(format!("{name}: {}", told.join(", ")));
    }
    outcome
}

/// Two hours, a minute at a time, so that a process that ends is there again within the minute.
fn live(
    mut runtime: TestRuntime,
    has_ended: impl Fn(&TestRuntime) -> bool,
    mend: impl Fn(),
) -> (TestRuntime, bool) {
    let (end, mut ended) = (START + HOUR * 2 + MINUTE * 14 + seconds(30), false);
    while runtime.now() < end {
        runtime.advance(seconds(30));
        if has_ended(&runtime) {
            ended = true;
            mend();
            runtime = runtime.restart();
        }
    }
    (runtime, ended)
}

#[tokio::test]
async fn a_process_that_ends_at_any_record_changes_nothing() {
    let world = World::new("records");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        begin(&runtime).await;
        let (runtime, _) = live(runtime, |_| false, || {});
        let expected = outcome(&runtime).await;
        // What runs when it ends begins again then, half a minute later: not enough to meet another tick.
        for records in 0.. {
            let runtime = world.start(kept);
            begin(&runtime).await;
            runtime.crash_after(records);
            let (runtime, ended) = live(runtime, TestRuntime::has_crashed, || {});
            assert_eq!(outcome(&runtime).await, expected, "{kept:?}, {records} records");
            runtime.check_journals().unwrap();
            if !ended {
                assert!(records > 100, "{records} records are hardly a workload");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_process_that_ends_between_any_two_writes_changes_nothing() {
    let world = World::new("writes");
    let start = || {
        let store = Moody::new(Arc::new(MemoryStore::new()), "local");
        (TestRuntime::on(world.builder(), 0, Arc::<Moody>::clone(&store)), store)
    };
    let (runtime, _) = start();
    begin(&runtime).await;
    let (runtime, _) = live(runtime, |_| false, || {});
    let expected = outcome(&runtime).await;
    for writes in 0.. {
        let (runtime, store) = start();
        begin(&runtime).await;
        store.left.store(writes, Ordering::SeqCst);
        let mend = || {
            store.left.store(usize::MAX, Ordering::SeqCst);
            store.set(false);
        };
        let (runtime, ended) = live(runtime, |_| store.has_failed(), mend);
        assert_eq!(outcome(&runtime).await, expected, "{writes} writes");
        if !ended {
            assert!(writes > 100, "{writes} writes are hardly a workload");
            break;
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_loses_no_tick() {
    let world = World::new("fails");
    let store = Moody::new(Arc::new(MemoryStore::new()), "local");
    let builder = world.builder().queue(Queue::new("narrow").concurrency(1));
    let runtime = TestRuntime::on(builder, 0, Arc::<Moody>::clone(&store));
    let schedules = runtime.schedules();
    let set = schedules.set("it", every(MINUTE).unwrap().aligned(), work::with(1)).queue("narrow");
    set.missed(all(5)).overlap(Overlap::Allow).await.unwrap();
    runtime.advance(MINUTE * 3);
    store.set(true);
    runtime.advance(MINUTE * 20);
    let refused = schedules.pause("it").await.unwrap_err();
    assert_eq!(refused.to_string(), "the schedule `it`: the disk is full");
    store.set(false);
    runtime.advance(MINUTE * 2);
    let runs = runs(&runtime, "it").await;
    assert_once(&runs);
    assert_eq!(runs.len(), 25);
    assert!(runs[..24].iter().all(|(_, state)| *state == JobState::Succeeded), "{runs:?}");
}

#[tokio::test]
async fn a_run_by_hand_that_is_written_and_not_handed_in_runs_later() {
    let world = World::new("later");
    let store = Moody::new(Arc::new(MemoryStore::new()), "local");
    let runtime = TestRuntime::on(world.builder(), 0, Arc::<Moody>::clone(&store));
    runtime.schedules().set("it", hourly(), work::with(0)).await.unwrap();
    runtime.run_until_idle();
    store.left.store(1, Ordering::SeqCst);
    let refused = runtime.schedules().trigger("it").await.unwrap_err();
    assert_eq!(refused.to_string(), "the schedule `it`: the disk is full");
    store.left.store(usize::MAX, Ordering::SeqCst);
    store.set(false);
    let runtime = runtime.restart();
    runtime.advance(MINUTE);
    assert_eq!(ticks(&runtime, "it").await, "00:00*");
    // Of a backfill only what was handed in is known; it is asked for again.
    store.left.store(2, Ordering::SeqCst);
    let (from, to) = (START - HOUR * 3, START);
    assert!(runtime.schedules().backfill("it", from, to).await.is_err());
    store.left.store(usize::MAX, Ordering::SeqCst);
    store.set(false);
    let runtime = runtime.restart();
    runtime.run_until_idle();
    let fill = runtime.schedules().backfill("it", from, to).await.unwrap();
    assert_eq!((fill.jobs.len(), fill.taken), (1, 2));
}

#[tokio::test]
async fn ticks_wait_for_room_and_none_is_lost() {
    let world = World::new("room");
    for kept in [Where::Nowhere, Where::Memory] {
        let builder = world.builder().queue(Queue::new("narrow").concurrency(1).capacity(1));
        let runtime = match kept {
            Where::Nowhere => TestRuntime::of(builder),
            _ => TestRuntime::on(builder, 0, Arc::new(MemoryStore::new())),
        };
        let set = runtime.schedules().set("it", every(MINUTE).unwrap().aligned(), work::with(600));
        set.queue("narrow").overlap(Overlap::Allow).ends(START + MINUTE * 10).await.unwrap();
        runtime.advance(MINUTE * 11);
        assert_eq!(runs(&runtime, "it").await.len(), 3, "one runs, one ran, one waits");
        // Those that wait for room are kept.
        let runtime = down(&runtime, MINUTE);
        runtime.advance(MINUTE * 120);
        assert_eq!(ticks(&runtime, "it").await.split(' ').count(), 9, "{kept:?}");
        assert_eq!(runtime.count(JobState::Succeeded), 9, "{kept:?}");
        assert_once(&runs(&runtime, "it").await);
    }
}

#[tokio::test]
async fn a_tick_without_end_of_room_waits_in_the_schedule() {
    let world = World::new("no-room");
    let builder = world.builder().queue(Queue::new("narrow").concurrency(1).capacity(1));
    let runtime = TestRuntime::of(builder);
    let set = runtime.schedules().set("it", every(seconds(1)).unwrap().aligned(), work::with(100_000));
    set.queue("narrow").overlap(Overlap::Allow).missed(all(1000)).tolerance("30d").await.unwrap();
    runtime.advance(seconds(5000));
    // So many wait to be handed in, and no more.
    let status = runtime.schedules().get("it").await.unwrap();
    assert_eq!(status.handled, START + seconds(1002));
    assert!(status.running.len() <= 1000);
    runtime.advance(seconds(200_000));
    let status = runtime.schedules().get("it").await.unwrap();
    assert_eq!(status.handled, START + seconds(2002), "when one was handed in, as many again are taken");
}

#[tokio::test]
async fn a_schedule_of_another_program_stays_as_it_is() {
    let world = World::new("other");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let runtime = TestRuntime::on(world.builder(), 0, Arc::clone(&store));
    let schedules = runtime.schedules();
    schedules.set("chores", hourly(), Chores { ends: 0 }).missed(all(9)).await.unwrap();
    schedules.set("work", hourly(), work::with(0)).await.unwrap();
    runtime.advance(HOUR);
    let term = store.begin("vandal").unwrap();
    let note = |name: &str, text: &str| Entry::Note {
        topic: "schedule".into(),
        name: name.into(),
        text: Some(text.into()),
        was: None,
        term,
    };
    store.write(&[note("broken", "{}"), note("newer", r#"{"format":2,"#)]).unwrap();

    let registry = Arc::new(Registry::builder().agent::<work>().build().unwrap());
    let other = TestRuntime::on(world.builder().registry(registry), 0, Arc::clone(&store));
    other.advance(HOUR * 2);
    let listed = other.schedules().list().await.unwrap();
    let problems: Vec<_> = listed.iter().map(|status| status.problem.as_deref()).collect();
    assert_eq!(problems, [Some("there is no `Chores` in this program"), None]);
    assert_eq!(listed[0].handled, START + HOUR);
    assert_eq!(ticks(&other, "work").await, "01:00 02:00");
    let refused = other.schedules().trigger("chores").await.unwrap_err();
    assert_eq!(refused.to_string(), "the schedule `chores` cannot run: there is no `Chores` in this program");
    let unreadable = other.schedules().unreadable().await.unwrap();
    assert_eq!(unreadable.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["broken", "newer"]);
    let refused = other.schedules().set("broken", hourly(), work::with(0)).await.unwrap_err();
    assert!(matches!(refused, ScheduleError::Unreadable { .. }), "{refused}");
    other.schedules().remove("broken").await.unwrap();
    other.schedules().set("broken", hourly(), work::with(0)).await.unwrap();

    // The program that has it goes on with it.
    let again = TestRuntime::on(world.builder(), 0, store).restart().restart();
    again.advance(HOUR * 3);
    assert_eq!(ticks(&again, "chores").await, "01:00 02:00 03:00");
}

#[tokio::test]
async fn a_clock_that_jumps_runs_nothing_twice() {
    let world = World::new("jumps");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let runtime = TestRuntime::on(world.builder(), 0, Arc::clone(&store));
    let set = runtime.schedules().set("it", hourly(), work::with(0)).missed(all(9));
    set.overlap(Overlap::Allow).await.unwrap();
    runtime.advance(HOUR * 3);
    // Another process, whose clock is back where it began.
    let back = TestRuntime::on(world.builder(), 0, Arc::clone(&store)).restart();
    back.advance(HOUR * 3 + MINUTE);
    assert_eq!(ticks(&back, "it").await, "01:00 02:00 03:00");
    back.advance(HOUR);
    let ahead = down(&back, HOUR * 24);
    ahead.advance(HOUR);
    let runs = runs(&ahead, "it").await;
    assert_once(&runs);
    assert_eq!(runs.len(), 29);
}

#[tokio::test]
async fn a_clock_that_is_set_is_noticed_within_a_minute() {
    let world = World::new("clock");
    for kept in EVERYWHERE {
        let runtime = world.start(kept);
        let set = runtime.schedules().set("it", hourly(), work::with(0)).missed(all(9));
        set.overlap(Overlap::Allow).await.unwrap();
        runtime.advance(HOUR * 2 + MINUTE * 30);
        // Three hours back: nothing is due until it is where it was.
        runtime.set_clock(START - MINUTE * 30);
        runtime.advance(HOUR * 3 + MINUTE * 29);
        assert_eq!(ticks(&runtime, "it").await, "01:00 02:00", "{kept:?}");
        runtime.advance(MINUTE);
        assert_eq!(ticks(&runtime, "it").await, "01:00 02:00 03:00", "{kept:?}");
        // Two hours ahead: what lies between was missed.
        runtime.set_clock(START + HOUR * 5 + MINUTE);
        assert_eq!(runtime.schedules().get("it").await.unwrap().next, Some(START + HOUR * 4));
        runtime.advance(MINUTE);
        assert_eq!(ticks(&runtime, "it").await, "01:00 02:00 03:00 04:00! 05:00!", "{kept:?}");
        runtime.advance(MINUTE * 57);
        assert_eq!(runs(&runtime, "it").await.len(), 5, "{kept:?}");
        runtime.advance(MINUTE);
        assert_eq!(runs(&runtime, "it").await.len(), 6, "{kept:?}");
    }
}

#[tokio::test]
async fn what_is_forgotten_of_runs_is_not_run_again() {
    let world = World::new("forgotten");
    for kept in [Where::Memory, Where::File] {
        let runtime = world.start(kept);
        runtime.schedules().set("it", hourly(), work::with(0)).await.unwrap();
        runtime.advance(HOUR * 3);
        assert_eq!(runtime.prune(Duration::ZERO).await.unwrap(), 2, "the last has just ended");
        runtime.advance(MINUTE);
        assert_eq!(runtime.prune(Duration::ZERO).await.unwrap(), 1);
        let runtime = down(&runtime, MINUTE);
        runtime.advance(HOUR);
        assert_eq!(ticks(&runtime, "it").await, "04:00", "{kept:?}");
        let fill = runtime.schedules().backfill("it", START, START + HOUR * 9).await.unwrap();
        assert_eq!((fill.jobs.len(), fill.taken), (1, 4), "{kept:?}");
        runtime.run_until_idle();
        assert_eq!(world.log.take(), ["01:00", "02:00", "03:00", "04:00", "00:00<"]);
    }
}

#[tokio::test]
async fn two_processes_with_one_store_run_each_tick_once() {
    let world = World::new("two");
    for seed in 0..30 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let node = |name| TestRuntime::on(world.builder(), seed, Moody::new(Arc::clone(&store), name));
        // Ids of jobs tell how often a runtime was started.
        let (one, other) = (node("one"), node("other").restart());
        for runtime in [&one, &other] {
            let quarters = every(MINUTE * 15).unwrap().aligned();
            let set = runtime.schedules().set("it", quarters, work::with(100)).missed(all(9));
            set.overlap(Overlap::Allow).await.unwrap();
        }
        // Their clocks are some seconds apart, this way or that.
        let mut rng = workflow_tests::random::Rng::new(seed);
        for _ in 0..200 {
            let runtime = if rng.chance(50) { &one } else { &other };
            if runtime.elapsed() < HOUR * 4 {
                runtime.advance(seconds(rng.below(600)));
            }
        }
        let end = START + HOUR * 4 + MINUTE;
        [&one, &other].into_iter().for_each(|runtime| runtime.advance(end.since(runtime.now())));
        let runs = kept_runs(&*store, "it");
        assert_once(&runs);
        assert_eq!(runs.len(), 16, "seed {seed}");
        // What one of them is told holds for the other.
        one.schedules().pause("it").await.unwrap();
        [&one, &other].into_iter().for_each(|runtime| runtime.advance(HOUR));
        assert_eq!(kept_runs(&*store, "it").len(), 16, "seed {seed}");
    }
}

#[tokio::test]
async fn two_processes_that_end_and_fail_at_random_run_each_tick_once() {
    let world = World::new("at-random");
    let registry = Arc::new(Registry::builder().agent::<work>().build().unwrap());
    let (mut ended, mut failed) = (0, 0);
    for seed in 0..60 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut rng = workflow_tests::random::Rng::new(seed);
        let moody = ["one", "other"].map(|node| Moody::new(Arc::clone(&store), node));
        let builder = || world.builder().registry(Arc::clone(&registry)).deaths(u32::MAX);
        let mut nodes: Vec<TestRuntime> =
            moody.iter().map(|moody| TestRuntime::on(builder(), seed, Arc::<Moody>::clone(moody))).collect();
        // Ids of jobs tell how often a runtime was started.
        (0..100).for_each(|_| nodes[1] = nodes[1].restart());
        for runtime in &nodes {
            let set = runtime.schedules().set("it", every(MINUTE * 15).unwrap().aligned(), work::with(700));
            set.missed(all(2)).overlap(Overlap::Allow).await.unwrap();
        }
        for _ in 0..150 {
            let node = usize::from(rng.chance(50));
            match rng.below(10) {
                0 => {
                    let writes = usize::try_from(rng.below(4)).unwrap();
                    moody[node].left.store(writes, Ordering::SeqCst);
                }
                1 | 2 => {
                    failed += usize::from(moody[node].has_failed());
                    moody[node].left.store(usize::MAX, Ordering::SeqCst);
                    moody[node].set(false);
                }
                3 if !moody[node].has_failed() => {
                    // A process whose store fails when it begins does not begin.
                    let left = moody[node].left.swap(usize::MAX, Ordering::SeqCst);
                    nodes[node] = down(&nodes[node], seconds(rng.below(300)));
                    moody[node].left.store(left, Ordering::SeqCst);
                    ended += 1;
                }
                _ if nodes[node].elapsed() < HOUR * 4 => nodes[node].advance(seconds(rng.below(400))),
                _ => {}
            }
        }
        let end = nodes.iter().map(TestRuntime::now).max().unwrap().max(START + HOUR * 4) + MINUTE;
        for (moody, runtime) in moody.iter().zip(&nodes) {
            moody.left.store(usize::MAX, Ordering::SeqCst);
            moody.set(false);
            runtime.advance(end.since(runtime.now()));
        }
        // Who has not heard that a new job was written goes on with it when he is started again.
        for runtime in &mut nodes {
            *runtime = runtime.restart();
            runtime.advance(HOUR * 2);
        }
        let runs = kept_runs(&*store, "it");
        assert_once(&runs);
        let last = nodes.iter().map(TestRuntime::now).max().unwrap();
        let moments: std::collections::BTreeSet<Timestamp> =
            runs.iter().map(|(tick, _)| tick.moment).collect();
        let lost: Vec<String> = Rule::from(every(MINUTE * 15).unwrap().aligned())
            .between(START + seconds(1), last)
            .filter(|moment| !moments.contains(moment))
            .map(|moment| moment.to_string())
            .collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
        let open = runs.iter().filter(|(tick, state)| !state.is_over() && tick.moment + HOUR < last).count();
        assert_eq!(open, 0, "seed {seed}: {runs:?}");
    }
    assert!(ended > 300 && failed > 100, "{ended} ended, {failed} failed");
}

#[tokio::test]
async fn a_tick_that_another_process_took_and_left_is_handed_in_here() {
    let world = World::new("left");
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let moody = Moody::new(Arc::clone(&store), "one");
    let one = TestRuntime::on(world.builder(), 0, Arc::<Moody>::clone(&moody));
    let other = TestRuntime::on(world.builder(), 0, Moody::new(Arc::clone(&store), "other")).restart();
    for runtime in [&one, &other] {
        runtime.schedules().set("it", hourly(), work::with(0)).await.unwrap();
    }
    // Their clocks are a second apart. The one takes the tick, and ends before there is a job.
    other.advance(HOUR - seconds(1));
    moody.left.store(1, Ordering::SeqCst);
    one.advance(HOUR);
    assert!(moody.has_failed());
    other.advance(seconds(6));
    assert_eq!(kept_runs(&*store, "it").len(), 0);
    other.advance(seconds(6));
    assert_eq!(kept_runs(&*store, "it").len(), 1);
    // The one that was slow finds it taken.
    moody.left.store(usize::MAX, Ordering::SeqCst);
    moody.set(false);
    one.advance(MINUTE);
    assert_eq!(kept_runs(&*store, "it").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_clock_ticks_run_by_themselves() {
    let log = Log::default();
    let runtime = Runtime::builder().state(log.clone()).in_memory().await.unwrap();
    let (told, heard) = tokio::sync::oneshot::channel();
    let told = Mutex::new(Some(told));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    drop(runtime);
    let seen = AtomicUsize::new(0);
    let observer = move |event: &workflow_runtime::Event| {
        if let workflow_runtime::What::Fact(Fact::JobSucceeded { .. }) = &event.what
            && seen.fetch_add(1, Ordering::SeqCst) == 4
        {
            told.lock().unwrap().take().map(|told| told.send(()));
        }
    };
    let builder = Runtime::builder().state(log.clone()).observer(observer);
    let runtime = builder.on(Arc::clone(&store)).await.unwrap();
    let rule = every(Duration::from_millis(20)).unwrap();
    runtime.schedules().set("it", rule, work::with(0)).overlap(Overlap::Allow).await.unwrap();
    heard.await.unwrap();
    runtime.shutdown(seconds(1)).await;
    let heads = store.list(&Filter::default()).unwrap();
    assert!(heads.len() >= 5, "{heads:?}");
    assert!(heads.iter().all(|head| &*head.tags[0] == "schedule:it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_the_same_moment_run_each_tick_once() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut runtimes = Vec::new();
    let rule = every(Duration::from_millis(3)).unwrap().aligned();
    let ends = Timestamp::now() + seconds(2);
    for node in ["one", "other"] {
        let told = told.clone();
        let observer = move |event: &workflow_runtime::Event| {
            if let workflow_runtime::What::Fact(Fact::JobSucceeded { .. }) = &event.what {
                let _ = told.send(());
            }
        };
        let builder = Runtime::builder().state(Log::default()).observer(observer);
        let runtime = builder.on(Moody::new(Arc::clone(&store), node)).await.unwrap();
        let set = runtime.schedules().set("it", rule, work::with(0)).overlap(Overlap::Allow).missed(all(100));
        let set = set.ends(ends).await.unwrap();
        runtimes.push((runtime, set.schedule.since));
    }
    let wanted = Rule::from(rule).count(runtimes[0].1 + Duration::from_micros(1), ends);
    for _ in 0..wanted {
        heard.recv().await.unwrap();
    }
    let runs = kept_runs(&*store, "it");
    assert_once(&runs);
    assert_eq!(runs.len() as u64, wanted);
    // Both had their part.
    let mut own = 0;
    for (runtime, _) in &runtimes {
        own += runtime.jobs(&JobFilter::new()).len();
        runtime.shutdown(seconds(1)).await;
    }
    assert_eq!(own as u64, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_is_free_when_its_runtime_has_shut_down() {
    let folder = Folder::new("free");
    let file = folder.file("jobs.db");
    for round in 0..60_u64 {
        let runtime = Runtime::builder().state(Log::default()).open(&file).await;
        let runtime = runtime.unwrap_or_else(|error| panic!("round {round}: {error}"));
        // Whatever is under way just then.
        let rule = every(Duration::from_millis(1 + round % 7)).unwrap();
        runtime.schedules().set("it", rule, work::with(0)).overlap(Overlap::Allow).await.unwrap();
        if round % 3 > 0 {
            runtime.recovered().await;
        }
        for _ in 0..round % 4 {
            runtime.schedules().list().await.unwrap();
        }
        runtime.shutdown(seconds(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_change_a_schedule_one_after_the_other() {
    for is_kept in [false, true] {
        let builder = Runtime::builder().state(Log::default());
        let runtime = match is_kept {
            false => builder.in_memory().await.unwrap(),
            true => builder.on(Arc::new(MemoryStore::new())).await.unwrap(),
        };
        let set = runtime.schedules().set("it", every(HOUR).unwrap(), work::with(0)).await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let schedules = runtime.schedules();
            all.spawn(async move { schedules.trigger("it").await.map(|job| job.id()).unwrap() });
        }
        let mut changes = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let schedules = runtime.schedules();
            changes.spawn(async move {
                let mut changed = 0;
                for _ in 0..if is_kept { 50 } else { 2000 } {
                    changed += u64::from(schedules.pause("it").await.unwrap());
                    changed += u64::from(schedules.resume("it").await.unwrap());
                }
                changed
            });
        }
        let jobs: std::collections::BTreeSet<JobId> = all.join_all().await.into_iter().collect();
        assert_eq!(jobs.len(), 100, "{is_kept}");
        // Each pause and each resumption is a change, and none is lost.
        let changed: u64 = changes.join_all().await.into_iter().sum();
        let status = runtime.schedules().get("it").await.unwrap();
        let counted = status.schedule.version - set.schedule.version;
        // On a store, two who do the same at once may both have done it.
        assert!(
            counted == changed || is_kept && counted < changed,
            "{is_kept}: {counted}, and not {changed}"
        );
        assert_eq!(runtime.jobs(&JobFilter::new().tag("schedule:it")).len(), 100, "{is_kept}");
        runtime.shutdown(seconds(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_that_ends_while_another_is_told_to_wait_is_waited_for_no_longer() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let observer = move |event: &workflow_runtime::Event| {
        if let workflow_runtime::What::Fact(Fact::JobSucceeded { .. }) = &event.what {
            let _ = told.send(());
        }
    };
    let builder = Runtime::builder().state(Log::default()).observer(observer).keep(100_000);
    let runtime = builder.on(Arc::new(MemoryStore::new())).await.unwrap();
    let schedules = runtime.schedules();
    for round in 0..40_u64 {
        let ends = Timestamp::now() + Duration::from_millis(12);
        for number in 0..40 {
            let rule = every(Duration::from_micros(3000)).unwrap();
            // A run lasts about as long as it takes to the next tick.
            let set = schedules.set(format!("{round} {number}"), rule, brief::with(1000 + number * 70));
            set.overlap(Overlap::Queue).ends(ends).await.unwrap();
        }
        let open = async || {
            let all = schedules.list().await.unwrap();
            let is_open = |one: &workflow_runtime::ScheduleStatus| {
                one.waiting.is_some() || one.next.is_some() || !one.running.is_empty()
            };
            all.into_iter().find(is_open)
        };
        while let Some(open) = open().await {
            let next = tokio::time::timeout(seconds(10), heard.recv()).await;
            assert!(next.is_ok(), "round {round}: nothing happens any more: {open:?}");
        }
        for number in 0..40 {
            schedules.remove(&format!("{round} {number}")).await.unwrap();
        }
    }
    runtime.shutdown(seconds(1)).await;
}

#[tokio::test]
async fn ten_thousand_schedules_of_one_moment() {
    let world = World::new("many");
    for kept in [Where::Nowhere, Where::File] {
        let started = std::time::Instant::now();
        let runtime = world.start(kept);
        for number in 0..10_000 {
            let set = runtime.schedules().set(format!("number {number}"), hourly(), work::with(0));
            set.await.unwrap();
        }
        let set = started.elapsed();
        let runtime = down(&runtime, MINUTE);
        runtime.run_until_idle();
        let again = started.elapsed() - set;
        runtime.advance(HOUR);
        assert_eq!(runtime.count(JobState::Succeeded), 10_000);
        println!("{kept:?}: set in {set:?}, read in {again:?}, run in {:?}", started.elapsed() - again - set);
        assert!(started.elapsed() < seconds(60), "{:?}", started.elapsed());
    }
}
