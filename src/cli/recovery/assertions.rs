//! `--assert FILE`: claims about snapshots, checked.

use std::fs;
use std::io::{self, Write};

use crate::cli::args::Recovered;
use crate::cli::exit::Failure;
use crate::cli::select;
use crate::directory::catalogue;
use crate::index::Index;
use crate::model::{Analysis, Asserted, SnapshotRow};
use crate::recovery::assertions::{AssertionError, check, file};
use crate::report::terminal::Style;
use crate::report::verification::text::assertions_text;

/// The bytes of the file of assertions, if there is one, after a look at its form: what is malformed is said before any
/// evidence is read.
pub(in crate::cli) fn assertions(args: &Recovered) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = &args.assert else { return Ok(None) };
    let bytes = fs::read(path).map_err(|error| refused(args, &error.to_string()))?;
    file::parse(&bytes).map_err(|cause| refused(args, &cause))?;
    Ok(Some(bytes))
}

fn refused(args: &Recovered, cause: &str) -> Failure {
    let path = args.assert.clone().unwrap_or_default();
    Failure::Usage {
        message: format!("--assert `{}` cannot be used: {cause}", path.display()),
        hint: "write [[assertion]] with name, type, id, attribute and one check (README, \"Assertions\")".to_owned(),
    }
}

/// Checks the assertions of a file.
pub(in crate::cli) fn asserted(
    index: &Index,
    analysis: &Analysis,
    (args, bytes): (&Recovered, Option<&[u8]>),
) -> Result<Option<Asserted>, Failure> {
    let Some(bytes) = bytes else { return Ok(None) };
    let find = |tenant: &str, word: Option<&str>| {
        let own = analysis.snapshots.iter().filter(|row| row.tenant_id == tenant);
        let own: Vec<&SnapshotRow> = own.collect();
        let role = match word {
            None | Some("after") => args.after.as_deref(),
            Some("damaged") => args.damaged.as_deref(),
            Some("good") => args.good.as_deref(),
            Some(_) => None,
        };
        let labelled = word.filter(|word| own.iter().any(|row| row.label == *word));
        let meant = labelled.or(role).or(word).unwrap_or("-1");
        select::snapshot(meant, &own).ok()
    };
    match check(index, catalogue(), analysis, (bytes, &find)) {
        Ok(asserted) => Ok(Some(asserted)),
        Err(AssertionError::File(cause)) => Err(refused(args, &cause)),
        Err(AssertionError::History(error)) => Err(error.into()),
    }
}

/// Says on standard error how assertions came out.
pub(in crate::cli) fn say(analysis: &Analysis) {
    let Some(asserted) = &analysis.assertions else { return };
    let text = assertions_text(asserted, Style { width: None, colour: false });
    drop(io::stderr().lock().write_all(text.as_bytes()));
}
