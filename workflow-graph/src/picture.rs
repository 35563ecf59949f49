//! A workflow as it is drawn.

/// A workflow as it is drawn: phases from top to bottom, what is in them, and what leads where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// The workflow's name.
    pub title: String,
    /// The phases' names, top to bottom.
    pub bands: Vec<String>,
    /// Everything in it.
    pub body: Block,
}

/// Items side by side, and what leads from one to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The items, in order of appearance.
    pub items: Vec<Item>,
    /// The links between them. Those that name no item, or would lead back, are not drawn.
    pub links: Vec<Link>,
}

/// One box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The phase it is in; none for inputs, which stand before all phases, for outputs, which stand behind them, and
    /// for what is inside another item.
    pub band: Option<usize>,
    /// What it is called.
    pub name: String,
    /// What it does: the agent that it calls, the time it waits, the type it holds.
    pub detail: String,
    /// What it is.
    pub shape: Shape,
    /// What else there is to say, in short words.
    pub marks: Vec<String>,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A part of the input.
    Input,
    /// The output.
    Output,
    /// A call of an agent.
    Step,
    /// A call of a workflow.
    Child {
        /// The name of that workflow.
        workflow: String,
        /// Its picture, if it is drawn in place.
        inside: Option<Box<Picture>>,
    },
    /// A timer.
    Sleep,
    /// A wait for an event.
    Signal,
    /// One of two blocks.
    If {
        /// What decides.
        condition: String,
        /// When it holds.
        then: Block,
        /// When it does not; may be empty.
        otherwise: Block,
    },
    /// A block for each element.
    For {
        /// `chunk in chunks`.
        each: String,
        /// The block.
        body: Block,
    },
    /// A block again and again.
    Repeat {
        /// The name of what goes round.
        carried: String,
        /// What must hold for another round.
        condition: String,
        /// The most rounds.
        max: u32,
        /// The block.
        body: Block,
    },
}

/// What leads from one item to another, by their places in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The earlier item.
    pub from: usize,
    /// The later item.
    pub to: usize,
    /// What is handed over.
    pub kind: LinkKind,
}

/// What a link hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A value.
    Data,
    /// Only the turn.
    Order,
}

impl Item {
    /// The words above the blocks inside, if it has any.
    pub(crate) fn heading(&self) -> Option<String> {
        Some(match &self.shape {
            Shape::Child { workflow, inside: Some(_) } => format!("{}: workflow {workflow}", self.name),
            Shape::If { condition, .. } => format!("if {condition}"),
            Shape::For { each, .. } => format!("for {each}"),
            Shape::Repeat { carried, condition, max, .. } => {
                format!("repeat {carried} while {condition} max {max}")
            }
            _ => return None,
        })
    }
}

impl Shape {
    /// The blocks inside.
    pub(crate) fn blocks(&self) -> Vec<Inside<'_>> {
        let plain = |word, block| Inside { word, block, bands: &[] };
        match self {
            Self::If { then, otherwise, .. } => {
                let otherwise = (!otherwise.items.is_empty()).then(|| plain("else", otherwise));
                std::iter::once(plain("then", then)).chain(otherwise).collect()
            }
            Self::For { body, .. } | Self::Repeat { body, .. } => vec![plain("", body)],
            Self::Child { inside: Some(inside), .. } => {
                vec![Inside { word: "", block: &inside.body, bands: &inside.bands }]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it is something that a job does, and has a path.
    pub(crate) fn is_step(&self) -> bool {
        !matches!(self, Self::Input | Self::Output)
    }
}

/// A block inside an item.
pub(crate) struct Inside<'a> {
    /// Which of several it is: the word above it, and what stands in the paths of its items.
    pub(crate) word: &'static str,
    /// The block.
    pub(crate) block: &'a Block,
    /// The phases' names, if it has phases.
    pub(crate) bands: &'a [String],
}

impl Inside<'_> {
    /// What the paths of its items begin with, if its own item has this path.
    pub(crate) fn prefix(&self, path: &str) -> String {
        prefix(path, self.word)
    }
}

fn prefix(path: &str, word: &str) -> String {
    if word.is_empty() { format!("{path}/") } else { format!("{path}/{word}/") }
}

/// A workflow that calls itself could be opened for ever.
const DEEPEST: usize = 8;

impl Picture {
    /// Draws workflows that it calls in place. `inside` is asked for the picture of each, by the path of the step and the
    /// name of the workflow, and then for those that are called in there, eight deep at most.
    ///
    /// A step's path is its name behind those of what it stands in: `review/then/checked`, `vectors/embed`; inside of a
    /// workflow that is drawn in place, behind the path of the step that calls it: `pay/charge`.
    pub fn open(&mut self, mut inside: impl FnMut(&str, &str) -> Option<Picture>) {
        self.body.open("", DEEPEST, &mut inside);
    }
}

impl Block {
    fn open(&mut self, before: &str, deep: usize, inside_of: &mut dyn FnMut(&str, &str) -> Option<Picture>) {
        for item in &mut self.items {
            let path = format!("{before}{}", item.name);
            match &mut item.shape {
                Shape::If { then, otherwise, .. } => {
                    then.open(&prefix(&path, "then"), deep, inside_of);
                    otherwise.open(&prefix(&path, "else"), deep, inside_of);
                }
                Shape::For { body, .. } | Shape::Repeat { body, .. } => {
                    body.open(&prefix(&path, ""), deep, inside_of);
                }
                Shape::Child { workflow, inside } if deep > 0 => {
                    let opened = inside_of(&path, workflow).map(|mut picture| {
                        picture.body.open(&prefix(&path, ""), deep - 1, inside_of);
                        Box::new(picture)
                    });
                    *inside = opened;
                }
                _ => {}
            }
        }
    }
}
