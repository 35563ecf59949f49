//! Files that are read as a whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use workflow_runtime::AgentError;

/// Reads a file of at most so many bytes. What is no file, such as a pipe, would let wait for ever.
pub(crate) fn read(file: &Path, most: u64) -> Result<Vec<u8>, AgentError> {
    let shown = file.display();
    let problem = |error: std::io::Error| AgentError::retry(format!("{shown} cannot be read: {error}"));
    if !file.metadata().map_err(problem)?.is_file() {
        return Err(AgentError::permanent(format!("{shown} is no file")));
    }
    let mut bytes = Vec::new();
    File::open(file).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(problem)?;
    if bytes.len() as u64 > most {
        return Err(AgentError::permanent(format!("{shown} is longer than {most} bytes, which is the most")));
    }
    Ok(bytes)
}
