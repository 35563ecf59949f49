//! The attributes of workflows and statements: options, and what only they can have.

use syn::{Attribute, Expr, Ident, LitStr, Path};

use super::model::Expression;
use crate::agent::check_name;
use crate::errors::{Errors, listed, nearest_or_all};
use crate::options::{OPTIONS, OptionSet};
use crate::setting::Setting;

/// What is set for a workflow.
#[derive(Default)]
pub(super) struct WorkflowSettings {
    pub(super) name: Option<LitStr>,
    pub(super) options: OptionSet,
}

/// What is set for a step.
#[derive(Default)]
pub(super) struct StepSettings {
    pub(super) options: OptionSet,
    pub(super) optional: bool,
    pub(super) after: Vec<Ident>,
    pub(super) or: Vec<Path>,
    pub(super) undo: Option<Undo>,
}

/// What takes a step back.
pub(super) struct Undo {
    pub(super) path: Path,
    /// What was written in the brackets; checked later, where the bindings are known.
    pub(super) written: Option<Vec<Expr>>,
    /// The same, checked; none means the step's result.
    pub(super) arguments: Option<Vec<Expression>>,
}

/// What an attribute may stand on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Call,
    If,
    For,
    Repeat,
    Sleep,
    Signal,
}

impl Place {
    fn named(self) -> &'static str {
        match self {
            Self::Call => "a step",
            Self::If => "an `if`",
            Self::For => "a `for`",
            Self::Repeat => "a `repeat`",
            Self::Sleep => "a `sleep`",
            Self::Signal => "a `signal`",
        }
    }

    fn allows(self, key: &str) -> bool {
        match self {
            Self::Call => true,
            Self::If => key == "after",
            Self::For => matches!(key, "after" | "optional" | "concurrency" | "timeout"),
            Self::Repeat => matches!(key, "after" | "optional" | "timeout"),
            Self::Sleep => key == "after",
            Self::Signal => matches!(key, "after" | "optional" | "timeout"),
        }
    }
}

const STEP_ONLY: [&str; 4] = ["after", "optional", "or", "undo"];
const WORKFLOW: [&str; 9] =
    ["name", "timeout", "queue", "priority", "concurrency", "rate", "version", "tags", "role"];

/// Reads the attributes of a statement.
pub(super) fn step_settings(attributes: &[Attribute], place: Place, errors: &mut Errors) -> StepSettings {
    let mut settings = StepSettings::default();
    for setting in distinct(attributes, errors) {
        let result = settings.set(&setting, place);
        errors.take(result);
    }
    settings
}

impl StepSettings {
    fn set(&mut self, setting: &Setting, place: Place) -> syn::Result<()> {
        let key = setting.key.to_string();
        let known = || STEP_ONLY.into_iter().chain(OPTIONS);
        if !known().any(|known| known == key) {
            let message = format!("a step has no option `{key}`{}", nearest_or_all(&key, known()));
            return Err(syn::Error::new_spanned(&setting.key, message));
        }
        if !place.allows(&key) {
            return Err(syn::Error::new_spanned(&setting.key, misplaced(&key, place, known())));
        }
        match key.as_str() {
            "after" => self.after = setting.names("the names of steps, like `#[after(facts)]`")?,
            "optional" => {
                setting.flag()?;
                self.optional = true;
            }
            "or" => self.or = setting.paths("the path of an agent that takes and gives the same")?,
            "undo" => {
                let (path, written) = setting.call("the path of an agent that takes the step's result")?;
                self.undo = Some(Undo { path, written, arguments: None });
            }
            _ => _ = self.options.set(setting)?,
        }
        Ok(())
    }
}

fn misplaced<'a>(key: &str, place: Place, known: impl Iterator<Item = &'a str>) -> String {
    let allowed: Vec<&str> = known.filter(|key| place.allows(key)).collect();
    let cure = match place {
        Place::For | Place::Repeat => "; set it on the call inside",
        Place::If => "; set it on the calls inside",
        _ => "",
    };
    format!("{} cannot have `{key}`{cure}; it can have {}", place.named(), listed(allowed))
}

/// Reads the attributes of a workflow; gives back those that are not options.
pub(super) fn workflow_settings(
    attributes: &[Attribute],
    errors: &mut Errors,
) -> (WorkflowSettings, Vec<Attribute>) {
    let mut settings = WorkflowSettings::default();
    let is_foreign = |attribute: &&Attribute| {
        ["doc", "cfg", "cfg_attr", "derive", "allow", "expect", "warn", "deny", "deprecated", "must_use"]
            .iter()
            .any(|known| attribute.path().is_ident(known))
    };
    let foreign = attributes.iter().filter(is_foreign).cloned().collect();
    let ours: Vec<Attribute> =
        attributes.iter().filter(|attribute| !is_foreign(attribute)).cloned().collect();
    for setting in distinct(&ours, errors) {
        let result = settings.set(&setting);
        errors.take(result);
    }
    (settings, foreign)
}

impl WorkflowSettings {
    fn set(&mut self, setting: &Setting) -> syn::Result<()> {
        let key = setting.key.to_string();
        if !WORKFLOW.contains(&key.as_str()) {
            let near = nearest_or_all(&key, WORKFLOW.into_iter());
            let message = match OPTIONS.contains(&key.as_str()) || STEP_ONLY.contains(&key.as_str()) {
                true => format!("a workflow cannot have `{key}`; set it on its steps, or on their agents"),
                false => format!("a workflow has no option `{key}`{near}"),
            };
            return Err(syn::Error::new_spanned(&setting.key, message));
        }
        if key == "name" {
            let name = setting.string("the name in quotes")?;
            check_name(&name)?;
            self.name = Some(name);
            return Ok(());
        }
        self.options.set(setting).map(drop)
    }
}

/// The attributes as settings, each key once; documentation is not a setting.
fn distinct(attributes: &[Attribute], errors: &mut Errors) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| !attribute.path().is_ident("doc")) {
        let Some(setting) = errors.take(Setting::from_attribute(&attribute.meta)) else { continue };
        if settings.iter().any(|earlier| earlier.key == setting.key) {
            errors.at(&setting.key, format!("`{}` is set twice; keep one", setting.key));
        } else {
            settings.push(setting);
        }
    }
    settings
}
