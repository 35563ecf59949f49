//! Random statements.

use std::num::NonZeroU32;
use std::time::Duration;

use workflow_runtime::__private::{Call, Elements, Maybe, Wire, alike};
use workflow_runtime::prelude::*;
use workflow_runtime::{Arm, Options, Port, Retry};

use super::callees::{Carried, give_back, maybe, one, spare, total, two, zero};
use super::expression::{Binding, Value, Written, sum};
use super::{Change, Rng};

pub(super) const QUEUES: [&str; 3] = ["red", "green", "blue"];
pub(super) const PRIORITIES: [Priority; 4] =
    [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
const DEPTH: usize = 3;
/// Longer than any workflow made here takes by its timers.
const LONG: Duration = Duration::from_secs(10_000 * 24 * 3600);

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
pub(super) struct Maker<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) wire: Wire,
    pub(super) children: Vec<&'static Carried>,
    /// How many child calls may follow.
    pub(super) calls: usize,
    /// The signals that nothing waits for yet.
    pub(super) signals: Vec<&'static str>,
    /// What can be read here.
    pub(super) visible: Vec<Binding>,
    /// What can be waited for here: of earlier phases, then of each block around this place.
    pub(super) steps: Vec<Vec<String>>,
    /// The names that the other arms of the `if`s around this place bind.
    pub(super) wanted: Vec<Vec<Binding>>,
    /// How many steps may follow.
    pub(super) left: usize,
    /// How many loops are around this place.
    pub(super) loops: usize,
    /// How many names there are.
    pub(super) named: usize,
    /// The line that the last statement would stand on.
    pub(super) line: u32,
    /// What is to be otherwise, and how many statements, or calls of `one`, come before.
    pub(super) change: Option<(Change, usize)>,
}

