//! What is told of what was found.

use std::io;

use serde_json::{Value as Json, json};

use super::finding::{Findings, Level};
use super::{program, schedules, store};
use crate::builder::RuntimeBuilder;
use crate::cli::output::Output;
use crate::cli::refusal::{Exit, Refusal};
use crate::cli::stores::Stores;
use crate::config::{By, Effective, Settings};

/// Looks at everything; says whether all of it works.
pub(in crate::cli) fn doctor(
    builder: RuntimeBuilder,
    version: Option<&str>,
    stores: &Stores,
    output: &mut Output<'_>,
) -> Result<Exit, Refusal> {
    let mut findings = Findings::default();
    let registry = program::registry(&builder, version, &mut findings);
    let mut effective = Vec::new();
    let mut settings = Settings::default();
    if let Some(registry) = &registry {
        settings = program::settings(&builder, registry, &mut findings);
        effective = builder.code(registry).effective(&settings);
        program::needs(&builder, registry, &mut findings);
    }
    if let Some(store) = store::reached(stores, &mut findings) {
        store::clock(&*store, &mut findings)?;
        store::jobs(&*store, registry.as_deref(), &mut findings)?;
        schedules::schedules(&*store, registry.as_deref(), &settings, &mut findings)?;
    }
    if let (Stores::Database(_), Some(registry)) = (stores, &registry) {
        program::served(&builder, registry, &settings, &mut findings);
    }
    let (errors, warnings) = (findings.count(Level::Error), findings.count(Level::Warning));
    let document = json!({
        "errors": errors,
        "warnings": warnings,
        "findings": findings.0,
        "settings": effective.iter().map(document).collect::<Vec<_>>(),
    });
    output.show(&document, |output| {
        tell(&findings, output)?;
        tell_settings(&effective, output)?;
        output.line("")?;
        output.line(match (errors, warnings) {
            (0, 0) => "all is well".to_owned(),
            (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
        })
    })?;
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn tell(findings: &Findings, output: &mut Output<'_>) -> io::Result<()> {
    for finding in &findings.0 {
        output.line(format!("{:<8} {:<14} {}", finding.level.name(), finding.about, finding.what))?;
        if let Some(cure) = &finding.cure {
            output.line(format!("{:<23} → {cure}", ""))?;
        }
    }
    Ok(())
}

fn tell_settings(effective: &[Effective], output: &mut Output<'_>) -> io::Result<()> {
    if effective.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let titles = ["SETTING", "IS", "SET BY", "IN THE PLACE OF"].map(str::to_owned);
    let row = |set: &Effective| {
        let over = set.over.as_ref().map(|(value, by)| format!("{value}, {}", who(by)));
        [set.name.clone(), set.value.clone(), who(&set.by), over.unwrap_or_default()]
    };
    output.table(&std::iter::once(titles).chain(effective.iter().map(row)).collect::<Vec<_>>())
}

fn who(by: &By) -> String {
    match by {
        By::Declared(at) => format!("code {}:{}", at.file, at.line),
        By::SetUp => "code that sets the runtime up".to_owned(),
        By::Operator(origin) => origin.to_string(),
    }
}

fn document(set: &Effective) -> Json {
    let over = set.over.as_ref().map(|(value, by)| json!({ "value": value, "by": who(by) }));
    json!({ "name": set.name, "value": set.value, "by": who(&set.by), "over": over })
}
