//! Where several nodes share a store: this one says now and then that it is there, takes over what nobody holds, and hears
//! what others have done. When it was silent for too long, its jobs are others', and it begins anew.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::alarm::Alarm;
use super::core::Engine;
use super::elsewhere::Elsewhere;
use super::executor::{Executor, lock};
use super::news::{Heard, Newsroom};
use super::opened::begin_term;
use super::takeover::Takeover;
use crate::store::{News, StoreError, StoreErrorKind};

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
        let Executor::Tokio(handle) = &self.executor else {
            self.timers.set(self.clock.now() + beat, Alarm::Presence);
            return;
        };
        let news = Arc::clone(&self.news);
        drop(handle.spawn(keep_hearing(Arc::downgrade(self), Arc::clone(&news))));
        if let Some(Ok(store)) = self.scribe.as_ref().map(|scribe| scribe.store()) {
            let news = Arc::clone(&news);
            store.watch(Arc::new(move |told| news.tell(told)));
        }
        drop(handle.spawn(keep_present(Arc::downgrade(self), Arc::clone(&news), beat)));
        drop(handle.spawn(keep_looking(Arc::downgrade(self), Arc::clone(&self.elsewhere), news)));
    }

    /// The moment has come, under a clock that stands still.
    pub(super) fn be_present_by_alarm(self: &Arc<Self>) {
        let Some(lease) = self.scribe.as_ref().and_then(|scribe| scribe.lease()) else { return };
        self.timers.set(self.clock.now() + lease / BEATS, Alarm::Presence);
        let engine = Arc::clone(self);
        self.executor.spawn(async move {
            if let Ok(true) = engine.be_present().await
                && engine.look_around(Heard::ALL).await.is_ok()
            {
                engine.look_elsewhere().await;
            }
        });
    }

    /// Lets itself be heard; says whether it was.
    ///
    /// # Errors
    /// When the store was let go of.
    async fn be_present(self: &Arc<Self>) -> Result<bool, StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(false) };
        drop(scribe.store()?);
        let term = scribe.term();
        let mut heard = self.ask_store(move |store| store.beat(term)).await.map(drop);
        if heard.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Superseded) {
            heard = self.begin_anew().await;
        }
        if let Err(error) = heard {
            tracing::warn!("other nodes may take this one's jobs over: {error}");
            return Ok(false);
        }
        self.meters.lease.heard.store(self.clock.now().as_micros(), Ordering::Relaxed);
        Ok(true)
    }

    /// Looks at what others have done. What cannot be looked at now is the next time.
    ///
    /// # Errors
    /// When the store was let go of.
    pub(super) async fn look_around(self: &Arc<Self>, heard: Heard) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        drop(scribe.store()?);
        if let Err(error) = self.look_at_news(heard).await {
            tracing::warn!("it is not known what other nodes have done: {error}");
        }
        Ok(())
    }

    async fn look_at_news(self: &Arc<Self>, heard: Heard) -> Result<(), StoreError> {
        let is_ready = self.recovered.1.load(Ordering::SeqCst) && !self.stopping.load(Ordering::SeqCst);
        if heard.jobs && is_ready {
            let engine = Arc::clone(self);
            self.ask_store(move |_| Takeover::of(&engine).take_more()).await?;
            self.look_at_parked().await?;
        }
        // With jobs may come what was said to them when nobody held them.
        if heard.words || heard.jobs {
            self.hear_words().await?;
        }
        if heard.gates {
            self.look_at_gates();
        }
        if heard.notes && is_ready {
            self.hear_settings().await?;
        }
        Ok(())
    }

    /// Reads what is set for all nodes: which queues are paused, and what runs when.
    async fn hear_settings(self: &Arc<Self>) -> Result<(), StoreError> {
        // Who sets something is told of it himself when it is written.
        let Ok(_alone) = self.setting.try_lock() else { return Ok(()) };
        let paused = self.ask_store(super::opened::paused).await?.unwrap_or_default();
        for queue in paused.iter().map(|name| self.queue(name)).filter(|queue| !queue.is_paused()) {
            queue.pause();
        }
        for queue in self.queues().iter().filter(|queue| queue.is_paused()) {
            if !paused.contains(&queue.settings.name) {
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
        let (engine, scribe) = (Arc::clone(self), Arc::clone(scribe));
        let begun = self.ask_store(move |store| {
            // Nothing is taken over meanwhile: it would be in the name of the term before.
            let _alone = lock(&engine.taking);
            engine.meters.lease.lost.fetch_add(1, Ordering::Relaxed);
            scribe.begin_term(begin_term(store, scribe.node(), scribe.offer())?);
            engine.meters.lease.begun.fetch_add(1, Ordering::Relaxed);
            engine.part_with_all();
            engine.gates.begin_anew();
            engine.ask_at_gates();
            Ok(())
        });
        begun.await.map(drop)
    }
}

/// Lets a node be heard, as long as there is one. Nothing else that it does is waited for here.
async fn keep_present(engine: Weak<Engine>, news: Arc<Newsroom>, beat: Duration) {
    let mut next = Instant::now() + beat;
    loop {
        tokio::time::sleep_until(next.into()).await;
        next = Instant::now() + beat;
        let Some(engine) = engine.upgrade() else { break };
        match engine.be_present().await {
            // What was not told is found so.
            Ok(true) => news.tell(News::Anything),
            Ok(false) => {}
            Err(_) => break,
        }
    }
    news.tell(News::Anything);
}

/// Has a node look at what others have done as soon as it is told, as long as there is one.
async fn keep_hearing(engine: Weak<Engine>, news: Arc<Newsroom>) {
    loop {
        news.wait().await;
        let Some(engine) = engine.upgrade() else { return };
        if engine.look_around(news.take()).await.is_err() {
            return;
        }
    }
}

/// Looks at jobs that other nodes hold, as long as somebody waits for some.
async fn keep_looking(engine: Weak<Engine>, elsewhere: Arc<Elsewhere>, news: Arc<Newsroom>) {
    let mut pause = SOON;
    loop {
        if elsewhere.is_empty() {
            elsewhere.wait().await;
            pause = SOON;
        } else {
            drop(tokio::time::timeout(pause, news.ended()).await);
        }
        let Some(engine) = engine.upgrade() else { return };
        pause = if engine.look_elsewhere().await { SOON } else { (pause * 2).min(LATE) };
    }
}
