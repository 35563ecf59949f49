//! Random workflows, always valid: what an engine is tried with when nobody has thought of the case.
//!
//! A workflow is made by the calls that `workflow!` expands to, so what its definition says of its expressions is what
//! its code does. All values are `i64`, options of it, and lists of it.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::__private::{Call, Elements, Maybe, Wire, alike, field, fields};
use workflow_runtime::prelude::*;
use workflow_runtime::{
    Arm, Callable, Erased, Location, Options, Port, Problems, Registry, Retry, Scope, Slot, Workflow,
    WorkflowSpec,
};

/// Random numbers that are the same for one seed everywhere: splitmix64.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Whether something happens that happens so often in a hundred times.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these, of which there must be one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

/// What an agent gives, in time.
pub type Act = Pin<Box<dyn Future<Output = Result<i64, AgentError>> + Send>>;

/// What decides the agents' outcomes: all of them ask it, by their registered names, with what they were given.
pub struct World(Box<dyn Fn(&str, &TaskContext, &[i64]) -> Act + Send + Sync>);

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

/// Takes nothing.
#[task_agent(name = "sim_zero")]
pub async fn zero(ctx: &TaskContext, world: State<World>) -> Result<i64, AgentError> {
    world.act("sim_zero", ctx, &[]).await
}

/// Takes a number.
#[task_agent(name = "sim_one")]
pub async fn one(a: i64, ctx: &TaskContext, world: State<World>) -> Result<i64, AgentError> {
    world.act("sim_one", ctx, &[a]).await
}

/// Takes two numbers.
#[task_agent(name = "sim_two")]
pub async fn two(a: i64, b: i64, ctx: &TaskContext, world: State<World>) -> Result<i64, AgentError> {
    world.act("sim_two", ctx, &[a, b]).await
}

/// Takes a number that may be missing, which the world is told as -1, and another.
#[task_agent(name = "sim_maybe")]
pub async fn maybe(
    a: Option<i64>,
    b: i64,
    ctx: &TaskContext,
    world: State<World>,
) -> Result<i64, AgentError> {
    world.act("sim_maybe", ctx, &[a.unwrap_or(-1), b]).await
}

/// Takes a list.
#[task_agent(name = "sim_total")]
pub async fn total(list: Vec<i64>, ctx: &TaskContext, world: State<World>) -> Result<i64, AgentError> {
    world.act("sim_total", ctx, &list).await
}

/// Stands in for [`one`].
#[task_agent(name = "sim_spare")]
pub async fn spare(a: i64, ctx: &TaskContext, world: State<World>) -> Result<i64, AgentError> {
    world.act("sim_spare", ctx, &[a]).await
}

/// Takes a step back.
#[task_agent(name = "sim_give_back")]
pub async fn give_back(a: i64, ctx: &TaskContext, world: State<World>) -> Result<i64, AgentError> {
    world.act("sim_give_back", ctx, &[a]).await
}

/// A type that lends a random workflow its name and its input.
trait Carrier: Workflow + Callable<Output = i64> {
    fn of(n: i64) -> Self;
    fn n(self) -> i64;
}

