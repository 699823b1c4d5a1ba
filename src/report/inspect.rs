//! What `inspect` prints: what is here, what can be answered with it, what to export next and by when, as text for a terminal
//! of 80 columns and as JSON with the same facts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::terminal::{Style, heading, logs_text, put, snapshots_short, totals, width};
use super::{text, words};
use crate::advice::{Answer, Deadline, TenantAdvice, Verdict};
use crate::model::{Analysis, CoverageRow, CoverageState, LogRow, SnapshotRow, WarningRow};

/// Columns that running text takes where nothing else is known of the terminal.
const COLUMNS: usize = 80;
/// Dates, conflicts and places that are written out; what is beyond is counted.
const LISTED: usize = 5;
/// Places of one warning that are written out.
const PLACES: usize = 3;
/// Codes of warnings that speak of the series of captures.
const SERIES: [&str; 3] = ["snapshot-gap", "capture-smear", "list-read-again"];
/// Warnings whose facts the page tells elsewhere: conflicts one by one, and requests that changed as what is not whole.
const TOLD: [&str; 2] = ["conflict-in-snapshot", "request-changed"];

/// Writes paragraphs that fit a width.
pub(super) struct Page {
    pub(super) out: String,
    pub(super) style: Style,
}

impl Page {
    /// A paragraph whose further lines are indented; what the evidence says is made harmless.
    pub(super) fn wrap(&mut self, first: &str, indent: usize, paragraph: &str) {
        let limit = self.style.width.unwrap_or(COLUMNS).clamp(40, 100);
        let paragraph = text::escaped(paragraph);
        let mut line = first.to_owned();
        let mut is_empty = true;
        let words = paragraph.split(' ').filter(|word| !word.is_empty());
        // A list without blanks may be cut behind its commas.
        let pieces = words.flat_map(|word| {
            let cut = width(word) + indent > limit;
            word.split_inclusive(move |c: char| cut && c == ',').enumerate()
        });
        for (part, word) in pieces {
            let glued = part > 0;
            let space = usize::from(!is_empty && !glued);
            if !is_empty && width(&line) + space + width(word) > limit {
                put(&mut self.out, line.trim_end());
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty && !glued {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        put(&mut self.out, line.trim_end());
    }

    pub(super) fn heading(&mut self, words: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        heading(&mut self.out, &text::escaped(words), self.style);
    }
}

/// The whole page.
#[must_use]
pub fn inspect_text(analysis: &Analysis, advice: &[TenantAdvice], style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    page.heading("What is here");
    files(&mut page, analysis);
    for tenant in advice {
        let own: Vec<&SnapshotRow> =
            analysis.snapshots.iter().filter(|row| row.tenant_id == tenant.tenant_id).collect();
        let name = if tenant.tenant_id.is_empty() { "unknown" } else { &tenant.tenant_id };
        page.heading(&format!("Tenant {name}"));
        page.out.push_str(&snapshots_short(&own, style));
        objects(&mut page, &own);
        page.heading(&format!("What can be answered{}", of(advice, name)));
        tenant.answers.iter().for_each(|answer| answered(&mut page, answer));
        page.heading(&format!("What to export next, and by when{}", of(advice, name)));
        exports(&mut page, analysis, tenant);
        page.heading(&format!("What was not collected whole{}", of(advice, name)));
        gaps(&mut page, analysis, &tenant.tenant_id);
    }
    if !analysis.logs.is_empty() {
        page.out.push('\n');
        page.out.push_str(&logs_text(&analysis.logs, style));
    }
    captures(&mut page, analysis);
    warnings(&mut page, analysis);
    page.out
}

/// ` (tenant …)` where there are several.
fn of(advice: &[TenantAdvice], name: &str) -> String {
    if advice.len() > 1 { format!(" (tenant {name})") } else { String::new() }
}

/// `a 3, b 1`, the most frequent first.
fn tally<'a>(of: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for name in of.filter(|name| !name.is_empty()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    let parts = counts.iter().map(|(name, count)| format!("{name} {}", words::number(*count)));
    parts.collect::<Vec<_>>().join(", ")
}

/// Archives and tag files are exhibits without records, encoding and snapshot.
fn is_carrier(row: &crate::model::ExhibitRow) -> bool {
    row.encoding.is_empty() && row.tally.seen == 0 && row.snapshot.is_empty()
}

fn files(page: &mut Page, analysis: &Analysis) {
    let exhibits = &analysis.exhibits;
    let bytes = exhibits.iter().map(|row| row.size_bytes).sum();
    let count = words::length(exhibits.len());
    let line =
        format!("{}, {} bytes", words::counted(count, "exhibit", "exhibits"), words::number(bytes));
    page.wrap("  ", 2, &line);
    let read = || exhibits.iter().filter(|row| !is_carrier(row));
    for (name, list) in [
        ("formats", tally(read().map(|row| row.format.as_str()))),
        ("made by", tally(read().map(|row| row.tool.as_str()))),
        ("encodings", tally(read().map(|row| row.encoding.as_str()))),
        ("archives", tally(exhibits.iter().filter(|row| is_carrier(row)).map(|row| &*row.format))),
    ] {
        if !list.is_empty() {
            page.wrap("  ", 4, &format!("{name}: {list}"));
        }
    }
    page.wrap("  ", 4, &totals(analysis));
    for (rule, count) in &analysis.tally.set_aside {
        page.wrap("    ", 6, &format!("set aside by rule {rule}: {}", words::number(*count)));
    }
}

/// Objects by type: in the first snapshot and in the last.
fn objects(page: &mut Page, own: &[&SnapshotRow]) {
    let (Some(first), Some(last)) = (own.first(), own.last()) else { return };
    let types: BTreeSet<&String> = own.iter().flat_map(|row| row.objects.keys()).collect();
    let count = |row: &SnapshotRow, name: &String| row.objects.get(name).copied().unwrap_or(0);
    let parts = types.iter().filter_map(|name| {
        let (a, b) = (count(first, name), count(last, name));
        let most = own.iter().map(|row| count(row, name)).max().filter(|most| *most > 0)?;
        let between = match most > a.max(b) {
            true => format!(" (at most {})", words::number(most)),
            false => String::new(),
        };
        Some(match a == b {
            true => format!("{name} {}{between}", words::number(a)),
            false => format!("{name} {} -> {}{between}", words::number(a), words::number(b)),
        })
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        return page.wrap("", 2, "no objects");
    }
    let which = if own.len() > 1 { "objects, first -> last snapshot" } else { "objects" };
    page.wrap("", 2, &format!("{which}: {}", parts.join(", ")));
}

fn answered(page: &mut Page, answer: &Answer) {
    page.wrap(&format!("  {:<9}", answer.verdict.as_str()), 11, &answer.question);
    for missing in &answer.missing {
        page.wrap("            ", 14, missing);
    }
    if answer.verdict == Verdict::No {
        page.wrap("            ", 14, &format!("why it matters: {}", answer.why));
    }
    if !answer.export.is_empty() {
        page.wrap("            ", 14, &format!("export: {}", answer.export));
    }
}

fn exports(page: &mut Page, analysis: &Analysis, tenant: &TenantAdvice) {
    let Some(as_of) = analysis.as_of else {
        return page.wrap(
            "  ",
            2,
            "no capture has a time, so that no date can be told: give --as-of",
        );
    };
    page.wrap("  ", 2, &format!("as of {} UTC; --as-of sets another clock", words::time(as_of)));
    let mut kinds: Vec<(Vec<&str>, Vec<&str>, &[Deadline])> = Vec::new();
    for of_kind in tenant.deadlines.chunk_by(|a, b| a.id == b.id) {
        let Some(first) = of_kind.first() else { continue };
        let dates = |rows: &[Deadline]| {
            rows.iter().map(|row| (row.by, row.short_by, row.subject.clone())).collect::<Vec<_>>()
        };
        let same = kinds.iter_mut().find(|(_, _, known)| dates(known) == dates(of_kind));
        match same {
            Some((what, export, _)) => {
                what.push(&first.what);
                export.push(&first.export);
            }
            None => kinds.push((vec![&first.what], vec![&first.export], of_kind)),
        }
    }
    for (what, export, rows) in kinds {
        kept(page, &what.join(" and "), &export.join(", "), rows, as_of);
    }
    if tenant.deadlines.is_empty() {
        page.wrap("  ", 2, "nothing that runs out is known");
    }
}

/// A time to the minute.
fn minute(at: jiff::Timestamp) -> String {
    let at = words::time(at);
    at.get(..16).unwrap_or(&at).to_owned()
}

/// One kind of what runs out: what is open, soonest first, and how much is over.
fn kept(page: &mut Page, what: &str, export: &str, rows: &[Deadline], as_of: jiff::Timestamp) {
    let Some(first) = rows.first() else { return };
    let short = match &first.short {
        Some((days, place)) => format!(", {days} {place}"),
        None => String::new(),
    };
    page.wrap("  ", 4, &format!("{what}: kept {} days{short}", first.days));
    let open: Vec<&Deadline> = rows.iter().filter(|deadline| !deadline.is_over).collect();
    open.iter().take(LISTED).for_each(|deadline| due(page, deadline, as_of));
    let more = open.len().saturating_sub(LISTED);
    if let (Some(last), true) = (open.last(), more > 0) {
        let more = words::number(words::length(more));
        page.wrap("    ", 6, &format!("{more} more, the last before {}", minute(last.by)));
    }
    let over = words::length(rows.len() - open.len());
    if let (Some(last), true) = (rows.iter().rfind(|row| row.is_over), over > 0) {
        let line = format!("{} over, the last since {}", words::number(over), minute(last.by));
        page.wrap("    ", 6, &line);
    }
    if !open.is_empty() {
        page.wrap("    ", 6, &format!("-> {export}"));
    }
}

fn due(page: &mut Page, deadline: &Deadline, as_of: jiff::Timestamp) {
    if deadline.subject.is_empty() {
        let line = format!("now: it reaches back to {} at most", minute(deadline.from));
        return page.wrap("    ", 6, &line);
    }
    let short = match (deadline.short_by, &deadline.short) {
        (Some(by), Some((_, place))) if by < as_of => format!(" ({place}: over)"),
        (Some(by), Some((_, place))) => format!(" ({place}: {})", minute(by)),
        _ => String::new(),
    };
    let about = if deadline.from == deadline.to {
        format!("{}, deleted {}", deadline.subject, minute(deadline.from))
    } else {
        let (from, to) = (minute(deadline.from), minute(deadline.to));
        format!("{} between {from} and {to}", deadline.subject)
    };
    page.wrap("    ", 6, &format!("before {}{short}: {about}", minute(deadline.by)));
}

/// What is not whole for one reason.
#[derive(Default)]
struct Gap<'a> {
    names: BTreeSet<&'a str>,
    labels: Vec<&'a str>,
    details: BTreeSet<&'a str>,
}

/// What is not whole, grouped by why; what no snapshot asked for stands in the answers above.
fn gaps(page: &mut Page, analysis: &Analysis, tenant: &str) {
    let own =
        || analysis.coverage.iter().filter(|row| row.tenant_id == tenant && row.is_whole_picture());
    let read: BTreeSet<(&str, &str)> = own()
        .filter(|row| row.state != CoverageState::NotRequested)
        .map(|row| (row.object_type.as_str(), row.attribute.as_str()))
        .collect();
    // Reasons that differ by their numbers only are one.
    let plain = |detail: &str| detail.replace(|c: char| c.is_ascii_digit(), "");
    let mut groups: BTreeMap<(&str, bool, CoverageState, String), Gap<'_>> = BTreeMap::new();
    for row in own().filter(|row| !row.state.is_whole()) {
        if !read.contains(&(row.object_type.as_str(), row.attribute.as_str())) {
            continue;
        }
        let key = (&*row.object_type, !row.attribute.is_empty(), row.state, plain(&row.detail));
        let gap = groups.entry(key).or_default();
        gap.names.insert(&row.attribute);
        gap.details.insert(&row.detail);
        if !gap.labels.contains(&row.snapshot.as_str()) {
            gap.labels.push(&row.snapshot);
        }
    }
    if read.is_empty() {
        return page.wrap("  ", 2, "nothing of any type that is known was collected");
    }
    if groups.is_empty() {
        page.wrap("  ", 2, "every type that any snapshot asked for is whole in every snapshot");
    }
    let all = analysis.snapshots.iter().filter(|row| row.tenant_id == tenant).count();
    for ((object_type, below, state, _), Gap { names, labels, details }) in groups {
        let names: Vec<&str> = names.into_iter().collect();
        let name = match (below, names.as_slice()) {
            (false, _) => object_type.to_owned(),
            (true, names) if names.len() > 2 * LISTED => {
                let more = names.len() - 2 * LISTED;
                let shown: Vec<&str> = names.iter().take(2 * LISTED).copied().collect();
                format!("{object_type}: {} and {more} more", shown.join(", "))
            }
            (true, names) => format!("{object_type}: {}", names.join(", ")),
        };
        let place = if labels.len() == all {
            String::new()
        } else if labels.len() <= 2 {
            format!(" in {}", labels.join(", "))
        } else {
            format!(" in {} of {all} snapshots", labels.len())
        };
        let why = match details.first().copied().unwrap_or_default() {
            "" => String::new(),
            first if details.len() == 1 => format!(" ({first})"),
            first => format!(" ({first}, and the like)"),
        };
        page.wrap("  ", 4, &format!("{name}: {state}{place}{why}"));
    }
}

/// Gaps in the series, long captures, repeated lists, conflicts.
fn captures(page: &mut Page, analysis: &Analysis) {
    let of_series: Vec<&WarningRow> =
        analysis.warnings.iter().filter(|row| SERIES.contains(&row.code.as_str())).collect();
    if of_series.is_empty() && analysis.conflicts.is_empty() {
        return;
    }
    page.heading("What to know of the captures");
    for row in of_series {
        page.wrap("  ", 4, &row.message);
    }
    let count = words::length(analysis.conflicts.len());
    if count > 0 {
        let objects: BTreeSet<_> = analysis
            .conflicts
            .iter()
            .map(|row| (&row.tenant_id, &row.object_type, &row.object_id))
            .collect();
        let line = format!(
            "{} on {}: captures of one snapshot disagree, and which is later cannot be told; both values are kept",
            words::counted(count, "conflict", "conflicts"),
            words::counted(words::length(objects.len()), "object", "objects")
        );
        page.wrap("  ", 4, &line);
    }
    for row in analysis.conflicts.iter().take(LISTED) {
        let line =
            format!("{}: {} {} {}", row.snapshot, row.object_type, row.object_id, row.attribute);
        page.wrap("    ", 6, &line);
        for (value, receipts) in &row.values {
            let value = if value.is_empty() { "(none)" } else { value };
            let shown: String = value.chars().take(120).collect();
            let more = if shown.len() < value.len() { "…" } else { "" };
            let receipt = receipts.first().map(ToString::to_string).unwrap_or_default();
            page.wrap("      ", 8, &format!("{shown}{more} [{receipt}]"));
        }
    }
    let more = analysis.conflicts.len().saturating_sub(LISTED);
    if more > 0 {
        page.wrap("    ", 6, &format!("{more} more: --json and the report list all of them"));
    }
}

/// Other warnings: each code once, with its places and what to do now.
fn warnings(page: &mut Page, analysis: &Analysis) {
    let told = |code: &str| SERIES.contains(&code) || TOLD.contains(&code);
    let others: Vec<&WarningRow> =
        analysis.warnings.iter().filter(|row| !told(&row.code)).collect();
    if others.is_empty() {
        return;
    }
    page.heading("Warnings, and what to do now");
    let mut codes: Vec<(&str, Vec<&WarningRow>)> = Vec::new();
    for row in others {
        match codes.iter_mut().find(|(code, _)| *code == row.code) {
            Some((_, rows)) => rows.push(row),
            None => codes.push((&row.code, vec![row])),
        }
    }
    for (code, rows) in codes {
        let times = match rows.len() {
            1 => String::new(),
            many => format!(" ({many} times)"),
        };
        page.wrap("  ", 4, &format!("{code}{times}"));
        for row in rows.iter().take(PLACES) {
            let place = match (&*row.path, row.offset_bytes) {
                ("", _) => String::new(),
                (path, None) => format!("{path}: "),
                (path, Some(offset)) => format!("{path} byte {offset}: "),
            };
            page.wrap("    ", 6, &format!("{place}{}", row.message));
        }
        let more = rows.len().saturating_sub(PLACES);
        if more > 0 {
            page.wrap("    ", 6, &format!("{more} more: --json and warnings.csv list all of them"));
        }
        if let Some(advice) =
            rows.first().map(|row| &row.advice).filter(|advice| !advice.is_empty())
        {
            page.wrap("    ", 6, &format!("next: {advice}"));
        }
    }
}

/// The same facts as JSON: `as_of`, `snapshots`, `advice` (a list by tenant: `answers`, `deadlines`), `coverage`, `conflicts`,
/// `recycle_bin`, `exhibits`, `totals`, `warnings`.
#[must_use]
pub fn inspect_json(analysis: &Analysis, advice: &[TenantAdvice]) -> Value {
    let list = |rows: Vec<Value>| Value::Array(rows);
    json!({
        "as_of": analysis.as_of.map(|at| at.to_string()),
        "totals": {
            "seen": analysis.tally.seen, "used": analysis.tally.used,
            "set_aside": analysis.tally.set_aside, "quarantined": analysis.tally.quarantined,
        },
        "snapshots": list(analysis.snapshots.iter().map(snapshot_json).collect()),
        "logs": list(analysis.logs.iter().map(log_json).collect()),
        "advice": list(advice.iter().map(advice_json).collect()),
        "coverage": list(analysis.coverage.iter().map(coverage_json).collect()),
        "conflicts": list(analysis.conflicts.iter().map(|row| json!({
            "tenant_id": row.tenant_id, "snapshot": row.snapshot, "object_type": row.object_type,
            "object_id": row.object_id, "attribute": row.attribute,
            "values": row.values.iter().map(|(value, receipts)| json!({
                "value": super::json::Embedded::new(if value.is_empty() { "null" } else { value }),
                "receipts": receipts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })).collect()),
        "recycle_bin": list(analysis.bin.iter().map(|row| json!({
            "tenant_id": row.tenant_id, "object_type": row.object_type, "object_id": row.object_id,
            "object_name": row.object_name, "deleted": row.deleted.to_string(),
            "purged": row.purged.to_string(),
            "receipt": row.receipt.map(|receipt| receipt.to_string()),
        })).collect()),
        "exhibits": list(analysis.exhibits.iter().map(exhibit_json).collect()),
        "warnings": list(analysis.warnings.iter().map(|row| json!({
            "code": row.code, "path": row.path, "offset_bytes": row.offset_bytes,
            "message": row.message, "advice": row.advice,
        })).collect()),
    })
}

/// One snapshot as JSON.
#[must_use]
pub fn snapshot_json(row: &SnapshotRow) -> Value {
    json!({
        "kind": "snapshot", "tenant_id": row.tenant_id, "position": row.position, "label": row.label,
        "start": row.time.map(|time| time.start.to_string()),
        "end": row.time.map(|time| time.end.to_string()),
        "time_source": row.time_source.map(crate::model::TimeSource::as_str),
        "objects": row.objects, "exhibits": row.exhibits, "bytes": row.bytes, "digest": row.digest,
    })
}

fn log_json(row: &LogRow) -> Value {
    let gap = |(from, to): &(jiff::Timestamp, jiff::Timestamp)| json!({"from": from.to_string(), "to": to.to_string()});
    json!({
        "tenant_id": row.tenant_id, "object_type": row.object_type, "kind": row.kind.as_str(),
        "formats": row.dialects, "from": row.from.map(|at| at.to_string()),
        "to": row.to.map(|at| at.to_string()), "events": row.events, "repeated": row.repeated,
        "undated": row.undated, "exhibits": row.exhibits, "gap_count": row.gap_count,
        "gaps": row.gaps.iter().map(gap).collect::<Vec<_>>(),
    })
}

fn exhibit_json(row: &crate::model::ExhibitRow) -> Value {
    json!({
        "exhibit": row.exhibit.to_string(), "path": row.path, "size_bytes": row.size_bytes,
        "sha256": row.sha256, "blake3": row.blake3, "format": row.format, "encoding": row.encoding,
        "snapshot": row.snapshot, "tenant_id": row.tenant_id, "object_types": row.object_types,
        "seen": row.tally.seen, "used": row.tally.used, "quarantined": row.tally.quarantined,
        "set_aside": row.tally.set_aside,
    })
}

fn coverage_json(row: &CoverageRow) -> Value {
    json!({
        "tenant_id": row.tenant_id, "snapshot": row.snapshot, "object_type": row.object_type,
        "attribute": row.attribute, "state": row.state.as_str(), "objects": row.objects,
        "detail": row.detail, "request": row.request, "object_id": row.object_id, "of": row.of,
        "sources": row.sources.map(|sources| json!({
            "collected": sources.collected, "empty": sources.empty, "partial": sources.partial,
            "not_collected": sources.not_collected,
        })),
    })
}

fn advice_json(tenant: &TenantAdvice) -> Value {
    let answers = tenant.answers.iter().map(|answer| {
        json!({
            "id": answer.id, "question": answer.question, "answer": answer.verdict.as_str(),
            "missing": answer.missing, "why": answer.why, "export": answer.export,
        })
    });
    let deadlines = tenant.deadlines.iter().map(|deadline| {
        json!({
            "id": deadline.id, "what": deadline.what, "subject": deadline.subject,
            "from": deadline.from.to_string(), "to": deadline.to.to_string(),
            "by": deadline.by.to_string(), "days": deadline.days,
            "short_by": deadline.short_by.map(|at| at.to_string()),
            "short_days": deadline.short.as_ref().map(|(days, _)| days),
            "short_where": deadline.short.as_ref().map(|(_, place)| place),
            "is_over": deadline.is_over, "export": deadline.export,
        })
    });
    json!({
        "tenant_id": tenant.tenant_id,
        "answers": answers.collect::<Vec<_>>(),
        "deadlines": deadlines.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::advice;
    use crate::directory::catalogue;
    use crate::report::fixture;

    #[test]
    fn text_fits_eighty_columns_and_sends_no_control_character() {
        for analysis in [fixture::analysis(), fixture::hostile()] {
            let advice = advice(&analysis, catalogue());
            for limit in [Some(80), None] {
                let style = Style { width: limit, colour: false };
                let page = inspect_text(&analysis, &advice, style);
                assert!(!page.replace('\n', "").chars().any(text::is_hidden), "{page}");
                let fits = |line: &&str| width(line) <= 80 || !line.trim().contains(' ');
                if limit.is_some() {
                    let long: Vec<&str> = page.lines().filter(|line| !fits(line)).collect();
                    assert!(
                        long.iter().all(|line| line.split(' ').any(|w| width(w) > 40)),
                        "{long:#?}"
                    );
                }
            }
        }
    }

    #[test]
    fn json_says_what_the_text_says() {
        let analysis = fixture::analysis();
        let advice = advice(&analysis, catalogue());
        let value = inspect_json(&analysis, &advice);
        let page = inspect_text(&analysis, &advice, Style::default());
        let one_line: String = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for answer in value["advice"][0]["answers"].as_array().unwrap() {
            let line = format!(
                "{} {}",
                answer["answer"].as_str().unwrap(),
                answer["question"].as_str().unwrap()
            );
            assert!(one_line.contains(&line), "{line}");
        }
    }

    #[test]
    fn nothing_at_all_is_a_page_too() {
        let page = inspect_text(&Analysis::default(), &[], Style::default());
        assert!(page.starts_with("What is here\n  0 exhibits"), "{page}");
    }
}
