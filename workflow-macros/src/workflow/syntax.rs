//! A workflow as written.

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, LitInt, LitStr, Path, Type, Visibility};

/// `pub workflow Answer(question: Question) -> Receipt { … }`.
pub(super) struct Workflow {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) inputs: Vec<Input>,
    pub(super) output: Option<Type>,
    pub(super) phases: Vec<Phase>,
    pub(super) result: Option<Expr>,
    /// The closing brace, where an error about what is missing stands.
    pub(super) end: Span,
}

/// `question: Question`.
pub(super) struct Input {
    pub(super) attributes: Vec<Attribute>,
    pub(super) name: Ident,
    pub(super) ty: Type,
}

/// `phase prepare { … }`.
pub(super) struct Phase {
    pub(super) name: Ident,
    pub(super) statements: Vec<Statement>,
}

/// One statement, with its attributes.
pub(super) struct Statement {
    pub(super) attributes: Vec<Attribute>,
    /// The name that is bound.
    pub(super) binding: Option<Ident>,
    pub(super) form: Form,
}

/// What a statement does.
#[expect(clippy::large_enum_variant, reason = "a workflow has few of them, and each is made once")]
pub(super) enum Form {
    /// `ask_model(question, model)`.
    Call(Call),
    /// `if … { … } else { … }`.
    If(If),
    /// `for chunk in chunks { … }`.
    For(For),
    /// `repeat draft while … max 5 { … }`.
    Repeat(Repeat),
    /// `sleep("10m")`.
    Sleep {
        /// The path that was written.
        path: Path,
        time: Expr,
    },
    /// `signal::<Approval>("approve")`.
    Signal {
        /// The path that was written, with its type.
        path: Path,
        event: LitStr,
    },
}

/// A call of an agent or a workflow.
pub(super) struct Call {
    pub(super) path: Path,
    pub(super) arguments: Vec<Expr>,
    /// Where its arguments stand, their parentheses included.
    pub(super) parens: Span,
}

/// Two blocks by a condition.
pub(super) struct If {
    pub(super) keyword: Span,
    pub(super) condition: Expr,
    pub(super) then: Vec<Statement>,
    pub(super) otherwise: Vec<Statement>,
}

/// A block for each element.
pub(super) struct For {
    pub(super) item: Ident,
    pub(super) items: Expr,
    pub(super) body: Body,
}

/// A block again and again.
pub(super) struct Repeat {
    pub(super) carried: Ident,
    /// What it begins with; the binding of the same name, when it is not said.
    pub(super) first: Option<Expr>,
    pub(super) condition: Expr,
    pub(super) max: LitInt,
    pub(super) body: Body,
}

/// Steps that end in one whose result is the block's.
pub(super) struct Body {
    pub(super) statements: Vec<Statement>,
    pub(super) last: Option<Box<Statement>>,
    /// The closing brace.
    pub(super) end: Span,
}
