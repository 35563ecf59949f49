//! Where jobs are that a store has forgotten: compressed files in a folder.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::value::Value as Json;

use crate::job_id::JobId;
use crate::store::{Head, Kept, Lines, StoreError, StoreErrorKind};

/// How files of an archive end.
const ENDING: &str = ".jsonl.gz";

/// How many bytes of JSON one member holds, about.
const MEMBER: usize = 4 << 20;

/// How many compressed bytes a file holds, about.
const FILE: u64 = 256 << 20;

/// Jobs that a store has forgotten, to be read.
///
/// An archive is a folder of files that end with `.jsonl.gz`: gzip, as `zcat` reads it, with one job a line:
/// `{"head": …, "lines": […]}`. A file is written once, from its begin to its end; what a crash has left half written at
/// its end was not forgotten, and is in the next file, or still in the store.
#[derive(Debug, Clone)]
pub struct Archive {
    files: Vec<PathBuf>,
}

/// One job, as it is written.
#[derive(Deserialize)]
struct Row {
    head: Head,
    lines: Vec<Json>,
}

impl Archive {
    /// The archive in a folder, or what one file of it holds.
    ///
    /// # Errors
    /// When there is no such folder or file, or it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        if path.is_file() {
            return Ok(Self { files: vec![path.to_owned()] });
        }
        let found = fs::read_dir(path).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        });
        let mut files = found.map_err(|error| unreadable(path, &error))?;
        files.retain(|file| file.to_string_lossy().ends_with(ENDING));
        files.sort();
        Ok(Self { files })
    }

    /// The jobs in it, each once, in the order in which they were written. What cannot be read is an error that names the
    /// file; the next file follows.
    pub fn jobs(&self) -> impl Iterator<Item = Result<Kept, StoreError>> {
        let mut seen = HashSet::new();
        let members = self.files.iter().flat_map(|file| Members::open(file.clone()));
        let all = members.flat_map(|member| match member {
            Ok(jobs) => jobs,
            Err(error) => vec![Err(error)],
        });
        // What was written and not forgotten was written again.
        all.filter(move |job| job.as_ref().map_or(true, |kept| seen.insert(kept.head.id)))
    }

    /// A job by its id.
    ///
    /// # Errors
    /// When it is not found, and something cannot be read.
    pub fn find(&self, id: JobId) -> Result<Option<Kept>, StoreError> {
        let mut wrong = None;
        for job in self.jobs() {
            match job {
                Ok(kept) if kept.head.id == id => return Ok(Some(kept)),
                Ok(_) => {}
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        wrong.map_or(Ok(None), Err)
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> StoreError {
    let message = format!("{}: the archive cannot be read: {error}", path.display());
    StoreError::new(StoreErrorKind::Unavailable, message)
}

fn corrupt(path: &Path, what: &dyn std::fmt::Display) -> StoreError {
    let message = format!("{}: the archive is not what was written: {what}", path.display());
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// The members of a file, one after the other.
struct Members {
    path: PathBuf,
    /// None at the end.
    input: Option<BufReader<File>>,
    /// What went wrong when it was opened.
    wrong: Option<StoreError>,
}

/// The jobs of one member.
type Member = Vec<Result<Kept, StoreError>>;

impl Members {
    fn open(path: PathBuf) -> Self {
        match File::open(&path) {
            Ok(file) => Self { path, input: Some(BufReader::new(file)), wrong: None },
            Err(error) => Self { wrong: Some(unreadable(&path, &error)), path, input: None },
        }
    }

    /// Whether nothing but zeros is left: the file grew, and what was to be in it was not written.
    fn is_blank(input: &mut BufReader<File>) -> bool {
        let mut rest = [0; 4096];
        loop {
            match input.read(&mut rest) {
                Ok(0) => return true,
                Ok(count) if rest[..count].iter().all(|byte| *byte == 0) => {}
                _ => return false,
            }
        }
    }
}

impl Iterator for Members {
    type Item = Result<Member, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(wrong) = self.wrong.take() {
            return Some(Err(wrong));
        }
        let mut input = self.input.take()?;
        let first = match input.fill_buf() {
            Ok(bytes) => *bytes.first()?,
            Err(error) => return Some(Err(unreadable(&self.path, &error))),
        };
        if first == 0 && Self::is_blank(&mut input) {
            return None;
        }
        let mut text = String::new();
        let read = GzDecoder::new(&mut input).read_to_string(&mut text);
        match read {
            Ok(_) => {
                self.input = Some(input);
                Some(Ok(text.lines().map(|line| kept_of(&self.path, line)).collect()))
            }
            // Torn: its jobs were not forgotten.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(_) if Self::is_blank(&mut input) => None,
            Err(error) => Some(Err(corrupt(&self.path, &error))),
        }
    }
}

fn kept_of(path: &Path, line: &str) -> Result<Kept, StoreError> {
    let Row { head, lines } = serde_json::from_str(line).map_err(|error| corrupt(path, &error))?;
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let json = Json::Array(lines).to_string();
    Ok(Kept { head, lines: vec![Lines { count, json }] })
}

/// Who writes to an archive.
#[derive(Debug)]
pub(crate) struct ArchiveWriter {
    folder: PathBuf,
    /// What its files begin with, so that they are read in order.
    name: String,
    file: Option<(File, u64)>,
}

impl ArchiveWriter {
    /// Who writes to files of this name in a folder.
    pub(crate) fn new(folder: PathBuf, name: String) -> Self {
        Self { folder, name, file: None }
    }

    /// Writes jobs; they are on the disk when this returns.
    pub(crate) fn write(
        &mut self,
        jobs: impl Iterator<Item = Result<Kept, StoreError>>,
    ) -> Result<(), StoreError> {
        let mut text = Vec::new();
        for kept in jobs {
            add(&mut text, &kept?).map_err(|error| self.unwritten(&error.into()))?;
            if text.len() >= MEMBER {
                self.add_member(&std::mem::take(&mut text))?;
            }
        }
        if text.is_empty() { Ok(()) } else { self.add_member(&text) }
    }

    fn add_member(&mut self, text: &[u8]) -> Result<(), StoreError> {
        let written = compressed(text).and_then(|member| self.append(&member));
        written.map_err(|error| {
            // What is half written is the last of its file.
            self.file = None;
            self.unwritten(&error)
        })
    }

    fn append(&mut self, member: &[u8]) -> std::io::Result<()> {
        let (mut file, size) = match self.file.take().filter(|(_, size)| *size < FILE) {
            Some(open) => open,
            None => (self.begin()?, 0),
        };
        file.write_all(member)?;
        file.sync_data()?;
        self.file = Some((file, size + member.len() as u64));
        Ok(())
    }

    /// Makes a file that was not there.
    fn begin(&self) -> std::io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        let mut number = 1_u32;
        loop {
            let path = self.folder.join(format!("{}-{number:06}{ENDING}", self.name));
            match File::create_new(path) {
                Ok(file) => {
                    #[cfg(unix)]
                    File::open(&self.folder)?.sync_all()?;
                    return Ok(file);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn unwritten(&self, error: &std::io::Error) -> StoreError {
        let message = format!(
            "{}: nothing is forgotten, for the archive cannot be written: {error}",
            self.folder.display()
        );
        StoreError::new(StoreErrorKind::Unavailable, message)
    }
}

fn compressed(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut member = GzEncoder::new(Vec::new(), Compression::default());
    member.write_all(text)?;
    member.finish()
}

/// Adds a job's line.
fn add(text: &mut Vec<u8>, kept: &Kept) -> Result<(), serde_json::Error> {
    text.extend_from_slice(b"{\"head\":");
    serde_json::to_writer(&mut *text, &kept.head)?;
    text.extend_from_slice(b",\"lines\":[");
    let arrays = kept.lines.iter().map(|lines| lines.json.trim());
    let inner = arrays
        .map(|array| array.strip_prefix('[').unwrap_or(array))
        .map(|array| array.strip_suffix(']').unwrap_or(array).trim());
    for (number, records) in inner.filter(|records| !records.is_empty()).enumerate() {
        if number > 0 {
            text.push(b',');
        }
        // A line break in JSON is between things, never in one.
        text.extend(records.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
    }
    text.extend_from_slice(b"]}\n");
    Ok(())
}
