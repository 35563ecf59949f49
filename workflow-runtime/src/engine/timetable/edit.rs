//! How orders are changed: read, changed, and written if nobody else has written meanwhile, here or elsewhere.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;

use super::load::TOPIC;
use super::order::Order;
use crate::engine::core::Engine;
use crate::engine::keep::PATIENCE;
use crate::engine::wait::Sleep;
use crate::store::{Entry, StoreError, Verdict};

/// How long after it a store that cannot be read is asked again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// Why an order was not changed.
#[derive(Debug)]
pub(crate) enum Unedited {
    /// There is none of this name, or none any more.
    Gone,
    /// What is kept cannot be read.
    Unreadable(String),
    /// The store cannot be read or written.
    Store(StoreError),
    /// The runtime shuts down, or another process has taken its place.
    Down,
}

/// Whether somebody waits for a store that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For a [while](PATIENCE), and then he is told why.
    AWhile,
    /// As long as it takes.
    Always,
}

impl Engine {
    /// Changes an order, as often as it takes until nobody else has changed it meanwhile. If the change says that there
    /// is nothing to write, nothing is.
    pub(crate) async fn edit_order<T>(
        self: &Arc<Self>,
        name: &Arc<str>,
        waits: Waits,
        mut change: impl FnMut(&mut Order) -> Option<T>,
    ) -> Result<Option<T>, Unedited> {
        loop {
            let page = self.timetable.page(name).ok_or(Unedited::Gone)?;
            let (mut order, version) = page.order()?;
            let Some(told) = change(&mut order) else {
                page.tidy(order, version);
                return Ok(None);
            };
            if self.put_order(name, Some(order), version, waits).await? {
                return Ok(Some(told));
            }
        }
    }

    /// Makes an order, unless there is one; says whether it did.
    pub(crate) async fn make_order(
        self: &Arc<Self>,
        name: &Arc<str>,
        order: &Order,
    ) -> Result<bool, Unedited> {
        // A note that was taken away has a version all the same.
        let mut was = 0;
        while self.timetable.page(name).is_none() {
            match self.write_order(name, Some(order.clone()), was, Waits::AWhile).await? {
                Some(version) => was = version,
                None => return Ok(true),
            }
            self.load_orders().await.map_err(Unedited::Store)?;
        }
        Ok(self.timetable.page(name).is_some_and(|page| page.order().is_ok_and(|(kept, _)| kept == *order)))
    }

    /// Takes an order away, whatever it says.
    pub(crate) async fn remove_order(self: &Arc<Self>, name: &Arc<str>) -> Result<(), Unedited> {
        loop {
            let page = self.timetable.page(name).ok_or(Unedited::Gone)?;
            if self.put_order(name, None, page.version(), Waits::AWhile).await? {
                return Ok(());
            }
        }
    }

    /// Writes an order in the place of one of a version; says whether that is what is kept now. If not, what is kept is
    /// known.
    async fn put_order(
        self: &Arc<Self>,
        name: &Arc<str>,
        order: Option<Order>,
        was: u64,
        waits: Waits,
    ) -> Result<bool, Unedited> {
        if self.write_order(name, order.clone(), was, waits).await?.is_none() {
            return Ok(true);
        }
        while let Err(error) = self.load_orders().await {
            if waits == Waits::AWhile {
                return Err(Unedited::Store(error));
            }
            if self.stopping.load(Ordering::SeqCst) {
                return Err(Unedited::Down);
            }
            Sleep::new(self, self.clock.now() + AGAIN).await;
        }
        // It was written, perhaps, and the answer was lost.
        let kept = self.timetable.page(name).and_then(|page| page.order().ok());
        Ok(kept.map(|(kept, _)| kept) == order && self.scribe.is_some())
    }

    /// Writes an order; gives the version that was found, if it is another than it should be.
    async fn write_order(
        self: &Arc<Self>,
        name: &Arc<str>,
        order: Option<Order>,
        was: u64,
        waits: Waits,
    ) -> Result<Option<u64>, Unedited> {
        if self.is_crashed() {
            self.halt_if_crashed();
            return Err(Unedited::Down);
        }
        if self.stopping.load(Ordering::SeqCst) {
            return Err(Unedited::Down);
        }
        let Some(scribe) = &self.scribe else {
            return Ok((!self.timetable.put(name, order, was)).then_some(was));
        };
        let text = order.as_ref().map(serde_json::to_string).transpose();
        let text = text.map_err(|error| Unedited::Unreadable(error.to_string()))?.map(Arc::from);
        let entry = Entry::Note {
            topic: Arc::from(TOPIC),
            name: Arc::clone(name),
            text,
            was: Some(was),
            term: scribe.term(),
        };
        match self.hear(scribe.write(entry), waits).await? {
            Verdict::Noted(version) => {
                match order {
                    Some(order) => self.timetable.adopt(name, version, Ok(order)),
                    None => self.timetable.forget(name, version),
                }
                Ok(None)
            }
            Verdict::Differs(version) => Ok(Some(version)),
            _ => Err(Unedited::Down),
        }
    }

    /// Waits for an answer; the store's trouble is one, for those who wait only a while.
    pub(super) async fn hear<T>(
        self: &Arc<Self>,
        mut answer: oneshot::Receiver<T>,
        waits: Waits,
    ) -> Result<T, Unedited> {
        if waits == Waits::Always {
            return self.wait_for(answer).await.map_err(|_| Unedited::Down);
        }
        loop {
            let mut patience = Sleep::new(self, self.clock.now() + PATIENCE);
            let first = poll_fn(|context| match Pin::new(&mut answer).poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => Pin::new(&mut patience).poll(context).map(|()| None),
            });
            match self.wait_for(first).await {
                Some(answer) => return answer.map_err(|_| Unedited::Down),
                None => {
                    if let Some(error) = self.scribe.as_ref().and_then(|scribe| scribe.trouble()) {
                        return Err(Unedited::Store(error));
                    }
                }
            }
        }
    }
}
