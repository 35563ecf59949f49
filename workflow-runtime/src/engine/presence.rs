//! Where several nodes share a store: this one says now and then that it is there, takes over what nobody holds, and hears
//! what others have done. When it was silent for too long, its jobs are others', and it begins anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::alarm::Alarm;
use super::core::Engine;
use super::executor::Executor;
use super::job::Job;
use super::takeover::Takeover;
use crate::failure::FailureKind;
use crate::store::{StoreError, StoreErrorKind};

/// How often in the time of a lease a node lets itself be heard.
const BEATS: u32 = 5;

/// How soon, and how late, it is looked at jobs that others hold and somebody waits for here.
const SOON: Duration = Duration::from_millis(20);
const LATE: Duration = Duration::from_secs(1);

impl Engine {
    /// Whether other nodes may hold jobs of this store.
    pub(crate) fn shares_store(&self) -> bool {
        self.scribe.as_ref().is_some_and(|scribe| scribe.lease().is_some())
    }

    /// Begins to let itself be heard.
    pub(crate) fn begin_presence(self: &Arc<Self>) {
        let Some(lease) = self.scribe.as_ref().and_then(|scribe| scribe.lease()) else { return };
        let beat = lease / BEATS;
        match &self.executor {
            Executor::Tokio(handle) => {
                let (weak, look) = (Arc::downgrade(self), Arc::clone(&self.elsewhere));
                drop(handle.spawn(async move {
                    loop {
                        tokio::time::sleep(beat).await;
                        let Some(engine) = weak.upgrade() else { return };
                        if engine.be_present().await.is_err() {
                            return;
                        }
                    }
                }));
                let weak = Arc::downgrade(self);
                drop(handle.spawn(async move {
                    let mut pause = SOON;
                    loop {
                        if look.is_empty() {
                            look.wait().await;
                            pause = SOON;
                        }
                        tokio::time::sleep(pause).await;
                        let Some(engine) = weak.upgrade() else { return };
                        pause = if engine.look_elsewhere().await { SOON } else { (pause * 2).min(LATE) };
                    }
                }));
            }
            Executor::Local(_) => drop(self.timers.set(self.clock.now() + beat, Alarm::Presence)),
        }
    }

    /// The moment has come, under a clock that stands still.
    pub(super) fn be_present_by_alarm(self: &Arc<Self>) {
        let Some(lease) = self.scribe.as_ref().and_then(|scribe| scribe.lease()) else { return };
        self.timers.set(self.clock.now() + lease / BEATS, Alarm::Presence);
        let engine = Arc::clone(self);
        self.executor.spawn(async move {
            if engine.be_present().await.is_ok() {
                engine.look_elsewhere().await;
            }
        });
    }

    /// Lets itself be heard, takes over what nobody holds, and reads what others have set. What cannot be done now is done
    /// the next time.
    ///
    /// # Errors
    /// When the store was let go of.
    async fn be_present(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        drop(scribe.store()?);
        let term = scribe.term();
        let mut heard = self.ask_store(move |store| store.beat(term)).await.map(drop);
        if heard.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Superseded) {
            heard = self.begin_anew().await;
        }
        if heard.is_ok() && self.recovered.1.load(Ordering::SeqCst) && !self.stopping.load(Ordering::SeqCst) {
            let engine = Arc::clone(self);
            heard = self.ask_store(move |_| Takeover::of(&engine).take_more()).await.map(drop);
            if heard.is_ok() {
                heard = self.hear_settings().await;
            }
        }
        if let Err(error) = heard {
            tracing::warn!("other nodes may take this one's jobs over: {error}");
        }
        Ok(())
    }

    /// Reads what is set for all nodes: which queues are paused, and what runs when.
    async fn hear_settings(self: &Arc<Self>) -> Result<(), StoreError> {
        let paused = self.ask_store(super::opened::paused).await?.unwrap_or_default();
        for queue in self.queues() {
            let is_to_pause = paused.contains(&queue.settings.name);
            if is_to_pause && !queue.is_paused() {
                queue.pause();
            } else if !is_to_pause && queue.is_paused() {
                self.resume_here(&queue.settings.name);
            }
        }
        self.load_orders().await
    }

    /// This node was silent for so long that its term is over. What it holds others may hold by now, and what runs of it
    /// here is told to stop; what nobody has taken over, this node does.
    async fn begin_anew(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        tracing::error!(
            "nothing was heard of this node for longer than its lease: its jobs are for others now"
        );
        let node = scribe.node().to_owned();
        let Some(term) = self.ask_store(move |store| store.begin(&node)).await? else { return Ok(()) };
        scribe.begin_term(term);
        self.keep_plans_again();
        super::executor::lock(&self.parked).clear();
        for job in self.index.all() {
            let is_over = job.lock().state().is_over();
            if !is_over {
                self.part_with(&job);
            }
        }
        Ok(())
    }

    /// A job goes on elsewhere, or will: nothing more of it happens here, and who waits for it here hears how it ended.
    pub(super) fn part_with(&self, job: &Arc<Job>) {
        let (attempts, alarms, inbox) = {
            let mut inner = job.lock();
            if inner.parted || inner.stored.epoch.is_none() {
                return;
            }
            inner.parted = true;
            let live = inner.live();
            live.lines = None;
            live.result = None;
            let alarms: Vec<_> =
                live.alarms.drain(..).chain(live.wakes.drain().map(|(_, key)| key)).collect();
            let attempts: Vec<_> = live.attempts.values().cloned().collect();
            (attempts, alarms, std::mem::take(&mut live.inbox))
        };
        drop(inbox);
        self.leave_room(job);
        alarms.into_iter().for_each(|key| self.timers.cancel(key));
        self.index.remove(job.id);
        if let Some(key) = &job.options().unique {
            self.forget_unique(&self.name_of(job), key, job.id);
        }
        self.elsewhere.follow(job);
        for attempt in attempts {
            attempt.tell(FailureKind::Cancelled, "another node has taken its job over".to_owned());
        }
    }
}
