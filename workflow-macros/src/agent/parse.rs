//! From tokens to an [`Agent`].

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::{FnArg, GenericArgument, ItemFn, LitStr, Pat, PathArguments, ReturnType, Type};

use super::model::{Agent, Parameter, last_name};
use crate::description::description;
use crate::errors::{Errors, nearest_or_all};
use crate::options::{OPTIONS, OptionSet};
use crate::schema::check_schema;
use crate::setting::Setting;

const AGENT_ONLY: [&str; 4] = ["name", "description", "input_schema", "output_schema"];
const MOST_VALUES: usize = 12;

/// Understands the attribute and the function. Errors in the options leave the rest usable; errors in the signature
/// leave nothing.
pub(super) fn parse(attribute: TokenStream, function: &ItemFn, errors: &mut Errors) -> Option<Agent> {
    let settings = errors.take(Setting::parse_list.parse2(attribute)).unwrap_or_default();
    let settings = Settings::read(&settings, errors);
    let signature_is_right = check_signature(function, errors);
    let parameters = parameters(function, errors);
    if !signature_is_right {
        return None;
    }
    let (output, fallible) = output(&function.sig.output);
    Some(Agent {
        name: settings.name.map_or_else(|| unraw(&function.sig.ident), |name| name.value()),
        description: settings
            .description
            .map_or_else(|| description(&function.attrs), |description| description.value()),
        function: function.clone(),
        parameters: parameters?,
        output,
        fallible,
        options: settings.options,
        input_schema: settings.input_schema,
        output_schema: settings.output_schema,
    })
}

fn unraw(ident: &syn::Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

#[derive(Default)]
struct Settings {
    name: Option<LitStr>,
    description: Option<LitStr>,
    input_schema: Option<LitStr>,
    output_schema: Option<LitStr>,
    options: OptionSet,
}

impl Settings {
    fn read(settings: &[Setting], errors: &mut Errors) -> Self {
        let mut read = Self::default();
        for (index, setting) in settings.iter().enumerate() {
            if settings[..index].iter().any(|earlier| earlier.key == setting.key) {
                errors.at(&setting.key, format!("`{}` is set twice; keep one", setting.key));
                continue;
            }
            let result = read.set(setting);
            errors.take(result);
        }
        read
    }

    fn set(&mut self, setting: &Setting) -> syn::Result<()> {
        match setting.key.to_string().as_str() {
            "name" => self.name = Some(agent_name(setting)?),
            "description" => self.description = Some(setting.string("the description in quotes")?),
            "input_schema" => self.input_schema = Some(schema(setting)?),
            "output_schema" => self.output_schema = Some(schema(setting)?),
            key => {
                if !self.options.set(setting)? {
                    let near = nearest_or_all(key, AGENT_ONLY.into_iter().chain(OPTIONS));
                    let message = format!("an agent has no option `{key}`{near}");
                    return Err(syn::Error::new_spanned(&setting.key, message));
                }
            }
        }
        Ok(())
    }
}

fn agent_name(setting: &Setting) -> syn::Result<LitStr> {
    let name = setting.string("the name in quotes")?;
    check_name(&name)?;
    Ok(name)
}

/// Names are identities that a journal remembers and people type: no blanks, no slashes.
pub(crate) fn check_name(name: &LitStr) -> syn::Result<()> {
    let value = name.value();
    if value.is_empty() {
        return Err(syn::Error::new(
            name.span(),
            "the name is empty; leave `name` out to use the item's own",
        ));
    }
    let odd = |letter: &char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':'));
    if let Some(letter) = value.chars().find(odd) {
        let message = format!("a name cannot hold {letter:?}; use letters, digits, `_`, `-`, `.` and `:`");
        return Err(syn::Error::new(name.span(), message));
    }
    Ok(())
}

fn schema(setting: &Setting) -> syn::Result<LitStr> {
    let literal = setting.string("a JSON Schema in a string, like r#\"{\"type\": \"object\"}\"#")?;
    check_schema(&literal.value()).map_err(|problem| syn::Error::new(literal.span(), problem))?;
    Ok(literal)
}

