//! Jobs that are carried from one store to another, as lines of JSON.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use serde_json::Deserializer;

use super::acting::counted;
use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::stores::Stores;
use crate::act::{Act, Done};
use crate::builder::RuntimeBuilder;
use crate::job_id::JobId;
use crate::store::{Filter, Store, StoreError};
use crate::transfer::Export;

pub(super) fn export(
    store: &dyn Store,
    jobs: &[JobId],
    children: bool,
    out: Option<&Path>,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let jobs = if children { with_children(store, jobs)? } else { jobs.to_vec() };
    let read = |id: JobId| Export::read(store, id)?.ok_or_else(|| Refusal::no_job(id, store));
    let Some(path) = out else {
        return jobs.into_iter().try_for_each(|id| output.in_a_line(&read(id)?));
    };
    let wrong = |error: io::Error| {
        Refusal::new(Exit::Failed, format!("{}: cannot be written: {error}", path.display()))
    };
    let mut file = BufWriter::new(File::create_new(path).map_err(wrong)?);
    for id in &jobs {
        serde_json::to_writer(&mut file, &read(*id)?).map_err(|error| wrong(error.into()))?;
        file.write_all(b"\n").map_err(wrong)?;
    }
    file.into_inner().map_err(|error| wrong(error.into_error()))?.sync_all().map_err(wrong)?;
    output.show(&serde_json::json!({ "exported": jobs.len(), "file": path }), |output| {
        output.line(format!("{} in {}", counted(jobs.len()), path.display()))
    })
}

/// These jobs, and before each those that it waits for, or did: so they are imported.
fn with_children(store: &dyn Store, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
    let (mut order, mut known) = (Vec::new(), BTreeSet::new());
    let mut open: Vec<(JobId, bool)> = jobs.iter().rev().map(|job| (*job, false)).collect();
    while let Some((job, children_are_there)) = open.pop() {
        if children_are_there {
            order.push(job);
        } else if known.insert(job) {
            open.push((job, true));
            let children = store.list(&Filter { parent: Some(job), ..Filter::default() })?;
            open.extend(children.iter().map(|child| (child.id, false)));
        }
    }
    Ok(order)
}

pub(super) fn import(
    builder: RuntimeBuilder,
    stores: &Stores,
    file: &Path,
    output: &mut Output<'_>,
) -> Result<Exit, Refusal> {
    let text = read(file)?;
    let exports = Deserializer::from_str(&text).into_iter::<serde_json::Value>();
    let mut acts = Vec::new();
    for (number, export) in (1..).zip(exports) {
        let wrong =
            |what: String| Refusal::new(Exit::BadInput, format!("{}: job {number}: {what}", file.display()));
        let export = export.map_err(|error| wrong(format!("it is no JSON: {error}")))?;
        let export: Export = export.to_string().parse().map_err(|error| wrong(format!("{error}")))?;
        acts.push(Act::Import { export: Box::new(export) });
    }
    if acts.is_empty() {
        return Err(Refusal::new(Exit::BadInput, format!("{}: there is no job in it", file.display())));
    }
    let (mut worst, mut jobs) = (Exit::Done, Vec::new());
    stores.act_each(builder, acts, &mut |came| {
        match came {
            Ok(Done::Job { job }) => {
                jobs.push(job);
                if !output.json {
                    output.line(job.to_string())?;
                }
            }
            Ok(_) => {}
            Err(refusal) => {
                worst = worst.max(refusal.exit);
                let said = refusal.message;
                match output.json {
                    true => output.in_a_line(&serde_json::json!({ "error": said }))?,
                    false => output.line(format!("not imported: {said}"))?,
                }
            }
        }
        Ok(())
    })?;
    if output.json {
        output.in_a_line(&serde_json::json!({ "imported": jobs }))?;
    }
    Ok(worst)
}

fn read(file: &Path) -> Result<String, Refusal> {
    let wrong = |error: io::Error| {
        Refusal::new(Exit::BadInput, format!("{}: cannot be read: {error}", file.display()))
    };
    if file.as_os_str() != "-" {
        return fs::read_to_string(file).map_err(wrong);
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).map_err(wrong)?;
    Ok(text)
}