/// What can be done with a carrier that is known by its name.
struct Carried {
    name: &'static str,
    call: fn(&mut Wire, &str, u32, &'static str, Written<i64>) -> Port<i64>,
    finish: fn(Wire, Written<i64>) -> WorkflowSpec,
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

        const CARRIERS: &[Carried] =
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
    let get = n.get.clone();
    wire.step::<W>(name, line, path, &[n.parts()], move |scope| Call::new((W::of(get(scope)),)))
}

fn finish<W: Carrier>(wire: Wire, result: Written<i64>) -> WorkflowSpec {
    let get = result.get.clone();
    let split = |input: &Erased| fields::<W>(input, |input| vec![Erased::new(input.n())]);
    wire.finish::<W>(result.parts(), "i64", split, move |scope| get(scope))
}

/// The names that a workflow can have; each may call those behind it.
pub const NAMES: [&str; 4] = ["Sim0", "Sim1", "Sim2", "Sim3"];

/// A random workflow of about `size` steps, called `name`, which is one of [`NAMES`], and calling these others.
///
/// It waits for signals outside of loops only, and for each of `sig0` … `sig3` at most once. A timeout on a loop is
/// longer than what the loop can take by its timers.
///
/// # Panics
/// When a name is not one of [`NAMES`], or a child's is not behind the workflow's.
pub fn workflow(rng: &mut Rng, name: &'static str, children: &[&'static str], size: usize) -> WorkflowSpec {
    let carried = |name: &str| CARRIERS.iter().find(|known| known.name == name).expect("one of the carriers");
    assert!(children.iter().all(|child| name < *child), "a workflow calls those behind it");
    let mut options = Options::new();
    if rng.chance(20) {
        options = options.queue(*rng.pick(&QUEUES)).priority(*rng.pick(&PRIORITIES));
    }
    let mut wire = Wire::new(name, "A random workflow.", Location::new(file!(), 1), options);
    let n = Value::Int(Maybe::Surely(wire.input("n", "i64", &field::<i64, _>())));
    let mut maker = Maker {
        rng,
        wire,
        children: children.iter().map(|child| carried(child)).collect(),
        calls: 2,
        signals: vec!["sig0", "sig1", "sig2", "sig3"],
        visible: vec![Binding { name: "n".to_owned(), value: n }],
        steps: vec![Vec::new()],
        wanted: Vec::new(),
        left: 0,
        loops: 0,
        named: 0,
        line: 1,
    };
    let phases = 1 + maker.rng.below(4);
    for phase in 0..phases {
        maker.wire.phase(&format!("phase{phase}"));
        maker.left += size / phases as usize;
        let (bound, steps) = maker.block(0);
        maker.visible.extend(bound);
        maker.steps[0].extend(steps);
    }
    let result = maker.result();
    (carried(name).finish)(maker.wire, result)
}

/// All of [`NAMES`], each calling some of those behind it.
pub fn workflows(rng: &mut Rng, size: usize) -> Vec<WorkflowSpec> {
    let behind = |place: usize| NAMES.get(place + 1..).unwrap_or_default();
    (0..NAMES.len()).map(|place| workflow(rng, NAMES[place], behind(place), size)).collect()
}

/// A registry of the agents and of [`workflows`] of this seed.
///
/// # Errors
/// When a workflow is not valid, which is a mistake here.
pub fn registry(seed: u64, size: usize) -> Result<Registry, Problems> {
    let agents = Registry::builder().agent::<zero>().agent::<one>().agent::<two>().agent::<maybe>();
    let agents = agents.agent::<total>().agent::<spare>().agent::<give_back>();
    workflows(&mut Rng::new(seed), size)
        .into_iter()
        .fold(agents, |builder, spec| builder.workflow_spec(spec))
        .build()
}

const QUEUES: [&str; 3] = ["red", "green", "blue"];
const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
const DEPTH: usize = 3;

/// An expression, and its code.
struct Written<T> {
    text: String,
    reads: Vec<Slot>,
    /// Whether it is a binding and nothing else.
    whole: bool,
    get: Arc<dyn Fn(&Scope<'_>) -> T + Send + Sync>,
}

impl<T: 'static> Written<T> {
    /// A binding and nothing else.
    fn whole(name: &str, port: Port<T>) -> Self
    where
        T: Clone,
    {
        Self { whole: true, ..Self::of(name.to_owned(), port, T::clone) }
    }

