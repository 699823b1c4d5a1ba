//! A result folder of `report`, held against its `run.json`.
//!
//! `run.json` names size and hashes of every other file of the folder and carries a digest of itself. Of `evidence.csv` it
//! gives those of the table without the columns that record file times; the cells of these columns nothing vouches for but
//! a bundle (`seal`).

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::audit::{Outcome, Word};
use super::inventory::hash_file;
use super::manifest::{Digest, Known};
use super::{CustodyError, unreadable};
use crate::meter::Meter;
use crate::report::run;

/// The record of a run.
pub const RUN_RECORD: &str = "run.json";

/// What `run.json` says, as far as custody asks.
#[derive(Debug, Clone, Deserialize)]
pub struct RunRecord {
    /// The clock of the run.
    pub as_of: Option<String>,
    format: u32,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    /// What the case file said.
    #[serde(default)]
    pub case: Option<crate::model::CaseFile>,
}

#[derive(Debug, Clone, Deserialize)]
struct Input {
    path: String,
    sha256: Option<String>,
    blake3: Option<String>,
    size_bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Output {
    name: String,
    sha256: String,
    blake3: String,
    size_bytes: u64,
    #[serde(default)]
    without_columns: Vec<String>,
}

impl RunRecord {
    /// Reads a record.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if record.format != run::FORMAT {
            return Err(format!(
                "its layout is {}, this program reads {}",
                record.format,
                run::FORMAT
            ));
        }
        Ok(record)
    }

    /// The evidence of the run.
    #[must_use]
    pub fn evidence(&self) -> Vec<Known> {
        let known = |input: &Input| {
            let sha256 = input.sha256.clone().map(Digest::Sha256);
            let digests = sha256.into_iter().chain(input.blake3.clone().map(Digest::Blake3));
            let digests: Vec<Digest> = digests.collect();
            (!digests.is_empty()).then(|| Known {
                name: input.path.clone(),
                digests,
                size_bytes: Some(input.size_bytes),
            })
        };
        self.inputs.iter().filter_map(known).collect()
    }
}

/// A result folder that was verified.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What became of its files.
    pub files: Vec<Outcome>,
    /// Its record, if that can be read.
    pub record: Option<RunRecord>,
}

impl Checked {
    fn say(&mut self, path: &str, word: Word, detail: impl Into<String>) {
        self.files.push(Outcome { path: path.to_owned(), word, detail: detail.into() });
    }
}

/// Verifies a result folder.
///
/// # Errors
/// [`CustodyError`] if the folder cannot be read.
pub fn check(folder: &Path, meter: &Meter) -> Result<Checked, CustodyError> {
    let mut checked = Checked::default();
    let path = folder.join(RUN_RECORD);
    let bytes = fs::read(&path).map_err(unreadable(&path))?;
    let record = match RunRecord::parse(&bytes) {
        Ok(record) => record,
        Err(cause) => {
            checked.say(RUN_RECORD, Word::Changed, cause);
            return Ok(checked);
        }
    };
    match run::digest_of(&bytes) {
        Some((said, found)) if said == found => checked.say(RUN_RECORD, Word::Matched, ""),
        Some((said, found)) => {
            checked.say(
                RUN_RECORD,
                Word::Changed,
                format!("its digest is {found}, it says {said}"),
            );
        }
        None => checked.say(RUN_RECORD, Word::Changed, "it carries no digest of itself"),
    }
    for output in &record.outputs {
        let (word, detail) = held(folder, output, meter)?;
        checked.say(&output.name, word, detail);
    }
    for name in names(folder, Path::new(""))? {
        let listed = record.outputs.iter().any(|output| output.name == name);
        if !listed && name != RUN_RECORD {
            checked.say(&name, Word::New, "the run did not write it");
        }
    }
    checked.files.sort();
    checked.record = Some(record);
    Ok(checked)
}

