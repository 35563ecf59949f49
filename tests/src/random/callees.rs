//! What random workflows call: agents whose outcomes somebody else decides, and each other.

use std::future::Future;
use std::pin::Pin;

use workflow_runtime::__private::{Call, Wire, fields};
use workflow_runtime::prelude::*;
use workflow_runtime::{Callable, Erased, Port, Workflow, WorkflowSpec};

use super::expression::Written;

/// What an agent gives, in time.
pub type Act = Pin<Box<dyn Future<Output = Result<i64, AgentError>> + Send>>;

type Decide = Box<dyn Fn(&str, &TaskContext, &[i64]) -> Act + Send + Sync>;

/// What decides the agents' outcomes: all of them ask it, by their registered names, with what they were given.
pub struct World(Decide);

impl World {
    /// A world in which this decides.
    pub fn new(act: impl Fn(&str, &TaskContext, &[i64]) -> Act + Send + Sync + 'static) -> Self {
        Self(Box::new(act))
    }

    /// A world in which every agent succeeds, with what [`mix`] makes of its name and inputs.
    pub fn pure() -> Self {
        Self::new(|name, _, inputs| Box::pin(std::future::ready(Ok(mix(name, inputs)))))
    }

    fn act(&self, name: &str, context: &TaskContext, inputs: &[i64]) -> Act {
        (self.0)(name, context, inputs)
    }
}

/// A number below 1000 that depends on all of this.
pub fn mix(name: &str, inputs: &[i64]) -> i64 {
    let parts = name.bytes().map(i64::from).chain(inputs.iter().copied());
    parts.fold(7, |sum: i64, part| sum.wrapping_mul(31).wrapping_add(part)).rem_euclid(1000)
}

/// The world, which is not asked for as a parameter: programs that link these agents need not have one.
fn world(ctx: &TaskContext) -> Result<State<World>, AgentError> {
    ctx.state()
}

/// Takes nothing.
#[task_agent(name = "sim_zero")]
pub async fn zero(ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_zero", ctx, &[]).await
}

/// Takes a number.
#[task_agent(name = "sim_one")]
pub async fn one(a: i64, ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_one", ctx, &[a]).await
}

/// Takes two numbers.
#[task_agent(name = "sim_two")]
pub async fn two(a: i64, b: i64, ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_two", ctx, &[a, b]).await
}

/// Takes a number that may be missing, which the world is told as -1, and another.
#[task_agent(name = "sim_maybe")]
pub async fn maybe(a: Option<i64>, b: i64, ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_maybe", ctx, &[a.unwrap_or(-1), b]).await
}

/// Takes a list.
#[task_agent(name = "sim_total")]
pub async fn total(list: Vec<i64>, ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_total", ctx, &list).await
}

/// Stands in for [`one`].
#[task_agent(name = "sim_spare")]
pub async fn spare(a: i64, ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_spare", ctx, &[a]).await
}

/// Takes a step back.
#[task_agent(name = "sim_give_back")]
pub async fn give_back(a: i64, ctx: &TaskContext) -> Result<i64, AgentError> {
    world(ctx)?.act("sim_give_back", ctx, &[a]).await
}

/// A type that lends a random workflow its name and its input.
trait Carrier: Workflow + Callable<Output = i64> {
    fn of(n: i64) -> Self;
    fn n(self) -> i64;
}

/// What can be done with a carrier that is known by its name.
pub(super) struct Carried {
    pub(super) name: &'static str,
    pub(super) call: fn(&mut Wire, &str, u32, &'static str, Written<i64>) -> Port<i64>,
    pub(super) finish: fn(Wire, Written<i64>) -> WorkflowSpec,
}

macro_rules! carriers {
    ($($name:ident)+) => {
        $(workflow! {
            /// Lends its name and its input to a random workflow.
            pub workflow $name(n: i64) -> i64 {
                phase only { given = one(n); }
                given
            }
        }

        impl Carrier for $name {
            fn of(n: i64) -> Self {
                Self { n }
            }

            fn n(self) -> i64 {
                self.n
            }
        })+

        pub(super) const CARRIERS: &[Carried] =
            &[$(Carried { name: stringify!($name), call: call::<$name>, finish: finish::<$name> }),+];
    };
}

carriers!(Sim0 Sim1 Sim2 Sim3);

fn call<W: Carrier>(
    wire: &mut Wire,
    name: &str,
    line: u32,
    path: &'static str,
    n: Written<i64>,
) -> Port<i64> {
    wire.step::<W>(name, line, path, &[n.parts()], n.then(|n| Call::new((W::of(n),))))
}

fn finish<W: Carrier>(wire: Wire, result: Written<i64>) -> WorkflowSpec {
    let split = |input: &Erased| fields::<W>(input, |input| vec![Erased::new(input.n())]);
    wire.finish::<W>(result.parts(), "i64", split, result.then(|result| result))
}
