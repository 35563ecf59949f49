//! Random expressions over what a place of a workflow can read: their text, their reads, and their code.

use std::sync::Arc;

use workflow_runtime::__private::Maybe;
use workflow_runtime::{Port, Scope, Slot};

use super::maker::Maker;

type Code<T> = dyn Fn(&Scope<'_>) -> T + Send + Sync;

/// An expression, and its code.
pub(super) struct Written<T> {
    pub(super) text: String,
    pub(super) reads: Vec<Slot>,
    /// Whether it is a binding and nothing else.
    whole: bool,
    get: Arc<Code<T>>,
}

impl<T: 'static> Written<T> {
    /// A binding and nothing else.
    pub(super) fn whole(name: &str, port: Port<T>) -> Self
    where
        T: Clone,
    {
        Self { whole: true, ..Self::of(name.to_owned(), port, T::clone) }
    }

    /// What a function makes of a binding.
    pub(super) fn of<A: 'static>(
        text: String,
        port: Port<A>,
        make: impl Fn(&A) -> T + Send + Sync + 'static,
    ) -> Self {
        let get = Arc::new(move |scope: &Scope<'_>| make(scope.get(port)));
        Self { text, reads: vec![port.slot()], whole: false, get }
    }

    /// What a function makes of two expressions.
    pub(super) fn with<A: 'static, B: 'static>(
        text: String,
        one: &Written<A>,
        other: &Written<B>,
        make: impl Fn(A, B) -> T + Send + Sync + 'static,
    ) -> Self {
        let mut reads = one.reads.clone();
        reads.extend(other.reads.iter().filter(|slot| !one.reads.contains(slot)));
        Self { text, reads, whole: false, get: one.both(other, make).into() }
    }

    /// Code that goes on with the value.
    pub(super) fn then<R>(&self, make: impl Fn(T) -> R + Send + Sync + 'static) -> Box<Code<R>> {
        let get = self.get.clone();
        Box::new(move |scope| make(get(scope)))
    }

    /// Code that goes on with this value and another.
    pub(super) fn both<B: 'static, R>(
        &self,
        other: &Written<B>,
        make: impl Fn(T, B) -> R + Send + Sync + 'static,
    ) -> Box<Code<R>> {
        let other = other.get.clone();
        let get = self.get.clone();
        Box::new(move |scope| make(get(scope), other(scope)))
    }

    /// What a definition says of it.
    pub(super) fn parts(&self) -> (&str, &[Slot]) {
        (&self.text, &self.reads)
    }

    /// Its text inside of an expression, where a binding is a reference.
    pub(super) fn inside(&self) -> String {
        format!("{}{}", if self.whole { "*" } else { "" }, self.text)
    }
}

/// A binding: of one of these types, or, when it stands behind an `if`, perhaps.
#[derive(Clone)]
pub(super) enum Value {
    Unit(Maybe<()>),
    Int(Maybe<i64>),
    Opt(Maybe<Option<i64>>),
    List(Maybe<Vec<i64>>),
    OptList(Maybe<Option<Vec<i64>>>),
}

#[derive(Clone)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) value: Value,
}

impl Maker<'_> {
    /// All that `of` finds among what can be read here.
    fn readable<T>(&self, of: impl Fn(&Value) -> Option<Port<T>>) -> Vec<(String, Port<T>)> {
        self.visible.iter().filter_map(|binding| Some((binding.name.clone(), of(&binding.value)?))).collect()
    }

    /// A binding that is a number; the input is always one.
    pub(super) fn whole(&mut self) -> Written<i64> {
        let numbers = self.readable(|value| match value {
            Value::Int(Maybe::Surely(port)) => Some(*port),
            _ => None,
        });
        let (name, port) = self.rng.pick(&numbers);
        Written::whole(name, *port)
    }

    /// A number made of any one binding.
    pub(super) fn int(&mut self) -> Written<i64> {
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
    pub(super) fn argument(&mut self) -> Written<i64> {
        match self.rng.below(100) {
            0..45 => self.whole(),
            45..70 => sum(&self.whole(), &self.int()),
            _ => self.int(),
        }
    }

    /// A number that may be missing; one that is known to be there if there is no other.
    pub(super) fn opt(&mut self) -> Written<Option<i64>> {
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
        let (text, get) = (format!("Some({})", number.inside()), number.then(Some).into());
        Written { text, reads: number.reads, whole: false, get }
    }

    pub(super) fn list(&mut self) -> Written<Vec<i64>> {
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
    pub(super) fn items(&mut self) -> Written<Vec<i64>> {
        if self.rng.chance(25) {
            return self.list();
        }
        let count = self.int();
        let text = format!("0..i64::rem_euclid({}, 6)", count.inside());
        let get = count.then(|count| (0..count.rem_euclid(6)).collect()).into();
        Written { text, reads: count.reads, whole: false, get }
    }

    pub(super) fn condition(&mut self) -> Written<bool> {
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
    pub(super) fn result(&mut self) -> Written<i64> {
        let first = self.whole();
        (0..self.rng.below(5)).fold(first, |whole, _| sum(&whole, &self.int()))
    }
}

/// The sum of two numbers, wrapped round.
pub(super) fn sum(one: &Written<i64>, other: &Written<i64>) -> Written<i64> {
    let text = format!("i64::wrapping_add({}, {})", one.inside(), other.inside());
    Written::with(text, one, other, i64::wrapping_add)
}

fn add<'a>(list: impl IntoIterator<Item = &'a i64>) -> i64 {
    list.into_iter().fold(0, |sum, one| i64::wrapping_add(sum, *one))
}
