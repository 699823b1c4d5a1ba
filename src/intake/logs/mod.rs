//! Records of logs in every dialect: Graph, diagnostic settings, Log Analytics, the unified audit log, portal CSVs.
//!
//! Recognised by members that only such records have (`log_dialects.csv`), whatever the file is called and whatever letter
//! case a SIEM left them in. Where a dialect keeps what is data as well (`log_members.csv`); a JSON text in a string is
//! opened on the way. Habits: blank texts, `(blank)` and `<null>` say nothing; the same event may come in several dialects
//! and on several pages. What a dialect loses: the portal's CSV keeps 3 targets and 5 properties of each and no id; the
//! unified audit log keeps whole seconds, one target and no name for what the record shares with others of its request.

mod clock;
mod normal;
mod view;

pub use clock::{DateOrder, of_snapshot_id};
pub(super) use clock::{order_of, slashed};
pub use normal::log_record;

use super::scan::Scanner;
use super::{Record, is_guid};
use crate::directory::{Catalogue, GRAPH_DIALECT, LogDialect, LogField, LogTest, LogValue};
use crate::model::{EventTime, LogKind, plain_activity};
use view::{Level, View};

/// Real tenants are named by a GUID or a domain; the cap keeps a planted text from filling the index.
const MOST_TENANT_BYTES: usize = 256;

/// What the index keeps of a record of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBrief<'c> {
    /// What it is about.
    pub kind: LogKind,
    /// Its type as Graph calls it.
    pub object_type: &'c str,
    /// When it happened.
    pub time: Option<EventTime>,
    /// Tenant, where the record names it.
    pub tenant: Option<String>,
    /// Equal for records of the same event: of its kind, id and activity; of the whole text where it has no id.
    pub event: [u8; 16],
    /// Of the whole text.
    pub content: u64,
    /// Whether the dialect may have cut targets or properties off: all columns for them are filled.
    pub is_cut: bool,
}

/// The dialect that the members of a record give away.
#[must_use]
pub fn log_dialect(catalogue: &Catalogue, text: &[u8], record: &Record) -> Option<u8> {
    let has = |name: &str| {
        let alike = |key: &[u8]| key.eq_ignore_ascii_case(name.as_bytes());
        record.members.iter().any(|member| text.get(member.key.clone()).is_some_and(alike))
    };
    catalogue.log_dialect_of(&has)
}

/// What the index keeps of a record of this dialect; `object_type` is what is known of Graph's own records, `context` the
/// request that it was an answer to. `None` if it is no record of a log.
#[must_use]
pub fn log_brief<'c>(
    catalogue: &'c Catalogue,
    (dialect, object_type): (u8, &str),
    context: Option<&str>,
    text: &[u8],
    record: &Record,
) -> Option<LogBrief<'c>> {
    let source = Source::of(catalogue, (dialect, object_type), text, record)?;
    let time = source.time(context);
    let body = text.get(record.span.clone()).unwrap_or_default();
    let digest = blake3::hash(body);
    let event = match source.text(LogField::Id) {
        // The same object may be named by many jobs: a difference is what it says, in the list that says it.
        Some(_) if source.kind() == LogKind::Recovery && !source.has_id_of_its_own() => {
            let mut hasher = blake3::Hasher::new();
            hasher.update(context.unwrap_or_default().as_bytes()).update(&[0]);
            *hasher.update(digest.as_bytes()).finalize().as_bytes()
        }
        Some(id) => {
            let mut hasher = blake3::Hasher::new();
            // These kinds have ids that are not those of one event: of a user at risk, of a record of a machine.
            let is_shared = matches!(source.kind(), LogKind::Risk | LogKind::Other);
            let second = time.filter(|_| is_shared).map_or(0, |time| time.at.as_second());
            let activity = if source.kind() == LogKind::Audit {
                source.activity().as_deref().map(plain_activity)
            } else {
                None
            };
            for part in [source.kind().as_str(), &id.to_lowercase(), &activity.unwrap_or_default()]
            {
                hasher.update(part.as_bytes()).update(&[0]);
            }
            *hasher.update(&second.to_le_bytes()).finalize().as_bytes()
        }
        None => *digest.as_bytes(),
    };
    Some(LogBrief {
        kind: source.kind(),
        object_type: &source.test.object_type,
        time,
        tenant: source.tenant(),
        event: event.first_chunk::<16>().copied().unwrap_or_default(),
        is_cut: source.fills_all_columns(),
        content: u64::from_le_bytes(
            digest.as_bytes().first_chunk::<8>().copied().unwrap_or_default(),
        ),
    })
}

