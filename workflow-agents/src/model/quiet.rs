//! A stream whose library keeps silent.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tracing::Dispatch;
use tracing::dispatcher::with_default;

/// A stream whose library keeps silent: what it would log has whole answers in it, and an answer may repeat the key.
pub(super) struct Quiet<S>(pub(super) S);

impl<S: Stream + Unpin> Stream for Quiet<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        with_default(&Dispatch::none(), || Pin::new(&mut self.0).poll_next(context))
    }
}
