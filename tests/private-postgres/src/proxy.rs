//! A network between a program and its database that fails when it is told to.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// From where to where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the program asks.
    ToDatabase,
    /// What the database answers.
    ToProgram,
}

/// A port of this machine behind which is another one. It passes on what comes, unless it is told otherwise. When it is
/// dropped, its connections are cut.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wires: Arc<Wires>,
}

/// What all threads of a proxy know.
#[derive(Debug)]
struct Wires {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Of the database.
    port: u16,
    connections: HashMap<u64, [TcpStream; 2]>,
    last: u64,
    /// The last of those of which everything is lost on the way.
    last_lost: u64,
    latency: Duration,
    is_held: bool,
    is_refusing: bool,
    is_over: bool,
    /// After so many bytes this way a connection is cut.
    cut_after: Option<(Way, u64)>,
    cuts: u64,
}

impl Proxy {
    /// One in front of a port of this machine.
    ///
    /// # Errors
    /// When there is no port for it.
    pub fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let own = listener.local_addr()?.port();
        let wires = Arc::new(Wires {
            state: Mutex::new(State { port, ..State::default() }),
            changed: Condvar::new(),
        });
        let shared = Arc::clone(&wires);
        thread::spawn(move || shared.serve(&listener));
        Ok(Self { port: own, wires })
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads to another port from now on; the connections that there are remain.
    pub fn lead_to(&self, port: u16) {
        self.wires.state().port = port;
    }

    /// Cuts all connections, whatever is on its way.
    pub fn cut(&self) {
        let mut state = self.wires.state();
        let cut: Vec<_> = state.connections.drain().collect();
        state.cuts += cut.len() as u64;
        cut.iter().for_each(|(_, ends)| shut(ends));
        self.wires.changed.notify_all();
    }

    /// Passes so many bytes more this way, of all connections together; the connection whose byte is the next one is cut
    /// before it.
    pub fn cut_after(&self, bytes: u64, way: Way) {
        self.wires.state().cut_after = Some((way, bytes));
    }

    /// How many connections it has cut.
    pub fn cuts(&self) -> u64 {
        self.wires.state().cuts
    }

    /// From now on everything comes so much later, either way.
    pub fn slow(&self, latency: Duration) {
        self.wires.state().latency = latency;
    }

    /// Passes nothing on, until it [goes on](Self::go_on), and closes nothing: who asks hears nothing. Connections are
    /// taken, and nothing comes of them.
    pub fn hold(&self) {
        self.wires.state().is_held = true;
    }

    /// Passes on what came while it held, and what comes.
    pub fn go_on(&self) {
        self.wires.state().is_held = false;
        self.wires.changed.notify_all();
    }

    /// Loses whatever is on its way on the connections that there are, from now on, either way, and closes none of them. New
    /// ones are well.
    pub fn lose(&self) {
        let mut state = self.wires.state();
        state.last_lost = state.last;
    }

    /// Whether new connections are closed at once. Those that there are remain.
    pub fn refuse(&self, refuses: bool) {
        self.wires.state().is_refusing = refuses;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wires.state().is_over = true;
        self.cut();
        // Whoever takes connections waits for one.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Wires {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: Arc<Self>, listener: &TcpListener) {
        for program in listener.incoming() {
            if self.state().is_over {
                return;
            }
            let Ok(program) = program else { continue };
            let wires = Arc::clone(&self);
            thread::spawn(move || drop(wires.join(program)));
        }
    }

    /// Connects a program to the database, until one of them closes or they are cut.
    fn join(self: Arc<Self>, program: TcpStream) -> io::Result<()> {
        drop(self.open());
        if self.state().is_refusing {
            return Ok(());
        }
        let port = self.state().port;
        let database = TcpStream::connect(("127.0.0.1", port))?;
        program.set_nodelay(true)?;
        database.set_nodelay(true)?;
        let ends = [program.try_clone()?, database.try_clone()?];
        let number = {
            let mut state = self.state();
            if state.is_over {
                return Ok(());
            }
            state.last += 1;
            let number = state.last;
            state.connections.insert(number, ends);
            number
        };
        let (wires, from, to) = (Arc::clone(&self), database.try_clone()?, program.try_clone()?);
        thread::spawn(move || wires.pass(number, Way::ToProgram, from, to));
        self.pass(number, Way::ToDatabase, program, database);
        Ok(())
    }

    /// Passes on what comes; that nothing comes any more, too.
    fn pass(&self, number: u64, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            let latency = self.state().latency;
            thread::sleep(latency);
            let passed = self.passed(number, way, read);
            if read > 0 && number <= self.state().last_lost {
                continue;
            }
            if to.write_all(&buffer[..passed]).is_err() || passed < read || read == 0 {
                break;
            }
        }
        if let Some(ends) = self.state().connections.remove(&number) {
            shut(&ends);
        }
    }

    /// How many of these bytes go on, once it does not hold: all, unless the connection is cut.
    fn passed(&self, number: u64, way: Way, bytes: usize) -> usize {
        let mut state = self.open();
        if !state.connections.contains_key(&number) {
            return 0;
        }
        match &mut state.cut_after {
            Some((of, left)) if *of == way && *left < bytes as u64 => {
                let passed = usize::try_from(*left).unwrap_or(0);
                state.cut_after = None;
                state.cuts += 1;
                passed
            }
            Some((of, left)) if *of == way => {
                *left -= bytes as u64;
                bytes
            }
            _ => bytes,
        }
    }

    /// Waits until it does not hold, or has nothing to hold any more.
    fn open(&self) -> MutexGuard<'_, State> {
        let state = self.state();
        let is_closed = |state: &mut State| state.is_held && !state.is_over;
        self.changed.wait_while(state, is_closed).unwrap_or_else(PoisonError::into_inner)
    }
}

