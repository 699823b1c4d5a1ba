//! The logs on the page: from when to when they have events, and where they have none for long.

use serde::Serialize;

use super::value::Text;
use crate::model::{Analysis, LogRow};
use crate::report::words;

/// Logs on the page; a hostile log may name a tenant per event.
const LOGS: usize = 200;

/// The table.
#[derive(Debug, Serialize)]
pub(super) struct Logs {
    rows: Vec<LogView>,
    omitted: String,
}

#[derive(Debug, Serialize)]
struct LogView {
    name: Text,
    code: Text,
    tenant: Text,
    from: String,
    to: String,
    events: String,
    gaps: String,
    formats: Text,
}

/// All logs, the first [`LOGS`] one by one.
pub(super) fn logs(analysis: &Analysis) -> Logs {
    let more = words::length(analysis.logs.len().saturating_sub(LOGS));
    Logs {
        rows: analysis.logs.iter().take(LOGS).map(view).collect(),
        omitted: match more {
            0 => String::new(),
            more => format!(
                "{} not on this page; coverage.csv holds all of them",
                words::counted(more, "more log", "more logs")
            ),
        },
    }
}

fn view(row: &LogRow) -> LogView {
    LogView {
        name: Text::name(&words::capital(&words::type_many(&row.object_type))),
        code: Text::name(&format!("{} {}", row.object_type, row.kind.as_str())),
        tenant: super::coverage::tenant(&row.tenant_id),
        from: words::time_or(row.from, "unknown"),
        to: words::time_or(row.to, "unknown"),
        events: words::number(row.events),
        gaps: words::log_gaps(row),
        formats: Text::name(&row.dialects.join(", ")),
    }
}
