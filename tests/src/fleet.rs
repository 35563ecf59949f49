//! Several processes on one database, to which things happen at random: they are killed, stopped for longer than their
//! lease and woken, sent home, and the database is restarted under them. Each has a network of its own, which is cut, is
//! slow, or is gone for longer than a lease; or each is on a [machine](crate::machine) of its own. Somebody outside keeps
//! their history.
//!
//! The programs are told what to do as [`killing`](crate::killing) says, and one thing more: `leave`, to shut down and
//! leave what is not over to others. All of them, and who watches them, write to one pipe, so that what is told is told in
//! the order in which it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use private_postgres::{Proxy, Server, Way};
use workflow_runtime::store::sqlx;
use workflow_runtime::{Fact, JobId};

use crate::history::{Event, Kept, Line, Rules, Tick, check};
use crate::machine::Machine;
use crate::random::Rng;
use crate::workload::{self, Books};

/// What runs, and how often something happens to it.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The program. It is told an address and a schema, and whether there is a pooler, as one argument, and the number of
    /// the process.
    pub program: PathBuf,
    /// The schema that all share.
    pub schema: String,
    /// Decides what happens when; not what it does then.
    pub seed: u64,
    /// How many processes there are at once.
    pub nodes: usize,
    /// How many jobs each has at once.
    pub jobs: usize,
    /// How often something happens.
    pub rounds: u32,
    /// A process is stopped, or its network gone, for longer than that.
    pub lease: Duration,
    /// What happens, and how often in as many rounds as these are together.
    pub deck: &'static [(Mishap, usize)],
    /// The machines, no fewer than there are processes; if there are none, all are on this one.
    pub machines: Vec<Arc<Machine>>,
    /// The port of a pooler that is before the database.
    pub pooler: Option<u16>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// A process is killed.
    Killed,
    /// A process stands still for longer than its lease.
    Stopped,
    /// A process is told to leave.
    Left,
    /// The database is restarted.
    Database,
    /// Connections of a process are cut: all at once, or one in the middle of what is asked or answered.
    Cut,
    /// What a process asks and hears comes late, until it is another's turn.
    Slow,
    /// A process hears nothing of its database for longer than its lease; then its connections go on, or are cut.
    Hole,
}

/// What happens to processes on this machine.
const HERE: &[(Mishap, usize)] = &[
    (Mishap::Killed, 6),
    (Mishap::Stopped, 2),
    (Mishap::Left, 2),
    (Mishap::Database, 3),
    (Mishap::Cut, 4),
    (Mishap::Slow, 2),
    (Mishap::Hole, 1),
];

/// What happens to machines.
const ELSEWHERE: &[(Mishap, usize)] =
    &[(Mishap::Killed, 1), (Mishap::Left, 1), (Mishap::Database, 1), (Mishap::Hole, 3)];

/// All of the deck, in an order of chance.
fn shuffled(deck: &[(Mishap, usize)], rng: &mut Rng) -> Vec<Mishap> {
    let mut deck: Vec<Mishap> = deck.iter().flat_map(|(mishap, times)| vec![*mishap; *times]).collect();
    for place in (1..deck.len()).rev() {
        deck.swap(place, usize::try_from(rng.below(place as u64 + 1)).unwrap_or(0));
    }
    deck
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Sailed {
    /// In which schema.
    pub schema: String,
    /// What was to happen.
    pub deck: &'static [(Mishap, usize)],
    /// The history, of all processes.
    pub history: Vec<Line>,
    /// How many lines were cut.
    pub torn: usize,
    /// What happened, and to which process, unless it was to all.
    pub mishaps: Vec<(Mishap, u32)>,
    /// How many jobs were asked for.
    pub asked: usize,
    /// How often each job is in the books that it writes by the transaction of a step.
    pub books: BTreeMap<JobId, i64>,
    /// Why it came to no end: a program did not start, ended by itself, or hung.
    pub trouble: Option<String>,
}

/// Whoever says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// For how long nothing may be heard of a [victim](Fleet::of_victims).
pub const LEASE: Duration = Duration::from_secs(2);

struct Sea<'a> {
    fleet: &'a Fleet,
    database: &'a Server,
    rng: Rng,
    pipe: PipeWriter,
    lines: Receiver<Vec<u8>>,
    ships: BTreeMap<u32, Ship>,
    last: u32,
    seen: Sailed,
}

/// A process, and its way to the database.
struct Ship {
    child: Child,
    network: Network,
}

enum Network {
    Proxy(Proxy),
    Link(Arc<Machine>),
}

