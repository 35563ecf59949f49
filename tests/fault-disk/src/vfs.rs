//! The C side: what SQLite calls, each function a few lines around a safe one of [`Handle`].
//!
//! What SQLite promises, and all `unsafe` here rests on: the pointers that it gives are valid during the call, buffers
//! have the size that it names, paths end with a zero; a file is used by one thread at a time, first opened, last
//! closed. A panic does not get out of an `extern "C"` function: it ends the process.
#![expect(unsafe_code, reason = "SQLite is written in C, and a VFS is a table of C functions")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::ffi;

use crate::disk::Place;
use crate::handle::{self, Code, Handle, Opening};
use crate::loss::{SECTOR, mixed};

/// The name of the VFS that knows all disks: the path of a file says on which one it is.
pub const VFS: &CStr = c"fault-disk";

/// An open file: the part that SQLite knows, and ours behind it. SQLite gives memory for it and does not move it.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    /// From `Box::into_raw`, from `open` until `close`.
    handle: *mut Handle,
}

/// Version 2: with shared memory, without files that are mapped into memory.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Our VFS, and the one that was the default before.
struct Registered {
    own: *mut ffi::sqlite3_vfs,
    other: *mut ffi::sqlite3_vfs,
}

// SAFETY: both are valid for ever, and changed by nobody but SQLite, under a lock of its own.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

static REGISTERED: OnceLock<Registered> = OnceLock::new();

/// Makes the VFS known to SQLite, once and for ever. It does not become the default.
pub(crate) fn register() {
    registered();
}

/// From now on it is asked for every file that is opened without the name of a VFS; what is on no disk, it leaves to
/// the one that was asked before.
pub(crate) fn become_default() {
    // SAFETY: it may be registered again.
    let code = unsafe { ffi::sqlite3_vfs_register(registered().own, 1) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes a VFS");
}

fn registered() -> &'static Registered {
    REGISTERED.get_or_init(|| {
        // SAFETY: without a name, it gives the default, which is valid for ever.
        let other = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        assert!(!other.is_null(), "SQLite has a VFS of its own");
        // SAFETY: it is not null.
        let size = unsafe { (*other).szOsFile }.max(size_of::<OpenFile>() as c_int);
        let vfs = ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: size,
            mxPathname: 1024,
            pNext: ptr::null_mut(),
            zName: VFS.as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            // Extensions are not loaded from such a disk.
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(get_last_error),
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        };
        let own = Box::into_raw(Box::new(vfs));
        // SAFETY: SQLite keeps the pointer and writes `pNext`; it is never freed, and nobody else changes it.
        let code = unsafe { ffi::sqlite3_vfs_register(own, 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes a VFS");
        Registered { own, other }
    })
}

/// The VFS to ask for a path that is on no disk.
///
/// # Safety
/// As [`text`].
unsafe fn elsewhere(path: *const c_char) -> Option<&'static Registered> {
    // SAFETY: the caller says so.
    let path = unsafe { text(path) }?;
    matches!(Place::of(path), Place::Elsewhere).then(registered)
}

fn code(result: Result<(), Code>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// The file behind the pointer.
///
/// # Safety
/// It was opened by [`open`] and not closed, and nobody else uses it meanwhile.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: `open` has put a `Handle` there, which lives until `close`.
    unsafe { &mut *(*file.cast::<OpenFile>()).handle }
}

