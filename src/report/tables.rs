//! The tables of the output contract as polars data frames, and their CSV form.
//!
//! Every function documents the columns of its table. Columns are never reordered; new ones come at the end. An empty
//! cell is a null: the evidence does not say, or there is nothing to say.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use polars::error::PolarsError;
use polars::prelude::{Column, CsvWriter, DataFrame, IntoColumn, SerWriter, StringChunkedBuilder};

use sha2::{Digest, Sha256};

use super::{ReportError, output};
use crate::model::{
    Change, CoverageRow, ExhibitRow, HashBasis, Interval, ObjectRow, QuarantineRow, Receipt,
    Recoverability, SnapshotRow, Target, TimeSource, WarningRow,
};

/// Columns of `changes.csv`, in order (the output contract).
pub const CHANGES: [&str; 32] = [
    "change_id",
    "tenant_id",
    "object_type",
    "object_id",
    "object_name",
    "change",
    "attribute",
    "target_type",
    "target_id",
    "target_name",
    "before",
    "after",
    "added",
    "removed",
    "not_before",
    "not_after",
    "narrowed_from",
    "narrowed_to",
    "bound_source",
    "from_snapshot",
    "to_snapshot",
    "lane",
    "certainty",
    "objects",
    "origin",
    "recoverability",
    "actor",
    "attribution",
    "actor_candidates",
    "evidence_before",
    "evidence_after",
    "reason",
];

/// Builds a frame column by column over the rows of one table.
pub(super) struct Rows<'a, T> {
    rows: &'a [T],
    columns: Vec<Column>,
}

impl<'a, T> Rows<'a, T> {
    pub(super) fn of(rows: &'a [T]) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// A column of text; empty text becomes null.
    pub(super) fn text<'b>(mut self, name: &str, cell: impl Fn(&'a T) -> Cow<'b, str>) -> Self {
        let mut column = StringChunkedBuilder::new(name.into(), self.rows.len());
        for row in self.rows {
            let cell = cell(row);
            column.append_option((!cell.is_empty()).then_some(cell.as_ref()));
        }
        self.columns.push(column.finish().into_column());
        self
    }

    pub(super) fn number(mut self, name: &str, cell: impl Fn(&'a T) -> Option<u64>) -> Self {
        let cells: Vec<Option<u64>> = self.rows.iter().map(cell).collect();
        self.columns.push(Column::new(name.into(), cells));
        self
    }

    pub(super) fn frame(self, table: &'static str) -> Result<DataFrame, ReportError> {
        DataFrame::new(self.rows.len(), self.columns)
            .map_err(|source| ReportError::Table { table, source })
    }
}

pub(super) fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

pub(super) fn option(text: Option<&String>) -> Cow<'_, str> {
    text.map_or(Cow::Borrowed(""), |text| Cow::Borrowed(text))
}

/// RFC 3339 in UTC. A fraction of a second is written only where the evidence has one.
pub(super) fn time(at: Option<Timestamp>) -> Cow<'static, str> {
    at.map_or(Cow::Borrowed(""), |at| Cow::Owned(at.to_string()))
}

fn joined<T: ToString>(parts: &[T]) -> Cow<'static, str> {
    Cow::Owned(parts.iter().map(T::to_string).collect::<Vec<_>>().join(";"))
}

pub(super) fn receipts(receipts: &[Receipt]) -> Cow<'static, str> {
    joined(receipts)
}

fn target(change: &Change, part: impl Fn(&Target) -> &String) -> Cow<'_, str> {
    option(change.target.as_ref().map(part))
}

fn start(interval: Option<Interval>) -> Cow<'static, str> {
    time(interval.map(|interval| interval.start))
}

fn end(interval: Option<Interval>) -> Cow<'static, str> {
    time(interval.map(|interval| interval.end))
}

fn source(source: Option<TimeSource>) -> Cow<'static, str> {
    Cow::Borrowed(source.map_or("", TimeSource::as_str))
}

