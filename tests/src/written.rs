//! What stands in the files that each version of this library has left behind: jobs in every condition, written by a
//! process that was killed. `cargo run -p workflow-tests --bin write_file -- FILE` writes one.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::{AgentError, Runtime, State, TaskContext, data, sleep, task_agent, workflow};
use workflow_runtime::{Conflict, JobFilter, JobHandle, JobState, Registry, RuntimeBuilder};

/// The newest version of files.
pub const VERSION: u32 = 2;

/// Who runs the agents: the process that writes a file never gets through with some of them.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    writes: bool,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Reader {
    /// Which agents have begun since it was last asked, and for what.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: String) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    async fn hold(&self) {
        if self.writes {
            std::future::pending().await
        }
    }
}

/// What is passed on.
#[data]
pub struct Sheet {
    /// Whose it is.
    pub of: String,
    /// What stands on it.
    pub lines: Vec<String>,
}

/// Begins a sheet.
#[task_agent]
async fn sheet_begin(ctx: &TaskContext, of: String) -> Result<Sheet, AgentError> {
    let State(reader) = ctx.state::<Reader>()?;
    reader.note(format!("begin {of}"));
    Ok(Sheet { lines: vec![format!("begun by {of}")], of })
}

/// Never returns in the process that writes.
#[task_agent]
async fn sheet_hold(ctx: &TaskContext, mut sheet: Sheet) -> Result<Sheet, AgentError> {
    let State(reader) = ctx.state::<Reader>()?;
    reader.note(format!("hold {} {}", sheet.of, ctx.attempt()));
    reader.hold().await;
    sheet.lines.push("held".to_owned());
    Ok(sheet)
}

/// Saves how far it is, makes a subtask, and does not get further in the process that writes.
#[task_agent]
async fn sheet_save(ctx: &TaskContext, mut sheet: Sheet) -> Result<Sheet, AgentError> {
    let State(reader) = ctx.state::<Reader>()?;
    let saved: Option<u32> = ctx.restored()?;
    reader.note(format!("save {} {saved:?}", sheet.of));
    ctx.checkpoint(&7).await?;
    let part = ctx.spawn(sheet_begin::with("a part".to_owned())).key("part").await?;
    sheet.lines.extend(part.join().await?.lines);
    reader.hold().await;
    sheet.lines.push(format!("saved {saved:?}"));
    Ok(sheet)
}

/// Fails.
#[task_agent]
async fn sheet_tear(ctx: &TaskContext, sheet: Sheet) -> Result<Sheet, AgentError> {
    let State(reader) = ctx.state::<Reader>()?;
    reader.note(format!("tear {}", sheet.of));
    Err(AgentError::permanent("the sheet is torn"))
}

/// Takes back what was begun.
#[task_agent]
async fn sheet_burn(ctx: &TaskContext, sheet: Sheet) -> Result<(), AgentError> {
    let State(reader) = ctx.state::<Reader>()?;
    reader.note(format!("burn {}", sheet.of));
    Ok(())
}

workflow! {
    /// Ends at once.
    pub workflow SheetDone(of: String) -> Sheet {
        phase only { begun = sheet_begin(of); }
        begun
    }
}

