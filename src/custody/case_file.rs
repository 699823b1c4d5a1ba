//! The case file: `case.toml`, which the examiner writes.
//!
//! ```toml
//! case_id = "2026-117"
//! examiner = "R. Vance"
//! organization = "Contoso CSIRT"
//! received_at = 2026-11-05T09:30:00+01:00
//! received_from = "Woodgrove Bank, IT operations, on an encrypted disk"
//! authority = "engagement letter of 2026-11-04"
//! questions = ["Who weakened Conditional Access?", "Was everything restored?"]
//! notes = "second disk expected"
//! ```
//!
//! Every key may be left out; a key that is not known is refused, so that none is lost by a slip. The file is named by
//! `--case-file`, or stands as `case.toml` in the case folder. One that lies in the evidence is evidence like any other file:
//! whoever made the evidence must not sign for the examiner.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::CustodyError;
use crate::evidence::hash;
use crate::model::CaseFile;

/// Its name in a case folder.
pub const CASE_FILE: &str = "case.toml";

/// Largest case file: a page of questions has some thousand bytes.
const MAX_BYTES: usize = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    authority: String,
    case_id: String,
    examiner: String,
    notes: String,
    organization: String,
    questions: Vec<String>,
    received_at: Option<Moment>,
    received_from: String,
}

/// A date or time, written as TOML has them or as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Time(toml::value::Datetime),
    Text(String),
}

/// Reads a case file.
///
/// # Errors
/// [`CustodyError::Unreadable`], [`CustodyError::CaseFile`] with the line where something is wrong.
pub fn read(path: &Path) -> Result<CaseFile, CustodyError> {
    let bytes = fs::read(path).map_err(super::unreadable(path))?;
    parse(&bytes).map_err(|cause| CustodyError::CaseFile { path: path.to_owned(), cause })
}

/// Reads the text of a case file.
fn parse(bytes: &[u8]) -> Result<CaseFile, String> {
    if bytes.len() > MAX_BYTES {
        return Err("it has more than 1 MiB".to_owned());
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 from byte {} on", error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fields: Fields = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })?;
    let prints = hash(bytes);
    Ok(CaseFile {
        authority: fields.authority,
        blake3: prints.blake3_hex(),
        case_id: fields.case_id,
        examiner: fields.examiner,
        notes: fields.notes,
        organization: fields.organization,
        questions: fields.questions,
        received_at: match fields.received_at {
            Some(Moment::Time(at)) => at.to_string(),
            Some(Moment::Text(text)) => text,
            None => String::new(),
        },
        received_from: fields.received_from,
        sha256: prints.sha256_hex(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_may_be_written_either_way() {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        let case = read(
            "case_id = \"7\"\nreceived_at = 2026-11-05T09:30:00+01:00\nquestions = [\"a\", \"b\"]\n",
        );
        assert_eq!((case.case_id.as_str(), case.questions.len()), ("7", 2));
        assert_eq!(case.received_at, "2026-11-05T09:30:00+01:00");
        assert_eq!(read("received_at = 2026-11-05").received_at, "2026-11-05");
        assert_eq!(read("received_at = \"in the morning\"").received_at, "in the morning");
        assert_eq!(read("").sha256, hash(b"").sha256_hex());
    }

    #[test]
    fn slips_are_refused_with_their_line() {
        for (text, line, word) in [
            ("case_id = \"1\"\nexamner = \"x\"\n", "line 2:", "examner"),
            ("case_id = \"1\"\n\ncase_id = \"2\"\n", "line 3:", "duplicate"),
            ("examiner = 5\n", "line 1:", "string"),
            ("questions = \"x\"\n", "line 1:", "sequence"),
            ("\nexaminer = \"x\n", "line 2:", ""),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(line) && error.contains(word), "{text}: {error}");
        }
        assert!(parse(b"notes = \"\xff\"").unwrap_err().contains("byte 9"));
    }
}
