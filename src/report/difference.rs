//! Difference reports as text for a terminal: first what a recovery would do, by type, and what the service would not show;
//! then each object with its attributes and links.

use std::collections::BTreeMap;

use super::terminal::{Cell, Style, Table, cell, cut, heading, put, width};
use super::{text, words};
use crate::directory::catalogue;
use crate::model::{
    Certainty, ChangeKind, DifferenceReport, DifferingAttribute, DifferingLink, DifferingObject,
    RecoveryAction, Shown,
};

/// Spaces before what belongs to an object.
const INDENT: usize = 4;
/// Terminals narrower than this have no room for what the portal calls a type.
const PORTAL_FROM: usize = 110;
/// Attribute names wider than this do not move the values of all others.
const NAMES: usize = 36;

/// Objects of one type by action, and what differs in them; for the first table and for the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TypeCount {
    pub(super) update: u64,
    pub(super) restore: u64,
    pub(super) soft_delete_added: u64,
    pub(super) soft_delete_restored: u64,
    pub(super) visible: u64,
    pub(super) attributes: u64,
    pub(super) links: u64,
}

impl TypeCount {
    fn take(&mut self, object: &DifferingObject) {
        match (object.action, object.cause) {
            (Some(RecoveryAction::Update), _) => self.update += 1,
            (Some(RecoveryAction::Restore), _) => self.restore += 1,
            (Some(RecoveryAction::SoftDelete), ChangeKind::Restored) => {
                self.soft_delete_restored += 1;
            }
            (Some(RecoveryAction::SoftDelete), _) => self.soft_delete_added += 1,
            (None, _) => return,
        }
        self.visible += u64::from(object.shown == Shown::Visible);
        let shown = |part: &Shown| part.is_shown();
        let attributes = object.attributes.iter().filter(|part| shown(&part.shown)).count();
        self.attributes += words::length(attributes);
        self.links += words::length(object.links.iter().filter(|part| shown(&part.shown)).count());
    }

    fn add(&mut self, other: &Self) {
        self.update += other.update;
        self.restore += other.restore;
        self.soft_delete_added += other.soft_delete_added;
        self.soft_delete_restored += other.soft_delete_restored;
        self.visible += other.visible;
        self.attributes += other.attributes;
        self.links += other.links;
    }

    pub(super) fn soft_delete(&self) -> u64 {
        self.soft_delete_added + self.soft_delete_restored
    }

    pub(super) fn objects(&self) -> u64 {
        self.update + self.restore + self.soft_delete()
    }
}

/// What the service's report shows, by type, and all types together.
pub(super) fn counts(report: &DifferenceReport) -> (BTreeMap<&str, TypeCount>, TypeCount) {
    let mut types: BTreeMap<&str, TypeCount> = BTreeMap::new();
    for object in report.objects.iter().filter(|object| object.action.is_some()) {
        types.entry(&object.object_type).or_default().take(object);
    }
    let mut all = TypeCount::default();
    types.values().for_each(|count| all.add(count));
    (types, all)
}

/// What the counts merge or show without recovering it, in sentences.
pub(super) fn remarks(all: &TypeCount) -> Vec<String> {
    let mut out = Vec::new();
    if all.soft_delete() > 0 {
        out.push(format!(
            "softDelete stands for both {} added since the backup and {} restored from the recycle bin; the service does not tell them apart.",
            words::number(all.soft_delete_added),
            words::number(all.soft_delete_restored)
        ));
    }
    if all.visible > 0 {
        out.push(format!(
            "{} synchronised from on-premises: shown by the service, and left out of its recovery.",
            words::counted(all.visible, "object is", "objects are")
        ));
    }
    out
}

/// What the service's report does not show: (why, how many of what).
pub(super) fn hidden(report: &DifferenceReport) -> Vec<(&'static str, String)> {
    let mut by_why: BTreeMap<&'static str, Vec<(&str, u64)>> = BTreeMap::new();
    for ((why, object_type), count) in report.hidden() {
        by_why.entry(why.as_str()).or_default().push((object_type, count));
    }
    by_why
        .into_iter()
        .map(|(why, types)| {
            let total = types.iter().map(|(_, count)| count).sum();
            let of: Vec<String> =
                types.iter().map(|(name, count)| format!("{name} {count}")).collect();
            (why, format!("{} ({})", words::counted(total, "row", "rows"), of.join(", ")))
        })
        .collect()
}