/// `changes.csv`: the columns of [`CHANGES`].
///
/// `recoverability` is empty where a row was not judged. `actor`, `attribution` and `actor_candidates` are filled by rooms
/// that come later and are empty until then.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn changes(changes: &[Change]) -> Result<DataFrame, ReportError> {
    Rows::of(changes)
        .text("change_id", |row| Cow::Owned(row.change_id.to_string()))
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("object_type", |row| plain(&row.object_type))
        .text("object_id", |row| plain(&row.object_id))
        .text("object_name", |row| plain(&row.object_name))
        .text("change", |row| plain(row.kind.as_str()))
        .text("attribute", |row| plain(&row.attribute))
        .text("target_type", |row| target(row, |target| &target.object_type))
        .text("target_id", |row| target(row, |target| &target.id))
        .text("target_name", |row| target(row, |target| &target.name))
        .text("before", |row| option(row.before.as_ref()))
        .text("after", |row| option(row.after.as_ref()))
        .text("added", |row| option(row.added.as_ref()))
        .text("removed", |row| option(row.removed.as_ref()))
        .text("not_before", |row| time(row.window.not_before))
        .text("not_after", |row| time(row.window.not_after))
        .text("narrowed_from", |row| time(row.narrowed.as_ref().map(|narrowed| narrowed.from)))
        .text("narrowed_to", |row| time(row.narrowed.as_ref().map(|narrowed| narrowed.to)))
        .text("bound_source", |row| option(row.narrowed.as_ref().map(|narrowed| &narrowed.source)))
        .text("from_snapshot", |row| plain(&row.from_snapshot))
        .text("to_snapshot", |row| plain(&row.to_snapshot))
        .text("lane", |row| plain(row.lane.as_str()))
        .text("certainty", |row| plain(row.certainty.as_str()))
        .number("objects", |row| Some(row.objects))
        .text("origin", |row| plain(row.origin.as_str()))
        .text("recoverability", |row| plain(row.recoverability.map_or("", Recoverability::as_str)))
        .text("actor", |_| plain(""))
        .text("attribution", |_| plain(""))
        .text("actor_candidates", |_| plain(""))
        .text("evidence_before", |row| receipts(&row.evidence_before))
        .text("evidence_after", |row| receipts(&row.evidence_after))
        .text("reason", |row| plain(row.reason.map_or("", |reason| reason.as_str())))
        .frame("changes.csv")
}

/// The columns of `changes.csv` that totals are grouped by: everything but values, times and receipts.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn change_keys(changes: &[Change]) -> Result<DataFrame, ReportError> {
    Rows::of(changes)
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("object_type", |row| plain(&row.object_type))
        .text("object_id", |row| plain(&row.object_id))
        .text("change", |row| plain(row.kind.as_str()))
        .text("from_snapshot", |row| plain(&row.from_snapshot))
        .text("to_snapshot", |row| plain(&row.to_snapshot))
        .text("lane", |row| plain(row.lane.as_str()))
        .text("certainty", |row| plain(row.certainty.as_str()))
        .number("objects", |row| Some(row.objects))
        .frame("summary")
}

/// `objects.csv`: `tenant_id`, `object_type`, `object_id`, `object_name` (last known), `state` (`live`, `deleted`,
/// `gone`, `not collected`), `first_snapshot`, `last_snapshot`, `observations`, `changes` (rows of lane `change`),
/// `receipt` (last observation).
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn objects(objects: &[ObjectRow]) -> Result<DataFrame, ReportError> {
    Rows::of(objects)
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("object_type", |row| plain(&row.object_type))
        .text("object_id", |row| plain(&row.object_id))
        .text("object_name", |row| plain(&row.object_name))
        .text("state", |row| plain(&row.state))
        .text("first_snapshot", |row| plain(&row.first_snapshot))
        .text("last_snapshot", |row| plain(&row.last_snapshot))
        .number("observations", |row| Some(row.observations))
        .number("changes", |row| Some(row.changes))
        .text("receipt", |row| plain(&row.receipt))
        .frame("objects.csv")
}

