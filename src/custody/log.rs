//! The run log: one line for each run, each with the hash of the line before it.
//!
//! It is kept in the case folder (`run-log.jsonl`) by every run of `report`, `seal` and `check` that is given `--case`, or in
//! the file that `--log` names, and never in the result folder, whose bytes must not depend on the clock. The time of the run
//! is the one thing in it that comes from the clock.
//!
//! A line is a JSON object with its members in a fixed order, `hash` last: the SHA-256 of the line with an empty `hash`.
//! `previous` repeats the hash of the line before, of the first line 64 zeros. So a line that is altered, taken out, put in
//! or moved is found where it stands, and so is a last line that is altered; that lines were cut off at the end is found only
//! by who noted the last hash, which each run says on standard error.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{CustodyError, unwritable};
use crate::evidence::hex;

/// Its name in a case folder.
pub const RUN_LOG: &str = "run-log.jsonl";

const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a run leaves in the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// The verb.
    pub verb: String,
    /// The arguments as given.
    pub arguments: Vec<String>,
    /// SHA-256 over the sorted lines `SHA-256  path` of what was read; empty where nothing was.
    pub inputs: String,
    /// SHA-256 of what sums up what was written: `run.json`, or the manifest of a bundle; empty where nothing was.
    pub outputs: String,
    /// SHA-256 of the case file, or empty.
    pub case_file: String,
    /// How the run ended.
    pub exit: u8,
}

/// A line of the log.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Number of the line, from 1.
    pub sequence: u64,
    /// When the run ended, by the clock of the machine.
    pub time: String,
    /// The program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// What was run.
    pub run: Entry,
    /// The hash of the line before.
    pub previous: String,
    /// The hash of this line.
    pub hash: String,
}

impl Line {
    /// Its text, without the line feed.
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn expected_hash(&self) -> String {
        let bare = Self { hash: String::new(), ..self.clone() };
        hex(&Sha256::digest(bare.text()))
    }
}

/// What a log was found to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The lines that are sound, from the first on.
    pub lines: Vec<Line>,
    /// Number of the first line that is not, and what is the matter.
    pub broken: Option<(usize, String)>,
}

/// Verifies the bytes of a log.
#[must_use]
pub fn verify(bytes: &[u8]) -> Chain {
    let mut chain = Chain::default();
    let mut previous = NOTHING.to_owned();
    for (place, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let read = line
            .strip_suffix(b"\n")
            .ok_or_else(|| "it is cut off".to_owned())
            .and_then(|line| std::str::from_utf8(line).map_err(|error| error.to_string()))
            .and_then(|text| match serde_json::from_str::<Line>(text) {
                Ok(line) if line.text() == text => Ok(line),
                Ok(_) => Err("it is not spelt as it was written".to_owned()),
                Err(error) => Err(error.to_string()),
            });
        let fault = match read {
            Err(cause) => cause,
            Ok(line) if line.hash != line.expected_hash() => {
                "its hash is not that of its text".to_owned()
            }
            Ok(line) if line.previous != previous => {
                "it does not follow the line before it: lines were taken out, put in or moved"
                    .to_owned()
            }
            Ok(line) if usize::try_from(line.sequence) != Ok(place + 1) => {
                "its number is wrong".to_owned()
            }
            Ok(line) => {
                previous.clone_from(&line.hash);
                chain.lines.push(line);
                continue;
            }
        };
        chain.broken = Some((place + 1, fault));
        break;
    }
    chain
}

/// Appends a line; gives its hash. A log that is broken is not written to.
///
/// # Errors
/// [`CustodyError::Unwritable`]; [`CustodyError::Altered`] if the log is not whole.
pub fn append(path: &Path, run: Entry) -> Result<String, CustodyError> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(unwritable(path))?;
    file.lock().map_err(unwritable(path))?;
    let bytes = fs::read(path).map_err(super::unreadable(path))?;
    let chain = verify(&bytes);
    if let Some((line, cause)) = chain.broken {
        let (path, cause) = (path.display().to_string(), format!("line {line}: {cause}"));
        return Err(CustodyError::Altered { path, cause });
    }
    let last = chain.lines.last();
    let mut line = Line {
        sequence: last.map_or(0, |line| line.sequence) + 1,
        time: Timestamp::now().to_string(),
        program: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run,
        previous: last.map_or(NOTHING, |line| &line.hash).to_owned(),
        hash: String::new(),
    };
    line.hash = line.expected_hash();
    let text = format!("{}\n", line.text());
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable(path))?;
    Ok(line.hash)
}

/// Reads and verifies a log; `None` if there is none.
///
/// # Errors
/// [`CustodyError::Unreadable`].
pub fn read(path: &Path) -> Result<Option<Chain>, CustodyError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(verify(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(super::unreadable(path)(error)),
    }
}

/// The log that a run with these options writes to: the one that is named, else that of the case.
#[must_use]
pub fn place(named: Option<&Path>, case: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| case.map(|case| case.join(RUN_LOG)))
}

/// The digest of what was read: over the sorted lines `SHA-256  path`.
#[must_use]
pub fn digest_of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut lines: Vec<String> =
        files.map(|(sha256, path)| super::bag::manifest_line(sha256, path)).collect();
    lines.sort();
    hex(&Sha256::digest(lines.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: u8) -> Vec<u8> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(RUN_LOG);
        for exit in 0..lines {
            append(&path, Entry { verb: "report".to_owned(), exit, ..Entry::default() }).unwrap();
        }
        fs::read(path).unwrap()
    }

    #[test]
    fn every_byte_of_a_log_counts() {
        let bytes = log(3);
        assert_eq!((verify(&bytes).lines.len(), verify(&bytes).broken), (3, None));
        for place in 0..bytes.len() {
            for bit in [1, 0x20] {
                let mut flipped = bytes.clone();
                flipped[place] ^= bit;
                assert!(verify(&flipped).broken.is_some(), "byte {place}");
            }
        }
    }

    #[test]
    fn a_line_that_is_missing_or_moved_is_named() {
        let bytes = log(4);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let broken = |places: &[usize]| {
            let text: Vec<u8> = places.iter().flat_map(|place| lines[*place].to_vec()).collect();
            verify(&text).broken.map(|(line, _)| line)
        };
        assert_eq!(broken(&[0, 1, 2, 3]), None);
        assert_eq!(broken(&[0, 2, 3]), Some(2));
        assert_eq!(broken(&[0, 1, 3, 2]), Some(3));
        assert_eq!(broken(&[1, 2, 3]), Some(1));
        assert_eq!(broken(&[0, 0]), Some(2));
        assert_eq!(verify(&bytes[..bytes.len() - 1]).broken.unwrap().0, 4);
    }

    #[test]
    fn a_broken_log_is_not_written_to() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(RUN_LOG);
        fs::write(&path, "{}\n").unwrap();
        assert!(matches!(append(&path, Entry::default()), Err(CustodyError::Altered { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"{}\n");
    }
}