/// What the portal calls a type; empty for types that the service does not know.
pub(super) fn portal(object_type: &str) -> &'static str {
    catalogue().recovery_type(object_type).map_or("", |known| &known.portal)
}

/// One report after the other; without an object, only that.
#[must_use]
pub fn difference_text(reports: &[DifferenceReport], style: Style) -> String {
    let mut out = String::new();
    for report in reports {
        if !out.is_empty() {
            out.push('\n');
        }
        one(&mut out, report, style);
    }
    out
}

fn one(out: &mut String, report: &DifferenceReport, style: Style) {
    let tenant = if report.tenant_id.is_empty() { "unknown" } else { &report.tenant_id };
    let title = format!(
        "Difference report: tenant {tenant}, backup {}, current {}",
        report.from, report.to
    );
    heading(out, &clipped(&text::escaped(&title), style), style);
    if report.objects.is_empty() {
        put(out, "nothing differs");
        return;
    }
    let (types, all) = counts(report);
    if types.is_empty() {
        put(out, "the service would show nothing of what differs");
    } else {
        out.push_str(&summary(&types, &all, style));
    }
    for remark in remarks(&all) {
        paragraph(out, &remark, style);
    }
    let hidden = hidden(report);
    if !hidden.is_empty() {
        put(out, "Not in the service's report (`explain` tells why):");
        for (why, what) in hidden {
            paragraph(out, &format!("  {why:<20} {what}"), style);
        }
    }
    for object in &report.objects {
        out.push('\n');
        of_object(out, object, style);
    }
}

fn summary(types: &BTreeMap<&str, TypeCount>, all: &TypeCount, style: Style) -> String {
    // A narrow terminal has no room for what the portal says.
    let is_narrow = style.width.is_some_and(|width| width < PORTAL_FROM);
    let row = |name: &str, count: &TypeCount| {
        vec![
            cell(name),
            cell(portal(name)),
            cell(&words::number(count.update)),
            cell(&words::number(count.restore)),
            cell(&words::number(count.soft_delete())),
            cell(&words::number(count.objects())),
            cell(&words::number(count.attributes)),
            cell(&words::number(count.links)),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = types.iter().map(|(name, count)| row(name, count)).collect();
    rows.push(row("all", all));
    const HEADS: &[(&str, usize)] = &[
        ("TYPE", 8),
        ("IN THE PORTAL", 8),
        ("UPDATE", 6),
        ("RESTORE", 7),
        ("SOFTDELETE", 10),
        ("OBJECTS", 7),
        ("ATTRIBUTES", 10),
        ("LINKS", 5),
    ];
    if !is_narrow {
        return Table { heads: HEADS, rows }.draw(style);
    }
    for row in &mut rows {
        row.remove(1);
    }
    const NARROW: &[(&str, usize)] = &[
        ("TYPE", 8),
        ("UPDATE", 6),
        ("RESTORE", 7),
        ("SOFTDELETE", 10),
        ("OBJECTS", 7),
        ("ATTRIBUTES", 10),
        ("LINKS", 5),
    ];
    Table { heads: NARROW, rows }.draw(style)
}

/// Running text that is broken at blanks; what the evidence says is made harmless.
pub(super) fn paragraph(out: &mut String, words: &str, style: Style) {
    let Some(limit) = style.width else { return put(out, &text::escaped(words)) };
    let words = text::escaped(words);
    let inner = words.chars().take_while(|character| *character == ' ').count();
    let mut line = " ".repeat(inner);
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        let is_empty = line.trim().is_empty();
        if !is_empty && width(&line) + 1 + width(word) > limit {
            put(out, &clipped(&line, style));
            line = " ".repeat(inner + 2);
        } else if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
    }
    put(out, &clipped(&line, style));
}

/// Which colour speaks of an object: gained, lost or changed.
fn colour(cause: ChangeKind) -> &'static str {
    super::terminal::kind_colour(cause)
}

fn fits(line: &str, style: Style) -> bool {
    style.width.is_none_or(|limit| width(line) <= limit)
}

