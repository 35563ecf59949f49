//! A runtime of two hundred lines, on plain SQLite: what the killing of processes is tried on. It can be told to do
//! something wrong: `stand_in FOLDER WRONG PROCESS`, where WRONG is `nothing` or one of [`Wrong`]'s.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError};

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use workflow_runtime::{Fact, JobId, JobState, Record, Timestamp};
use workflow_tests::history::{Began, Event, Kept, Outcome, Read, Recorder};
use workflow_tests::killing::commands;

/// The tasks of every job: a chain.
const TASKS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// A job is said to be accepted before it is written.
    Accepts,
    /// A step begins before it is written that it does, and before the outcome that it reads is.
    Hurries,
    /// Attempts are counted anew by every process.
    Miscounts,
    /// The result is told before it is written.
    Boasts,
    /// What was running when the process ended is forgotten.
    Forgets,
}

struct Runtime {
    db: Connection,
    wrong: Wrong,
    recorder: Recorder,
    journals: BTreeMap<JobId, Vec<Record>>,
    /// What is not written yet.
    unwritten: Vec<(JobId, Record)>,
    /// The jobs that were open when the process began.
    old: Vec<JobId>,
    process: u32,
    made: u32,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, wrong, process] = &arguments[..] else { panic!("stand_in FOLDER WRONG PROCESS") };
    let wrong = match wrong.as_str() {
        "accepts" => Wrong::Accepts,
        "hurries" => Wrong::Hurries,
        "miscounts" => Wrong::Miscounts,
        "boasts" => Wrong::Boasts,
        "forgets" => Wrong::Forgets,
        _ => Wrong::Nothing,
    };
    let process = process.parse().expect("a number");
    let recorder = Recorder::to(process, std::io::stdout());
    let mut runtime = Runtime::open(Path::new(folder), wrong, recorder, process).expect("it opens");
    runtime.serve(&commands()).expect("it works");
}

