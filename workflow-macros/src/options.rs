//! The options that agents, steps and workflows share.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, ExprLit, Lit, LitStr, Path};

use crate::setting::{Setting, number, string};

const DURATION: &str = "a duration in quotes, like \"30s\", \"5m\" or \"1h30m\"";

/// The names of the options, for messages; `version`, `concurrency` and the like are words users must be able to find.
pub(crate) const OPTIONS: [&str; 14] = [
    "retry",
    "timeout",
    "deadline",
    "queue",
    "priority",
    "concurrency",
    "rate",
    "heartbeat",
    "version",
    "tags",
    "role",
    "on_success",
    "on_retry",
    "on_failure",
];

/// Options as they were set, checked one by one and against each other.
#[derive(Default)]
pub(crate) struct OptionSet {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<String>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) rate: Option<(u32, Duration)>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) version: Option<u32>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) role: Option<String>,
    hooks: Vec<(&'static str, Path)>,
}

/// How failed attempts are made again.
pub(crate) struct Retry {
    pub(crate) max: u32,
    first: Option<Duration>,
    factor: Option<f64>,
    cap: Option<Duration>,
}

impl OptionSet {
    /// Takes a setting if it is an option; says whether it is.
    pub(crate) fn set(&mut self, setting: &Setting) -> syn::Result<bool> {
        match setting.key.to_string().as_str() {
            "retry" => self.retry = Some(retry(setting)?),
            "timeout" => self.timeout = Some(duration(setting)?),
            "deadline" => self.deadline = Some(duration(setting)?),
            "queue" => self.queue = Some(name(setting, "the queue's name in quotes")?),
            "priority" => self.priority = Some(priority(setting)?),
            "concurrency" => self.concurrency = Some(setting.number(1, "a whole number, like 8")?),
            "rate" => self.rate = Some(rate(setting)?),
            "heartbeat" => self.heartbeat = Some(duration(setting)?),
            "version" => self.version = Some(setting.number(0, "a whole number, like 2")?),
            "tags" => self.tags = setting.strings("tags in quotes, like \"billing\"")?,
            "role" => self.role = Some(name(setting, "the role's name in quotes")?),
            "on_success" => self.hook("on_success", setting)?,
            "on_retry" => self.hook("on_retry", setting)?,
            "on_failure" => self.hook("on_failure", setting)?,
            _ => return Ok(false),
        }
        self.contradiction(setting)?;
        Ok(true)
    }

    fn hook(&mut self, event: &'static str, setting: &Setting) -> syn::Result<()> {
        self.hooks.push((event, setting.path("the path of a function that takes `&Outcome<'_>`")?));
        Ok(())
    }

    /// What the newest setting contradicts among the earlier ones.
    fn contradiction(&self, setting: &Setting) -> syn::Result<()> {
        if let (Some(heartbeat), Some(timeout)) = (self.heartbeat, self.timeout)
            && heartbeat >= timeout
            && (setting.key == "heartbeat" || setting.key == "timeout")
        {
            let (heartbeat, timeout) = (show(heartbeat), show(timeout));
            let message = format!(
                "heartbeat {heartbeat} is not shorter than timeout {timeout}, so it can never be noticed"
            );
            return Err(syn::Error::new(setting.span(), message));
        }
        Ok(())
    }

    /// Whether nothing is set that an `Options` holds.
    pub(crate) fn is_empty(&self) -> bool {
        self.setters().is_empty()
    }