/// `snapshots.csv`: `tenant_id`, `position` (1 is the tenant's earliest), `snapshot` (the label that other tables
/// cite), `captured_from`, `captured_to`, `time_source`, `exhibits`, `size_bytes`, `objects` (live, all types),
/// `objects_by_type` (`group=12;user=340`), `digest` (BLAKE3 over the sorted SHA-256 digests of its exhibits).
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn snapshots(snapshots: &[SnapshotRow]) -> Result<DataFrame, ReportError> {
    Rows::of(snapshots)
        .text("tenant_id", |row| plain(&row.tenant_id))
        .number("position", |row| u64::try_from(row.position).ok())
        .text("snapshot", |row| plain(&row.label))
        .text("captured_from", |row| start(row.time))
        .text("captured_to", |row| end(row.time))
        .text("time_source", |row| source(row.time_source))
        .number("exhibits", |row| Some(row.exhibits))
        .number("size_bytes", |row| Some(row.bytes))
        .number("objects", |row| Some(row.objects.values().sum()))
        .text("objects_by_type", |row| {
            let counts = row.objects.iter().map(|(name, count)| format!("{name}={count}"));
            Cow::Owned(counts.collect::<Vec<_>>().join(";"))
        })
        .text("digest", |row| plain(&row.digest))
        .frame("snapshots.csv")
}

/// `evidence.csv`: `exhibit_id`, `path` (the evidence folder's own name, then the path below it), `size_bytes`,
/// `sha256`, `blake3`, `format`, `encoding`, `tenant_id`, `snapshot`, `captured_from`, `captured_to`, `time_source`,
/// `object_types` (joined by `;`), `seen`, `used`, `set_aside`, `quarantined` (records: the first is the sum of the
/// others), `modified_at` (file time, custody only), `hash_basis` (`computed` in this run, or taken from the `case`),
/// `tool` (that made it, where the format tells), `changed_at` (last change of the file in any way, as the file system has
/// it), `stat_after` (`same`: size and times were the same before and after the reading, otherwise the run would have ended;
/// `unread`: this run did not read it).
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn evidence(exhibits: &[ExhibitRow]) -> Result<DataFrame, ReportError> {
    Rows::of(exhibits)
        .text("exhibit_id", |row| Cow::Owned(row.exhibit.to_string()))
        .text("path", |row| plain(&row.path))
        .number("size_bytes", |row| Some(row.size_bytes))
        .text("sha256", |row| plain(&row.sha256))
        .text("blake3", |row| plain(&row.blake3))
        .text("format", |row| plain(&row.format))
        .text("encoding", |row| plain(&row.encoding))
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("snapshot", |row| plain(&row.snapshot))
        .text("captured_from", |row| start(row.time))
        .text("captured_to", |row| end(row.time))
        .text("time_source", |row| source(row.time_source))
        .text("object_types", |row| joined(&row.object_types))
        .number("seen", |row| Some(row.tally.seen))
        .number("used", |row| Some(row.tally.used))
        .number("set_aside", |row| Some(row.tally.set_aside.values().sum()))
        .number("quarantined", |row| Some(row.tally.quarantined))
        .text("modified_at", |row| time(row.modified_at))
        .text("hash_basis", |row| {
            plain(match row.hash_basis {
                HashBasis::Computed => "computed",
                HashBasis::Case => "case",
            })
        })
        .text("tool", |row| plain(&row.tool))
        .text("changed_at", |row| time(row.changed_at))
        .text("stat_after", |row| {
            plain(match row.hash_basis {
                HashBasis::Computed => "same",
                HashBasis::Case => "unread",
            })
        })
        .frame("evidence.csv")
}

/// Columns of `evidence.csv` that record file times and how hashes were come by (output contract, rule 7).
pub const FILE_TIME_COLUMNS: [&str; 4] = ["modified_at", "hash_basis", "changed_at", "stat_after"];