    /// What a function makes of a binding.
    fn of<A: 'static>(text: String, port: Port<A>, make: impl Fn(&A) -> T + Send + Sync + 'static) -> Self {
        let get = Arc::new(move |scope: &Scope<'_>| make(scope.get(port)));
        Self { text, reads: vec![port.slot()], whole: false, get }
    }

    /// What a function makes of two expressions.
    fn with<A: 'static, B: 'static>(
        text: String,
        one: &Written<A>,
        other: &Written<B>,
        make: impl Fn(A, B) -> T + Send + Sync + 'static,
    ) -> Self {
        let mut reads = one.reads.clone();
        reads.extend(other.reads.iter().filter(|slot| !one.reads.contains(slot)));
        let (one, other) = (one.get.clone(), other.get.clone());
        Self { text, reads, whole: false, get: Arc::new(move |scope| make(one(scope), other(scope))) }
    }

    fn parts(&self) -> (&str, &[Slot]) {
        (&self.text, &self.reads)
    }

    /// Its text inside of an expression, where a binding is a reference.
    fn inside(&self) -> String {
        format!("{}{}", if self.whole { "*" } else { "" }, self.text)
    }
}

/// A binding: of one of these types, or, when it stands behind an `if`, perhaps.
#[derive(Clone)]
enum Value {
    Unit(Maybe<()>),
    Int(Maybe<i64>),
    Opt(Maybe<Option<i64>>),
    List(Maybe<Vec<i64>>),
    OptList(Maybe<Option<Vec<i64>>>),
}

#[derive(Clone)]
struct Binding {
    name: String,
    value: Value,
}

/// A name as it is behind an `if` one or both of whose arms bind it.
macro_rules! join {
    ($wire:ident, $form:ident, $name:expr, $pair:expr, $($base:ident)+) => {
        match $pair {
            $((Value::$base(Maybe::Surely(one)), Some(Value::$base(Maybe::Surely(other)))) => {
                Value::$base(Maybe::Surely($wire.either($form, $name, one, other)))
            }
            (Value::$base(one), Some(Value::$base(other))) => {
                Value::$base(Maybe::Perhaps($wire.perhaps($form, $name, [one, other])))
            }
            (Value::$base(one), _) => Value::$base(Maybe::Perhaps($wire.perhaps($form, $name, [one]))),)+
        }
    };
}

/// Makes a workflow, statement by statement.
struct Maker<'a> {
    rng: &'a mut Rng,
    wire: Wire,
    children: Vec<&'static Carried>,
    /// How many child calls may follow.
    calls: usize,
    /// The signals that nothing waits for yet.
    signals: Vec<&'static str>,
    /// What can be read here.
    visible: Vec<Binding>,
    /// What can be waited for here: of earlier phases, then of each block around this place.
    steps: Vec<Vec<String>>,
    /// The names that the other arms of the `if`s around this place bind.
    wanted: Vec<Vec<Binding>>,
    /// How many steps may follow.
    left: usize,
    loops: usize,
    named: usize,
    line: u32,
}