impl Runtime {
    fn open(folder: &Path, wrong: Wrong, recorder: Recorder, process: u32) -> rusqlite::Result<Self> {
        let db = Connection::open(folder.join("stand_in.db"))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS record
             (job TEXT, number INTEGER, json TEXT, PRIMARY KEY (job, number)) STRICT;",
        )?;
        let (journals, unwritten, old) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut runtime = Self { db, wrong, recorder, journals, unwritten, old, process, made: 0 };
        runtime.recover()?;
        Ok(runtime)
    }

    fn recover(&mut self) -> rusqlite::Result<()> {
        let mut read = self.db.prepare("SELECT job, json FROM record ORDER BY job, number")?;
        let rows = read.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        for row in rows {
            let (job, json) = row?;
            let job = job.parse().expect("an id");
            let record = serde_json::from_str(&json).expect("a record");
            self.journals.entry(job).or_default().push(record);
        }
        drop(read);
        self.old = self.open_jobs();
        Ok(())
    }

    fn open_jobs(&self) -> Vec<JobId> {
        let open = self.journals.iter().filter(|(_, journal)| outcome(journal).is_none());
        open.map(|(job, _)| *job).collect()
    }

    fn serve(&mut self, commands: &Receiver<String>) -> rusqlite::Result<()> {
        let mut is_ending = false;
        loop {
            let open = self.open_jobs();
            let command = match commands.try_recv() {
                Ok(command) => command,
                Err(_) if is_ending && open.is_empty() => break,
                Err(TryRecvError::Empty) if open.is_empty() => commands.recv().unwrap_or_default(),
                Err(_) => String::new(),
            };
            match command.split_once(' ') {
                Some(("job", request)) => self.submit(request)?,
                _ => is_ending |= command == "end",
            }
            for job in self.open_jobs() {
                self.step(job)?;
            }
        }
        self.report();
        Ok(())
    }

    fn add(&mut self, job: JobId, fact: Fact) {
        let record = Record { at: Timestamp::now(), fact };
        self.journals.entry(job).or_default().push(record.clone());
        self.unwritten.push((job, record));
    }

    /// Writes what is not written of a job.
    fn write(&mut self, job: JobId) -> rusqlite::Result<()> {
        let transaction = self.db.transaction()?;
        for (_, record) in self.unwritten.extract_if(.., |(own, _)| *own == job) {
            let json = serde_json::to_string(&record).expect("a record is JSON");
            transaction.execute(
                "INSERT INTO record SELECT ?1, count(*), ?2 FROM record WHERE job = ?1",
                (job.to_string(), json),
            )?;
        }
        transaction.commit()
    }

    fn submit(&mut self, request: &str) -> rusqlite::Result<()> {
        self.made += 1;
        let job = JobId::from_u128(u128::from(self.process) << 32 | u128::from(self.made));
        self.add(job, Fact::Begun);
        if self.wrong != Wrong::Accepts {
            self.write(job)?;
        }
        self.recorder.note(Event::Accepted { request: request.to_owned(), job });
        self.write(job)
    }

    /// One attempt of the first step that is not done.
    fn step(&mut self, job: JobId) -> rusqlite::Result<()> {
        if self.wrong == Wrong::Forgets && self.old.contains(&job) {
            self.add(job, Fact::JobSucceeded { output: json!(null).into() });
            return self.write(job);
        }
        let journal = &self.journals[&job];
        let outputs = outputs(journal);
        let task = outputs.len();
        let count = |record: &&Record| matches!(record.fact, Fact::Started { task: other, .. } if other as usize == task);
        let before = journal.iter().filter(count).count() as u32;
        let is_old = self.wrong == Wrong::Miscounts && self.old.contains(&job);
        let attempt = if is_old { 1 } else { before + 1 };
        let number = task as u32;
        self.add(job, Fact::Started { task: number, attempt });
        let output = if self.wrong == Wrong::Hurries {
            let output = self.run(job, task, attempt, outputs.last());
            self.write(job)?;
            output
        } else {
            self.write(job)?;
            self.run(job, task, attempt, outputs.last())
        };
        self.add(job, Fact::Succeeded { task: number, output: output.clone().into() });
        if task + 1 < TASKS.len() {
            return if self.wrong == Wrong::Hurries { Ok(()) } else { self.write(job) };
        }
        self.add(job, Fact::JobSucceeded { output: output.clone().into() });
        if self.wrong != Wrong::Boasts {
            self.write(job)?;
        }
        self.recorder.note(Event::Told { job, outcome: Outcome::Done(output) });
        self.write(job)
    }

    /// The agent.
    fn run(&self, job: JobId, task: usize, attempt: u32, input: Option<&Json>) -> Json {
        let name = TASKS[task].to_owned();
        let read = |value: &Json| Read { job, task: TASKS[task - 1].to_owned(), value: value.clone() };
        let (key, queue) = (format!("{job}/{name}"), Some("only".to_owned()));
        let reads = input.map(read).into_iter().collect();
        self.recorder.note(Event::Began(Began { job, task: name.clone(), attempt, key, queue, reads }));
        let output = json!({ "by": name, "attempt": attempt, "process": self.process });
        let outcome = Some(Outcome::Done(output.clone()));
        self.recorder.note(Event::Ended { job, task: name, attempt, outcome });
        output
    }

    fn report(&self) {
        for (job, journal) in &self.journals {
            self.recorder.note(Event::Kept(Box::new(Kept {
                job: *job,
                state: JobState::Succeeded,
                outcome: outcome(journal).map(Outcome::Done),
                tasks: TASKS.map(str::to_owned).to_vec(),
                journal: journal.clone(),
                tick: None,
            })));
        }
    }
}

fn outcome(journal: &[Record]) -> Option<Json> {
    journal.iter().find_map(|record| match &record.fact {
        Fact::JobSucceeded { output } => output.json().ok(),
        _ => None,
    })
}

fn outputs(journal: &[Record]) -> Vec<Json> {
    let output = |record: &Record| match &record.fact {
        Fact::Succeeded { output, .. } => output.json().ok(),
        _ => None,
    };
    journal.iter().filter_map(output).collect()
}
