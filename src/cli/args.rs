//! What the user typed, as types; no I/O.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::budget::Size;
use crate::model::{Certainty, Lane};
use crate::synth::{ExportFormat, Incident, LogFormat};

/// Rewinds a Microsoft Entra tenant from its exported snapshots, offline.
#[derive(Debug, Parser)]
#[command(name = "entrace", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Worker threads (default: one per core); never changes the output
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// No progress on standard error (it is shown on a terminal only)
    #[arg(long, global = true)]
    pub quiet: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Before any work: what is here, and what can and cannot be answered with it
    Inspect(Listing),
    /// The whole analysis: report.html and the CSVs
    Report(Box<ReportArgs>),
    /// List the snapshots: time, tenant, objects per type, hashes
    Snapshots(Listing),
    /// Difference report between any two snapshots (default: first and last)
    Diff(DiffArgs),
    /// All changes over all snapshots
    Timeline(TimelineArgs),
    /// The state of one object, or the bytes behind a row
    Show(ShowArgs),
    /// Microsoft Entra Backup and Recovery: what was recovered, and whether it is as it should be
    #[command(subcommand)]
    Recovery(RecoveryVerb),
    /// Close a result folder into a bundle with hashes (a bag)
    Seal(SealArgs),
    /// Verify results, bundles, case folders and evidence, in hashdeep's words
    Check(CheckArgs),
    /// Write a synthetic tenant with planted incidents and an answer key
    Synth(SynthArgs),
    /// What a code in a warning or in the column `reason` means, and what to do
    Explain {
        /// The code
        code: String,
    },
}

/// Evidence and how to read it.
#[derive(Debug, Clone, Args)]
pub struct Evidence {
    /// Folders and files, in any mix
    #[arg(required_unless_present = "case", value_name = "EVIDENCE")]
    pub paths: Vec<PathBuf>,
    /// Keep what was read in this folder, so that a later run reads only what is new; without EVIDENCE, work on what it
    /// knows
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    /// Name a snapshot by hand: LABEL=PATH, or LABEL@2026-11-02T03:00:00Z=PATH
    #[arg(long, value_name = "LABEL[@TIME]=PATH", value_parser = named_snapshot)]
    pub snapshot: Vec<Named>,
    /// Zone of stamps that carry none, e.g. Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub evidence_tz: Option<TimeZone>,
    /// Trust modification times of files where nothing else tells when they were captured
    #[arg(long)]
    pub file_times: bool,
    /// Map: how exports are laid out that nothing here recognises (README, "Own exports")
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// What the index and all rows may take of memory, e.g. 600MB or 4GiB (default: three quarters of what is free)
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<Size>,
    /// The clock of the run (default: end of the last capture)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub as_of: Option<Timestamp>,
}

/// A snapshot named by hand.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its label.
    pub label: String,
    /// Its time.
    pub time: Option<Timestamp>,
    /// What it is made of.
    pub path: PathBuf,
}

/// Which changes are listed.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Scope")]
pub struct Scope {
    /// Object type, e.g. user
    #[arg(long = "type", value_name = "TYPE")]
    pub object_type: Vec<String>,
    /// Object, target, or part of a natural key
    #[arg(long, value_name = "ID")]
    pub id: Vec<String>,
    /// Attribute or relation; `*` stands for anything
    #[arg(long, value_name = "PATTERN")]
    pub attribute: Vec<String>,
    /// Windows that reach beyond this time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Windows that begin before this time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// Lane (default: change, and every object that disappeared)
    #[arg(long, value_parser = lane)]
    pub lane: Vec<Lane>,
    /// Certainty
    #[arg(long, value_parser = certainty)]
    pub certainty: Vec<Certainty>,
    /// Tenant id
    #[arg(long, value_name = "ID")]
    pub tenant: Vec<String>,
}

/// A verb that lists without scope.
#[derive(Debug, Clone, Args)]
pub struct Listing {
    #[command(flatten)]
    pub evidence: Evidence,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `report`
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    #[command(flatten)]
    pub scope: Scope,
    /// Folder to write to; never inside the evidence
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write the rows of this lane one by one
    #[arg(long, value_name = "LANE", value_parser = lane)]
    pub unfold: Vec<Lane>,
    /// Case file: who, what, on whose authority (default: case.toml in the case folder)
    #[arg(long, value_name = "FILE")]
    pub case_file: Option<PathBuf>,
    /// Put pseudonyms in the place of names, ids, addresses and free text, by the key in this file (made if missing);
    /// what they stand for goes into KEYFILE.map.csv
    #[arg(long, value_name = "KEYFILE")]
    pub redact: Option<PathBuf>,
    #[command(flatten)]
    pub recovered: Recovered,
    #[command(flatten)]
    pub log: LogArgs,
}