fn clipped(line: &str, style: Style) -> String {
    style.width.map_or_else(|| line.to_owned(), |limit| cut(line, limit))
}

/// What became of an object, and what a recovery does.
pub(super) fn story(object: &DifferingObject) -> String {
    let action = match (object.action, object.shown) {
        (Some(action), Shown::Visible) => format!("{action}, shown only: visible-only"),
        (Some(action), Shown::Doubtful(why)) => format!("recovery: {action} ({why})"),
        (Some(action), _) => format!("recovery: {action}"),
        (None, Shown::Hidden(why)) => format!("not in the service's report: {why}"),
        (None, _) => "nothing to recover: in the recycle bin already".to_owned(),
    };
    let mut parts = vec![action];
    if object.cause != ChangeKind::Modified {
        parts.insert(0, object.cause.to_string());
    }
    parts.push(format!("by {}", words::time_or(object.window.not_after, "unknown")));
    if object.certainty != Certainty::Proven {
        parts.push(object.certainty.to_string());
    }
    parts.join("; ")
}

fn of_object(out: &mut String, object: &DifferingObject, style: Style) {
    let name = if object.object_name.is_empty() {
        String::new()
    } else {
        format!("{} ", object.object_name)
    };
    let head = format!("{} {name}{}", object.object_type, object.object_id);
    let head = clipped(&text::escaped(&head), style);
    let (on, off) = match style.colour {
        true => (colour(object.cause), "\u{1b}[0m"),
        false => ("", ""),
    };
    put(out, &format!("{on}{head}{off}"));
    put(out, &clipped(&format!("  {}", story(object)), style));
    let names = object.attributes.iter().map(|attribute| width(&attribute.path));
    let wide = names.filter(|wide| *wide <= NAMES).max().unwrap_or_default();
    for attribute in &object.attributes {
        of_attribute(out, attribute, wide, style);
    }
    for link in &object.links {
        put(out, &clipped(&text::escaped(&of_link(link)), style));
    }
}

fn note(shown: Shown) -> String {
    match shown {
        Shown::Recovered | Shown::Settled => String::new(),
        Shown::Visible => "  [visible-only]".to_owned(),
        Shown::Doubtful(why) | Shown::Hidden(why) => format!("  [{why}]"),
    }
}

/// On one line where it fits, else each value on a line of its own.
fn of_attribute(out: &mut String, attribute: &DifferingAttribute, wide: usize, style: Style) {
    let value = |json: &Option<String>| json.clone().unwrap_or_else(|| "(none)".to_owned());
    let sides: Vec<(&str, String)> = match (&attribute.added, &attribute.removed) {
        (None, None) => {
            vec![("backup", value(&attribute.backup)), ("current", value(&attribute.current))]
        }
        (added, removed) => [("lost", removed), ("gained", added)]
            .into_iter()
            .filter_map(|(word, elements)| Some((word, elements.clone()?)))
            .collect(),
    };
    let note = note(attribute.shown);
    let indent = " ".repeat(INDENT);
    let path = text::escaped(&attribute.path);
    let blanks = " ".repeat(wide.saturating_sub(width(&path)));
    let told: Vec<String> =
        sides.iter().map(|(word, value)| format!("{word} {}", text::escaped(value))).collect();
    let line = format!("{indent}{path}{blanks}  {}{note}", told.join("  "));
    if fits(&line, style) {
        return put(out, &line);
    }
    put(out, &clipped(&format!("{indent}{path}{note}"), style));
    for side in told {
        put(out, &clipped(&format!("{indent}{indent}{side}"), style));
    }
}

fn of_link(link: &DifferingLink) -> String {
    let what = if link.remove { "+ added, recovery removes" } else { "- lost, recovery adds back" };
    let target = &link.target;
    let parts = [&*target.object_type, &*target.name, &*target.id];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let what = match link.shown {
        Shown::Recovered | Shown::Doubtful(_) => what,
        Shown::Visible | Shown::Settled | Shown::Hidden(_) if link.remove => "+ added",
        Shown::Visible | Shown::Settled | Shown::Hidden(_) => "- lost",
    };
    let indent = " ".repeat(INDENT);
    format!("{indent}{} {what}: {}{}", link.relation, parts.join(" "), note(link.shown))
}