impl Maker<'_> {
    /// A block: what it binds, and what its steps are called.
    fn block(&mut self, depth: usize) -> (Vec<Binding>, Vec<String>) {
        let outer = self.visible.len();
        self.steps.push(Vec::new());
        for _ in 0..=self.rng.below(5) {
            self.statement(depth);
            if self.left == 0 {
                break;
            }
        }
        (self.visible.split_off(outer), self.steps.pop().unwrap_or_default())
    }

    /// A loop's body: a few statements, and the form that gives its value.
    fn body(&mut self, depth: usize) -> Port<i64> {
        let (outer, wanted) = (self.visible.len(), std::mem::take(&mut self.wanted));
        self.loops += 1;
        self.steps.push(Vec::new());
        for _ in 0..self.rng.below(3).min(self.left as u64) {
            self.statement(depth);
        }
        let name = self.fresh();
        let last = match depth < DEPTH && self.left > 0 && self.rng.chance(15) {
            true => self.repeat(&name, depth),
            false => self.call(&name),
        };
        self.steps.pop();
        self.loops -= 1;
        self.visible.truncate(outer);
        self.wanted = wanted;
        last
    }

    fn statement(&mut self, depth: usize) {
        let nests = depth < DEPTH && self.left > 1;
        self.left = self.left.saturating_sub(1);
        match self.rng.below(100) {
            0..14 if nests => self.branch(depth),
            14..26 if nests => self.each(depth),
            26..36 if nests => self.number(|maker, name| maker.repeat(name, depth)),
            36..44 => self.sleep(),
            44..54 if self.loops == 0 && !self.signals.is_empty() => self.number(Self::signal),
            _ => self.number(Self::call),
        }
    }

    /// A statement that gives a number, or perhaps one.
    fn number(&mut self, make: impl FnOnce(&mut Self, &str) -> Port<i64>) {
        let optional = self.rng.chance(20);
        let name = self.name(|value| match value {
            Value::Int(_) => !optional,
            Value::Opt(_) => optional,
            _ => false,
        });
        let port = make(self, &name);
        let value = match optional {
            true => Value::Opt(Maybe::Surely(self.wire.optional(port))),
            false => Value::Int(Maybe::Surely(port)),
        };
        self.bind(name, value);
    }

    fn sleep(&mut self) {
        let name = self.name(|value| matches!(value, Value::Unit(_)));
        let count = 1 + self.rng.below(50);
        let unit = *self.rng.pick(&[1, 1, 1000, 60_000, 3_600_000]);
        let time = Duration::from_millis(count * unit);
        let line = self.line();
        let port = if self.rng.chance(30) {
            let by = self.int();
            let text = format!("Duration::from_millis(i64::rem_euclid({}, 50).unsigned_abs())", by.inside());
            let make = by.get.clone();
            self.wire.sleep(&name, line, (&text, &by.reads), move |scope| {
                sleep(Duration::from_millis(make(scope).rem_euclid(50).unsigned_abs()))
            })
        } else {
            let text = workflow_graph::format_duration(time);
            self.wire.sleep(&name, line, (&text, &[]), move |_| sleep(time))
        };
        self.after();
        self.bind(name, Value::Unit(Maybe::Surely(port)));
    }

    fn signal(&mut self, name: &str) -> Port<i64> {
        let place = self.rng.below(self.signals.len() as u64) as usize;
        let (event, line) = (self.signals.swap_remove(place), self.line());
        let port = self.wire.signal(name, line, &signal::<i64>(event));
        if self.rng.chance(30) {
            let hours = 1 + self.rng.below(48);
            self.wire.options(Options::new().timeout(Duration::from_secs(3600 * hours)));
        }
        self.after();
        port
    }

    /// A call of an agent or of a workflow.
    fn call(&mut self, name: &str) -> Port<i64> {
        let line = self.line();
        let port = match self.rng.below(100) {
            0..12 if self.calls > 0 && self.loops < 2 && !self.children.is_empty() => {
                self.calls -= 1;
                let child = *self.rng.pick(&self.children);
                let n = self.argument();
                (child.call)(&mut self.wire, name, line, child.name, n)
            }
            0..18 => self.wire.step::<zero>(name, line, "zero", &[], |_| Call::new(())),
            18..36 => {
                let (a, b) = (self.argument(), self.argument());
                let (one, other) = (a.get.clone(), b.get.clone());
                self.wire.step::<two>(name, line, "two", &[a.parts(), b.parts()], move |scope| {
                    Call::new((one(scope), other(scope)))
                })
            }
            36..54 => {
                let (a, b) = (self.opt(), self.argument());
                let (one, other) = (a.get.clone(), b.get.clone());
                self.wire.step::<maybe>(name, line, "maybe", &[a.parts(), b.parts()], move |scope| {
                    Call::new((one(scope), other(scope)))
                })
            }
            54..70 => {
                let list = self.list();
                let get = list.get.clone();
                let make = move |scope: &Scope<'_>| Call::new((get(scope),));
                self.wire.step::<total>(name, line, "total", &[list.parts()], make)
            }
            _ => self.one(name, line),
        };
        self.settings();
        if self.rng.chance(20) {
            self.undo(name, port);
        }
        port
    }

    fn one(&mut self, name: &str, line: u32) -> Port<i64> {
        let a = self.argument();
        let get = a.get.clone();
        let make = move |scope: &Scope<'_>| Call::new((get(scope),));
        let port = self.wire.step::<one>(name, line, "one", &[a.parts()], make);
        if self.rng.chance(40) {
            alike::<one, spare>();
            self.wire.or::<spare>("spare");
        }
        port
    }

    /// Takes the call just made back, by what it gave, or by that and something else.
    fn undo(&mut self, name: &str, port: Port<i64>) {
        let own = Written::whole(name, port);
        let value = if self.rng.chance(30) { sum(&own, &self.int()) } else { own };
        let get = value.get.clone();
        let make = move |scope: &Scope<'_>| Call::new((get(scope),));
        self.wire.undo::<give_back>("give_back", &[value.parts()], make);
    }

    /// What is set for the call just made.
    fn settings(&mut self) {
        let mut options = Options::new();
        if self.rng.chance(30) {
            let (times, delay) = (self.rng.below(4) as u32, 1 + self.rng.below(9));
            options = options.retry(Retry::new(times).first(Duration::from_millis(delay)));
        }
        if self.rng.chance(15) {
            options = options.timeout(Duration::from_secs(1 + self.rng.below(60)));
        }
        if self.rng.chance(15) {
            options = options.priority(*self.rng.pick(&PRIORITIES));
        }
        if self.rng.chance(20) {
            options = options.queue(*self.rng.pick(&QUEUES));
        }
        self.wire.options(options);
        self.after();
    }

    /// Makes the node just made wait for steps that stand before it, or before a form around it.
    fn after(&mut self) {
        if !self.rng.chance(20) {
            return;
        }
        // Mostly for its siblings.
        let near = self.steps.last().filter(|near| !near.is_empty() && self.rng.chance(70)).cloned();
        let known = near.unwrap_or_else(|| self.steps.concat());
        if known.is_empty() {
            return;
        }
        let mut names = vec![self.rng.pick(&known).as_str(), self.rng.pick(&known).as_str()];
        names.dedup();
        self.wire.after(&names);
    }

    fn branch(&mut self, depth: usize) {
        let (condition, line) = (self.condition(), self.line());
        let name = format!("if {}", self.fresh());
        let test = condition.get.clone();
        let form = self.wire.branch(&name, line, condition.parts(), move |scope| test(scope));
        self.after();
        self.wire.arm(form, Arm::Then);
        let (then, _) = self.block(depth + 1);
        self.wire.end();
        let mut otherwise = Vec::new();
        if self.rng.chance(60) {
            self.wanted.push(then.clone());
            self.wire.arm(form, Arm::Else);
            (otherwise, _) = self.block(depth + 1);
            self.wire.end();
            self.wanted.pop();
        }
        let mut joins = Vec::new();
        for Binding { name, value } in then {
            let other = otherwise.iter().position(|binding| binding.name == name);
            let other = other.map(|place| otherwise.remove(place).value);
            joins.push((name, value, other));
        }
        joins.extend(otherwise.into_iter().map(|Binding { name, value }| (name, value, None)));
        for (name, one, other) in joins {
            let wire = &mut self.wire;
            let value = join!(wire, form, &name, (one, other), Unit Int Opt List OptList);
            self.bind(name, value);
        }
    }

    fn each(&mut self, depth: usize) {
        let optional = self.rng.chance(20);
        let name = self.name(|value| match value {
            Value::List(_) => !optional,
            Value::OptList(_) => optional,
            _ => false,
        });
        let (items, item, line) = (self.items(), self.fresh(), self.line());
        let make = items.get.clone();
        let parts = items.parts();
        let (form, element) =
            self.wire.each(&name, line, &item, parts, move |scope| Elements::of(make(scope)));
        let mut options = Options::new();
        if self.rng.chance(40) {
            options = options.concurrency(NonZeroU32::MIN.saturating_add(self.rng.below(3) as u32));
        }
        self.loop_options(options);
        self.visible.push(Binding { name: item, value: Value::Int(Maybe::Surely(element)) });
        let last = self.body(depth + 1);
        self.visible.pop();
        let port = self.wire.gather(form, &name, last);
        let value = match optional {
            true => Value::OptList(Maybe::Surely(self.wire.optional(port))),
            false => Value::List(Maybe::Surely(port)),
        };
        self.bind(name, value);
    }

    fn repeat(&mut self, name: &str, depth: usize) -> Port<i64> {
        let (first, carried, line) = (self.argument(), self.fresh(), self.line());
        let max = self.rng.below(5) as u32;
        let make = first.get.clone();
        let (form, port) =
            self.wire.repeat(name, line, &carried, first.parts(), max, move |scope| make(scope));
        self.loop_options(Options::new());
        let mut condition = Written::of(format!("{carried} % 3 != 0"), port, |value| value % 3 != 0);
        if self.rng.chance(30) {
            let bound = self.int();
            let text = format!("{} && {} != 5", condition.text, bound.inside());
            condition = Written::with(text, &condition, &bound, |goes_on, bound| goes_on && bound != 5);
        }
        let holds = condition.get.clone();
        self.wire.while_(form, condition.parts(), move |scope| holds(scope));
        self.visible.push(Binding { name: carried, value: Value::Int(Maybe::Surely(port)) });
        let last = self.body(depth + 1);
        self.visible.pop();
        self.wire.again(form, name, port, last)
    }

    /// What is set for the loop just begun.
    fn loop_options(&mut self, mut options: Options) {
        if self.rng.chance(10) {
            options = options.timeout(Duration::from_secs(1000 * 24 * 3600));
        }
        self.wire.options(options);
        self.after();
    }

    fn bind(&mut self, name: String, value: Value) {
        if let Some(steps) = self.steps.last_mut() {
            steps.push(name.clone());
        }
        self.visible.push(Binding { name, value });
    }

    fn fresh(&mut self) -> String {
        self.named += 1;
        format!("v{}", self.named)
    }

    /// A name: at times one that the other arm of an `if` binds to something of the type.
    fn name(&mut self, fits: impl Fn(&Value) -> bool) -> String {
        if self.rng.chance(60) {
            for wanted in &mut self.wanted {
                if let Some(place) = wanted.iter().position(|binding| fits(&binding.value)) {
                    return wanted.remove(place).name;
                }
            }
        }
        self.fresh()
    }

    fn line(&mut self) -> u32 {
        self.line += 1;
        self.line
    }

    /// All that `of` finds among what can be read here.
    fn readable<T>(&self, of: impl Fn(&Value) -> Option<Port<T>>) -> Vec<(String, Port<T>)> {
        self.visible.iter().filter_map(|binding| Some((binding.name.clone(), of(&binding.value)?))).collect()
    }

    /// A binding that is a number; the input is always one.
    fn whole(&mut self) -> Written<i64> {
        let numbers = self.readable(|value| match value {
            Value::Int(Maybe::Surely(port)) => Some(*port),
            _ => None,
        });
        let (name, port) = self.rng.pick(&numbers);
        Written::whole(name, *port)
    }

    /// A number made of any one binding.
    fn int(&mut self) -> Written<i64> {
        const ADD: &str = "fold(0, |sum, one| i64::wrapping_add(sum, *one))";
        let Binding { name, value } = self.rng.pick(&self.visible).clone();
        let other = self.rng.below(9) as i64;
        match value {
            Value::Int(Maybe::Surely(port)) if self.rng.chance(25) => {
                Written::of(format!("{name} % 7"), port, |value| value % 7)
            }
            Value::Int(Maybe::Surely(port)) => Written::whole(&name, port),
            Value::Int(Maybe::Perhaps(port)) | Value::Opt(Maybe::Surely(port)) => {
                Written::of(format!("{name}.unwrap_or({other})"), port, move |value| value.unwrap_or(other))
            }
            Value::Opt(Maybe::Perhaps(port)) => {
                let text = format!("{name}.flatten().unwrap_or({other})");
                Written::of(text, port, move |value| value.flatten().unwrap_or(other))
            }
            Value::List(Maybe::Surely(port)) => {
                Written::of(format!("{name}.iter().{ADD}"), port, |list: &Vec<i64>| add(list))
            }
            Value::List(Maybe::Perhaps(port)) | Value::OptList(Maybe::Surely(port)) => {
                let text = format!("{name}.iter().flatten().{ADD}");
                Written::of(text, port, |list: &Option<Vec<i64>>| add(list.iter().flatten()))
            }
            Value::OptList(Maybe::Perhaps(port)) => {
                let text = format!("{name}.iter().flatten().flatten().{ADD}");
                Written::of(text, port, |list: &Option<Option<Vec<i64>>>| {
                    add(list.iter().flatten().flatten())
                })
            }
            Value::Unit(Maybe::Surely(port)) => Written::of(format!("i64::from(*{name} == ())"), port, |_| 1),
            Value::Unit(Maybe::Perhaps(port)) => {
                let text = format!("i64::from({name}.is_some())");
                Written::of(text, port, |value| i64::from(value.is_some()))
            }
        }
    }

    /// A number to call something with.
    fn argument(&mut self) -> Written<i64> {
        match self.rng.below(100) {
            0..45 => self.whole(),
            45..70 => sum(&self.whole(), &self.int()),
            _ => self.int(),
        }
    }

    /// A number that may be missing; one that is known to be there if there is no other.
    fn opt(&mut self) -> Written<Option<i64>> {
        let flat = self.readable(|value| match value {
            Value::Int(Maybe::Perhaps(port)) | Value::Opt(Maybe::Surely(port)) => Some(*port),
            _ => None,
        });
        let deep = self.readable(|value| match value {
            Value::Opt(Maybe::Perhaps(port)) => Some(*port),
            _ => None,
        });
        if !deep.is_empty() && self.rng.chance(50) {
            let (name, port) = self.rng.pick(&deep);
            return Written::of(format!("{name}.flatten()"), *port, |value| value.flatten());
        }
        if !flat.is_empty() && self.rng.chance(80) {
            let (name, port) = self.rng.pick(&flat);
            return Written::whole(name, *port);
        }
        let number = self.int();
        let get = number.get.clone();
        let text = format!("Some({})", number.inside());
        Written { text, reads: number.reads, whole: false, get: Arc::new(move |scope| Some(get(scope))) }
    }

    fn list(&mut self) -> Written<Vec<i64>> {
        let lists = self.readable(|value| match value {
            Value::List(Maybe::Surely(port)) => Some(*port),
            _ => None,
        });
        let perhaps = self.readable(|value| match value {
            Value::List(Maybe::Perhaps(port)) | Value::OptList(Maybe::Surely(port)) => Some(*port),
            _ => None,
        });
        if !perhaps.is_empty() && self.rng.chance(50) {
            let (name, port) = self.rng.pick(&perhaps);
            let text = format!("{name}.clone().unwrap_or_default()");
            return Written::of(text, *port, |list: &Option<Vec<i64>>| list.clone().unwrap_or_default());
        }
        if !lists.is_empty() && self.rng.chance(80) {
            let (name, port) = self.rng.pick(&lists);
            return Written::whole(name, *port);
        }
        let (one, other) = (self.int(), self.int());
        let text = format!("vec![{}, {}]", one.inside(), other.inside());
        Written::with(text, &one, &other, |one, other| vec![one, other])
    }

    /// At most five elements of a `for`.
    fn items(&mut self) -> Written<Vec<i64>> {
        if self.rng.chance(25) {
            return self.list();
        }
        let count = self.int();
        let get = count.get.clone();
        let text = format!("0..i64::rem_euclid({}, 6)", count.inside());
        let get = Arc::new(move |scope: &Scope<'_>| (0..get(scope).rem_euclid(6)).collect());
        Written { text, reads: count.reads, whole: false, get }
    }

    fn condition(&mut self) -> Written<bool> {
        let options = self.readable(|value| match value {
            Value::Int(Maybe::Perhaps(port)) | Value::Opt(Maybe::Surely(port)) => Some(*port),
            _ => None,
        });
        if !options.is_empty() && self.rng.chance(40) {
            let (name, port) = self.rng.pick(&options);
            return Written::of(format!("{name}.is_some()"), *port, Option::is_some);
        }
        let (one, other) = (self.int(), self.int());
        let text = format!("i64::rem_euclid({}, 2) == i64::rem_euclid({}, 3)", one.inside(), other.inside());
        Written::with(text, &one, &other, |one, other| one.rem_euclid(2) == other.rem_euclid(3))
    }

    /// The workflow's result: a binding, or a sum of some.
    fn result(&mut self) -> Written<i64> {
        let first = self.whole();
        (0..self.rng.below(5)).fold(first, |whole, _| sum(&whole, &self.int()))
    }
}

