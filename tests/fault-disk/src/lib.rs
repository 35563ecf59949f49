//! A disk in memory for SQLite that fails as real ones do.
//!
//! A [`Disk`] keeps of every file what was written and what was synced. It counts every change: a write, a truncation, a
//! sync, a file made or deleted. At a chosen one the power can go; then everything fails, and [`Disk::image`] tells
//! what is left: what was synced, and of the rest what a seed says, sector by sector. The image is put into a new disk,
//! and whoever kept something there must find it again.
//!
//! ```
//! use fault_disk::{Disk, Loss};
//!
//! let disk = Disk::new();
//! let db = disk.open("jobs.db")?;
//! db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n); INSERT INTO t VALUES (1)")?;
//! let again = disk.reboot(Loss::Seeded(7)).open("jobs.db")?;
//! assert_eq!(again.query_row("SELECT n FROM t", (), |row| row.get(0)), Ok(1));
//! # Ok::<(), rusqlite::Error>(())
//! ```
//!
//! There are two ways to try every boundary of a workload. [`Disk::stop_at`] runs it once for each: so the code under
//! test sees the failure. [`Disk::record`] runs it once, and [`Recording::replay`] gives what was on the disk at every
//! moment: so a workload of many threads, which never runs the same twice, is cut everywhere. For the second, whoever
//! is promised something notes [`Disk::operations`] when he is: in every image of a later moment it must be there.
//!
//! What is tried need not know of it: [`Disk::mount`] puts all databases of a folder on a disk, whoever opens them.
//! Whoever opens files himself uses [`Disk::url`], which needs nothing but `SQLITE_OPEN_URI`, or [`Disk::path`] with
//! the VFS called [`VFS`]. Several connections may use a file at once, in WAL mode, too: shared memory is the process's.

mod disk;
mod handle;
mod image;
mod locks;
mod loss;
mod platter;
mod recording;
mod vfs;

pub use disk::{Disk, Operation};
pub use image::Image;
pub use loss::Loss;
pub use recording::{Recording, Replay};
pub use vfs::VFS;
