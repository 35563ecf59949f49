//! What expressions read: the values of bindings.

use std::fmt;
use std::marker::PhantomData;

use crate::data::Erased;
use crate::definition::Slot;

/// A binding: a slot whose value is a `T`.
pub struct Port<T> {
    slot: Slot,
    value: PhantomData<fn() -> T>,
}

impl<T> Port<T> {
    pub(crate) fn new(slot: Slot) -> Self {
        Self { slot, value: PhantomData }
    }

    /// The slot.
    pub fn slot(self) -> Slot {
        self.slot
    }
}

impl<T> Clone for Port<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Port<T> {}

impl<T> fmt::Debug for Port<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Port({})", self.slot)
    }
}

/// The values that an expression can see: those of its own block's instance, then those around it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    first: Slot,
    values: &'a [Option<Erased>],
    outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// The scope of a job: all slots, from 0.
    pub fn new(values: &'a [Option<Erased>]) -> Self {
        Self { first: 0, values, outer: None }
    }

    /// The scope of one instance of a block, whose slots begin at `first`.
    pub fn within(outer: &'a Scope<'a>, first: Slot, values: &'a [Option<Erased>]) -> Self {
        Self { first, values, outer: Some(outer) }
    }

    /// What is in a slot, if anything is yet.
    pub fn find(&self, slot: Slot) -> Option<&'a Erased> {
        let here = slot.checked_sub(self.first).and_then(|index| self.values.get(index as usize));
        match here {
            Some(value) => value.as_ref(),
            None => self.outer.and_then(|outer| outer.find(slot)),
        }
    }

    /// The value of a binding.
    ///
    /// # Panics
    /// When it has none yet. The engine evaluates an expression only when all that it reads is there.
    pub fn get<T: 'static>(&self, port: Port<T>) -> &'a T {
        self.look(port).expect("an expression is evaluated when what it reads is there")
    }

    /// The value of a binding, as one's own.
    ///
    /// # Panics
    /// As [`get`](Self::get) does.
    pub fn take<T: Clone + 'static>(&self, port: Port<T>) -> T {
        self.get(port).clone()
    }

    pub(crate) fn look<T: 'static>(&self, port: Port<T>) -> Option<&'a T> {
        self.find(port.slot()).and_then(Erased::get)
    }
}
