//! Agents: registered async functions.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::callee_kind::CalleeKind;
use crate::context::{Need, TaskContext};
use crate::data::{Codec, Erased, IsData, Names, Parameters, schema_of};
use crate::error::AgentError;
use crate::hook::Hooks;
use crate::location::Location;
use crate::options::Options;

/// What a step can call: an agent or a workflow.
///
/// Implemented by [`#[task_agent]`](macro@crate::task_agent) and [`workflow!`](macro@crate::workflow), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an agent nor a workflow",
    label = "cannot be called in a workflow",
    note = "mark an async function with `#[task_agent]`, or declare a workflow with `workflow!`"
)]
pub trait Callable: Sized + 'static {
    /// The parameters, as a tuple.
    type Input: Send + Sync + 'static;
    /// What it gives when it succeeds.
    type Output: Send + Sync + 'static;
    /// The name it is registered by.
    const NAME: &'static str;
    /// The parameters' names, in order.
    const PARAMETERS: &'static [&'static str];
    /// Whether it is an agent or a workflow.
    const KIND: CalleeKind;
    /// How its input becomes JSON and comes back.
    #[doc(hidden)]
    fn input() -> End;
    /// How its output becomes JSON and comes back.
    #[doc(hidden)]
    fn output() -> End;
}

/// An agent, known by its type.
pub trait Agent: Callable {
    /// Everything there is to know of it.
    fn spec() -> AgentSpec;
}

/// An attempt under way.
pub type Running = Pin<Box<dyn Future<Output = Result<Erased, AgentError>> + Send>>;

/// An agent's code.
#[derive(Clone)]
pub(crate) enum Body {
    /// It asks for nothing but its input.
    Plain(fn(Erased) -> Running),
    With(Arc<dyn Fn(Erased, TaskContext) -> Running + Send + Sync>),
}

/// An agent: what it is called, what it takes and gives, and its code.
#[derive(Clone)]
pub struct AgentSpec {
    pub(crate) name: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) at: Location,
    pub(crate) parameters: Cow<'static, [&'static str]>,
    pub(crate) options: Options,
    pub(crate) hooks: Hooks,
    pub(crate) needs: Vec<Need>,
    pub(crate) input: End,
    pub(crate) output: End,
    pub(crate) body: Body,
}

/// A call that is ready: an agent or a workflow, with its input.
pub struct Call<A: Callable>(pub(crate) A::Input);

impl<A: Callable> Call<A> {
    /// The call of `A` with this input.
    pub fn new(input: A::Input) -> Self {
        Self(input)
    }
}

impl<A: Callable> fmt::Debug for Call<A> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Call({})", A::NAME)
    }
}

/// One end of an agent or a workflow, its input or its output: its type, and the schema of that.
#[derive(Clone)]
pub struct End {
    pub(crate) codec: Codec,
    pub(crate) schema: SchemaSource,
    /// Of an input: how it is put together of values for its parameters.
    pub(crate) parts: Option<Parts>,
}

/// How an input is put together of values for its parameters.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) codecs: fn() -> Vec<Codec>,
    pub(crate) assemble: fn(&mut dyn FnMut() -> Option<Erased>) -> Option<Erased>,
}

impl Parts {
    fn of<P: Parameters<Via>, Via>() -> Self {
        Self { codecs: P::codecs, assemble: |next| P::assemble(next).map(Erased::new) }
    }
}

impl End {
    /// An output.
    pub fn output<T: IsData<Via>, Via>() -> Self {
        Self { codec: Codec::of::<T>(), schema: SchemaSource::Type(schema_of::<T>), parts: None }
    }
}

/// How an agent or a workflow takes its input.
pub struct Taking<A: Callable> {
    /// Its type and schema.
    pub end: End,
    /// Takes the parameters out of an erased input.
    pub unpack: fn(Erased) -> Result<A::Input, AgentError>,
}

/// How `A` takes its input.
pub fn taking<A: Callable, Via>() -> Taking<A>
where
    A::Input: Parameters<Via>,
{
    let codec = Codec::of_parameters::<A::Input, Via, ParametersOf<A>>();
    let schema = SchemaSource::Type(|| A::Input::schema(A::PARAMETERS));
    let end = End { codec, schema, parts: Some(Parts::of::<A::Input, Via>()) };
    let unpack = |input: Erased| {
        input.take::<A::Input>().ok_or_else(|| {
            AgentError::permanent(format!("`{}` was given an input that is not its own", A::NAME))
        })
    };
    Taking { end, unpack }
}

