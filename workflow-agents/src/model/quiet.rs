//! A stream whose library keeps silent, and does not panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tracing::Dispatch;
use tracing::dispatcher::with_default;

/// That the library panicked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panicked;

/// A stream whose library keeps silent: what it would log has whole answers in it, and an answer may repeat the key. Where it panics,
/// for a sum is too large for it, the stream gives that as an item, and is not to be polled again.
pub(super) struct Quiet<S>(pub(super) S);

impl<S: Stream + Unpin> Stream for Quiet<S> {
    type Item = Result<S::Item, Panicked>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let poll = || with_default(&Dispatch::none(), || Pin::new(&mut self.0).poll_next(context));
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(polled) => polled.map(|item| item.map(Ok)),
            Err(_) => Poll::Ready(Some(Err(Panicked))),
        }
    }
}