impl Network {
    fn proxy(&self) -> Result<&Proxy, String> {
        match self {
            Self::Proxy(proxy) => Ok(proxy),
            Self::Link(machine) => Err(format!("{machine:?} has a link that can only be cut")),
        }
    }
}

impl Fleet {
    /// Three processes of the program `victim`, with three jobs each, in a schema of their own.
    pub fn of_victims(program: impl Into<PathBuf>, seed: u64, rounds: u32) -> Self {
        let schema = format!("fleet_{seed}");
        let (program, deck, machines) = (program.into(), HERE, Vec::new());
        Self { program, schema, seed, nodes: 3, jobs: 3, rounds, lease: LEASE, deck, machines, pooler: None }
    }

    /// The same, but through a pooler.
    #[must_use]
    pub fn through(mut self, port: u16) -> Self {
        self.pooler = Some(port);
        self
    }

    /// The same, but a process for each of these machines, whose links are cut and mended.
    #[must_use]
    pub fn on(mut self, machines: Vec<Arc<Machine>>) -> Self {
        (self.nodes, self.deck, self.machines) = (machines.len(), ELSEWHERE, machines);
        self
    }

    /// Lets things happen, and all jobs end at last. Whether it went well, [`Sailed::judge`] says.
    ///
    /// # Errors
    /// When it cannot even begin.
    pub fn run(&self, database: &Server) -> Result<Sailed, String> {
        let (output, pipe) = std::io::pipe().map_err(|error| format!("there is no pipe: {error}"))?;
        let (to, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
            lines.filter(|line| !line.is_empty()).all(|line| to.send(line).is_ok())
        });
        let mut sea = Sea {
            fleet: self,
            database,
            rng: Rng::new(self.seed),
            pipe,
            lines,
            ships: BTreeMap::new(),
            last: 0,
            seen: Sailed { schema: self.schema.clone(), deck: self.deck, ..Sailed::default() },
        };
        let (books, address) = (Books::beside(&self.schema), database.address());
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tokio = tokio.map_err(|error| error.to_string())?;
        let wrong = |error: sqlx::Error| format!("the books: {error}");
        tokio.block_on(books.open(&address)).map_err(wrong)?;
        sea.seen.trouble = sea.sail().err();
        sea.seen.books = tokio.block_on(books.read(&address)).map_err(wrong)?;
        Ok(std::mem::take(&mut sea.seen))
    }
}

impl Sailed {
    /// Judges what was seen; gives what happened, in a line.
    ///
    /// # Errors
    /// Names what must not be.
    pub fn judge(&self) -> Result<String, String> {
        self.judged().map_err(|problem| match self.keep() {
            Ok(place) => format!("{problem}, after {:?}, in {}", self.mishaps, place.display()),
            Err(error) => format!("{problem}; the history cannot be kept: {error}"),
        })
    }

    /// Writes down what was told, and where.
    fn keep(&self) -> std::io::Result<PathBuf> {
        let place = std::env::temp_dir().join(format!("{}-{}.history", self.schema, std::process::id()));
        let lines: Vec<u8> = self.history.iter().flat_map(Line::to_bytes).collect();
        std::fs::write(&place, lines).map(|()| place)
    }

    fn judged(&self) -> Result<String, String> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone());
        }
        let kept = || {
            self.history.iter().filter_map(|line| match &line.event {
                Event::Kept(kept) => Some(kept),
                _ => None,
            })
        };
        // Those that were missed nobody knows.
        let ticks: BTreeSet<Tick> = kept().filter_map(|kept| kept.tick.clone()).collect();
        let ticked = ticks.len();
        let found = check(&self.history, &Rules { ticks: Some(ticks), ..workload::rules_of_several() });
        if !found.is_empty() {
            return Err(format!("{found:#?}"));
        }
        let booked = kept().filter(|kept| is_booked(kept)).map(|kept| kept.job);
        let times = |job| (job, self.books.get(&job).copied().unwrap_or(0));
        let all = booked.chain(self.books.keys().copied()).map(times);
        if let Some((job, times)) = all.into_iter().find(|(_, times)| *times != 1) {
            return Err(format!("job {job} is {times} times in the books"));
        }
        let count =
            |wanted: fn(&Event) -> bool| self.history.iter().filter(|line| wanted(&line.event)).count();
        let accepted = count(|event| matches!(event, Event::Accepted { .. }));
        let kept = count(|event| matches!(event, Event::Kept(_)));
        let rounds = self.mishaps.len();
        let mut happened: BTreeMap<Mishap, u32> = BTreeMap::new();
        for (mishap, _) in &self.mishaps {
            *happened.entry(*mishap).or_default() += 1;
        }
        let deck: usize = self.deck.iter().map(|(_, times)| times).sum();
        if rounds >= deck && happened.len() < self.deck.len() {
            return Err("not everything happened".to_owned());
        }
        if kept < accepted || accepted == 0 || self.torn > rounds {
            return Err(format!("{accepted} were accepted, {kept} are kept, {} lines are cut", self.torn));
        }
        if self.books.is_empty() || ticked == 0 {
            return Err(format!("{ticked} ticks were run, and {} jobs are in the books", self.books.len()));
        }
        Ok(format!(
            "{happened:?}: {} asked, {accepted} accepted, {kept} kept, {} booked, {ticked} ticks",
            self.asked,
            self.books.len()
        ))
    }
}

