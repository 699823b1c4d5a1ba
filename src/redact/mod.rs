//! Redaction: the tables of an analysis with pseudonyms in the place of names, ids, addresses and free text.
//!
//! Takes an [`Analysis`] and a key; gives the same analysis under pseudonyms, and the table of these. Structure, types,
//! attributes, times, certainty, counts, hashes and receipts stay. Pseudonyms follow from the key and the original only
//! (keyed BLAKE3), so that the same object has the same one in every run with the same key, and without the key neither
//! leads to the other.
//!
//! What is not known to be harmless is replaced: what stays readable is data (`directory/data/readable.csv`).

mod key;
mod recovery;
mod service;
mod text;

pub use key::{KeyFile, RedactError};

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::codes::code;
use crate::directory::Catalogue;
use crate::model::{
    Analysis, BinRow, Change, ChangeId, ConflictRow, CoverageRow, DifferenceReport,
    DifferingObject, ExhibitRow, LogRow, ObjectRow, OpinionRow, QuarantineRow, SecondOpinion,
    SnapshotRow, WarningRow,
};
use text::Pseudonyms;

/// Gives pseudonyms and remembers them.
#[derive(Debug)]
pub struct Redactor<'c> {
    names: Pseudonyms<'c>,
}

impl<'c> Redactor<'c> {
    /// A redactor with a key.
    #[must_use]
    pub fn new(key: [u8; 32], catalogue: &'c Catalogue) -> Self {
        Self { names: Pseudonyms::new(key, catalogue) }
    }

    /// The pseudonyms that were given, with what they stand for.
    #[must_use]
    pub fn table(&self) -> &BTreeMap<String, String> {
        self.names.table()
    }

    /// Puts pseudonyms into all tables, and them in order again. The bytes of records in quarantine are left out.
    pub fn analysis(&mut self, analysis: &mut Analysis) {
        self.changes(&mut analysis.changes);
        analysis.objects.iter_mut().for_each(|row| self.object(row));
        analysis.objects.sort_by(|a, b| {
            (&a.tenant_id, &a.object_type, &a.object_id).cmp(&(
                &b.tenant_id,
                &b.object_type,
                &b.object_id,
            ))
        });
        analysis.snapshots.iter_mut().for_each(|row| self.snapshot(row));
        analysis
            .snapshots
            .sort_by(|a, b| (&a.tenant_id, a.position).cmp(&(&b.tenant_id, b.position)));
        analysis.exhibits.iter_mut().for_each(|row| self.exhibit(row));
        analysis.exhibits.sort_by(|a, b| a.path.cmp(&b.path));
        analysis.coverage.iter_mut().for_each(|row| self.coverage(row));
        analysis.coverage.sort_by(|a, b| a.tenant_id.cmp(&b.tenant_id));
        analysis.conflicts.iter_mut().for_each(|row| self.conflict(row));
        analysis.conflicts.sort();
        analysis.bin.iter_mut().for_each(|row| self.in_bin(row));
        analysis.bin.sort();
        for row in &mut analysis.logs {
            row.tenant_id = self.names.id(&row.tenant_id);
        }
        let log = |row: &LogRow| (row.tenant_id.clone(), row.kind, row.object_type.clone());
        analysis.logs.sort_by_key(log);
        self.service(analysis);
        self.differences(&mut analysis.differences);
        self.verifications(&mut analysis.verifications);
        if let Some(asserted) = &mut analysis.assertions {
            self.assertions(asserted);
        }
        self.opinions(&mut analysis.opinions);
        analysis.warnings.iter_mut().for_each(|row| self.warning(row));
        analysis.quarantine.iter_mut().for_each(|row| self.quarantined(row));
        analysis
            .quarantine
            .sort_by(|a, b| (&a.path, a.offset_bytes).cmp(&(&b.path, b.offset_bytes)));
    }

    /// Puts pseudonyms into changes, and them in order again.
    pub fn changes(&mut self, changes: &mut [Change]) {
        changes.iter_mut().for_each(|change| self.change(change));
        changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    }

    /// Puts pseudonyms into difference reports, and them in order again.
    pub fn differences(&mut self, reports: &mut [DifferenceReport]) {
        for report in reports.iter_mut() {
            report.tenant_id = self.names.id(&report.tenant_id);
            report.from = self.names.label(&report.from);
            report.to = self.names.label(&report.to);
            report.objects.iter_mut().for_each(|object| self.differing(object));
            report.objects.sort_by(|a, b| {
                (&a.object_type, &a.object_id).cmp(&(&b.object_type, &b.object_id))
            });
        }
        reports.sort_by(|a, b| a.tenant_id.cmp(&b.tenant_id));
    }

    fn differing(&mut self, object: &mut DifferingObject) {
        let names = &mut self.names;
        object.object_name = names.name(&object.object_type, &object.object_name);
        object.object_type = names.object_type(&object.object_type);
        object.object_id = names.id(&object.object_id);
        for part in &mut object.attributes {
            let values = [&mut part.backup, &mut part.current, &mut part.added, &mut part.removed];
            for value in values.into_iter().flatten() {
                *value = names.json(&part.path, value);
            }
            part.path = names.attribute(&part.path);
        }
        for link in &mut object.links {
            names.target(&mut link.target);
            link.relation = names.attribute(&link.relation);
        }
        object.links.sort_by(|a, b| (&a.relation, &a.target.id).cmp(&(&b.relation, &b.target.id)));
    }

