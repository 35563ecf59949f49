//! A PostgreSQL of our own, from the programs that the machine has.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};

use workflow_runtime::store::PostgresOptions;

/// Where tests find a server that runs already, as an address: a database in which they may make schemas.
const VARIABLE: &str = "WORKFLOW_TEST_POSTGRES";

/// The address of a database for the tests of this program: of a server that it starts, and that ends with it, or the one
/// that `WORKFLOW_TEST_POSTGRES` names.
///
/// # Panics
/// When there is none to be had; says what to install.
pub fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        std::env::var(VARIABLE).unwrap_or_else(|_| {
            // Held until the program ends: the server hears of that by itself.
            let server = Box::leak(Box::new(Server::start(&["fsync=off", "full_page_writes=off"])));
            server.address()
        })
    })
}

/// How to open a store of its own for a test, in a schema that nobody else has.
pub fn options() -> PostgresOptions {
    PostgresOptions::new(address()).schema(schema())
}

/// The name of a schema that nobody else has.
pub fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server that ends when it is dropped, or when the program does, however that is.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
    port: u16,
    running: Mutex<Option<Child>>,
}

impl Server {
    /// Starts one in a folder of its own, with these settings besides the usual ones.
    ///
    /// # Panics
    /// When there are no programs for it, or when they fail.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same, in a folder below this one.
    ///
    /// # Panics
    /// When there are no programs for it, or when they fail.
    pub fn start_in(place: &Path, settings: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = place.join(format!("workflow-postgres-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).expect("a folder can be made");
        let owner = owner();
        if let Some((user, group)) = owner {
            chown(&folder, Some(user), Some(group)).expect("the folder can be given away");
        }
        let programs = programs();
        // Nobody else has it, for as long as it is not long until the server takes it.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("there are ports")
            .port();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = Self { folder, programs, owner, settings, port, running: Mutex::new(None) };
        let mut make = server.program("initdb");
        make.args([
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "--auth=trust",
            "--username=postgres",
            "-D",
        ]);
        let made = make.arg(server.data()).output().expect("initdb can be run");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server.resume();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where it is reached by way of the file system.
    pub fn address(&self) -> String {
        format!("postgres://postgres@localhost:{}/postgres?host={}", self.port, self.folder.display())
    }

    /// Where it is reached by way of the network.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again, if it does not run; waits until it takes connections.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        let mut running = self.running();
        if running.is_some() {
            return;
        }
        // The shell ends the server when it is told to, or when nobody holds the other end of its input any more; then
        // nobody needs the folder, either.
        let script = "trap '' INT TERM; folder=$1; shift; \"$@\" & server=$!; read -r told; kill -QUIT $server; \
                      wait $server; [ -n \"$told\" ] || rm -rf \"$folder\"";
        let mut shell = self.as_owner(OsStr::new("sh"));
        shell
            .args(["-c", script, "sh"])
            .arg(&self.folder)
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data());
        let usual = [
            format!("unix_socket_directories={}", self.folder.display()),
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "max_connections=200".to_owned(),
            "shared_buffers=256MB".to_owned(),
        ];
        usual.iter().chain(&self.settings).for_each(|setting| {
            shell.args(["-c", setting]);
        });
        let mut child = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell can be run");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let (ready, heard) = mpsc::channel();
        let log = self.folder.join("log");
        std::thread::spawn(move || {
            let mut all = String::new();
            for line in said.lines().map_while(Result::ok) {
                all.push_str(&line);
                all.push('\n');
                if line.contains("ready to accept connections") {
                    drop(ready.send(Ok(())));
                }
            }
            drop(fs::write(log, &all));
            drop(ready.send(Err(all)));
        });
        heard
            .recv()
            .expect("the thread says how it goes")
            .unwrap_or_else(|said| panic!("postgres ends: {said}"));
        *running = Some(child);
    }

    /// Ends it at once, as if its process was killed; what it has said to be written is written.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self) {
        if let Some(mut child) = self.running().take() {
            let mut input = child.stdin.take().expect("it is piped");
            input.write_all(b"stop\n").expect("the shell listens");
            child.wait().expect("it ends");
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn program(&self, name: &str) -> Command {
        self.as_owner(self.programs.join(name).as_os_str())
    }

    /// PostgreSQL refuses to be run by the administrator.
    fn as_owner(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Whose the server is: nobody else's, or, where this is the administrator's, that of the user who was made for it.
fn owner() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    // Where a program's own files are root's, it is root who runs it.
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    is_root.then(|| number("postgres").or_else(|| number("nobody")).expect("there is a user who is not root"))
}

/// The folder in which `initdb` and `postgres` are.
fn programs() -> PathBuf {
    let has_them = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let said = Command::new("pg_config").arg("--bindir").output();
    let by_config = said.ok().map(|said| PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let by_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let mut by_version: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    by_version.sort();
    let all = by_config.into_iter().chain(by_path).chain(by_version.into_iter().rev());
    all.into_iter().find(has_them).unwrap_or_else(|| {
        panic!(
            "there is no PostgreSQL to be found by `pg_config`, in PATH or in /usr/lib/postgresql: install it \
             (`apt-get install postgresql`), or name a database in which tests may make schemas by {VARIABLE}"
        )
    })
}