fn sum(one: &Written<i64>, other: &Written<i64>) -> Written<i64> {
    let text = format!("i64::wrapping_add({}, {})", one.inside(), other.inside());
    Written::with(text, one, other, i64::wrapping_add)
}

fn add<'a>(list: impl IntoIterator<Item = &'a i64>) -> i64 {
    list.into_iter().fold(0, |sum, one| i64::wrapping_add(sum, *one))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value as Json, json};
    use workflow_runtime::{CalleeKind, NodeKind, Resources};

    use super::*;
    use crate::Walker;

    const SEEDS: u64 = 2000;

    async fn run(registry: &Registry, world: World) -> Result<Json, String> {
        let mut walker = Walker::new(registry).resources(Resources::new().with_state(world));
        for (value, event) in (11_i64..).zip(["sig0", "sig1", "sig2", "sig3"]) {
            walker = walker.signal(event, value);
        }
        walker.run("Sim0", json!({ "n": 4 })).await.map_err(|error| error.to_string())
    }

    /// A world in which one call of five fails, always the same ones.
    fn failing() -> World {
        World::new(|name, _, inputs| {
            let given = mix(name, inputs);
            let result = if given % 5 == 0 { Err(AgentError::permanent(name.to_owned())) } else { Ok(given) };
            Box::pin(std::future::ready(result))
        })
    }

    #[tokio::test]
    async fn they_are_valid_and_mean_one_thing() {
        let mut results = BTreeMap::new();
        for seed in 0..SEEDS {
            let build =
                || registry(seed, 4 + seed as usize % 20).unwrap_or_else(|wrong| panic!("{seed}: {wrong}"));
            let (one, other) = (build(), build());
            let result = run(&one, World::pure()).await;
            assert!(result.is_ok(), "seed {seed}: {result:?}");
            assert_eq!(result, run(&other, World::pure()).await, "seed {seed}");
            assert_eq!(run(&one, failing()).await, run(&other, failing()).await, "seed {seed}");
            *results.entry(result.unwrap().to_string()).or_insert(0) += 1;
        }
        assert!(results.len() > 1000, "{} results", results.len());
    }

    #[test]
    fn every_form_occurs() {
        let mut counts = BTreeMap::new();
        for seed in 0..SEEDS {
            for workflow in registry(seed, 4 + seed as usize % 20).unwrap().workflows() {
                for node in &workflow.plan().definition().nodes {
                    let mut count = |what, here| *counts.entry(what).or_insert(0) += u32::from(here);
                    count("after", !node.after.is_empty());
                    count("optional", node.optional);
                    count("timeout", node.options.timeout.is_some());
                    count("retry", node.options.retry.is_some());
                    count("concurrency", node.options.concurrency.is_some());
                    count("deep", node.path.matches('/').count() > 3);
                    match &node.kind {
                        NodeKind::Step(step) => {
                            count("step", true);
                            count("child", step.callee.kind == CalleeKind::Workflow);
                            count("or", !step.or.is_empty());
                            count("undo", step.undo.is_some());
                        }
                        NodeKind::If { .. } => count("if", true),
                        NodeKind::For { .. } => count("for", true),
                        NodeKind::Repeat { .. } => count("repeat", true),
                        NodeKind::Sleep { .. } => count("sleep", true),
                        NodeKind::Signal { .. } => count("signal", true),
                    }
                }
            }
        }
        eprintln!("{counts:?}");
        assert!(counts.values().all(|count| *count >= 20), "{counts:?}");
    }
}