/// Holds one output against the record.
fn held(folder: &Path, output: &Output, meter: &Meter) -> Result<(Word, String), CustodyError> {
    let Output { name, sha256, blake3, size_bytes, without_columns } = output;
    let plain = !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "..";
    if !plain {
        return Ok((Word::Changed, "its name leads out of the folder".to_owned()));
    }
    let path = folder.join(name);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok((Word::Changed, "it is no file".to_owned())),
        Err(_missing) => return Ok((Word::Missing, String::new())),
    }
    let found = if without_columns.is_empty() {
        let content = hash_file(&path, false, meter).map_err(CustodyError::Evidence)?;
        (content.size_bytes, content.sha256, content.blake3)
    } else {
        let bytes = fs::read(&path).map_err(unreadable(&path))?;
        let Some(kept) = csv_without(&bytes, without_columns) else {
            return Ok((Word::Changed, "its columns are not those that were written".to_owned()));
        };
        let size = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        (
            size,
            crate::evidence::hex(&Sha256::digest(&kept)),
            crate::evidence::hash(&kept).blake3_hex(),
        )
    };
    Ok(if (&found.0, &found.1, &found.2) == (size_bytes, sha256, blake3) {
        (Word::Matched, String::new())
    } else {
        (Word::Changed, format!("its SHA-256 is {}, known is {sha256}", found.1))
    })
}

/// A CSV without some of its columns, byte for byte as it would be written without them; `None` if it has them not.
fn csv_without(bytes: &[u8], columns: &[String]) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut dropped: Option<Vec<bool>> = None;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (cells, behind) = csv_line(rest)?;
        rest = behind;
        let drop = dropped.get_or_insert_with(|| {
            cells.iter().map(|cell| columns.iter().any(|name| name.as_bytes() == *cell)).collect()
        });
        if drop.len() != cells.len() || drop.iter().filter(|drop| **drop).count() != columns.len() {
            return None;
        }
        let mut first = true;
        for (cell, _) in cells.iter().zip(drop.iter()).filter(|(_, drop)| !**drop) {
            if !first {
                kept.push(b',');
            }
            first = false;
            kept.extend_from_slice(cell);
        }
        kept.extend_from_slice(b"\r\n");
    }
    Some(kept)
}

/// The cells of the first line with their quotes, and what is behind the line; lines end in CR LF.
fn csv_line(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (mut cells, mut quoted, mut start) = (Vec::new(), false, 0);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                cells.push(bytes.get(start..at)?);
                start = at + 1;
            }
            b'\n' if !quoted => {
                cells.push(bytes.get(start..at)?.strip_suffix(b"\r")?);
                return Some((cells, bytes.get(at + 1..)?));
            }
            _ => {}
        }
    }
    None
}

/// The files below a folder by their paths in it, sorted, `/` between; entries that are neither file nor folder are named
/// too.
pub(super) fn names(folder: &Path, below: &Path) -> Result<Vec<String>, CustodyError> {
    let here = folder.join(below);
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&here).map_err(unreadable(&here))? {
        let entry = entry.map_err(unreadable(&here))?;
        let path = below.join(entry.file_name());
        if entry.file_type().map_err(unreadable(&here))?.is_dir() {
            folders.push(path);
        } else {
            let parts: Vec<String> = path
                .components()
                .map(|part| crate::evidence::readable_name(part.as_os_str().as_encoded_bytes()))
                .collect();
            found.push(parts.join("/"));
        }
    }
    for path in folders {
        found.extend(names(folder, &path)?);
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_out_of_a_table() {
        let table = b"a,b,c\r\n1,\"x,\r\n\"\"\",3\r\n,,\r\n";
        let without = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            csv_without(table, &names).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(without(&["b"]).unwrap(), "a,c\r\n1,3\r\n,\r\n");
        assert_eq!(without(&["a", "c"]).unwrap(), "b\r\n\"x,\r\n\"\"\"\r\n\r\n");
        assert_eq!(without(&["d"]), None);
        assert_eq!(csv_without(b"a,b\n1,2\n", &["a".to_owned()]), None);
    }
}