fn check_signature(function: &ItemFn, errors: &mut Errors) -> bool {
    let signature = &function.sig;
    let mut right = true;
    let mut wrong = |tokens: &dyn quote::ToTokens, message: &str| {
        errors.at(&tokens, message);
        right = false;
    };
    if signature.asyncness.is_none() {
        wrong(&signature.fn_token, "an agent is an async function; write `async fn`");
    }
    if let Some(generic) = signature.generics.params.first() {
        wrong(
            generic,
            "an agent cannot be generic: it is registered once, by name; write one agent for each type, \
             which may share a generic function",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        wrong(clause, "an agent cannot have a `where` clause; it has no generic parameters");
    }
    if let Some(variadic) = &signature.variadic {
        wrong(variadic, "an agent cannot have variable arguments");
    }
    if let syn::Safety::Unsafe(unsafety) = &signature.safety {
        wrong(
            unsafety,
            "an agent cannot be unsafe, for the runtime calls it; put an `unsafe` block inside it",
        );
    }
    right
}

fn parameters(function: &ItemFn, errors: &mut Errors) -> Option<Vec<Parameter>> {
    let mut parameters = Vec::new();
    let mut right = true;
    for argument in &function.sig.inputs {
        match parameter(argument) {
            Ok(parameter) => parameters.push(parameter),
            Err(error) => {
                errors.push(error);
                right = false;
            }
        }
    }
    let values = parameters.iter().filter(|parameter| matches!(parameter, Parameter::Value { .. }));
    if values.count() > MOST_VALUES {
        let message = format!("an agent takes at most {MOST_VALUES} values; gather some of them in a struct");
        errors.at(&function.sig.inputs, message);
        right = false;
    }
    right.then_some(parameters)
}

fn parameter(argument: &FnArg) -> syn::Result<Parameter> {
    let argument = match argument {
        FnArg::Typed(argument) => argument,
        FnArg::Receiver(receiver) => {
            let message = "an agent is a function of its own, without `self`; what it needs of an object, \
                           take as `State<T>`";
            return Err(syn::Error::new_spanned(receiver, message));
        }
    };
    let name = match &*argument.pat {
        Pat::Ident(pattern) if pattern.subpat.is_none() && pattern.by_ref.is_none() => Some(&pattern.ident),
        _ => None,
    };
    if let Some(injected) = injected(name, &argument.ty) {
        return Ok(injected);
    }
    if let Some(lent) = lent(&argument.ty) {
        let name = name.map_or_else(|| "_".to_owned(), ToString::to_string);
        let message = format!("the runtime lends an agent its `{lent}`: write `{name}: &{lent}`");
        return Err(syn::Error::new_spanned(&argument.ty, message));
    }
    if let Type::Reference(reference) = &*argument.ty {
        return Err(syn::Error::new_spanned(reference, borrowed(reference)));
    }
    if let Type::ImplTrait(ty) = &*argument.ty {
        let message =
            "an agent's parameter has one type, which gives its schema; name it instead of `impl Trait`";
        return Err(syn::Error::new_spanned(ty, message));
    }
    match name {
        Some(name) => Ok(Parameter::Value { name: name.clone(), ty: (*argument.ty).clone() }),
        None => Err(syn::Error::new_spanned(
            &argument.pat,
            "a parameter needs a name, which is its key in the input; take the pattern apart inside the function",
        )),
    }
}

fn borrowed(reference: &syn::TypeReference) -> String {
    let ty = crate::text::type_text(&reference.elem);
    let owned = match ty.as_str() {
        "str" => "String".to_owned(),
        "Path" => "PathBuf".to_owned(),
        slice if slice.starts_with('[') => format!("Vec<{}>", slice.trim_matches(['[', ']'])),
        other => other.to_owned(),
    };
    format!(
        "an agent owns its input; take `{owned}` (references are for `&TaskContext`, `&TaskManager`, \
         `task_id: &str` and `job_id: &str`)"
    )
}

/// What is not input but comes from the runtime, by its type or, for the two ids, by its name.
fn injected(name: Option<&syn::Ident>, ty: &Type) -> Option<Parameter> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => {
            let Type::Path(path) = &*reference.elem else { return None };
            match (last_name(&path.path).as_str(), name.map(ToString::to_string).as_deref()) {
                ("TaskContext", _) => Some(Parameter::Context),
                ("TaskManager", _) => Some(Parameter::Manager),
                ("str", Some("task_id" | "_task_id")) => Some(Parameter::TaskId),
                ("str", Some("job_id" | "_job_id")) => Some(Parameter::JobId),
                _ => None,
            }
        }
        Type::Path(path) => {
            let inner = first_generic(ty)?;
            match last_name(&path.path).as_str() {
                "State" => Some(Parameter::State(inner.clone())),
                "Pooled" => Some(Parameter::Pooled(inner.clone())),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What an agent is only lent, where a type asks for more: for all of it, or to change it.
fn lent(ty: &Type) -> Option<String> {
    let ty = match ty {
        Type::Reference(reference) => &*reference.elem,
        owned => owned,
    };
    let Type::Path(path) = ty else { return None };
    Some(last_name(&path.path)).filter(|name| matches!(name.as_str(), "TaskContext" | "TaskManager"))
}

/// What the agent gives, and whether it may fail: `Result` is known by its name, so that `anyhow::Result<T>` and
/// other aliases of that name work.
fn output(output: &ReturnType) -> (Type, bool) {
    let ReturnType::Type(_, ty) = output else { return (syn::parse_quote!(()), false) };
    if let Type::Path(path) = &**ty
        && last_name(&path.path) == "Result"
        && let Some(success) = first_generic(ty)
    {
        return (success.clone(), true);
    }
    ((**ty).clone(), false)
}

fn first_generic(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
