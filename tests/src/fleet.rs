//! Several processes on one database, to which things happen at random: they are killed, stopped for longer than their
//! lease and woken, sent home, and the database is restarted under them. Somebody outside keeps their history.
//!
//! The programs are told what to do as [`killing`](crate::killing) says, and one thing more: `leave`, to shut down and
//! leave what is not over to others. All of them, and who watches them, write to one pipe, so that what is told is told in
//! the order in which it happened.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use private_postgres::Server;

use crate::history::{Event, Line, Rules, check};
use crate::random::Rng;
use crate::workload;

/// What runs, and how often something happens to it.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The program.
    pub program: PathBuf,
    /// Its arguments; the last one, the number of the process, comes behind them.
    pub arguments: Vec<String>,
    /// Decides what happens when; not what it does then.
    pub seed: u64,
    /// How many processes there are at once.
    pub nodes: usize,
    /// How many jobs each has at once.
    pub jobs: usize,
    /// How often something happens.
    pub rounds: u32,
    /// For how long a process is stopped, at least.
    pub lease: Duration,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Sailed {
    /// The history, of all processes.
    pub history: Vec<Line>,
    /// How many lines were cut.
    pub torn: usize,
    /// How often each thing happened.
    pub mishaps: BTreeMap<&'static str, u32>,
    /// How many jobs were asked for.
    pub asked: usize,
}

/// Whoever says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// For how long nothing may be heard of a [victim](Fleet::of_victims).
pub const LEASE: Duration = Duration::from_secs(2);

struct Sea<'a> {
    fleet: &'a Fleet,
    pipe: PipeWriter,
    lines: Receiver<Vec<u8>>,
    ships: BTreeMap<u32, Child>,
    last: u32,
    seen: Sailed,
}

impl Fleet {
    /// Three processes of the program `victim`, with three jobs each, in a schema of their own.
    pub fn of_victims(program: impl Into<PathBuf>, database: &Server, seed: u64, rounds: u32) -> Self {
        let schema = format!("fleet_{seed}");
        let arguments = vec![format!("{} {schema}", database.address())];
        Self { program: program.into(), arguments, seed, nodes: 3, jobs: 3, rounds, lease: LEASE }
    }

    /// Lets things happen, and all jobs end at last.
    ///
    /// # Errors
    /// When a program does not start, ends by itself, hangs, or tells what is no history.
    pub fn run(&self, database: &Server) -> Result<Sailed, String> {
        let mut rng = Rng::new(self.seed);
        let (output, pipe) = std::io::pipe().map_err(|error| format!("there is no pipe: {error}"))?;
        let (to, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
            lines.filter(|line| !line.is_empty()).all(|line| to.send(line).is_ok())
        });
        let mut sea =
            Sea { fleet: self, pipe, lines, ships: BTreeMap::new(), last: 0, seen: Sailed::default() };
        for _ in 0..self.rounds {
            while sea.ships.len() < self.nodes {
                sea.launch()?;
            }
            sea.listen(1 + rng.below(150))?;
            let ships: Vec<u32> = sea.ships.keys().copied().collect();
            let victim = ships[usize::try_from(rng.below(ships.len() as u64)).unwrap_or(0)];
            let mishap = match rng.below(10) {
                0..=4 => sea.kill(victim)?,
                5 | 6 => sea.stop(victim)?,
                7 => sea.send_home(victim)?,
                _ => {
                    database.stop()?;
                    std::thread::sleep(Duration::from_millis(rng.below(500)));
                    database.resume()?;
                    "database"
                }
            };
            *sea.seen.mishaps.entry(mishap).or_default() += 1;
        }
        while sea.ships.len() > 1 {
            let (ship, _) = sea.ships.first_key_value().ok_or("there is none")?;
            let ship = *ship;
            sea.send_home(ship)?;
        }
        sea.end()?;
        Ok(sea.seen)
    }
}

impl Sailed {
    /// Judges what was seen; gives what happened, in a line.
    ///
    /// # Errors
    /// Names what must not be.
    pub fn judge(&self) -> Result<String, String> {
        // How many attempts a queue runs at once, each process sees to by itself.
        let rules = Rules { limits: BTreeMap::new(), ..workload::rules() };
        let found = check(&self.history, &rules);
        if !found.is_empty() {
            return Err(format!("{found:#?}"));
        }
        let count =
            |wanted: fn(&Event) -> bool| self.history.iter().filter(|line| wanted(&line.event)).count();
        let accepted = count(|event| matches!(event, Event::Accepted { .. }));
        let kept = count(|event| matches!(event, Event::Kept(_)));
        if kept < accepted || accepted == 0 || self.torn > self.mishaps.values().sum::<u32>() as usize {
            return Err(format!("{accepted} were accepted, {kept} are kept, {} lines are cut", self.torn));
        }
        Ok(format!("{:?}: {} asked, {accepted} accepted, {kept} kept", self.mishaps, self.asked))
    }
}

