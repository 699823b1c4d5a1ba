//! Second opinions on the page: how our difference and the service's change list compare, and why they differ.

use serde::Serialize;

use super::value::Text;
use crate::model::{Agreement, Analysis, OpinionReason, OpinionRow, SecondOpinion};
use crate::report::opinion::{label, sums, totals};
use crate::report::words;

/// Opinions on the page; the service keeps a week of reports.
const OPINIONS: usize = 20;
/// Rows of all opinions on the page; `second_opinion.csv` holds all of them.
const ROWS: usize = 200;
/// Characters of a value.
const VALUE: usize = 160;

/// All opinions.
#[derive(Debug, Serialize)]
pub(super) struct Opinions {
    list: Vec<Opinion>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct Opinion {
    job: Text,
    tenant: Text,
    backup: String,
    started: String,
    from: Text,
    to: Text,
    sums: String,
    totals: Vec<Total>,
    rows: Vec<Row>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct Total {
    agreement: &'static str,
    class: &'static str,
    count: String,
    why: &'static str,
    meaning: String,
}

#[derive(Debug, Serialize)]
struct Row {
    class: &'static str,
    agreement: &'static str,
    why: &'static str,
    kind: Text,
    name: Text,
    id: Text,
    attribute: Text,
    ours: Text,
    theirs: Text,
}

/// All opinions of the analysis, limited in size.
pub(super) fn opinions(analysis: &Analysis) -> Opinions {
    let more = words::length(analysis.opinions.len().saturating_sub(OPINIONS));
    let mut room = ROWS;
    Opinions {
        list: analysis.opinions.iter().take(OPINIONS).map(|one| opinion(one, &mut room)).collect(),
        omitted: match more {
            0 => String::new(),
            more => format!(
                "{} not on this page; second_opinion.csv holds all of them",
                words::counted(more, "more report", "more reports")
            ),
        },
    }
}

fn opinion(of: &SecondOpinion, room: &mut usize) -> Opinion {
    // What is open comes before what time or documentation explains.
    let mut open: Vec<&OpinionRow> =
        of.rows.iter().filter(|row| row.agreement != Agreement::Agree).collect();
    open.sort_by_key(|row| {
        (row.reason != Some(OpinionReason::Unexplained), row.agreement, row.reason)
    });
    let shown = open.len().min(*room);
    *room -= shown;
    Opinion {
        job: Text::name(&of.job_id),
        tenant: super::coverage::tenant(&of.tenant_id),
        backup: words::time_or(of.target, "unknown"),
        started: words::time_or(of.started, "unknown"),
        from: Text::name(label(&of.from)),
        to: Text::name(label(&of.to)),
        sums: sums(of),
        totals: totals(of)
            .into_iter()
            .map(|(agreement, why, count, meaning)| Total {
                agreement: agreement.as_str(),
                class: class(agreement),
                count: words::number(count),
                why,
                meaning,
            })
            .collect(),
        rows: open.iter().take(shown).map(|row| self::row(row)).collect(),
        omitted: match words::length(open.len() - shown) {
            0 => String::new(),
            more => format!(
                "{} not on this page; second_opinion.csv holds all of them",
                words::counted(more, "more row", "more rows")
            ),
        },
    }
}

fn class(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Agree => "plus",
        Agreement::Differ => "delta",
        Agreement::OursOnly | Agreement::TheirsOnly => "minus",
    }
}

fn row(row: &OpinionRow) -> Row {
    let whole = row.attribute.is_empty() || row.target.is_some();
    let side = |backup: &Option<String>, current: &Option<String>| {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        match (backup, current) {
            (None, None) => Text::new(""),
            (_, Some(word)) if whole => Text::cut(word, VALUE),
            _ => Text::cut(&format!("{} → {}", shown(backup), shown(current)), VALUE),
        }
    };
    let attribute = match &row.target {
        Some(target) => format!("{} {} {}", row.attribute, target.name, target.id),
        None => row.attribute.clone(),
    };
    Row {
        class: class(row.agreement),
        agreement: row.agreement.as_str(),
        why: match (row.reason, row.recoverability) {
            (Some(OpinionReason::NotShown), Some(told)) => told.as_str(),
            (reason, _) => reason.map_or("", OpinionReason::as_str),
        },
        kind: Text::name(&words::type_one(&row.object_type)),
        name: Text::name(&row.object_name),
        id: Text::name(&row.object_id),
        attribute: Text::name(&attribute),
        ours: side(&row.our_backup, &row.our_current),
        theirs: side(&row.their_backup, &row.their_current),
    }
}