/// A record in its dialect: what it says itself, and what lies inside.
struct Source<'c, 't> {
    test: &'c LogTest,
    /// Each level with the dialect that it follows, in the order in which they are asked.
    levels: Vec<(&'c LogDialect, Level<'t>)>,
}

impl<'c, 't> Source<'c, 't> {
    fn of(
        catalogue: &'c Catalogue,
        (number, object_type): (u8, &str),
        text: &'t [u8],
        record: &'t Record,
    ) -> Option<Self> {
        let dialect = catalogue.log_dialect(number)?;
        let inner = dialect.like.and_then(|like| catalogue.log_dialect(like));
        let mut levels = Vec::with_capacity(2);
        if let Some(inner) = inner {
            let whole = Level::of(text, record);
            let level = if dialect.below.is_empty() {
                Some(whole)
            } else {
                whole.at(&dialect.below).and_then(View::level)
            };
            levels.extend(level.map(|level| (inner, level)));
        }
        levels.push((dialect, Level::of(text, record)));
        let of_graph = catalogue.log_dialect(GRAPH_DIALECT).map(std::ptr::from_ref);
        let find = |dialect: &'c LogDialect, level: &Level<'_>| {
            // What Graph calls its records does not tell what those of other dialects are.
            let told = number == GRAPH_DIALECT || Some(std::ptr::from_ref(dialect)) != of_graph;
            let mut kinds = dialect.kinds.iter().filter(|_| told);
            kinds.find(|test| holds(test, level, object_type))
        };
        let own = levels.iter().rev().find_map(|(dialect, level)| find(dialect, level));
        // A row whose inside is missing is a record still.
        let test = own.or_else(|| find(inner?, &levels.last()?.1))?;
        Some(Self { test, levels })
    }

    /// Whether the id is that of the record, not of an object that it speaks of.
    fn has_id_of_its_own(&self) -> bool {
        self.text(LogField::TargetType).is_none()
    }

    fn kind(&self) -> LogKind {
        self.test.kind
    }

    /// Where a field is looked for, with the level that it is looked for in.
    fn places(&self, field: LogField) -> impl Iterator<Item = (&Level<'t>, &'c [String])> {
        let kind = self.test.kind;
        self.levels.iter().flat_map(move |(dialect, level)| {
            dialect
                .members
                .iter()
                .filter(move |m| m.field == field && m.kind.is_none_or(|own| own == kind))
                .map(move |member| (level, member.path.as_slice()))
        })
    }

    /// The first of the places that says something.
    fn text(&self, field: LogField) -> Option<String> {
        self.places(field).find_map(|(level, path)| level.text_at(path))
    }

    fn time(&self, context: Option<&str>) -> Option<EventTime> {
        let told = self
            .places(LogField::Time)
            .find_map(|(level, path)| clock::event_time(&level.text_at(path)?));
        if self.kind() != LogKind::Recovery {
            return told;
        }
        let of_id = || of_snapshot_id(&self.text(LogField::Id)?);
        // A difference has no time of its own but that of the snapshot that it is a difference to.
        let of_context = || context?.split(['/', '(', ')', '\'']).find_map(of_snapshot_id);
        told.or_else(of_id).or_else(of_context)
    }

    fn activity(&self) -> Option<String> {
        if let (Some(method), Some(uri)) = (self.text(LogField::Method), self.text(LogField::Uri)) {
            return Some(format!("{method} {uri}"));
        }
        self.text(LogField::Activity)
    }

    fn tenant(&self) -> Option<String> {
        self.places(LogField::Tenant).find_map(|(level, path)| {
            let text = level.text_at(path)?;
            if !text.contains('/') && text.len() <= MOST_TENANT_BYTES {
                return Some(text.to_ascii_lowercase());
            }
            let mut parts = text.split('/');
            parts.find(|part| part.eq_ignore_ascii_case("tenants"))?;
            parts.next().filter(|id| is_guid(id)).map(str::to_ascii_lowercase)
        })
    }
}

fn holds(test: &LogTest, level: &Level<'_>, object_type: &str) -> bool {
    let value = || {
        if test.path.is_empty() { Some(object_type.to_owned()) } else { level.text_at(&test.path) }
    };
    match &test.value {
        LogValue::Whatever => true,
        LogValue::Some => value().is_some(),
        LogValue::Is(text) => value().is_some_and(|value| value.eq_ignore_ascii_case(text)),
        LogValue::Holds(part) => {
            value().is_some_and(|value| value.to_ascii_lowercase().contains(part))
        }
    }
}

/// The text of a record as it was found, scanned.
fn scanned(text: &[u8]) -> Option<Record> {
    let mut record = Record::default();
    record.scan(text, &mut Scanner::new(text, 0)).ok()?;
    Some(record)
}
