//! What the caller declares: changes that were wanted (tickets), changes that were damage, and whose changes were damage.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::directory::Catalogue;
use crate::history::HistoryError;
use crate::index::{Index, LogEntry, canonical, open_logs};
use crate::model::{Change, Intent, LogKind};

/// Records of logs that are opened at a time.
const BATCH_RECORDS: usize = 8192;

/// What says that a change was damage where there are tickets and nothing else.
pub(super) const ON_NO_TICKET: &str = "on no ticket";

/// Changes that a row of a declaration holds; an empty cell holds any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Graph resource name.
    pub object_type: String,
    /// Object, part of a natural key, or other end of a link.
    pub object_id: String,
    /// Property path or relation, with all below it.
    pub attribute: String,
    /// Changes that happened at this time or later, as far as their window tells.
    pub since: Option<Timestamp>,
    /// Changes that happened at this time or earlier.
    pub until: Option<Timestamp>,
    /// What to call it: number of the ticket, name of the incident.
    pub name: String,
}

/// All declarations of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Wanted changes.
    pub tickets: Vec<Declared>,
    /// Damage.
    pub damage: Vec<Declared>,
    /// Object ids or names of those whose changes were damage, in lower case.
    pub actors: Vec<String>,
    /// SHA-256 of each file, by option.
    pub hashes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    object_type: String,
    #[serde(default)]
    object_id: String,
    #[serde(default)]
    attribute: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    name: String,
}

/// Reads a declaration: CSV with the columns `object_type`, `object_id`, `attribute`, `since`, `until`, `name`, any of them
/// left out or empty, but not all of the first five.
///
/// # Errors
/// Line and cause, in words.
pub fn declared(bytes: &[u8]) -> Result<Vec<Declared>, String> {
    const COLUMNS: [&str; 6] = ["object_type", "object_id", "attribute", "since", "until", "name"];
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let headings = reader.headers().map_err(|error| error.to_string())?;
    if let Some(other) = headings.iter().find(|heading| !COLUMNS.contains(heading)) {
        return Err(format!("column `{other}`; known are {}", COLUMNS.join(", ")));
    }
    let mut found = Vec::new();
    for (line, row) in (2..).zip(reader.deserialize::<Row>()) {
        let row = row.map_err(|error| error.to_string())?;
        let time = |text: &str| -> Result<Option<Timestamp>, String> {
            if text.is_empty() {
                return Ok(None);
            }
            let told = text.parse().map(Some);
            told.map_err(|_no_time| {
                format!("line {line}: `{text}` is no time like 2026-11-02T03:00:00Z")
            })
        };
        let declared = Declared {
            since: time(&row.since)?,
            until: time(&row.until)?,
            object_type: row.object_type,
            object_id: canonical(&row.object_id),
            attribute: row.attribute,
            name: row.name,
        };
        let limits = [&declared.object_type, &declared.object_id, &declared.attribute];
        let any = limits.iter().all(|limit| limit.is_empty());
        if any && declared.since.is_none() && declared.until.is_none() {
            return Err(format!("line {line}: it would hold every change"));
        }
        found.push(declared);
    }
    Ok(found)
}

impl Declared {
    fn holds(&self, change: &Change) -> bool {
        let named = |id: &str| {
            change.object_id == id
                || change.target.as_ref().is_some_and(|target| target.id == id)
                || change.object_id.split('|').any(|part| part == id)
        };
        let attribute = || {
            let rest = change.attribute.strip_prefix(&*self.attribute);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let window = change.window;
        (self.object_type.is_empty() || self.object_type == change.object_type)
            && (self.object_id.is_empty() || named(&self.object_id))
            && (self.attribute.is_empty() || attribute())
            && self.since.is_none_or(|since| window.not_after.is_none_or(|end| end >= since))
            && self.until.is_none_or(|until| window.not_before.is_none_or(|start| start <= until))
    }
}

/// Declarations, with what the log says of the actors.
pub(super) struct Intents<'a> {
    declared: &'a Declarations,
    /// What the actors did, by id of what they did it to: time and record.
    acts: BTreeMap<String, Vec<(Timestamp, String)>>,
}

