//! The difference report on the page: the first against the last snapshot of each tenant, in the service's words.

use serde::Serialize;

use super::value::{Side, Text, differing};
use crate::model::{Analysis, DifferenceReport, DifferingLink, DifferingObject, Shown};
use crate::report::difference::{self as counts, TypeCount};
use crate::report::words;

/// Objects of all reports on the page; what is beyond is counted and stands in `changes.csv`.
const OBJECTS: usize = 300;
/// Attributes and links of one object on the page, each.
const PARTS: usize = 40;
/// Reports on the page: evidence may name a tenant per file.
const REPORTS: usize = 20;

/// All reports.
#[derive(Debug, Serialize)]
pub(super) struct Differences {
    reports: Vec<Report>,
    omitted: String,
    /// Objects that a recovery would touch, of all reports.
    pub(super) total: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    tenant: Text,
    from: Text,
    to: Text,
    types: Vec<TypeRow>,
    all: TypeRow,
    remarks: Vec<String>,
    hidden: Vec<HiddenRow>,
    objects: Vec<ObjectView>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct TypeRow {
    name: Text,
    object_type: Text,
    update: String,
    restore: String,
    soft_delete: String,
    objects: String,
    attributes: String,
    links: String,
}

#[derive(Debug, Serialize)]
struct HiddenRow {
    why: &'static str,
    what: Text,
}

#[derive(Debug, Serialize)]
struct ObjectView {
    kind: Text,
    name: Text,
    id: Text,
    action: &'static str,
    class: &'static str,
    cause: &'static str,
    remark: &'static str,
    attributes: Vec<AttributeView>,
    links: Vec<LinkView>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct AttributeView {
    path: Text,
    sides: Vec<Side>,
    note: &'static str,
}

#[derive(Debug, Serialize)]
struct LinkView {
    relation: Text,
    what: &'static str,
    class: &'static str,
    target: Text,
    note: &'static str,
}

/// All reports of the analysis, limited in size.
pub(super) fn differences(analysis: &Analysis) -> Differences {
    let reports = &analysis.differences;
    let more = words::length(reports.len().saturating_sub(REPORTS));
    let mut room = OBJECTS;
    Differences {
        total: reports.iter().map(|report| counts::counts(report).1.objects()).sum(),
        reports: reports.iter().take(REPORTS).map(|one| report(one, &mut room)).collect(),
        omitted: match more {
            0 => String::new(),
            more => format!("{} not on this page", words::counted(more, "report", "reports")),
        },
    }
}

fn report(report: &DifferenceReport, room: &mut usize) -> Report {
    let (types, all) = counts::counts(report);
    let shown = report.objects.iter().filter(|object| object.action.is_some());
    let total = shown.clone().count();
    let objects: Vec<ObjectView> = shown.take(*room).map(object).collect();
    *room -= objects.len();
    let more = words::length(total - objects.len());
    Report {
        tenant: super::coverage::tenant(&report.tenant_id),
        from: Text::name(&report.from),
        to: Text::name(&report.to),
        types: types.iter().map(|(name, count)| type_row(name, count)).collect(),
        all: type_row("", &all),
        remarks: counts::remarks(&all),
        hidden: counts::hidden(report)
            .into_iter()
            .map(|(why, what)| HiddenRow { why, what: Text::new(&what) })
            .collect(),
        objects,
        omitted: match more {
            0 => String::new(),
            more => format!(
                "{} not on this page; changes.csv holds every difference, and `diff` lists them",
                words::counted(more, "more object", "more objects")
            ),
        },
    }
}

fn type_row(name: &str, count: &TypeCount) -> TypeRow {
    let of_portal = counts::portal(name);
    let own = words::capital(&words::type_many(name));
    TypeRow {
        name: Text::name(if of_portal.is_empty() { &own } else { of_portal }),
        object_type: Text::name(name),
        update: words::number(count.update),
        restore: words::number(count.restore),
        soft_delete: words::number(count.soft_delete()),
        objects: words::number(count.objects()),
        attributes: words::number(count.attributes),
        links: words::number(count.links),
    }
}

fn note(shown: Shown) -> &'static str {
    match shown {
        Shown::Recovered | Shown::Settled => "",
        Shown::Visible => "visible-only",
        Shown::Doubtful(why) | Shown::Hidden(why) => why.as_str(),
    }
}

fn object(object: &DifferingObject) -> ObjectView {
    let more =
        object.attributes.len().saturating_sub(PARTS) + object.links.len().saturating_sub(PARTS);
    let (class, _) = words::kind_look(object.cause);
    ObjectView {
        kind: Text::name(&words::type_one(&object.object_type)),
        name: Text::name(&object.object_name),
        id: Text::name(&object.object_id),
        action: object.action.map_or("", |action| action.as_str()),
        class,
        cause: words::kind(object.cause),
        remark: match object.shown {
            Shown::Visible => "shown, not recovered",
            Shown::Doubtful(why) => why.as_str(),
            Shown::Recovered | Shown::Settled | Shown::Hidden(_) => "",
        },
        attributes: object
            .attributes
            .iter()
            .take(PARTS)
            .map(|attribute| AttributeView {
                path: Text::name(&attribute.path),
                sides: differing(attribute),
                note: note(attribute.shown),
            })
            .collect(),
        links: object.links.iter().take(PARTS).map(link).collect(),
        omitted: match words::length(more) {
            0 => String::new(),
            more => words::counted(more, "more attribute or link", "more attributes and links"),
        },
    }
}

fn link(link: &DifferingLink) -> LinkView {
    let target = &link.target;
    let parts = [&*words::type_one(&target.object_type), &*target.name, &*target.id].join(" ");
    LinkView {
        relation: Text::name(&link.relation),
        what: match (link.remove, link.shown) {
            (true, Shown::Recovered | Shown::Doubtful(_)) => "added: a recovery removes it",
            (false, Shown::Recovered | Shown::Doubtful(_)) => "lost: a recovery adds it back",
            (true, _) => "added",
            (false, _) => "lost",
        },
        class: if link.remove { "plus" } else { "minus" },
        target: Text::name(parts.trim()),
        note: note(link.shown),
    }
}
