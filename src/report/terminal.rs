//! Tables for a terminal: plain text that fits a width and never obeys what the evidence says.
//!
//! Every cell goes through [`text::escaped`], so no control character, escape sequence or bidi control of the evidence
//! reaches the terminal. What does not fit is cut with `…`; a listing that must not be cut is asked for with
//! [`Style::width`] `None`.

use super::{text, words};
use crate::model::{
    Analysis, Certainty, Change, ChangeKind, CoverageState, Lane, LogRow, Reason, Recoverability,
    SnapshotRow,
};

/// How a table is drawn. The caller decides: colours only on a terminal and without `NO_COLOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Columns of the terminal; `None` cuts nothing.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub colour: bool,
}

/// Code points that take two columns: East Asian wide and full-width blocks and the pictographs (Unicode 16, coarse).
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0xa4cf),
    (0xa960, 0xa97c),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Code points that take no column: combining marks (coarse).
const COMBINING: &[(u32, u32)] =
    &[(0x0300, 0x036f), (0x0483, 0x0489), (0x1ab0, 0x1aff), (0x1dc0, 0x1dff), (0x20d0, 0x20ff)];

fn columns(character: char) -> usize {
    let code = u32::from(character);
    let within = |table: &[(u32, u32)]| table.iter().any(|(a, z)| (*a..=*z).contains(&code));
    match code {
        0..0x300 => 1,
        _ if within(COMBINING) => 0,
        _ if within(WIDE) => 2,
        _ => 1,
    }
}

pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Cuts to a width, `…` included.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in text.chars() {
        if used + columns(character) >= limit {
            break;
        }
        used += columns(character);
        out.push(character);
    }
    out.push('…');
    out
}

/// Columns of a terminal that the last column of a table of changes needs.
const WIDE_ENOUGH: usize = 120;

/// One cell: what to print, and the escape sequence that colours it.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) colour: &'static str,
}

pub(super) fn cell(text: &str) -> Cell {
    Cell { text: text::escaped(text).into_owned(), colour: "" }
}

/// A table whose columns shrink to their least width, the widest first.
pub(super) struct Table {
    pub(super) heads: &'static [(&'static str, usize)],
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Widths that fit, given how wide the cells are.
    fn widths(&self, style: Style) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| width(head)).collect();
        for row in &self.rows {
            for (slot, cell) in widths.iter_mut().zip(row) {
                *slot = (*slot).max(width(&cell.text));
            }
        }
        let Some(limit) = style.width else { return widths };
        let gaps = 2 * widths.len().saturating_sub(1);
        loop {
            let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
            let widest = widths
                .iter_mut()
                .zip(self.heads)
                .filter(|(width, (_, least))| **width > *least)
                .max_by_key(|(width, _)| **width);
            match widest {
                Some((width, _)) if over > 0 => *width -= 1,
                _ => return widths,
            }
        }
    }

    pub(super) fn draw(&self, style: Style) -> String {
        let widths = self.widths(style);
        let mut out = String::new();
        let heads: Vec<Cell> = self
            .heads
            .iter()
            .map(|(head, _)| Cell { text: (*head).to_owned(), colour: "\u{1b}[1m" })
            .collect();
        for row in std::iter::once(&heads).chain(&self.rows) {
            line(&mut out, row, &widths, style);
        }
        out
    }
}

fn line(out: &mut String, row: &[Cell], widths: &[usize], style: Style) {
    let mut blanks = 0;
    for (at, (cell, limit)) in row.iter().zip(widths).enumerate() {
        if at > 0 {
            blanks += 2;
        }
        let text = cut(&cell.text, *limit);
        if !text.is_empty() {
            out.extend(std::iter::repeat_n(' ', blanks));
            blanks = 0;
            let coloured = style.colour && !cell.colour.is_empty();
            out.extend(coloured.then_some(cell.colour));
            out.push_str(&text);
            out.extend(coloured.then_some("\u{1b}[0m"));
        }
        blanks += limit.saturating_sub(width(&text));
    }
    out.push('\n');
}

pub(super) fn kind_colour(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added | ChangeKind::LinkAdded | ChangeKind::Restored => "\u{1b}[32m",
        ChangeKind::Removed
        | ChangeKind::SoftDeleted
        | ChangeKind::HardDeleted
        | ChangeKind::LinkRemoved => "\u{1b}[31m",
        ChangeKind::Modified => "\u{1b}[33m",
        ChangeKind::FirstObserved => "\u{1b}[36m",
    }
}

/// What a row says of values: `before -> after`, or the elements gained and lost.
fn values(change: &Change) -> String {
    let value = |json: &Option<String>| json.clone().unwrap_or_else(|| "(none)".to_owned());
    match (&change.added, &change.removed) {
        (None, None) if change.before.is_none() && change.after.is_none() => String::new(),
        (None, None) => format!("{} -> {}", value(&change.before), value(&change.after)),
        (Some(added), None) => format!("+{added}"),
        (None, Some(removed)) => format!("-{removed}"),
        (Some(added), Some(removed)) => format!("-{removed} +{added}"),
    }
}