impl Sea<'_> {
    fn launch(&mut self) -> Result<(), String> {
        self.last += 1;
        let pipe = self.pipe.try_clone().map_err(|error| format!("there is no pipe: {error}"))?;
        let mut command = Command::new(&self.fleet.program);
        command.args(&self.fleet.arguments).arg(self.last.to_string());
        let child = command.stdin(Stdio::piped()).stdout(pipe).spawn();
        let shown = self.fleet.program.display();
        self.ships.insert(self.last, child.map_err(|error| format!("{shown} cannot be started: {error}"))?);
        (0..self.fleet.jobs).try_for_each(|_| self.ask(self.last))
    }

    /// Tells what happens to a process, in its place among what they tell.
    fn note(&mut self, process: u32, event: Event) -> Result<(), String> {
        self.pipe.write_all(&Line { process, event }.to_bytes()).map_err(|error| error.to_string())
    }

    fn ask(&mut self, ship: u32) -> Result<(), String> {
        self.seen.asked += 1;
        let request = format!("r{}", self.seen.asked);
        self.note(ship, Event::Asked { request: request.clone() })?;
        self.say(ship, &format!("job {request}"));
        Ok(())
    }

    /// Who does not hear it any more was killed.
    fn say(&mut self, ship: u32, words: &str) {
        if let Some(input) = self.ships.get_mut(&ship).and_then(|child| child.stdin.as_mut()) {
            drop(writeln!(input, "{words}").and_then(|()| input.flush()));
        }
    }

    /// Listens until so many lines were told. For each job that is over, another is asked for.
    fn listen(&mut self, lines: u64) -> Result<(), String> {
        for _ in 0..lines {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.keep(&line)?,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("nobody has said anything for {PATIENCE:?}"));
                }
                Err(RecvTimeoutError::Disconnected) => return Err("the pipe is closed".to_owned()),
            }
        }
        Ok(())
    }

    /// Listens for a while.
    fn listen_for(&mut self, time: Duration) -> Result<(), String> {
        let until = Instant::now() + time;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.keep(&line)?;
        }
        Ok(())
    }

    fn keep(&mut self, line: &[u8]) -> Result<(), String> {
        match std::str::from_utf8(line).ok().and_then(Line::parse) {
            Some(line) => {
                let asks = matches!(line.event, Event::Told { .. }).then_some(line.process);
                self.seen.history.push(line);
                match asks.filter(|ship| self.ships.contains_key(ship)) {
                    Some(ship) => self.ask(ship),
                    None => Ok(()),
                }
            }
            None => {
                self.seen.torn += 1;
                Ok(())
            }
        }
    }

    fn kill(&mut self, ship: u32) -> Result<&'static str, String> {
        let mut child = self.ships.remove(&ship).ok_or("it is there")?;
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("process {ship} ended by itself: {status}"));
        }
        child.kill().and_then(|()| child.wait()).map_err(|error| format!("it cannot be killed: {error}"))?;
        self.note(ship, Event::Died)?;
        Ok("killed")
    }

    fn stop(&mut self, ship: u32) -> Result<&'static str, String> {
        self.signal(ship, "STOP")?;
        self.note(ship, Event::Stopped)?;
        self.listen_for(self.fleet.lease * 3 / 2)?;
        self.signal(ship, "CONT")?;
        Ok("stopped")
    }

    fn signal(&mut self, ship: u32, signal: &str) -> Result<(), String> {
        let child = self.ships.get(&ship).ok_or("it is there")?;
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        sent.map(drop).map_err(|error| format!("kill: {error}"))
    }

    fn send_home(&mut self, ship: u32) -> Result<&'static str, String> {
        self.say(ship, "leave");
        let mut child = self.ships.remove(&ship).ok_or("it is there")?;
        let since = Instant::now();
        let status = loop {
            self.listen_for(Duration::from_millis(20))?;
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if since.elapsed() > PATIENCE {
                drop(child.kill());
                return Err(format!("process {ship} does not leave"));
            }
        };
        if !status.success() {
            return Err(format!("process {ship} leaves with {status}"));
        }
        self.note(ship, Event::Died)?;
        Ok("left")
    }

    /// The last lets all jobs end, and tells what is kept.
    fn end(&mut self) -> Result<(), String> {
        let (ship, mut child) = self.ships.pop_first().ok_or("there is none")?;
        let mut input = child.stdin.take().ok_or("its input is piped")?;
        drop(writeln!(input, "end").and_then(|()| input.flush()));
        let mut since = Instant::now();
        let mut told = 0;
        let status = loop {
            self.listen_for(Duration::from_millis(50))?;
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if self.seen.history.len() > told {
                (told, since) = (self.seen.history.len(), Instant::now());
            }
            if since.elapsed() > PATIENCE {
                drop(child.kill());
                return Err(format!("process {ship} does not end"));
            }
        };
        self.note(ship, Event::Died)?;
        self.listen_for(Duration::from_millis(50))?;
        if status.success() { Ok(()) } else { Err(format!("the last process failed: {status}")) }
    }
}