    /// An expression of type `Options`.
    pub(crate) fn tokens(&self) -> TokenStream {
        let setters = self.setters();
        quote!(__rt::Options::new() #(#setters)*)
    }

    fn setters(&self) -> Vec<TokenStream> {
        let mut setters = Vec::new();
        if let Some(retry) = &self.retry {
            let retry = retry.tokens();
            setters.push(quote!(.retry(#retry)));
        }
        if let Some(timeout) = self.timeout {
            let timeout = duration_tokens(timeout);
            setters.push(quote!(.timeout(#timeout)));
        }
        if let Some(queue) = &self.queue {
            setters.push(quote!(.queue(#queue)));
        }
        if let Some(priority) = &self.priority {
            let variant = quote::format_ident!("{}", capitalized(priority));
            setters.push(quote!(.priority(__rt::Priority::#variant)));
        }
        if let Some(concurrency) = self.concurrency {
            setters.push(quote!(.concurrency(__rt::at_least_one(#concurrency))));
        }
        if let Some((count, per)) = self.rate {
            let per = duration_tokens(per);
            setters.push(quote!(.rate(__rt::Rate { count: __rt::at_least_one(#count), per: #per })));
        }
        if let Some(deadline) = self.deadline {
            let deadline = duration_tokens(deadline);
            setters.push(quote!(.deadline(#deadline)));
        }
        if let Some(heartbeat) = self.heartbeat {
            let heartbeat = duration_tokens(heartbeat);
            setters.push(quote!(.heartbeat(#heartbeat)));
        }
        if let Some(version) = self.version {
            setters.push(quote!(.version(#version)));
        }
        let tags = &self.tags;
        setters.extend(tags.iter().map(|tag| quote!(.tag(#tag))));
        if let Some(role) = &self.role {
            setters.push(quote!(.role(#role)));
        }
        setters
    }

    /// An expression of type `Hooks`; none when there is no hook.
    pub(crate) fn hook_tokens(&self) -> Option<TokenStream> {
        let setters = self.hooks.iter().map(|(event, path)| {
            let event = quote::format_ident!("{event}");
            let span = syn::spanned::Spanned::span(path);
            quote_spanned!(span=> .#event(|__outcome| __rt::HookResult::into_result(#path(__outcome))))
        });
        (!self.hooks.is_empty()).then(|| quote!(__rt::Hooks::new() #(#setters)*))
    }

    /// The options as short words, for pictures and documentation: `("timeout", "30s")`.
    pub(crate) fn words(&self) -> Vec<(&'static str, String)> {
        let mut words = Vec::new();
        let mut say = |key, value: Option<String>| words.extend(value.map(|value| (key, value)));
        say("retry", self.retry.as_ref().map(|retry| retry.max.to_string()));
        say("timeout", self.timeout.map(show));
        say("deadline", self.deadline.map(show));
        say("queue", self.queue.clone());
        say("priority", self.priority.clone());
        say("concurrency", self.concurrency.map(|count| count.to_string()));
        say("rate", self.rate.map(|(count, per)| format!("{count}/{}", show(per))));
        say("heartbeat", self.heartbeat.map(show));
        say("version", self.version.map(|version| version.to_string()));
        let tags: Vec<String> = self.tags.iter().map(LitStr::value).collect();
        say("tags", (!tags.is_empty()).then(|| tags.join(", ")));
        say("role", self.role.clone());
        words
    }
}

impl Retry {
    fn tokens(&self) -> TokenStream {
        let max = self.max;
        let first = self.first.map(duration_tokens).map(|first| quote!(.first(#first)));
        let factor = self.factor.map(|factor| quote!(.factor(#factor)));
        let cap = self.cap.map(duration_tokens).map(|cap| quote!(.cap(#cap)));
        quote!(__rt::Retry::new(#max) #first #factor #cap)
    }
}

fn retry(setting: &Setting) -> syn::Result<Retry> {
    let mut retry = Retry { max: 3, first: None, factor: None, cap: None };
    let (unnamed, named) = setting.fields(&["max", "first", "factor", "cap"])?;
    if let Some(max) = unnamed {
        retry.max = number(max, 1, "how many attempts may follow the first, like 3")?;
    } else if named.is_empty() {
        let message = "`retry` needs a value: `retry(3)`, or `retry(max = 3, first = \"1s\", factor = 2, cap = \"5m\")`";
        return Err(syn::Error::new_spanned(&setting.key, message));
    }
    for (name, value) in named {
        match name.to_string().as_str() {
            "max" => retry.max = number(value, 1, "how many attempts may follow the first, like 3")?,
            "first" => retry.first = Some(duration_value(value)?),
            "factor" => retry.factor = Some(factor(value)?),
            _ => retry.cap = Some(duration_value(value)?),
        }
    }
    if let (Some(first), Some(cap)) = (retry.first, retry.cap)
        && cap < first
    {
        let message = format!("cap {} is below the first delay {}; raise it", show(cap), show(first));
        return Err(syn::Error::new(setting.span(), message));
    }
    Ok(retry)
}

fn factor(value: &Expr) -> syn::Result<f64> {
    let factor = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) => literal.base10_parse::<f64>().ok(),
        Expr::Lit(ExprLit { lit: Lit::Float(literal), .. }) => literal.base10_parse::<f64>().ok(),
        _ => None,
    };
    factor
        .filter(|factor| *factor >= 1.0 && factor.is_finite())
        .ok_or_else(|| syn::Error::new_spanned(value, "expected a number that is at least 1, like 2 or 1.5"))
}

fn name(setting: &Setting, what: &str) -> syn::Result<String> {
    let literal = setting.string(what)?;
    if literal.value().trim().is_empty() {
        return Err(syn::Error::new(
            literal.span(),
            format!("`{}` is empty; name it, or leave it out", setting.key),
        ));
    }
    Ok(literal.value())
}

fn priority(setting: &Setting) -> syn::Result<String> {
    const KNOWN: [&str; 4] = ["low", "normal", "high", "critical"];
    let literal = setting.string("\"low\", \"normal\", \"high\" or \"critical\"")?;
    let value = literal.value();
    if KNOWN.contains(&value.as_str()) {
        return Ok(value);
    }
    let near = crate::errors::nearest_or_all(&value, KNOWN.into_iter());
    let message = format!("there is no priority `{value}`{near}");
    Err(syn::Error::new(literal.span(), message))
}

fn rate(setting: &Setting) -> syn::Result<(u32, Duration)> {
    let rate = setting.parsed("a rate in quotes, like \"10/s\" or \"100/1m\"", workflow_graph::parse_rate)?;
    Ok((rate.count, rate.per))
}

fn duration(setting: &Setting) -> syn::Result<Duration> {
    not_zero(setting.parsed(DURATION, workflow_graph::parse_duration)?, setting.span())
}

fn duration_value(value: &Expr) -> syn::Result<Duration> {
    let literal = string(value, DURATION)?;
    let time = workflow_graph::parse_duration(&literal.value())
        .map_err(|error| syn::Error::new(literal.span(), error))?;
    not_zero(time, literal.span())
}

fn not_zero(time: Duration, span: proc_macro2::Span) -> syn::Result<Duration> {
    if time.is_zero() {
        return Err(syn::Error::new(
            span,
            "a duration of nothing has no use here; leave the option out, or say how long",
        ));
    }
    Ok(time)
}

/// An expression of type `Duration`.
pub(crate) fn duration_tokens(time: Duration) -> TokenStream {
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    quote!(__rt::Duration::new(#seconds, #nanos))
}

fn show(time: Duration) -> String {
    workflow_graph::format_duration(time)
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