/// The lane where it is not `change`, and the reason.
fn remark(change: &Change) -> String {
    let lane = (change.lane != Lane::Change).then(|| change.lane.as_str());
    let reason = change.reason.map(Reason::as_str);
    [lane, reason].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// One line per change: `BY` is the end of its window, ids stand beside names, times are UTC. `RECOVERY`, where any row was
/// judged and the terminal is wide enough, is what the service can do about it.
#[must_use]
pub fn changes_table(changes: &[Change], style: Style) -> String {
    let judged = style.width.is_none_or(|width| width >= WIDE_ENOUGH)
        && changes.iter().any(|change| change.recoverability.is_some());
    let recovery = |change: &Change| cell(change.recoverability.map_or("", Recoverability::as_str));
    let rows = changes
        .iter()
        .map(|change| {
            let name = match (&*change.object_name, &*change.object_id) {
                ("", "") => words::counted(change.objects, "object", "objects"),
                (name, _) => name.to_owned(),
            };
            vec![
                cell(&words::time_or(change.window.not_after, "unknown")),
                Cell { colour: kind_colour(change.kind), ..cell(change.kind.as_str()) },
                cell(&change.object_type),
                cell(&name),
                cell(&change.object_id),
                cell(&words::subject(change)),
                cell(&values(change)),
                cell(change.certainty.as_str()),
                cell(&remark(change)),
            ]
            .into_iter()
            .chain(judged.then(|| recovery(change)))
            .collect()
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("BY (UTC)", 19),
        ("CHANGE", 7),
        ("TYPE", 4),
        ("NAME", 6),
        ("ID", 6),
        ("ATTRIBUTE OR LINK", 6),
        ("VALUES", 6),
        ("CERTAINTY", 6),
        ("REMARK", 4),
        ("RECOVERY", 6),
    ];
    let heads = if judged { HEADS } else { HEADS.split_last().map_or(HEADS, |(_, rest)| rest) };
    Table { heads, rows }.draw(style)
}

/// One line per snapshot.
#[must_use]
pub fn snapshots_table(snapshots: &[SnapshotRow], style: Style) -> String {
    let rows = snapshots
        .iter()
        .map(|row| {
            let types = row.objects.iter().map(|(name, count)| format!("{name} {count}"));
            vec![
                cell(&row.position.to_string()),
                cell(&row.label),
                cell(&words::time_or(row.time.map(|time| time.start), "unknown")),
                cell(&words::time_or(row.time.map(|time| time.end), "unknown")),
                cell(row.time_source.map_or("", |source| source.as_str())),
                cell(if row.tenant_id.is_empty() { "unknown" } else { &row.tenant_id }),
                cell(&row.exhibits.to_string()),
                cell(&types.collect::<Vec<_>>().join(", ")),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("#", 1),
        ("SNAPSHOT", 8),
        ("FROM (UTC)", 19),
        ("TO (UTC)", 19),
        ("TIME FROM", 9),
        ("TENANT", 8),
        ("EXHIBITS", 8),
        ("OBJECTS", 10),
    ];
    Table { heads: HEADS, rows }.draw(style)
}

/// Logs that a listing shows; a hostile log may name a tenant per event.
const LOGS: usize = 50;

/// One line per log: from when to when it has events, and where it has none for long; nothing without logs.
#[must_use]
pub fn logs_text(logs: &[LogRow], style: Style) -> String {
    let mut out = String::new();
    if logs.is_empty() {
        return out;
    }
    heading(&mut out, "Logs (a span without an event is a hint, not a loss)", style);
    let rows = logs
        .iter()
        .take(LOGS)
        .map(|row| {
            vec![
                cell(&row.object_type),
                cell(row.kind.as_str()),
                cell(&words::time_or(row.from, "unknown")),
                cell(&words::time_or(row.to, "unknown")),
                cell(&words::number(row.events)),
                cell(&words::log_gaps(row)),
                cell(&row.dialects.join(", ")),
                cell(if row.tenant_id.is_empty() { "unknown" } else { &row.tenant_id }),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("LOG", 6),
        ("KIND", 5),
        ("FROM (UTC)", 19),
        ("TO (UTC)", 19),
        ("EVENTS", 6),
        ("NO EVENT", 8),
        ("WRITTEN AS", 6),
        ("TENANT", 8),
    ];
    out.push_str(&Table { heads: HEADS, rows }.draw(style));
    if logs.len() > LOGS {
        let more = words::length(logs.len() - LOGS);
        put(
            &mut out,
            &format!("{} in coverage.csv", words::counted(more, "more log", "more logs")),
        );
    }
    out
}

/// One line per snapshot of one tenant, in 80 columns.
pub(super) fn snapshots_short(snapshots: &[&SnapshotRow], style: Style) -> String {
    let minute = |at: Option<jiff::Timestamp>| {
        let at = words::time_or(at, "unknown");
        at.get(..16).unwrap_or(&at).to_owned()
    };
    // The end of the same day is its hour.
    let end = |row: &SnapshotRow| {
        let (from, to) = (minute(row.time.map(|t| t.start)), minute(row.time.map(|t| t.end)));
        match (from.get(..10), to.get(..10), to.get(11..)) {
            (Some(a), Some(b), Some(hour)) if a == b => hour.to_owned(),
            _ => to,
        }
    };
    let rows = snapshots
        .iter()
        .map(|row| {
            vec![
                cell(&row.position.to_string()),
                cell(&row.label),
                cell(&minute(row.time.map(|time| time.start))),
                cell(&end(row)),
                cell(row.time_source.map_or("", |source| source.as_str())),
                cell(&row.exhibits.to_string()),
                cell(&words::number(row.objects.values().sum())),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("#", 1),
        ("SNAPSHOT", 8),
        ("FROM (UTC)", 16),
        ("TO (UTC)", 8),
        ("TIME FROM", 9),
        ("FILES", 5),
        ("OBJECTS", 7),
    ];
    Table { heads: HEADS, rows }.draw(style)
}

/// One line per snapshot and type, attribute or relation; of these only the gaps, or all, as the scope says.
#[must_use]
pub fn coverage_table(analysis: &Analysis, scope: CoverageScope, style: Style) -> String {
    let whole = |state| matches!(state, CoverageState::Collected | CoverageState::Empty);
    let rows = analysis
        .coverage
        .iter()
        .filter(|row| scope == CoverageScope::Everything || !whole(row.state))
        .map(|row| {
            vec![
                cell(&row.snapshot),
                cell(&row.object_type),
                cell(&row.attribute),
                Cell {
                    colour: if whole(row.state) { "" } else { "\u{1b}[33m" },
                    ..cell(row.state.as_str())
                },
                cell(&words::number(row.objects)),
                cell(&row.detail),
            ]
        })
        .collect();
    const HEADS: &[(&str, usize)] = &[
        ("SNAPSHOT", 8),
        ("TYPE", 8),
        ("ATTRIBUTE OR LINK", 8),
        ("STATE", 9),
        ("OBJECTS", 7),
        ("WHY", 10),
    ];
    Table { heads: HEADS, rows }.draw(style)
}

/// Which lines a coverage table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverageScope {
    /// All of them.
    Everything,
    /// Those that are not whole.
    Gaps,
}

/// The sentence that every report carries: records seen = used + set aside + quarantined.
#[must_use]
pub fn totals(analysis: &Analysis) -> String {
    let tally = &analysis.tally;
    format!(
        "records: {} seen = {} used + {} set aside + {} quarantined{}",
        words::number(tally.seen),
        words::number(tally.used),
        words::number(tally.set_aside.values().sum()),
        words::number(tally.quarantined),
        if tally.balances() { "" } else { " (DOES NOT ADD UP)" }
    )
}

/// Counts of changes by certainty in one line, for the end of a listing.
#[must_use]
pub fn changes_total(changes: &[Change]) -> String {
    let mut out = words::counted(words::length(changes.len()), "row", "rows");
    for certainty in Certainty::ALL {
        let count = changes.iter().filter(|change| change.certainty == *certainty).count();
        if count > 0 {
            let part = format!(", {} {certainty}", words::number(words::length(count)));
            out.push_str(&part);
        }
    }
    out
}

pub(super) fn heading(out: &mut String, text: &str, style: Style) {
    if style.colour {
        put(out, &format!("\u{1b}[1m{text}\u{1b}[0m"));
    } else {
        put(out, text);
    }
}

pub(super) fn put(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    const PLAIN: Style = Style { width: None, colour: false };

    #[test]
    fn lines_fit_the_width() {
        let analysis = fixture::hostile();
        for limit in [80, 120, 200] {
            let style = Style { width: Some(limit), colour: false };
            for table in [
                changes_table(&analysis.changes, style),
                coverage_table(&analysis, CoverageScope::Everything, style),
            ] {
                for line in table.lines() {
                    assert!(width(line) <= limit, "{line}");
                }
            }
        }
    }

    #[test]
    fn evidence_sends_no_control_character() {
        let analysis = fixture::hostile();
        for text in [
            changes_table(&analysis.changes, PLAIN),
            snapshots_table(&analysis.snapshots, PLAIN),
            coverage_table(&analysis, CoverageScope::Everything, PLAIN),
        ] {
            assert!(!text.replace('\n', "").chars().any(text::is_hidden), "{text}");
        }
    }

    #[test]
    fn colours_are_used_only_when_asked_for() {
        let analysis = fixture::analysis();
        assert!(!changes_table(&analysis.changes, PLAIN).contains('\u{1b}'));
        let colour = Style { width: Some(100), colour: true };
        assert!(changes_table(&analysis.changes, colour).contains("\u{1b}[31m"));
    }

    #[test]
    fn wide_characters_are_counted_as_the_terminal_does() {
        assert_eq!(width("漢字"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