/// Where a schema comes from.
#[derive(Clone)]
pub(crate) enum SchemaSource {
    /// From the Rust type.
    Type(fn() -> Json),
    /// From a literal that the macro has checked.
    Checked(&'static str),
    /// From a text that nobody has checked yet.
    Text(Cow<'static, str>),
}

impl SchemaSource {
    /// The schema; `null` for a text that is not JSON, which no registry has let in.
    pub(crate) fn json(&self) -> Json {
        match self {
            Self::Type(schema) => schema(),
            Self::Checked(text) => serde_json::from_str(text).unwrap_or_default(),
            Self::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    /// Whether somebody wrote it, so that it may say more than the Rust type.
    pub(crate) fn is_written(&self) -> bool {
        !matches!(self, Self::Type(_))
    }
}

impl AgentSpec {
    /// An agent whose code is `run`, declared at `at`.
    pub fn new<A: Callable>(
        at: Location,
        description: &'static str,
        run: fn(Erased, TaskContext) -> Running,
    ) -> Self {
        Self::of::<A>(at, description, Body::With(Arc::new(run)))
    }

    /// An agent that asks for nothing but its input.
    pub fn plain<A: Callable>(at: Location, description: &'static str, run: fn(Erased) -> Running) -> Self {
        Self::of::<A>(at, description, Body::Plain(run))
    }

    fn of<A: Callable>(at: Location, description: &'static str, body: Body) -> Self {
        Self {
            name: Cow::Borrowed(A::NAME),
            description: Cow::Borrowed(description),
            at,
            parameters: Cow::Borrowed(A::PARAMETERS),
            options: Options::new(),
            hooks: Hooks::default(),
            needs: Vec::new(),
            input: A::input(),
            output: A::output(),
            body,
        }
    }

    /// An agent of JSON in, JSON out, made in code: for agents that are known only when the program runs.
    ///
    /// Its schemas accept anything until [`input_schema`](Self::input_schema) and
    /// [`output_schema`](Self::output_schema) say more.
    #[track_caller]
    pub fn json<F, R, E>(name: impl Into<Cow<'static, str>>, run: F) -> Self
    where
        F: Fn(Json, TaskContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Json, E>> + Send + 'static,
        E: Into<AgentError>,
    {
        let body = move |input: Erased, context: TaskContext| -> Running {
            let output = input.take::<(Json,)>().map(|(input,)| run(input, context));
            Box::pin(async move {
                let output = output.ok_or_else(|| AgentError::permanent("the input is not JSON"))?;
                output.await.map(Erased::new).map_err(Into::into)
            })
        };
        Self {
            name: name.into(),
            description: Cow::Borrowed(""),
            at: Location::caller(),
            parameters: Cow::Borrowed(JsonInput::NAMES),
            options: Options::new(),
            hooks: Hooks::default(),
            needs: Vec::new(),
            input: End {
                codec: Codec::of_parameters::<(Json,), _, JsonInput>(),
                schema: SchemaSource::Type(schema_of::<Json>),
                parts: Some(Parts::of::<(Json,), _>()),
            },
            output: End::output::<Json, _>(),
            body: Body::With(Arc::new(body)),
        }
    }

    /// Sets what it does, in words.
    #[must_use]
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets its options.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the functions that see its outcomes.
    #[must_use]
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// Adds something that it wants from the runtime.
    #[must_use]
    pub fn need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Sets the JSON Schema of its input, as text.
    #[must_use]
    pub fn input_schema(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.input.schema = SchemaSource::Text(schema.into());
        self
    }

    /// Sets the JSON Schema of its output, as text.
    #[must_use]
    pub fn output_schema(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.output.schema = SchemaSource::Text(schema.into());
        self
    }

    /// Sets the schemas that the macro has checked.
    #[doc(hidden)]
    #[must_use]
    pub fn checked_schemas(mut self, input: Option<&'static str>, output: Option<&'static str>) -> Self {
        if let Some(input) = input {
            self.input.schema = SchemaSource::Checked(input);
        }
        if let Some(output) = output {
            self.output.schema = SchemaSource::Checked(output);
        }
        self
    }

    pub(crate) fn start(&self, input: Erased, context: TaskContext) -> Running {
        match &self.body {
            Body::Plain(run) => run(input),
            Body::With(run) => run(input, context),
        }
    }
}

/// The parameters' names of an agent that is known by its type.
struct ParametersOf<A>(std::marker::PhantomData<A>);

impl<A: Callable> Names for ParametersOf<A> {
    const NAMES: &'static [&'static str] = A::PARAMETERS;
}

/// The parameters' names of an agent of JSON.
struct JsonInput;

impl Names for JsonInput {
    const NAMES: &'static [&'static str] = &["input"];
}

impl fmt::Debug for AgentSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AgentSpec({} at {})", self.name, self.at)
    }
}