/// `quarantine.csv`, one row per record that could not be used: `exhibit_id`, `path`, `offset_bytes`, `len_bytes`, `code`
/// (that `explain` knows), `reason`, `kept` (`bytes`, or `reference` for a record too large to be kept), `sha256` and
/// `bytes` of the record as it stands in the evidence. The bytes are written as `base64:` and their Base64 (RFC 4648), so
/// that nothing in them can act on whoever opens the file.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn quarantine(rows: &[QuarantineRow]) -> Result<DataFrame, ReportError> {
    let of_bytes = |make: fn(&[u8]) -> String| {
        move |row: &QuarantineRow| Cow::Owned(row.bytes.as_deref().map(make).unwrap_or_default())
    };
    Rows::of(rows)
        .text("exhibit_id", |row| Cow::Owned(row.exhibit.to_string()))
        .text("path", |row| plain(&row.path))
        .number("offset_bytes", |row| Some(row.offset_bytes))
        .number("len_bytes", |row| Some(row.len_bytes))
        .text("code", |row| plain(&row.code))
        .text("reason", |row| plain(&row.reason))
        .text("kept", |row| plain(if row.bytes.is_some() { "bytes" } else { "reference" }))
        .text("sha256", of_bytes(|bytes| crate::evidence::hex(&Sha256::digest(bytes))))
        .text("bytes", of_bytes(|bytes| format!("base64:{}", STANDARD.encode(bytes))))
        .frame("quarantine.csv")
}

/// `coverage.csv`: `tenant_id`, `snapshot`, `object_type` (`<type>/deletedItems` is its recycle bin), `attribute`
/// (attribute or relation; empty for the type as a whole), `state` (`collected`, `partial`, `empty`, `unknown`, `denied`,
/// `not requested`), `objects` (objects or links; of an attribute: objects on which it was collected), `detail` (why it is
/// not whole), `request` (ids left out; empty for all requests of the snapshot together), `object_id` (the object whose
/// list of a relation it is; empty for all together), `of` (objects of the type, or sources of the relation), `exhibits`
/// (how many carry it), `evidence` (the first and the last of them), `sources_collected`, `sources_empty`,
/// `sources_partial`, `sources_not_collected` (of a relation: its sources by what is known of their lists).
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn coverage(coverage: &[CoverageRow]) -> Result<DataFrame, ReportError> {
    Rows::of(coverage)
        .text("tenant_id", |row| plain(&row.tenant_id))
        .text("snapshot", |row| plain(&row.snapshot))
        .text("object_type", |row| plain(&row.object_type))
        .text("attribute", |row| plain(&row.attribute))
        .text("state", |row| plain(row.state.as_str()))
        .number("objects", |row| Some(row.objects))
        .text("detail", |row| plain(&row.detail))
        .text("request", |row| plain(&row.request))
        .text("object_id", |row| plain(&row.object_id))
        .number("of", |row| row.of)
        .number("exhibits", |row| (row.exhibits > 0).then_some(row.exhibits))
        .text("evidence", |row| joined(&row.evidence))
        .number("sources_collected", |row| row.sources.map(|sources| sources.collected))
        .number("sources_empty", |row| row.sources.map(|sources| sources.empty))
        .number("sources_partial", |row| row.sources.map(|sources| sources.partial))
        .number("sources_not_collected", |row| row.sources.map(|sources| sources.not_collected))
        .frame("coverage.csv")
}