/// A path; none if it is no text.
///
/// # Safety
/// It is null, or ends with a zero and lives as long as the call.
unsafe fn text<'a>(path: *const c_char) -> Option<&'a str> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller says so.
    unsafe { CStr::from_ptr(path) }.to_str().ok()
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a path or null. What the other VFS needs for a file has room, as `szOsFile` says.
    unsafe {
        if let Some(vfs) = elsewhere(path)
            && let Some(open) = (*vfs.other).xOpen
        {
            return open(vfs.other, path, file, flags, out_flags);
        }
    }
    let has = |wanted: c_int| flags & wanted != 0;
    let opening = Opening {
        create: has(ffi::SQLITE_OPEN_CREATE) || path.is_null(),
        exclusive: has(ffi::SQLITE_OPEN_EXCLUSIVE),
        temporary: has(ffi::SQLITE_OPEN_DELETEONCLOSE),
        is_journal: has(ffi::SQLITE_OPEN_MAIN_JOURNAL
            | ffi::SQLITE_OPEN_SUPER_JOURNAL
            | ffi::SQLITE_OPEN_WAL),
    };
    // SAFETY: SQLite gives a path or null.
    let opened = match unsafe { text(path) } {
        None if !path.is_null() => Err(ffi::SQLITE_CANTOPEN),
        path => Handle::open(path, opening),
    };
    let file = file.cast::<OpenFile>();
    let (methods, handle, result) = match opened {
        Ok(handle) => (&raw const METHODS, Box::into_raw(Box::new(handle)), ffi::SQLITE_OK),
        // Without methods, SQLite does not close it.
        Err(code) => (ptr::null(), ptr::null_mut(), code),
    };
    // SAFETY: SQLite has made room for an `OpenFile` there, as `szOsFile` says; `out_flags` is null or valid.
    unsafe {
        file.write(OpenFile { base: ffi::sqlite3_file { pMethods: methods }, handle });
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    result
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: it was opened, and this is the last call for it: the box is taken back once.
    unsafe {
        let file = file.cast::<OpenFile>();
        drop(Box::from_raw((*file).handle));
        (*file).handle = ptr::null_mut();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the buffer has this length, and nobody else uses it; SQLite has allocated it and may not have written it,
    // so it is zeroed before it becomes a slice.
    let into = unsafe {
        ptr::write_bytes(into.cast::<u8>(), 0, length as usize);
        std::slice::from_raw_parts_mut(into.cast::<u8>(), length as usize)
    };
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.read(at as usize, into))
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the buffer has this length, and SQLite has written it.
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length as usize) };
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.write(at as usize, from))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.truncate(size as usize))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.sync())
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and the place for the answer is valid.
    code(unsafe { handle(file) }.size().map(|found| unsafe { *size = found as ffi::sqlite3_int64 }))
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.lock(level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.unlock(level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    // SAFETY: the file is open, and the place for the answer is valid.
    code(unsafe { handle(file) }.is_reserved().map(|reserved| unsafe { *answer = reserved.into() }))
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _op: c_int, _arg: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR as c_int
}

/// A write that is torn harms nothing beside it: SQLite takes this for granted on Unix and Windows, too.
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    size: c_int,
    make: c_int,
    answer: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    let region = unsafe { handle(file) }.region(number as usize, size as usize, make != 0);
    let place = region.map(|region| region.map_or(ptr::null_mut(), <*mut u64>::cast));
    // SAFETY: the place for the answer is valid.
    unsafe { *answer = place.unwrap_or(ptr::null_mut()) };
    code(place.map(drop))
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let slots = first as usize..(first + count) as usize;
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        handle.give_back(slots);
        return ffi::SQLITE_OK;
    }
    code(handle.take(slots, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0))
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: the file is open.
    unsafe { handle(file) }.barrier();
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open; SQLite uses no region of it from now on.
    unsafe { handle(file) }.leave();
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, path: *const c_char, sync_names: c_int) -> c_int {
    // SAFETY: SQLite gives a path.
    unsafe {
        if let Some(vfs) = elsewhere(path)
            && let Some(delete) = (*vfs.other).xDelete
        {
            return delete(vfs.other, path, sync_names);
        }
    }
    // SAFETY: as above.
    let path = unsafe { text(path) };
    code(path.ok_or(ffi::SQLITE_IOERR_DELETE).and_then(|path| handle::delete(path, sync_names != 0)))
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    what: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a path, and a place for the answer.
    unsafe {
        if let Some(vfs) = elsewhere(path)
            && let Some(access) = (*vfs.other).xAccess
        {
            return access(vfs.other, path, what, answer);
        }
    }
    // SAFETY: as above.
    let path = unsafe { text(path) };
    // An empty journal is no journal: so it is on Unix.
    let exists = handle::exists(path.unwrap_or_default(), what == ffi::SQLITE_ACCESS_EXISTS);
    // SAFETY: the place for the answer is valid.
    code(exists.map(|exists| unsafe { *answer = exists.into() }))
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    size: c_int,
    full: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a path, and room for `size` bytes.
    unsafe {
        if let Some(vfs) = elsewhere(path)
            && let Some(full_pathname) = (*vfs.other).xFullPathname
        {
            return full_pathname(vfs.other, path, size, full);
        }
    }
    // SAFETY: as above.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes_with_nul();
    if path.len() > size as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room for `size` bytes, and the two do not overlap.
    unsafe { ptr::copy_nonoverlapping(path.as_ptr(), full.cast(), path.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, length: c_int, into: *mut c_char) -> c_int {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    for at in 0..length as usize {
        let byte = mixed(NEXT.fetch_add(1, Ordering::Relaxed)) as c_char;
        // SAFETY: there is room for `length` bytes.
        unsafe { into.add(at).write(byte) };
    }
    length
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    std::thread::sleep(Duration::from_micros(microseconds.max(0) as u64));
    microseconds
}

unsafe extern "C" fn get_last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

/// Milliseconds since noon, 24 November 4714 BC.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    210_866_760_000_000 + since.as_millis() as i64
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, answer: *mut f64) -> c_int {
    // SAFETY: the place for the answer is valid.
    unsafe { *answer = now() as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut ffi::sqlite3_vfs, answer: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the place for the answer is valid.
    unsafe { *answer = now() };
    ffi::SQLITE_OK
}