    /// Puts pseudonyms into second opinions, and them in order again.
    pub fn opinions(&mut self, opinions: &mut [SecondOpinion]) {
        for opinion in opinions.iter_mut() {
            let names = &mut self.names;
            opinion.tenant_id = names.id(&opinion.tenant_id);
            opinion.job_id = names.id(&opinion.job_id);
            opinion.from = names.label(&opinion.from);
            opinion.to = names.label(&opinion.to);
            opinion.rows.iter_mut().for_each(|row| self.opinion(row));
            opinion.rows.sort_by(|a, b| {
                let target = |row: &OpinionRow| row.target.as_ref().map(|end| end.id.clone());
                (&a.object_type, &a.object_id, &a.attribute, target(a)).cmp(&(
                    &b.object_type,
                    &b.object_id,
                    &b.attribute,
                    target(b),
                ))
            });
        }
        opinions.sort_by(|a, b| {
            (&a.tenant_id, a.started, &a.job_id).cmp(&(&b.tenant_id, b.started, &b.job_id))
        });
    }

    fn opinion(&mut self, row: &mut OpinionRow) {
        let names = &mut self.names;
        row.object_name = names.name(&row.object_type, &row.object_name);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
        // Of objects and links the values are words of the program.
        let is_attribute = !row.attribute.is_empty() && row.target.is_none();
        let values = [
            &mut row.our_backup,
            &mut row.our_current,
            &mut row.their_backup,
            &mut row.their_current,
        ];
        for value in values.into_iter().flatten().filter(|_| is_attribute) {
            *value = names.json(&row.attribute, value);
        }
        row.attribute = names.attribute(&row.attribute);
        if let Some(target) = &mut row.target {
            names.target(target);
        }
    }

    /// Puts pseudonyms into the options of a run: scopes and labels may name what is to be hidden.
    pub fn options(&mut self, options: &mut BTreeMap<String, String>) {
        for (name, value) in options.iter_mut() {
            let stays = value.parse::<Timestamp>().is_ok()
                || matches!(
                    name.as_str(),
                    "lane"
                        | "certainty"
                        | "unfold"
                        | "evidence-tz"
                        | "since"
                        | "until"
                        | "file-times"
                        | "as-of"
                );
            if !stays {
                let words: Vec<String> =
                    value.split(' ').map(|word| self.names.option(name, word)).collect();
                *value = words.join(" ");
            }
        }
        options.insert("redact".to_owned(), "yes".to_owned());
    }

    fn change(&mut self, change: &mut Change) {
        let names = &mut self.names;
        // The id is a hash of ids and values without a key: whoever guesses them could prove the guess.
        change.change_id = ChangeId(names.bytes("change", &change.change_id.0));
        change.tenant_id = names.id(&change.tenant_id);
        change.object_name = names.name(&change.object_type, &change.object_name);
        change.object_type = names.object_type(&change.object_type);
        change.object_id = names.id(&change.object_id);
        if let Some(target) = &mut change.target {
            names.target(target);
        }
        for value in [&mut change.before, &mut change.after, &mut change.added, &mut change.removed]
            .into_iter()
            .flatten()
        {
            *value = names.json(&change.attribute, value);
        }
        change.attribute = names.attribute(&change.attribute);
        change.from_snapshot = names.label(&change.from_snapshot);
        change.to_snapshot = names.label(&change.to_snapshot);
    }

    fn object(&mut self, row: &mut ObjectRow) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.object_name = names.name(&row.object_type, &row.object_name);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
        row.first_snapshot = names.label(&row.first_snapshot);
        row.last_snapshot = names.label(&row.last_snapshot);
    }

    fn snapshot(&mut self, row: &mut SnapshotRow) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.label = names.label(&row.label);
        row.objects = std::mem::take(&mut row.objects)
            .into_iter()
            .map(|(object_type, count)| (names.object_type(&object_type), count))
            .collect();
    }

    fn exhibit(&mut self, row: &mut ExhibitRow) {
        let names = &mut self.names;
        row.path = names.path(&row.path);
        row.tenant_id = names.id(&row.tenant_id);
        row.snapshot = names.label(&row.snapshot);
        for object_type in &mut row.object_types {
            *object_type = names.object_type(object_type);
        }
    }

    fn coverage(&mut self, row: &mut CoverageRow) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        // A log belongs to no snapshot; all else of its row are words of the program and times.
        if row.snapshot.is_empty() {
            return;
        }
        row.snapshot = names.label(&row.snapshot);
        row.object_type = names.object_type(&row.object_type);
        row.attribute = names.attribute(&row.attribute);
        row.detail = names.prose(&row.detail);
        row.request = names.request(&row.request);
        row.object_id = names.id(&row.object_id);
    }

    fn conflict(&mut self, row: &mut ConflictRow) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.snapshot = names.label(&row.snapshot);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
        for (value, _) in row.values.iter_mut().filter(|(value, _)| !value.is_empty()) {
            *value = names.json(&row.attribute, value);
        }
        row.attribute = names.attribute(&row.attribute);
    }

    fn in_bin(&mut self, row: &mut BinRow) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.object_name = names.name(&row.object_type, &row.object_name);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
    }

    /// Messages quote the evidence in many ways: what the code means stands in their place.
    fn warning(&mut self, row: &mut WarningRow) {
        row.path = self.names.path(&row.path);
        row.message = code(&row.code).map(|code| code.meaning.clone()).unwrap_or_default();
    }

    fn quarantined(&mut self, row: &mut QuarantineRow) {
        row.path = self.names.path(&row.path);
        row.bytes = None;
    }
}