/// Whether the step that writes in the books has an outcome.
fn is_booked(kept: &Kept) -> bool {
    let is_book = |task: u32| kept.tasks.get(task as usize).is_some_and(|path| path.ends_with("booked"));
    let is_done = |fact: &Fact| matches!(fact, Fact::Succeeded { task, .. } if is_book(*task));
    kept.journal.iter().any(|record| is_done(&record.fact))
}

/// Whatever went wrong, nobody is left at sea.
impl Drop for Sea<'_> {
    fn drop(&mut self) {
        for ship in self.ships.values_mut() {
            drop(ship.child.kill().and_then(|()| ship.child.wait()));
        }
    }
}

impl Sea<'_> {
    fn sail(&mut self) -> Result<(), String> {
        let mut deck = Vec::new();
        for _ in 0..self.fleet.rounds {
            while self.ships.len() < self.fleet.nodes {
                self.launch()?;
            }
            let lines = 1 + self.rng.below(150);
            self.listen(lines)?;
            if deck.is_empty() {
                deck = shuffled(self.fleet.deck, &mut self.rng);
            }
            let Some(mishap) = deck.pop() else { continue };
            let ships: Vec<u32> = self.ships.keys().copied().collect();
            let victim = *self.rng.pick(&ships);
            self.happens(mishap, victim).map_err(|problem| format!("{mishap:?}, {victim}: {problem}"))?;
            self.seen.mishaps.push((mishap, victim));
        }
        self.slow(None);
        while self.ships.len() > 1 {
            let (ship, _) = self.ships.first_key_value().ok_or("there is none")?;
            let ship = *ship;
            self.send_home(ship)?;
        }
        self.end()
    }

    fn launch(&mut self) -> Result<(), String> {
        self.last += 1;
        let pipe = self.pipe.try_clone().map_err(|error| format!("there is no pipe: {error}"))?;
        let (network, mut command) = self.network_for_one()?;
        let (host, port) = match &network {
            Network::Proxy(proxy) => ("127.0.0.1", proxy.port()),
            Network::Link(machine) => (machine.host(), self.database.port()),
        };
        let address = format!("postgres://postgres@{host}:{port}/postgres?sslmode=disable");
        let pooled = if self.fleet.pooler.is_some() { " pooled" } else { "" };
        command.arg(format!("{address} {}{pooled}", self.fleet.schema)).arg(self.last.to_string());
        let child = command.stdin(Stdio::piped()).stdout(pipe).spawn();
        let shown = self.fleet.program.display();
        let child = child.map_err(|error| format!("{shown} cannot be started: {error}"))?;
        self.ships.insert(self.last, Ship { child, network });
        (0..self.fleet.jobs).try_for_each(|_| self.ask(self.last))
    }

    /// How another process reaches the database, and how it is started.
    fn network_for_one(&self) -> Result<(Network, Command), String> {
        if self.fleet.machines.is_empty() {
            let proxy = Proxy::to(self.fleet.pooler.unwrap_or_else(|| self.database.port()));
            let proxy = proxy.map_err(|error| format!("there is no network: {error}"))?;
            return Ok((Network::Proxy(proxy), Command::new(&self.fleet.program)));
        }
        let taken = |machine: &Arc<Machine>| {
            let has_it =
                |ship: &Ship| matches!(&ship.network, Network::Link(own) if Arc::ptr_eq(own, machine));
            self.ships.values().any(has_it)
        };
        let machine =
            self.fleet.machines.iter().find(|machine| !taken(machine)).ok_or("there are too few machines")?;
        Ok((Network::Link(Arc::clone(machine)), machine.command(&self.fleet.program)))
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
        if let Some(input) = self.ships.get_mut(&ship).and_then(|ship| ship.child.stdin.as_mut()) {
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

    fn happens(&mut self, mishap: Mishap, ship: u32) -> Result<(), String> {
        match mishap {
            Mishap::Killed => self.kill(ship),
            Mishap::Stopped => self.stop(ship),
            Mishap::Left => self.send_home(ship),
            Mishap::Database => {
                self.database.stop()?;
                std::thread::sleep(Duration::from_millis(self.rng.below(500)));
                self.database.resume()
            }
            Mishap::Cut => self.cut(ship),
            Mishap::Slow => {
                self.slow(Some(ship));
                Ok(())
            }
            Mishap::Hole => self.hole(ship),
        }
    }

    fn network(&self, ship: u32) -> Result<&Network, String> {
        self.ships.get(&ship).map(|ship| &ship.network).ok_or_else(|| format!("there is no process {ship}"))
    }

    fn proxy(&self, ship: u32) -> Result<&Proxy, String> {
        self.network(ship)?.proxy()
    }

    /// In whatever state they are; and now and then nobody is let in again for a while.
    fn cut(&mut self, ship: u32) -> Result<(), String> {
        let before = self.proxy(ship)?.cuts();
        let way = *self.rng.pick(&[Way::ToDatabase, Way::ToProgram]);
        if self.rng.chance(25) {
            self.proxy(ship)?.cut();
        } else {
            // It beats, at least.
            let bytes = self.rng.below(3000);
            self.proxy(ship)?.cut_after(bytes, way);
            let since = Instant::now();
            while self.proxy(ship)?.cuts() == before {
                self.listen_for(Duration::from_millis(5))?;
                if since.elapsed() > PATIENCE {
                    return Err(format!("process {ship} asks nothing"));
                }
            }
        }
        if self.rng.chance(30) {
            self.proxy(ship)?.refuse(true);
            let time = self.fleet.lease.mul_f64(self.rng.below(30) as f64 / 100.0);
            self.listen_for(time)?;
            self.proxy(ship)?.refuse(false);
        }
        Ok(())
    }

    /// One is slow, and no other.
    fn slow(&mut self, slow: Option<u32>) {
        let latency = Duration::from_millis(1 + self.rng.below(30));
        for (number, ship) in &self.ships {
            if let Network::Proxy(proxy) = &ship.network {
                proxy.slow(if slow == Some(*number) { latency } else { Duration::ZERO });
            }
        }
    }

    /// What it had begun goes on meanwhile, and others may take its jobs over.
    fn hole(&mut self, ship: u32) -> Result<(), String> {
        match self.network(ship)? {
            Network::Proxy(proxy) => proxy.hold(),
            Network::Link(machine) => machine.cut()?,
        }
        self.note(ship, Event::Stopped)?;
        self.listen_for(self.fleet.lease * 3 / 2)?;
        let is_cut = self.rng.chance(50);
        match self.network(ship)? {
            Network::Link(machine) => return machine.mend(),
            Network::Proxy(proxy) if is_cut => proxy.cut(),
            Network::Proxy(_) => {}
        }
        self.proxy(ship)?.go_on();
        Ok(())
    }

    fn kill(&mut self, ship: u32) -> Result<(), String> {
        let Ship { mut child, network } = self.ships.remove(&ship).ok_or("it is there")?;
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("process {ship} ended by itself: {status}"));
        }
        child.kill().and_then(|()| child.wait()).map_err(|error| format!("it cannot be killed: {error}"))?;
        drop(network);
        self.note(ship, Event::Died)
    }

    fn stop(&mut self, ship: u32) -> Result<(), String> {
        self.signal(ship, "STOP")?;
        self.note(ship, Event::Stopped)?;
        self.listen_for(self.fleet.lease * 3 / 2)?;
        self.signal(ship, "CONT")
    }

    fn signal(&mut self, ship: u32, signal: &str) -> Result<(), String> {
        let child = &self.ships.get(&ship).ok_or("it is there")?.child;
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        sent.map(drop).map_err(|error| format!("kill: {error}"))
    }

    fn send_home(&mut self, ship: u32) -> Result<(), String> {
        self.say(ship, "leave");
        let Ship { mut child, network } = self.ships.remove(&ship).ok_or("it is there")?;
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
        drop(network);
        self.note(ship, Event::Died)
    }

    /// The last lets all jobs end, and tells what is kept.
    fn end(&mut self) -> Result<(), String> {
        let (ship, Ship { mut child, network }) = self.ships.pop_first().ok_or("there is none")?;
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
        drop(network);
        self.note(ship, Event::Died)?;
        self.listen_for(Duration::from_millis(50))?;
        if status.success() { Ok(()) } else { Err(format!("the last process failed: {status}")) }
    }
}