impl<'a> Intents<'a> {
    pub(super) fn read(
        index: &Index,
        catalogue: &Catalogue,
        (declared, tenant): (&'a Declarations, &str),
    ) -> Result<Self, HistoryError> {
        let mut acts: BTreeMap<String, Vec<(Timestamp, String)>> = BTreeMap::new();
        if !declared.actors.is_empty() {
            let entries: Vec<LogEntry<'_>> = index
                .logs()
                .filter(|entry| {
                    let audit = entry.kind == LogKind::Audit && !entry.repeats;
                    audit && (entry.tenant.is_empty() || entry.tenant == tenant)
                })
                .collect();
            for batch in entries.chunks(BATCH_RECORDS) {
                for record in open_logs(index, catalogue, batch)?.into_iter().flatten() {
                    let Some(actor) = &record.actor else { continue };
                    let known = [&actor.id, &actor.name, &record.app_id].into_iter().flatten();
                    let mut known = known.map(|name| name.to_lowercase());
                    let (true, Some(time)) =
                        (known.any(|name| declared.actors.contains(&name)), record.time)
                    else {
                        continue;
                    };
                    let by = actor.name.clone().or_else(|| actor.id.clone()).unwrap_or_default();
                    let told = record.receipt.map(|receipt| receipt.to_string());
                    let told = format!("{by} {}", told.unwrap_or_default());
                    for id in record.targets.iter().filter_map(|target| target.id.as_deref()) {
                        acts.entry(canonical(id)).or_default().push((time.at, told.clone()));
                    }
                }
            }
        }
        Ok(Self { declared, acts })
    }

    /// Whether anything says what was damage and what was not.
    pub(super) fn are_declared(&self) -> bool {
        let Declarations { tickets, damage, actors, .. } = self.declared;
        !(tickets.is_empty() && damage.is_empty() && actors.is_empty())
    }

    /// Whether a change was wanted, and what says so. A ticket goes before a scope of damage.
    pub(super) fn of(&self, change: &Change) -> (Intent, String) {
        if !self.are_declared() {
            return (Intent::Undeclared, String::new());
        }
        let named = |declared: &Declared, kind: &str| {
            format!("{kind} {}", declared.name).trim_end().to_owned()
        };
        if let Some(ticket) = self.declared.tickets.iter().find(|ticket| ticket.holds(change)) {
            return (Intent::Legitimate, named(ticket, "ticket"));
        }
        if let Some(damage) = self.declared.damage.iter().find(|damage| damage.holds(change)) {
            return (Intent::Damage, named(damage, "damage"));
        }
        if let Some(by) = self.actor(change) {
            return (Intent::Damage, format!("actor {by}"));
        }
        if self.declared.damage.is_empty() && self.declared.actors.is_empty() {
            return (Intent::Damage, ON_NO_TICKET.to_owned());
        }
        (Intent::Legitimate, "outside the declared damage".to_owned())
    }

    /// The record by which one of the actors touched the object in the window of the change.
    fn actor(&self, change: &Change) -> Option<&str> {
        let target = change.target.as_ref().map(|target| target.id.as_str());
        let ids = change.object_id.split('|').chain([change.object_id.as_str()]).chain(target);
        let window = change.window;
        let within = |at: Timestamp| {
            window.not_before.is_none_or(|start| start <= at)
                && window.not_after.is_none_or(|end| at <= end)
        };
        ids.filter_map(|id| self.acts.get(id))
            .flatten()
            .find(|(at, _)| within(*at))
            .map(|(_, told)| told.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_says_what_it_cannot_read() {
        let text = "object_type,object_id,name\nuser,U1,CHG-1\n";
        let found = declared(text.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "CHG-1");
        for (text, cause) in [
            ("object_type,who\nuser,x\n", "who"),
            ("object_type,since\nuser,yesterday\n", "line 2"),
            ("object_type,name\n,all\n", "every change"),
        ] {
            let error = declared(text.as_bytes()).unwrap_err();
            assert!(error.contains(cause), "{error}");
        }
    }
}