/// Where a run is noted.
#[derive(Debug, Clone, Args, Default)]
pub struct LogArgs {
    /// Append the run to this log, chained by hash (default: run-log.jsonl in the case folder, if there is one)
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// `seal`
#[derive(Debug, Clone, Args)]
pub struct SealArgs {
    /// Result folder of `report`
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Bundle to write (default: OUT.bag beside it)
    #[arg(short = 'o', long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Copy this evidence into the bundle; it must be what the run read
    #[arg(long, value_name = "PATH")]
    pub with_evidence: Vec<PathBuf>,
    /// Case folder whose case file and run log are sealed too
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    /// Case file: who, what, on whose authority (default: case.toml in the case folder)
    #[arg(long, value_name = "FILE")]
    pub case_file: Option<PathBuf>,
    /// Day of the bundle (default: the clock of the run that is sealed)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub as_of: Option<Timestamp>,
    #[command(flatten)]
    pub log: LogArgs,
}

/// `check`
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Result folders, bundles, case folders; evidence, with one of these or with --manifest
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Hold the paths against this list: of sha256sum, sha512sum, b3sum, hashdeep, or of a bag
    #[arg(long, value_name = "FILE")]
    pub manifest: Vec<PathBuf>,
    /// Case folder whose run log notes this check
    #[arg(long, value_name = "DIR")]
    pub case: Option<PathBuf>,
    #[command(flatten)]
    pub log: LogArgs,
    /// List what matched too
    #[arg(long)]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How `timeline` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimelineFormat {
    /// For the terminal.
    Table,
    /// All columns of `changes.csv`.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// `timeline`
#[derive(Debug, Clone, Args)]
pub struct TimelineArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    #[command(flatten)]
    pub scope: Scope,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub format: TimelineFormat,
    /// Write the rows of this lane one by one
    #[arg(long, value_name = "LANE", value_parser = lane)]
    pub unfold: Vec<Lane>,
    /// Put pseudonyms in the place of names, ids, addresses and free text, by the key in this file (made if missing);
    /// what they stand for goes into KEYFILE.map.csv
    #[arg(long, value_name = "KEYFILE")]
    pub redact: Option<PathBuf>,
}

/// How `diff` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For the terminal.
    Table,
    /// All columns of `changes.csv`.
    Csv,
    /// A JSON array.
    Json,
    /// Microsoft's own change-list shape.
    Graph,
}

/// `diff`
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    #[command(flatten)]
    pub scope: Scope,
    /// The earlier state: label, prefix of a time, index (1 earliest, -1 latest) or service snapshot id
    #[arg(long, value_name = "SNAP", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// The later state
    #[arg(long, value_name = "SNAP", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub format: DiffFormat,
    /// Put pseudonyms in the place of names, ids, addresses and free text, by the key in this file (made if missing);
    /// what they stand for goes into KEYFILE.map.csv
    #[arg(long, value_name = "KEYFILE")]
    pub redact: Option<PathBuf>,
}

/// How `recovery history` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For the terminal.
    Table,
    /// All columns of `jobs.csv`.
    Csv,
    /// A JSON array.
    Json,
}

/// `recovery history`
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub format: HistoryFormat,
    /// Print JSON: the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// `show`
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    /// Object to show: id, or part of a natural key
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "receipt",
        conflicts_with = "receipt"
    )]
    pub id: Option<String>,
    /// State at this time (default: last known)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<Timestamp>,
    /// Receipt to open and verify
    #[arg(long, value_name = "EX-…:OFFSET+LENGTH")]
    pub receipt: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `recovery`
#[derive(Debug, Clone, Subcommand)]
pub enum RecoveryVerb {
    /// The service's own jobs: difference reports and recoveries, how they ended, what failed
    History(HistoryArgs),
    /// One verdict per attribute, link and object: is it good again?
    Verify(Box<VerifyArgs>),
    /// Our difference beside the service's change lists: what each has, and why they differ
    Compare(CompareArgs),
}

