//! A program that is killed again and again, at random, and started again, while somebody outside keeps its history.
//!
//! The program is started with its own arguments and, as the last one, the number of its process. It hears commands on
//! its standard input, a line each, and tells its history on its standard output, by a
//! [`Recorder`](crate::history::Recorder):
//!
//! - `job REQUEST`: submit a job, and tell that it is accepted; tell its result when there is one.
//! - `end`: hear nothing more, wait until all jobs are over, tell of each what is kept, and end.
//!
//! What it has begun it goes on with when it is started again. It is killed by the operating system, without notice:
//! after so many lines of its history, or after a while, whatever it does then.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::history::{Event, Line};
use crate::random::Rng;

/// What is killed, and how often.
#[derive(Debug, Clone)]
pub struct Killing {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Decides when it is killed; not what it does until then.
    pub seed: u64,
    /// How often it is killed.
    pub kills: u32,
    /// How many jobs it has at once.
    pub jobs: usize,
    /// How many lines it tells at most before it is killed.
    pub lines: u64,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Killed {
    /// The history, of all processes.
    pub history: Vec<Line>,
    /// How many lines were cut: no more than processes were killed.
    pub torn: usize,
    /// How many processes were killed.
    pub kills: u32,
    /// How many jobs were asked for.
    pub asked: usize,
}

/// Whoever says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

impl Killing {
    /// Kills, and lets it end at last.
    ///
    /// # Errors
    /// When the program does not start, hangs, ends by itself before its time, or tells what is no history.
    pub fn run(&self) -> Result<Killed, String> {
        let mut rng = Rng::new(self.seed);
        let mut killed = Killed::default();
        for process in 1..=self.kills {
            let mut victim = self.start(process)?;
            // Now and then it does not even come to say a word.
            let lines = if rng.chance(15) { 0 } else { 1 + rng.below(self.lines) };
            let while_ = match lines {
                0 => rng.below(20_000),
                _ if rng.chance(50) => 0,
                _ => rng.below(1500),
            };
            for _ in 0..self.jobs {
                victim.ask(&mut killed);
            }
            victim.listen(lines, &mut killed)?;
            std::thread::sleep(Duration::from_micros(while_));
            victim.kill(&mut killed)?;
            killed.kills += 1;
            if killed.torn > killed.kills as usize {
                return Err(format!("{} lines are cut after {} kills", killed.torn, killed.kills));
            }
        }
        let mut victim = self.start(self.kills + 1)?;
        for _ in 0..self.jobs {
            victim.ask(&mut killed);
        }
        victim.end(&mut killed)?;
        Ok(killed)
    }

    fn start(&self, process: u32) -> Result<Victim, String> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(process.to_string());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        let output = child.stdout.take().ok_or("its output is piped")?;
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if !line.is_empty() && to.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Victim { child, process, lines })
    }
}

/// A process that runs.
struct Victim {
    child: Child,
    process: u32,
    lines: Receiver<Vec<u8>>,
}

impl Victim {
    fn ask(&mut self, killed: &mut Killed) {
        killed.asked += 1;
        let request = format!("r{}", killed.asked);
        killed.history.push(Line { process: self.process, event: Event::Asked { request: request.clone() } });
        self.say(&format!("job {request}"));
    }

    /// Who does not hear it any more was killed.
    fn say(&mut self, words: &str) {
        if let Some(input) = &mut self.child.stdin {
            let _ = writeln!(input, "{words}").and_then(|()| input.flush());
        }
    }

    /// Listens until so many lines were told. For each job that is over, another is asked for.
    fn listen(&mut self, lines: u64, killed: &mut Killed) -> Result<(), String> {
        for _ in 0..lines {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if self.keep(&line, killed) {
                        self.ask(killed);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(self.hangs()),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended_early()),
            }
        }
        Ok(())
    }

    /// Keeps a line; says whether a job is over.
    fn keep(&mut self, line: &[u8], killed: &mut Killed) -> bool {
        let line = std::str::from_utf8(line).ok().and_then(Line::parse);
        let is_over = line.as_ref().is_some_and(|line| matches!(line.event, Event::Told { .. }));
        match line {
            Some(line) => killed.history.push(line),
            None => killed.torn += 1,
        }
        is_over
    }

    fn drain(&mut self, killed: &mut Killed) -> Result<(), String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => drop(self.keep(&line, killed)),
                Err(RecvTimeoutError::Timeout) => return Err(self.hangs()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        killed.history.push(Line { process: self.process, event: Event::Died });
        Ok(())
    }

    fn kill(mut self, killed: &mut Killed) -> Result<(), String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(format!("process {} ended by itself: {status}", self.process));
        }
        self.child.kill().map_err(|error| format!("it cannot be killed: {error}"))?;
        self.drain(killed)?;
        self.child.wait().map_err(|error| error.to_string()).map(drop)
    }

    fn end(mut self, killed: &mut Killed) -> Result<(), String> {
        self.say("end");
        self.drain(killed)?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the last process failed: {status}")) }
    }

    fn hangs(&mut self) -> String {
        // It is of no use any more.
        let _ = self.child.kill();
        format!("process {} has said nothing for {PATIENCE:?}", self.process)
    }

    fn ended_early(&mut self) -> String {
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        format!("process {} ended by itself: {status}", self.process)
    }
}

/// The commands on the standard input of a victim, as they come, from a thread of its own.
pub fn commands() -> Receiver<String> {
    let (to, commands) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
    commands
}
