//! Records of logs: no object, no fingerprint of attributes, but a row of what, when and where.

use std::sync::Arc;

use super::{SegmentBuilder, as_u32};
use crate::index::row::EventRow;
use crate::intake::{Format, Record, Request, Subject, log_brief, log_dialect};
use crate::model::{EventTime, LogKind, Precision};

impl SegmentBuilder<'_, '_> {
    /// The dialect of logs that a record is written in; `None` where its request says that it is an object, or where Graph
    /// itself wrote it.
    pub(super) fn dialect_of(
        &mut self,
        request: &Request,
        text: &[u8],
        record: &Record,
    ) -> Option<u8> {
        let catalogue = self.layouts.catalogue;
        let may_be = match &request.subject {
            // The name of a file does not tell what is in it.
            _ if request.context.is_none() => request.format != Format::ExporterTree,
            Subject::Objects { object_type, .. } | Subject::ObjectsOf { object_type, .. } => {
                catalogue.object_type(object_type).is_none_or(|known| known.event)
            }
            Subject::Untyped { .. } => true,
            Subject::Part { .. } | Subject::Links { .. } | Subject::Orphan { .. } => false,
        };
        if !may_be {
            return None;
        }
        let sequence = record.key_sequence();
        if let Some((known, dialect)) = self.last_dialect
            && Some(known) == sequence
        {
            return dialect;
        }
        let dialect = log_dialect(catalogue, text, record);
        self.last_dialect = sequence.map(|sequence| (sequence, dialect));
        dialect
    }

    /// Keeps the row of a record of a log; false if it is none.
    pub(super) fn event(
        &mut self,
        request_position: u32,
        request: &Request,
        (dialect, object_type): (u8, &str),
        text: &[u8],
        record: &Record,
    ) -> bool {
        let catalogue = self.layouts.catalogue;
        let context = request.context.as_deref();
        let of = (dialect, object_type);
        let Some(brief) = log_brief(catalogue, of, context, text, record) else { return false };
        let (offset, length) = self.span(text, &record.span);
        let name = self.layouts.name(brief.object_type);
        let object_type = self.name(&name);
        let tenant = brief.tenant.map_or(u32::MAX, |tenant| self.name(&Arc::from(tenant)));
        let kind = LogKind::ALL.iter().position(|kind| *kind == brief.kind).unwrap_or_default();
        let digits = match brief.time.map(|time| time.precision) {
            None => EventRow::NO_TIME,
            Some(Precision::Second) => 0,
            Some(Precision::Digits(digits)) => digits,
            Some(Precision::Minute) => EventRow::WHOLE_MINUTE,
        };
        let (second, nanosecond) = brief.time.map_or((0, 0), split);
        self.segment.events.push(EventRow {
            event: brief.event,
            content: brief.content,
            second,
            offset,
            nanosecond,
            length,
            request: request_position,
            object_type,
            tenant,
            dialect,
            kind: u8::try_from(kind).unwrap_or(u8::MAX),
            digits,
            cut: u8::from(brief.is_cut),
        });
        true
    }

    /// The events so far by dialect and type, in order.
    pub(in crate::index) fn log_counts(&self) -> Vec<crate::index::LogCount> {
        let mut counts: Vec<crate::index::LogCount> = Vec::new();
        let mut keys: Vec<(u8, u32)> = Vec::new();
        for row in &self.segment.events {
            let key = (row.dialect, row.object_type);
            match keys.iter().position(|known| *known == key) {
                Some(place) => {
                    if let Some(count) = counts.get_mut(place) {
                        count.records += 1;
                    }
                }
                None => {
                    let name = self.segment.names.get(row.object_type as usize);
                    keys.push(key);
                    counts.push(crate::index::LogCount {
                        dialect: row.dialect,
                        object_type: name.cloned().unwrap_or_else(|| Arc::from("")),
                        records: 1,
                    });
                }
            }
        }
        counts.sort();
        counts
    }
}

/// Whole seconds, counted downwards before 1970 as well, and nanoseconds behind them.
fn split(time: EventTime) -> (i64, u32) {
    let nanoseconds = time.at.as_nanosecond();
    let second = nanoseconds.div_euclid(1_000_000_000);
    let rest = nanoseconds.rem_euclid(1_000_000_000);
    (i64::try_from(second).unwrap_or(0), as_u32(usize::try_from(rest).unwrap_or(0)))
}
