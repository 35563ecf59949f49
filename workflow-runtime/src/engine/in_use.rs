//! The store while it is in use: let go of when nobody asks it any more, so that others may have it.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::executor::lock;
use crate::store::Store;

/// A store that can be used until it is let go of.
pub(super) struct Usable {
    store: Mutex<Option<Arc<dyn Store>>>,
    /// How many use it just now.
    users: AtomicUsize,
    /// Told when the last of them is done.
    done: Notify,
}

impl Usable {
    pub(super) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store: Mutex::new(Some(store)), users: AtomicUsize::new(0), done: Notify::new() })
    }

    /// The store; none when it was let go of.
    pub(super) fn take(self: &Arc<Self>) -> Option<InUse> {
        let place = lock(&self.store);
        let store = place.clone()?;
        self.users.fetch_add(1, Ordering::SeqCst);
        Some(InUse { store, _user: User(Arc::clone(self)) })
    }

    /// Lets go of the store, and waits until nobody uses it any more.
    pub(super) async fn let_go(&self) {
        let own = lock(&self.store).take();
        drop(own);
        loop {
            let told = self.done.notified();
            if self.users.load(Ordering::SeqCst) == 0 {
                return;
            }
            told.await;
        }
    }
}

/// A store that is in use as long as this lives.
pub(crate) struct InUse {
    // In this order: whoever hears that nobody uses it finds it free.
    store: Arc<dyn Store>,
    _user: User,
}

impl Deref for InUse {
    type Target = dyn Store;

    fn deref(&self) -> &dyn Store {
        &*self.store
    }
}

struct User(Arc<Usable>);

impl Drop for User {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.done.notify_waiters();
        }
    }
}