/// One line of `warnings.csv`: a warning, or a record in quarantine.
enum Trouble<'a> {
    Warning(&'a WarningRow),
    Quarantine(&'a QuarantineRow),
}

/// What is advised for a record in quarantine.
const QUARANTINE_ADVICE: &str = "the record was not used: open the exhibit at this offset, and export the object again if it matters";

/// `warnings.csv`: `kind` (`warning`, or `quarantine` for a record that could not be used), `code` (that `explain`
/// knows), `path`, `offset_bytes`, `len_bytes`, `message` (what is the matter), `advice` (what to do now). Warnings come
/// first, most important first; then every record in quarantine.
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn warnings(
    warnings: &[WarningRow],
    quarantine: &[QuarantineRow],
) -> Result<DataFrame, ReportError> {
    let rows: Vec<Trouble<'_>> = warnings
        .iter()
        .map(Trouble::Warning)
        .chain(quarantine.iter().map(Trouble::Quarantine))
        .collect();
    let text = |warning: fn(&WarningRow) -> &str, quarantine: fn(&QuarantineRow) -> &str| {
        move |row: &Trouble<'_>| match row {
            Trouble::Warning(row) => Cow::Owned(warning(row).to_owned()),
            Trouble::Quarantine(row) => Cow::Owned(quarantine(row).to_owned()),
        }
    };
    Rows::of(&rows)
        .text("kind", text(|_| "warning", |_| "quarantine"))
        .text("code", text(|row| &row.code, |row| &row.code))
        .text("path", text(|row| &row.path, |row| &row.path))
        .number("offset_bytes", |row| match row {
            Trouble::Warning(row) => row.offset_bytes,
            Trouble::Quarantine(row) => Some(row.offset_bytes),
        })
        .number("len_bytes", |row| match row {
            Trouble::Warning(_) => None,
            Trouble::Quarantine(row) => Some(row.len_bytes),
        })
        .text("message", text(|row| &row.message, |row| &row.reason))
        .text("advice", text(|row| &row.advice, |_| QUARANTINE_ADVICE))
        .frame("warnings.csv")
}

/// Writes a frame as CSV with its header.
///
/// UTF-8 without byte order mark; RFC 4180: lines end in CR LF, a cell is quoted only where it holds a comma, a quote or
/// a line break, quotes in it are doubled. A null is nothing between two commas. Strings are written exactly as they
/// are; text that a spreadsheet would take for a formula is not touched, because these files are evidence first.
///
/// # Errors
/// [`ReportError::Write`] if the writer refuses, [`ReportError::Table`] if the frame does.
pub fn write_csv(frame: &mut DataFrame, to: impl Write) -> Result<(), ReportError> {
    csv(frame, to, true)
}

/// Rows that are turned into one frame at a time: about 100 MB at a kilobyte a row, so that a million rows do not need a
/// second copy of themselves in memory.
const ROWS_PER_FRAME: usize = 100_000;

/// Writes rows as CSV, frame after frame; the headings once, also without rows.
///
/// # Errors
/// [`ReportError::Table`] if a frame cannot be built or written.
pub fn write_in_frames<T>(
    rows: &[T],
    frame: impl Fn(&[T]) -> Result<DataFrame, ReportError>,
    mut to: impl Write,
) -> Result<(), ReportError> {
    let (first, rest) = rows.split_at(rows.len().min(ROWS_PER_FRAME));
    write_csv(&mut frame(first)?, &mut to)?;
    for rows in rest.chunks(ROWS_PER_FRAME) {
        append_csv(&mut frame(rows)?, &mut to)?;
    }
    Ok(())
}

/// Writes the rows of a frame as [`write_csv`] does, without header.
///
/// # Errors
/// [`ReportError::Write`] if the writer refuses, [`ReportError::Table`] if the frame does.
pub fn append_csv(frame: &mut DataFrame, to: impl Write) -> Result<(), ReportError> {
    csv(frame, to, false)
}

fn csv(frame: &mut DataFrame, to: impl Write, header: bool) -> Result<(), ReportError> {
    CsvWriter::new(to)
        .include_header(header)
        .with_line_terminator("\r\n".into())
        .finish(frame)
        .map_err(|source| {
            if let PolarsError::IO { error, .. } = &source {
                output::refused("CSV", io::Error::new(error.kind(), error.to_string()))
            } else {
                ReportError::Table { table: "CSV", source }
            }
        })
}