workflow! {
    /// Fails, and what it did is taken back.
    pub workflow SheetTorn(of: String) -> Sheet {
        phase one { #[undo(sheet_burn)] begun = sheet_begin(of); }
        phase two { torn = sheet_tear(begun); }
        torn
    }
}

workflow! {
    /// Waits for an event, having done something that could be taken back.
    pub workflow SheetAwaiting(of: String) -> Sheet {
        phase one { #[undo(sheet_burn)] begun = sheet_begin(of); }
        phase two { go = workflow_runtime::signal::<bool>("go"); }
        phase three { if go { last = sheet_hold(begun); } else { last = sheet_tear(begun); } }
        last
    }
}

workflow! {
    /// Waits for an hour, once it has begun.
    pub workflow SheetLater(of: String) -> Sheet {
        phase one { begun = sheet_begin(of); }
        phase two { sleep("1h"); }
        phase three { held = sheet_hold(begun); }
        held
    }
}

workflow! {
    /// A step that runs, in a loop, behind one that is done.
    pub workflow SheetHeld(of: String) -> Sheet {
        phase one { begun = sheet_begin(of); }
        phase two { each = for sheet in vec![begun.clone(), begun.clone()] { sheet_hold(sheet) }; }
        each[1].clone()
    }
}

workflow! {
    /// A job within a job, and one of its own making.
    pub workflow SheetWithin(of: String) -> Sheet {
        phase one { child = SheetHeld(of); begun = sheet_begin(format!("{of}, beside")); }
        phase two { saved = sheet_save(begun); }
        phase three { held = sheet_hold(child); }
        Sheet { of: held.of.clone(), lines: held.lines.iter().chain(&saved.lines).cloned().collect() }
    }
}

workflow! {
    /// A checkpoint and a subtask.
    pub workflow SheetSaved(of: String) -> Sheet {
        phase one { begun = sheet_begin(of); }
        phase two { saved = sheet_save(begun); }
        saved
    }
}

/// A runtime for them.
///
/// # Panics
/// When they are wrong.
pub fn builder(reader: &Reader) -> RuntimeBuilder {
    let agents = Registry::builder().agent::<sheet_begin>().agent::<sheet_hold>().agent::<sheet_save>();
    let agents = agents.agent::<sheet_tear>().agent::<sheet_burn>();
    let all = agents.workflow::<SheetDone>().workflow::<SheetTorn>().workflow::<SheetAwaiting>();
    let all = all
        .workflow::<SheetLater>()
        .workflow::<SheetHeld>()
        .workflow::<SheetWithin>()
        .workflow::<SheetSaved>();
    let registry = all.build().unwrap_or_else(|problems| panic!("{problems}"));
    Runtime::builder().registry(Arc::new(registry)).state(reader.clone())
}

/// A job that was handed in under this tag.
async fn submitted(runtime: &Runtime, name: &str, tag: &str) -> JobHandle<serde_json::Value> {
    runtime.submit_json(name, json!({ "of": tag })).tag(tag).await.expect("it is taken in")
}

/// Writes a file, and does not shut down: the caller is to end the process.
///
/// # Panics
/// When something is not as it should be.
pub async fn write(file: &Path) {
    let reader = Reader { writes: true, ..Reader::default() };
    let runtime = builder(&reader).open(file).await.expect("it opens");
    let done = submitted(&runtime, "SheetDone", "done").await;
    done.outcome().await.expect("it succeeds");
    submitted(&runtime, "SheetTorn", "torn").await.outcome().await.expect_err("it fails");
    let cancelled = submitted(&runtime, "SheetHeld", "cancelled").await;
    assert!(cancelled.cancel("nobody wants it").await);
    cancelled.outcome().await.expect_err("it is cancelled");
    for (name, tag) in [("SheetAwaiting", "granted"), ("SheetAwaiting", "refused"), ("SheetLater", "later")] {
        submitted(&runtime, name, tag).await;
    }
    for (name, tag) in [("SheetHeld", "held"), ("SheetWithin", "within"), ("SheetSaved", "saved")] {
        submitted(&runtime, name, tag).await;
    }
    let paused = submitted(&runtime, "SheetLater", "paused").await;
    assert!(paused.pause().await);
    let unique = runtime.submit_json("SheetDone", json!({ "of": "unique" })).tag("unique").unique("only one");
    unique.delay(Duration::from_secs(3600)).on_conflict(Conflict::Reject).await.expect("it is taken in");
    since_2(&runtime).await;
    // Until everything stands still.
    while !stands(&runtime, &reader) {
        tokio::task::yield_now().await;
    }
}

/// What files hold since version 2.
async fn since_2(runtime: &Runtime) {
    let once = runtime.submit_json("SheetDone", json!({ "of": "once" })).tag("once").once("ever");
    once.await.expect("it is taken in").outcome().await.expect("it succeeds");
    let discarded = submitted(runtime, "SheetTorn", "discarded").await;
    discarded.outcome().await.expect_err("it fails");
    assert!(runtime.dead_letters().discard(discarded.id()).await.expect("the store can be written"));
    runtime.pause_queue("closed").await.expect("the store can be written");
    runtime
        .submit_json("SheetDone", json!({ "of": "queued" }))
        .tag("queued")
        .queue("closed")
        .await
        .expect("taken in");
    let rule = workflow_runtime::schedule::Cron::parse("0 4 1 1 *").expect("it is right");
    let scheduling = runtime.schedules().set_json("yearly", rule, "SheetDone", json!({ "of": "yearly" }));
    scheduling.tag("yearly").await.expect("it is taken in");
    runtime.schedules().trigger("yearly").await.expect("it is there").outcome().await.expect("it succeeds");
}

/// Whether every job that can begin has come as far as it can.
fn stands(runtime: &Runtime, reader: &Reader) -> bool {
    let seen = reader.seen.lock().unwrap_or_else(PoisonError::into_inner);
    let times = |what: &str| seen.iter().filter(|seen| seen.starts_with(what)).count();
    let begun = ["granted", "refused", "later"].iter().all(|tag| times(&format!("begin {tag}")) == 1);
    let held =
        ["hold held 1", "hold within 1"].iter().all(|what| times(what) == 2) && times("begin a part") == 1;
    let waiting = runtime.jobs(&JobFilter::new().name("SheetAwaiting"));
    begun && held && waiting.len() == 2 && waiting.iter().all(|job| job.state == JobState::Running)
}
