//! Bounded pools of costly instances: a browser, a model in memory, a connection.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::AgentError;

type Made<T> = Pin<Box<dyn Future<Output = Result<T, AgentError>> + Send>>;

/// At most so many instances of `T`, made when first needed, used by one attempt at a time.
pub struct Pool<T> {
    shared: Arc<Shared<T>>,
    places: Arc<Semaphore>,
}

struct Shared<T> {
    idle: Mutex<Vec<T>>,
    make: Box<dyn Fn() -> Made<T> + Send + Sync>,
}

impl<T> Shared<T> {
    fn take_idle(&self) -> Option<T> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, instance: T) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }
}

impl<T: Send + 'static> Pool<T> {
    /// A pool of at most `size` instances (at least one), made by `make`.
    ///
    /// ```
    /// use workflow_runtime::{AgentError, Pool};
    ///
    /// struct Browser;
    /// let pool = Pool::new(4, || async { Ok::<_, AgentError>(Browser) });
    /// ```
    pub fn new<F, R, E>(size: usize, make: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<AgentError>,
    {
        let make = Box::new(move || {
            let made = make();
            Box::pin(async move { made.await.map_err(Into::into) }) as Made<T>
        });
        let shared = Arc::new(Shared { idle: Mutex::new(Vec::new()), make });
        Self { shared, places: Arc::new(Semaphore::new(size.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// An instance, once one is free. It goes back when dropped.
    ///
    /// # Errors
    /// When a new instance was needed and could not be made.
    pub async fn get(&self) -> Result<Pooled<T>, AgentError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(AgentError::permanent)?;
        let instance = match self.shared.take_idle() {
            Some(instance) => instance,
            None => (self.shared.make)().await?,
        };
        Ok(Pooled { instance: Some(instance), shared: Arc::clone(&self.shared), _place: place })
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pool({} free)", self.places.available_permits())
    }
}

/// An instance from a [`Pool`], for one attempt.
///
/// An agent receives it by a parameter `browser: Pooled<Browser>`, in any position.
pub struct Pooled<T> {
    /// Taken out only by [`discard`](Self::discard) and on drop.
    instance: Option<T>,
    shared: Arc<Shared<T>>,
    _place: OwnedSemaphorePermit,
}

impl<T> Pooled<T> {
    /// Takes a broken instance out of the pool; the next one who needs one makes a new one.
    pub fn discard(mut self) {
        self.instance = None;
    }
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.instance.as_ref().expect("it is there until dropped")
    }
}

impl<T> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.instance.as_mut().expect("it is there until dropped")
    }
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        // An attempt that panicked may have left the instance half done.
        if let Some(instance) = self.instance.take()
            && !std::thread::panicking()
        {
            self.shared.give_back(instance);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Pooled<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Pooled").field(&self.instance).finish()
    }
}
