//! `run.json`: the record of a run, by which inputs and outputs can be verified.
//!
//! Keys are in alphabetical order on every level. Nothing in it depends on the machine, the folder, the clock or the
//! number of threads.
//!
//! | Key | Holds |
//! |---|---|
//! | `as_of` | the clock of the run, or null |
//! | `case` | what the case file says, with its hashes, or null |
//! | `digest` | SHA-256 of this text with 64 zeros in the place of this digest |
//! | `format` | version of this layout: 1 |
//! | `inputs` | per exhibit `blake3`, `exhibit`, `path`, `sha256`, `size_bytes`; hashes are null where it could not be read |
//! | `options` | options as given |
//! | `outputs` | per file of the result folder but this one `blake3`, `name`, `sha256`, `size_bytes` |
//! | `program`, `version` | what ran |
//! | `records` | `balances`, `quarantined`, `seen`, `set_aside` (by rule), `used` |
//! | `rows` | rows per table |
//! | `set_aside_differences` | differences that are no change, by the rule that set them aside |
//!
//! Size and hashes of `evidence.csv` are those of the table without the columns that are named in `without_columns`: they
//! record file times and how the hashes were come by, and equal evidence must give equal records.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ReportError;
use super::output::Written;
use crate::evidence::hex;
use crate::model::{Analysis, CaseFile};

/// Version of the layout of `run.json`.
pub const FORMAT: u32 = 1;

/// What stands in the place of the digest while that is made.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a report says of the run beside its findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunInfo {
    /// Version of the program.
    pub version: String,
    /// Options as given, by their long names. The caller leaves out what must not influence the output: thread counts,
    /// absolute paths, the output folder.
    pub options: BTreeMap<String, String>,
    /// What the case file says.
    pub case: Option<CaseFile>,
}

#[derive(Serialize)]
struct Record<'a> {
    as_of: Option<String>,
    case: Option<&'a CaseFile>,
    digest: &'static str,
    format: u32,
    inputs: Vec<Input<'a>>,
    options: &'a BTreeMap<String, String>,
    outputs: Vec<Output<'a>>,
    program: &'static str,
    records: Records<'a>,
    rows: BTreeMap<&'static str, usize>,
    set_aside_differences: &'a BTreeMap<String, u64>,
    version: &'a str,
}

#[derive(Serialize)]
struct Input<'a> {
    blake3: Option<&'a str>,
    exhibit: String,
    path: &'a str,
    sha256: Option<&'a str>,
    size_bytes: u64,
}

#[derive(Serialize)]
struct Output<'a> {
    blake3: &'a str,
    name: &'a str,
    sha256: &'a str,
    size_bytes: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    without_columns: &'a [&'a str],
}

#[derive(Serialize)]
struct Records<'a> {
    balances: bool,
    quarantined: u64,
    seen: u64,
    set_aside: &'a BTreeMap<String, u64>,
    used: u64,
}

/// The text of `run.json`.
///
/// # Errors
/// [`ReportError::Json`] if it does not serialise.
pub(super) fn json(
    analysis: &Analysis,
    run: &RunInfo,
    outputs: &[Written],
) -> Result<String, ReportError> {
    fn hash(hex: &str) -> Option<&str> {
        (!hex.is_empty()).then_some(hex)
    }
    let record = Record {
        as_of: analysis.as_of.map(|at| at.to_string()),
        case: run.case.as_ref(),
        digest: NO_DIGEST,
        format: FORMAT,
        inputs: analysis
            .exhibits
            .iter()
            .map(|row| Input {
                blake3: hash(&row.blake3),
                exhibit: row.exhibit.to_string(),
                path: &row.path,
                sha256: hash(&row.sha256),
                size_bytes: row.size_bytes,
            })
            .collect(),
        options: &run.options,
        outputs: outputs
            .iter()
            .map(|file| Output {
                blake3: &file.blake3,
                name: file.name,
                sha256: &file.sha256,
                size_bytes: file.size_bytes,
                without_columns: file.without_columns,
            })
            .collect(),
        program: env!("CARGO_PKG_NAME"),
        records: Records {
            balances: analysis.tally.balances(),
            quarantined: analysis.tally.quarantined,
            seen: analysis.tally.seen,
            set_aside: &analysis.tally.set_aside,
            used: analysis.tally.used,
        },
        rows: BTreeMap::from([
            ("changes", analysis.changes.len()),
            ("coverage", analysis.coverage.len()),
            ("exhibits", analysis.exhibits.len()),
            ("objects", analysis.objects.len()),
            ("quarantine", analysis.quarantine.len()),
            ("snapshots", analysis.snapshots.len()),
            ("warnings", analysis.warnings.len()),
        ]),
        set_aside_differences: &analysis.set_aside_differences,
        version: &run.version,
    };
    let mut text = serde_json::to_string_pretty(&record)
        .map_err(|source| ReportError::Json { what: "run.json", source })?;
    text.push('\n');
    if let Some((place, digest)) = digest(text.as_bytes()) {
        text.replace_range(place, &digest);
    }
    Ok(text)
}

/// How the member begins whose value is the digest: two blanks before it, so that no text of the evidence can look like it.
const DIGEST_MEMBER: &[u8] = b"\n  \"digest\": \"";

/// Where the digest of a record stands, and what it must be.
fn digest(text: &[u8]) -> Option<(Range<usize>, String)> {
    let start = memchr::memmem::find(text, DIGEST_MEMBER)? + DIGEST_MEMBER.len();
    let place = start..start + NO_DIGEST.len();
    let mut hasher = Sha256::new();
    hasher.update(text.get(..place.start)?);
    hasher.update(NO_DIGEST);
    hasher.update(text.get(place.end..)?);
    Some((place, hex(&hasher.finalize())))
}

/// The digest that a record carries, and the one that it must carry; `None` if it has no place for one.
#[must_use]
pub fn digest_of(text: &[u8]) -> Option<(String, String)> {
    let (place, digest) = digest(text)?;
    Some((String::from_utf8_lossy(text.get(place)?).into_owned(), digest))
}
