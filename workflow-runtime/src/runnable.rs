//! What can be run: a workflow, a call of an agent, tasks put together in code.

use std::borrow::Cow;
use std::sync::Arc;

use crate::agent::{Call, Callable};
use crate::data::{DataError, Erased};
use crate::record::{Target, Tasks};
use crate::value::Value;
use crate::wire::Workflow;

/// What can be run: a workflow's input, a call like `embed::with(text)`, or a [`Dag`](crate::Dag).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run",
    label = "neither a workflow's input, nor a call, nor a `Dag`",
    note = "run a workflow by its input, `Answer {{ question }}`, and an agent by a call, `ask_model::with(question)`"
)]
pub trait Runnable {
    /// What it gives.
    type Output: Send + 'static;

    /// It, as a job runs it.
    #[doc(hidden)]
    fn into_work(self) -> Requested;

    /// What it gave.
    #[doc(hidden)]
    fn read(value: &Value) -> Result<Self::Output, DataError>;
}

/// What somebody wants run.
#[derive(Debug)]
#[doc(hidden)]
#[non_exhaustive]
pub enum Requested {
    /// A workflow or an agent.
    Call(Target, Value),
    /// Tasks.
    Tasks(Arc<Tasks>),
}

impl<A: Callable> Runnable for Call<A>
where
    A::Output: Clone,
{
    type Output = A::Output;

    fn into_work(self) -> Requested {
        let target = Target { name: Cow::Borrowed(A::NAME), kind: A::KIND };
        Requested::Call(target, Value::Typed(Erased::new(self.0), A::input().codec))
    }

    fn read(value: &Value) -> Result<A::Output, DataError> {
        read_typed::<A>(value)
    }
}

impl<W: Workflow> Runnable for W
where
    W::Output: Clone,
{
    type Output = W::Output;

    fn into_work(self) -> Requested {
        Call::<W>::new((self,)).into_work()
    }

    fn read(value: &Value) -> Result<W::Output, DataError> {
        read_typed::<W>(value)
    }
}

pub(crate) fn read_typed<A: Callable>(value: &Value) -> Result<A::Output, DataError>
where
    A::Output: Clone,
{
    if let Value::Typed(value, _) = value
        && let Some(value) = value.get::<A::Output>()
    {
        return Ok(value.clone());
    }
    let codec = A::output().codec;
    codec.decode(value.json()?)?.take::<A::Output>().ok_or_else(|| DataError::other_type(codec.type_name()))
}