fn shut(ends: &[TcpStream; 2]) {
    // One that is closed already is no worse.
    ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Instant;

    use super::*;

    /// A server that says what it hears; and a proxy before it.
    fn echo() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Proxy::to(listener.local_addr().unwrap().port()).unwrap();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || io::copy(&mut &client, &mut &client));
            }
        });
        proxy
    }

    fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port())).unwrap()
    }

    /// As much as comes, up to so much.
    fn heard(client: &TcpStream, bytes: u64) -> Vec<u8> {
        let mut all = Vec::new();
        // An end that is no proper one is an end.
        drop(client.take(bytes).read_to_end(&mut all));
        all
    }

    /// What is heard of what is said.
    fn said(mut client: &TcpStream, bytes: &[u8]) -> Vec<u8> {
        drop(client.write_all(bytes));
        heard(client, bytes.len() as u64)
    }

    #[test]
    fn it_passes_on_what_comes_until_it_is_cut() {
        let proxy = echo();
        let (one, other) = (connect(&proxy), connect(&proxy));
        let much = vec![7; 1 << 20];
        thread::scope(|scope| {
            scope.spawn(|| (&one).write_all(&much));
            assert!(heard(&one, 1 << 20) == much);
        });
        assert_eq!(said(&other, b"hello"), b"hello");
        assert_eq!(proxy.cuts(), 0);
        proxy.cut();
        assert_eq!((heard(&one, 1), heard(&other, 1)), (vec![], vec![]));
        assert_eq!(proxy.cuts(), 2);
        assert_eq!(said(&connect(&proxy), b"again"), b"again");
    }

    /// A program, a proxy, and the database's end of the connection.
    fn connected() -> (TcpStream, Proxy, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Proxy::to(listener.local_addr().unwrap().port()).unwrap();
        let program = connect(&proxy);
        (program, proxy, listener.accept().unwrap().0)
    }

    #[test]
    fn that_the_program_closes_the_database_hears() {
        let (mut program, _proxy, database) = connected();
        program.write_all(b"goodbye").unwrap();
        drop(program);
        assert_eq!(heard(&database, 100), b"goodbye");
    }

    #[test]
    fn it_is_cut_in_the_middle_of_what_is_said_either_way() {
        for way in [Way::ToDatabase, Way::ToProgram] {
            let (program, proxy, database) = connected();
            let (mut from, to) = match way {
                Way::ToDatabase => (&program, &database),
                Way::ToProgram => (&database, &program),
            };
            proxy.cut_after(8, way);
            from.write_all(b"hello").unwrap();
            assert_eq!(heard(to, 5), b"hello");
            from.write_all(b"hello").unwrap();
            assert_eq!(heard(to, 5), b"hel");
            assert_eq!(heard(from, 1), b"");
            assert_eq!(proxy.cuts(), 1);
        }
        let proxy = echo();
        let (one, other) = (connect(&proxy), connect(&proxy));
        proxy.cut_after(0, Way::ToProgram);
        assert_eq!((said(&one, b"hello"), said(&other, b"hello")), (b"".to_vec(), b"hello".to_vec()));
    }

    #[test]
    fn what_is_slow_comes_later() {
        let proxy = echo();
        let client = connect(&proxy);
        proxy.slow(Duration::from_millis(20));
        let since = Instant::now();
        assert_eq!(said(&client, b"hello"), b"hello");
        assert!(since.elapsed() >= Duration::from_millis(40), "{:?}", since.elapsed());
    }

    #[test]
    fn while_it_holds_nothing_comes_and_nothing_closes() {
        let proxy = echo();
        let client = connect(&proxy);
        assert_eq!(said(&client, b"hello"), b"hello");
        proxy.hold();
        let new = connect(&proxy);
        for mut client in [&client, &new] {
            client.write_all(b"hello").unwrap();
            client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let error = client.read(&mut [0]).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
            client.set_read_timeout(None).unwrap();
        }
        proxy.go_on();
        assert_eq!((heard(&client, 5), heard(&new, 5)), (b"hello".to_vec(), b"hello".to_vec()));

        proxy.hold();
        (&client).write_all(b"hello").unwrap();
        proxy.cut();
        proxy.go_on();
        assert_eq!(heard(&client, 5), b"", "what was held is lost");
    }

    #[test]
    fn what_is_lost_never_comes_and_nothing_closes() {
        let proxy = echo();
        let client = connect(&proxy);
        assert_eq!(said(&client, b"hello"), b"hello");
        proxy.lose();
        (&client).write_all(b"hello").unwrap();
        assert_eq!(said(&connect(&proxy), b"hello"), b"hello");
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = (&client).read(&mut [0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }

    #[test]
    fn who_is_refused_is_told_at_once() {
        let proxy = echo();
        let client = connect(&proxy);
        assert_eq!(said(&client, b"hello"), b"hello");
        proxy.refuse(true);
        assert_eq!(heard(&connect(&proxy), 1), b"");
        assert_eq!(said(&client, b"hello"), b"hello");
        proxy.refuse(false);
        assert_eq!(said(&connect(&proxy), b"hello"), b"hello");
    }

    #[test]
    fn nothing_is_left_of_it() {
        let proxy = echo();
        let client = connect(&proxy);
        proxy.hold();
        (&client).write_all(b"hello").unwrap();
        let port = proxy.port();
        drop(proxy);
        assert_eq!(heard(&client, 5), b"");
        while TcpStream::connect(("127.0.0.1", port)).is_ok() {
            thread::yield_now();
        }
    }
}