impl Maker<'_> {
    /// A block: what it binds, and what its steps are called.
    pub(super) fn block(&mut self, depth: usize) -> (Vec<Binding>, Vec<String>) {
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
        let last = match depth < DEPTH && self.left > 0 && self.rng.chance(15) {
            true => self.repeat(None, depth),
            false => self.call(None),
        };
        self.steps.pop();
        self.loops -= 1;
        self.visible.truncate(outer);
        self.wanted = wanted;
        last
    }

    fn statement(&mut self, depth: usize) {
        if self.is_changed(|change| matches!(change, Change::Add)) {
            let line = self.line();
            self.wire.step::<zero>("added", line, "zero", &[], |_| Call::new(()));
        }
        let nests = depth < DEPTH && self.left > 1;
        self.left = self.left.saturating_sub(1);
        match self.rng.below(100) {
            0..14 if nests => self.branch(depth),
            14..26 if nests => self.each(depth),
            26..36 if nests => self.number(|maker, name| maker.repeat(Some(name), depth)),
            36..44 => self.sleep(),
            44..54 if self.loops == 0 && !self.signals.is_empty() => self.number(Self::signal),
            _ => self.number(|maker, name| maker.call(Some(name))),
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
        let line = self.line();
        let port = if self.rng.chance(30) {
            let by = self.int();
            let text = format!("Duration::from_millis(i64::rem_euclid({}, 50).unsigned_abs())", by.inside());
            let make = by.then(|by| sleep(Duration::from_millis(by.rem_euclid(50).unsigned_abs())));
            self.wire.sleep(&name, line, (&text, &by.reads), make)
        } else {
            let unit = *self.rng.pick(&[1, 1, 1000, 60_000, 3_600_000]);
            let time = Duration::from_millis((1 + self.rng.below(50)) * unit);
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

    /// A call of an agent or of a workflow; without a name it is called what its callee is called.
    fn call(&mut self, bound: Option<&str>) -> Port<i64> {
        let line = self.line();
        let calls = self.calls;
        let port = match self.rng.below(100) {
            0..12 if self.calls > 0 && self.loops < 2 && !self.children.is_empty() => {
                self.calls -= 1;
                let child = *self.rng.pick(&self.children);
                let n = self.argument();
                (child.call)(&mut self.wire, bound.unwrap_or(child.name), line, child.name, n)
            }
            0..18 => self.wire.step::<zero>(bound.unwrap_or("zero"), line, "zero", &[], |_| Call::new(())),
            18..36 => {
                let (a, b) = (self.argument(), self.argument());
                let make = a.both(&b, |a, b| Call::new((a, b)));
                let arguments = [a.parts(), b.parts()];
                self.wire.step::<two>(bound.unwrap_or("two"), line, "two", &arguments, make)
            }
            36..54 => {
                let (a, b) = (self.opt(), self.argument());
                let make = a.both(&b, |a, b| Call::new((a, b)));
                let arguments = [a.parts(), b.parts()];
                self.wire.step::<maybe>(bound.unwrap_or("maybe"), line, "maybe", &arguments, make)
            }
            54..70 => {
                let list = self.list();
                let make = list.then(|list| Call::new((list,)));
                self.wire.step::<total>(bound.unwrap_or("total"), line, "total", &[list.parts()], make)
            }
            _ => self.one(bound, line),
        };
        self.settings(self.calls < calls);
        if let Some(name) = bound
            && self.rng.chance(20)
        {
            self.undo(name, port);
        }
        port
    }

    /// Whether this is the place of a change like this.
    fn is_changed(&mut self, is_it: impl Fn(Change) -> bool) -> bool {
        match &mut self.change {
            Some((change, 0)) if is_it(*change) => self.change.take().is_some(),
            Some((change, before)) if is_it(*change) => {
                *before -= 1;
                false
            }
            _ => false,
        }
    }

    fn one(&mut self, bound: Option<&str>, line: u32) -> Port<i64> {
        let mut a = self.argument();
        if self.is_changed(|change| matches!(change, Change::Argument)) {
            a = sum(&a, &a);
        }
        let name = bound.unwrap_or("one");
        let port = match self.is_changed(|change| matches!(change, Change::Callee)) {
            true => {
                let make = a.then(|a| Call::new((a,)));
                self.wire.step::<spare>(name, line, "spare", &[a.parts()], make)
            }
            false => {
                let make = a.then(|a| Call::new((a,)));
                self.wire.step::<one>(name, line, "one", &[a.parts()], make)
            }
        };
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
        self.wire.undo::<give_back>("give_back", &[value.parts()], value.then(|value| Call::new((value,))));
    }

    /// What is set for the call just made.
    fn settings(&mut self, is_child: bool) {
        let mut options = Options::new();
        if self.rng.chance(30) {
            let (times, delay) = (self.rng.below(4) as u32, 1 + self.rng.below(9));
            options = options.retry(Retry::new(times).first(Duration::from_millis(delay)));
        }
        if self.rng.chance(15) {
            let short = Duration::from_secs(1 + self.rng.below(60));
            options = options.timeout(if is_child { LONG } else { short });
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
        let form = self.wire.branch(&name, line, condition.parts(), condition.then(|holds| holds));
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
        let make = items.then(Elements::of);
        let (form, element) = self.wire.each(&name, line, &item, items.parts(), make);
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

    fn repeat(&mut self, bound: Option<&str>, depth: usize) -> Port<i64> {
        let (first, carried, line) = (self.argument(), self.fresh(), self.line());
        let name = &bound.map_or_else(|| format!("repeat {carried}"), str::to_owned);
        let max = self.rng.below(5) as u32;
        let (form, port) =
            self.wire.repeat(name, line, &carried, first.parts(), max, first.then(|first| first));
        self.loop_options(Options::new());
        let mut condition = Written::of(format!("{carried} % 3 != 0"), port, |value| value % 3 != 0);
        if self.rng.chance(30) {
            let bound = self.int();
            let text = format!("{} && {} != 5", condition.text, bound.inside());
            condition = Written::with(text, &condition, &bound, |goes_on, bound| goes_on && bound != 5);
        }
        self.wire.while_(form, condition.parts(), condition.then(|holds| holds));
        self.visible.push(Binding { name: carried, value: Value::Int(Maybe::Surely(port)) });
        let last = self.body(depth + 1);
        self.visible.pop();
        self.wire.again(form, name, port, last)
    }

    /// What is set for the loop just begun.
    fn loop_options(&mut self, mut options: Options) {
        if self.rng.chance(10) {
            options = options.timeout(LONG);
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
}
