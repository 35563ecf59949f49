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
    Child,
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

impl Shape {
    /// The words above the blocks inside, if it has any.
    pub(crate) fn heading(&self) -> Option<String> {
        match self {
            Self::If { condition, .. } => Some(format!("if {condition}")),
            Self::For { each, .. } => Some(format!("for {each}")),
            Self::Repeat { carried, condition, max, .. } => {
                Some(format!("repeat {carried} while {condition} max {max}"))
            }
            _ => None,
        }
    }

    /// The blocks inside, each with its word.
    pub(crate) fn blocks(&self) -> Vec<(&'static str, &Block)> {
        match self {
            Self::If { then, otherwise, .. } => {
                let otherwise = (!otherwise.items.is_empty()).then_some(("else", otherwise));
                std::iter::once(("then", then)).chain(otherwise).collect()
            }
            Self::For { body, .. } | Self::Repeat { body, .. } => vec![("", body)],
            _ => Vec::new(),
        }
    }
}