/// The recovery to verify.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Recovery to verify")]
pub struct Recovered {
    /// Snapshot before the damage: label, prefix of a time, index (1 earliest, -1 latest) or service snapshot id
    #[arg(long, value_name = "SNAP", allow_hyphen_values = true, requires_all = ["damaged", "after"])]
    pub good: Option<String>,
    /// Snapshot after the damage and before the recovery
    #[arg(long, value_name = "SNAP", allow_hyphen_values = true, requires_all = ["good", "after"])]
    pub damaged: Option<String>,
    /// Snapshot after the recovery
    #[arg(long, value_name = "SNAP", allow_hyphen_values = true, requires_all = ["good", "damaged"])]
    pub after: Option<String>,
    /// Recovery job (default: those between damaged and after)
    #[arg(long, value_name = "ID", requires = "good")]
    pub job: Vec<String>,
    /// When the recovery was over, where no job in the evidence says so
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "good")]
    pub completed: Option<Timestamp>,
    /// CSV of wanted changes (README, "Was it put back?")
    #[arg(long, value_name = "FILE", requires = "good")]
    pub tickets: Option<PathBuf>,
    /// CSV of what was damage, in the same columns; all else was wanted
    #[arg(long, value_name = "FILE", requires = "good")]
    pub damage: Option<PathBuf>,
    /// Id or name of who did the damage, as the audit log has it; all else was wanted
    #[arg(long, value_name = "ID", requires = "good")]
    pub actor: Vec<String>,
    /// TOML of assertions about snapshots (README, "Assertions"); all must hold
    #[arg(long = "assert", value_name = "FILE")]
    pub assertions: Option<PathBuf>,
}

/// How `recovery verify` and `recovery compare` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerdictFormat {
    /// For the terminal.
    Table,
    /// All columns of `recovery.csv`, or of `second_opinion.csv`.
    Csv,
    /// A JSON array of the same rows.
    Json,
}

/// `recovery verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    #[command(flatten)]
    pub recovered: Recovered,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub format: VerdictFormat,
    /// Folder for recovery.csv and attestation.json; never inside the evidence
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Case file: who, what, on whose authority (default: case.toml in the case folder)
    #[arg(long, value_name = "FILE")]
    pub case_file: Option<PathBuf>,
    /// Put pseudonyms in the place of names, ids, addresses and free text, by the key in this file (made if missing);
    /// what they stand for goes into KEYFILE.map.csv
    #[arg(long, value_name = "KEYFILE")]
    pub redact: Option<PathBuf>,
}

/// `recovery compare`
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    #[command(flatten)]
    pub evidence: Evidence,
    /// Difference report of the service (default: all whose list is in the evidence)
    #[arg(long, value_name = "ID")]
    pub job: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub format: VerdictFormat,
}

/// `synth`
#[derive(Debug, Clone, Args)]
pub struct SynthArgs {
    /// Folder to write the evidence to; the answer key becomes `<DIR>.answer-key.json` beside it
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Users
    #[arg(long, default_value_t = 200)]
    pub users: u32,
    /// Daily snapshots
    #[arg(long, default_value_t = 5)]
    pub snapshots: u32,
    /// Seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Planted story
    #[arg(long, value_enum)]
    pub incident: Option<Incident>,
    /// Layout of the export
    #[arg(long = "as", value_enum, default_value_t = ExportFormat::Graph)]
    pub format: ExportFormat,
    /// Dialect of the audit log, in layouts that have one
    #[arg(long, value_enum, default_value_t = LogFormat::Graph)]
    pub log: LogFormat,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date: jiff::civil::Date = text.parse().map_err(|_error: jiff::Error| {
        format!("`{text}` is no time; write 2026-11-02T03:00:00Z or 2026-11-02")
    })?;
    date.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|error| error.to_string())
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|error| error.to_string())
}

fn lane(text: &str) -> Result<Lane, String> {
    Lane::from_word(text).ok_or_else(|| words("lane", Lane::ALL.iter().map(|lane| lane.as_str())))
}

fn certainty(text: &str) -> Result<Certainty, String> {
    Certainty::from_word(text)
        .ok_or_else(|| words("certainty", Certainty::ALL.iter().map(|word| word.as_str())))
}

fn words(what: &str, known: impl Iterator<Item = &'static str>) -> String {
    format!("no such {what}; known are {}", known.collect::<Vec<_>>().join(", "))
}

fn named_snapshot(text: &str) -> Result<Named, String> {
    let (name, path) =
        text.split_once('=').ok_or("write LABEL=PATH or LABEL@TIME=PATH".to_owned())?;
    let (label, time) = match name.rsplit_once('@') {
        Some((label, time)) => (label, Some(instant(time)?)),
        None => (name, None),
    };
    if label.is_empty() {
        return Err("the label is empty".to_owned());
    }
    Ok(Named { label: label.to_owned(), time, path: PathBuf::from(path) })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn snapshots_are_named_by_hand() {
        let named = named_snapshot("before@2026-11-02T03:00:00Z=a=b").unwrap();
        assert_eq!((named.label.as_str(), named.path), ("before", PathBuf::from("a=b")));
        assert_eq!(named.time.unwrap().to_string(), "2026-11-02T03:00:00Z");
        assert!(named_snapshot("x").is_err());
        assert!(named_snapshot("x@yesterday=p").is_err());
    }
}
