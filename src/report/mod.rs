//! Output: CSV, HTML, JSON and terminal tables from the tables of an [`Analysis`].
//!
//! What enters is [`Analysis`] and nothing else; how it was computed is not known here. What leaves depends on it and
//! on [`RunInfo`] only: no clock, no locale, no thread count, no host. Every string is taken as hostile: CSV and JSON
//! carry it exactly, HTML escapes it and shows what would be invisible, the terminal never receives a control
//! character from it. No file is left half written under its final name.
//!
//! | Module | Gives |
//! |---|---|
//! | [`tables`] | data frames with the columns of the output contract, and their CSV form |
//! | [`figures`] | the totals that the summary states, grouped from those frames |
//! | [`html`] | `report.html`, one file, no script, no request |
//! | [`json`], [`graph`] | changes as JSON, JSON Lines and in Microsoft's own difference-report shape |
//! | [`difference`] | difference reports as text |
//! | [`inspect`] | what is here, what can be answered, what to export next, as text and JSON |
//! | [`terminal`] | plain tables that fit a width |
//! | [`verification`] | whether a recovery put back what it should: CSV, JSON, terminal |
//! | [`service`] | backups and jobs of the service: tables, JSON, terminal |
//! | [`opinion`] | our difference beside the service's change lists |
//! | [`run`] | `run.json`: version, options, hashes of every input and output |
//! | [`text`] | hostile text made visible |

pub mod difference;
pub mod figures;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;
pub mod graph;
pub mod html;
pub mod inspect;
pub mod json;
pub mod opinion;
mod output;
pub mod run;
pub mod service;
pub mod tables;
pub mod terminal;
pub mod text;
pub mod verification;
mod words;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::meter::{Meter, Stage};
use crate::model::{Analysis, Change};
use output::Folder;
pub use run::RunInfo;

/// Why an output could not be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A data frame could not be built, grouped or written.
    #[error("table `{table}`")]
    Table {
        /// Which table.
        table: &'static str,
        /// What polars says.
        #[source]
        source: polars::error::PolarsError,
    },
    /// A template does not render.
    #[error("page `{page}`")]
    Template {
        /// Which template.
        page: &'static str,
        /// What minijinja says.
        #[source]
        source: minijinja::Error,
    },
    /// A value does not serialise.
    #[error("JSON of `{what}`")]
    Json {
        /// What was to be written.
        what: &'static str,
        /// What `serde_json` says.
        #[source]
        source: serde_json::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Writes the whole result folder: `report.html`, the CSVs and `run.json`; gives the paths in that order. `recovery.csv`
/// and `attestation.json` are there only where a recovery was verified or assertions were checked, `second_opinion.csv` only
/// where a change list of the service is in the evidence.
///
/// Every file is written as `<name>.partial` and renamed when all of them are complete, `run.json` last: a folder with
/// a `run.json` is a whole one. Files of the same names from an earlier run are replaced by then, all or none.
///
/// # Errors
/// [`ReportError`] if a table cannot be built or a file cannot be written. Partial files are removed before it returns.
pub fn write(
    analysis: &Analysis,
    run: &RunInfo,
    out: &Path,
    meter: &Meter,
) -> Result<Vec<PathBuf>, ReportError> {
    meter.stage(Stage::Writing);
    let mut folder = Folder::create(out, meter)?;
    folder.write("report.html", |file| html::render(analysis, run, file))?;
    folder.write("changes.csv", |file| write_changes(&analysis.changes, file))?;
    folder.write("objects.csv", |file| {
        tables::write_csv(&mut tables::objects(&analysis.objects)?, file)
    })?;
    folder.write("snapshots.csv", |file| {
        tables::write_csv(&mut tables::snapshots(&analysis.snapshots)?, file)
    })?;
    write_evidence(analysis, &mut folder)?;
    folder.write("coverage.csv", |file| {
        tables::write_csv(&mut tables::coverage(&analysis.coverage)?, file)
    })?;
    write_warnings(analysis, &mut folder)?;
    folder.write("quarantine.csv", |file| {
        tables::write_csv(&mut tables::quarantine(&analysis.quarantine)?, file)
    })?;
    folder.write("backups.csv", |file| {
        tables::write_csv(&mut service::table::backups(&analysis.backups)?, file)
    })?;
    folder
        .write("jobs.csv", |file| tables::write_csv(&mut service::table::jobs(analysis)?, file))?;
    if !analysis.opinions.is_empty() {
        folder.write("second_opinion.csv", |file| opinion::write(&analysis.opinions, file))?;
    }
    write_recovery(analysis, run, &mut folder)?;
    write_record(analysis, run, folder)
}

/// Writes what a verification leaves beside a report: `recovery.csv`, `attestation.json`, `evidence.csv`, `warnings.csv` and
/// `run.json`, so that `check` and `seal` know the folder; gives the paths in that order.
///
/// # Errors
/// As [`write()`].
pub fn write_verification(
    analysis: &Analysis,
    run: &RunInfo,
    out: &Path,
    meter: &Meter,
) -> Result<Vec<PathBuf>, ReportError> {
    meter.stage(Stage::Writing);
    let mut folder = Folder::create(out, meter)?;
    write_recovery(analysis, run, &mut folder)?;
    write_evidence(analysis, &mut folder)?;
    write_warnings(analysis, &mut folder)?;
    write_record(analysis, run, folder)
}

fn write_evidence(analysis: &Analysis, folder: &mut Folder<'_>) -> Result<(), ReportError> {
    let evidence = tables::evidence(&analysis.exhibits)?;
    folder.write("evidence.csv", |file| tables::write_csv(&mut evidence.clone(), file))?;
    folder.hash_without(&tables::FILE_TIME_COLUMNS, |bytes| {
        tables::write_csv(&mut evidence.drop_many(tables::FILE_TIME_COLUMNS), bytes)
    })
}

fn write_warnings(analysis: &Analysis, folder: &mut Folder<'_>) -> Result<(), ReportError> {
    folder.write("warnings.csv", |file| {
        tables::write_csv(&mut tables::warnings(&analysis.warnings, &analysis.quarantine)?, file)
    })
}

/// What was asked about a recovery: nothing where nothing was.
fn write_recovery(
    analysis: &Analysis,
    run: &RunInfo,
    folder: &mut Folder<'_>,
) -> Result<(), ReportError> {
    if !analysis.verifications.is_empty() {
        folder.write("recovery.csv", |file| {
            verification::table::write(&analysis.verifications, file)
        })?;
    }
    if analysis.verifications.is_empty() && analysis.assertions.is_none() {
        return Ok(());
    }
    let sheet = verification::sheet::json(analysis, run)?;
    folder.write("attestation.json", |file| {
        file.write_all(sheet.as_bytes())
            .map_err(|source| output::refused("attestation.json", source))
    })
}

fn write_record(
    analysis: &Analysis,
    run: &RunInfo,
    mut folder: Folder<'_>,
) -> Result<Vec<PathBuf>, ReportError> {
    let record = run::json(analysis, run, folder.written())?;
    folder.write("run.json", |file| {
        file.write_all(record.as_bytes()).map_err(|source| output::refused("run.json", source))
    })?;
    folder.commit()
}

/// Writes `changes.csv` from frame after frame, so that memory does not grow with the number of changes.
///
/// # Errors
/// [`ReportError::Table`] if a frame cannot be built or written.
pub fn write_changes(changes: &[Change], to: impl io::Write) -> Result<(), ReportError> {
    tables::write_in_frames(changes, tables::changes, to)
}
