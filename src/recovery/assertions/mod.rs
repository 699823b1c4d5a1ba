//! Assertions: claims about one snapshot that a file makes ([`mod@file`]), checked against what that snapshot itself shows.
//!
//! Nothing is carried over from other snapshots. What was not collected, is known by no snapshot, or stands in a list that is
//! not whole is `cannot tell`, with what to export; only `holds` is a pass.

mod compare;
mod decide;
pub mod file;
mod look;

use std::collections::BTreeSet;

use decide::{Answer, Asking};
use file::{Assertion, Subject};
use look::{Looker, Place};

use crate::directory::Catalogue;
use crate::evidence::hash;
use crate::history::HistoryError;
use crate::index::{Index, ObjectId};
use crate::model::{Analysis, Asserted, AssertionOutcome, AssertionRow, Receipt};

/// Receipts that a row cites.
const RECEIPTS: usize = 20;

/// Why a file of assertions cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum AssertionError {
    /// The file is not as it must be.
    #[error("{0}")]
    File(String),
    /// Evidence cannot be read again.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Which snapshot of a tenant a word stands for: its position, 1 for the earliest; without a word the one that is meant
/// where nothing is said. `None` if there is none in the tenant.
pub type Find<'f> = &'f dyn Fn(&str, Option<&str>) -> Option<usize>;

/// Checks the assertions of a file. The coverage and the conflicts of the analysis are those of all snapshots.
///
/// # Errors
/// [`AssertionError::File`] with line and cause if the file is malformed or names a snapshot that no tenant has;
/// [`AssertionError::History`] if evidence cannot be read again or is not what was indexed.
pub fn check(
    index: &Index,
    catalogue: &Catalogue,
    analysis: &Analysis,
    (bytes, find): (&[u8], Find<'_>),
) -> Result<Asserted, AssertionError> {
    let assertions = file::parse(bytes).map_err(AssertionError::File)?;
    let prints = hash(bytes);
    let looker = Looker::new(index, catalogue, analysis);
    let checker = Checker { looker: &looker, find };
    let mut rows = Vec::new();
    for assertion in &assertions {
        rows.extend(checker.rows(assertion)?);
    }
    Ok(Asserted { sha256: prints.sha256_hex(), blake3: prints.blake3_hex(), rows })
}

struct Checker<'c, 'a> {
    looker: &'c Looker<'a>,
    find: Find<'c>,
}

impl<'a> Checker<'_, 'a> {
    /// The snapshot of a tenant that a word stands for.
    fn place(&self, tenant: &'a str, word: Option<&str>) -> Option<Place<'a>> {
        let position = (self.find)(tenant, word)?;
        let snapshots = &self.looker.index.snapshots;
        let of_tenant = |position: usize| {
            snapshots.iter().position(|of| of.tenant == tenant && of.position == position)
        };
        let snapshot = of_tenant(position)?;
        Some(Place {
            snapshot,
            tenant,
            label: &snapshots.get(snapshot)?.label,
            is_last: of_tenant(position + 1).is_none(),
        })
    }

    /// The tenants that have a snapshot of this name, with it.
    fn places(
        &self,
        assertion: &Assertion,
        word: Option<&str>,
    ) -> Result<Vec<Place<'a>>, AssertionError> {
        let wanted = |tenant: &&String| {
            assertion.tenant.as_ref().is_none_or(|of| of.eq_ignore_ascii_case(tenant))
        };
        let tenants = self.looker.index.tenants.iter().filter(wanted);
        let found: Vec<Place<'a>> = tenants.filter_map(|tenant| self.place(tenant, word)).collect();
        if found.is_empty() {
            let of = assertion.tenant.as_deref().map(|of| format!(" of tenant {of}"));
            return Err(AssertionError::File(format!(
                "line {}: no snapshot{} is called `{}`, or several are",
                assertion.line,
                of.unwrap_or_default(),
                word.unwrap_or("after")
            )));
        }
        Ok(found)
    }

    /// One row for each tenant that an assertion speaks of.
    fn rows(&self, assertion: &Assertion) -> Result<Vec<AssertionRow>, AssertionError> {
        let mut places = self.places(assertion, assertion.snapshot.as_deref())?;
        if places.len() > 1 {
            // Where nothing says which tenant is meant, it is one that knows the object or the type.
            let mut known = Vec::new();
            for place in &places {
                if self.knows(assertion, *place)? {
                    known.push(*place);
                }
            }
            if known.is_empty() {
                places.truncate(1);
            } else {
                places = known;
            }
        }
        let other = if let file::Check::EqualsSnapshot(word) = &assertion.check {
            Some(self.places(assertion, Some(word))?)
        } else {
            None
        };
        let mut rows = Vec::new();
        for place in places {
            let other = other
                .as_ref()
                .map(|others| others.iter().find(|other| other.tenant == place.tenant));
            let answer = match other {
                Some(None) => Answer::untold("the tenant has no such snapshot", String::new()),
                Some(Some(other)) => self.asking(assertion, place).equals(*other)?,
                None => self.asking(assertion, place).answer()?,
            };
            rows.push(row(assertion, place, other.flatten(), answer));
        }
        Ok(rows)
    }

    fn asking<'s>(&'s self, assertion: &'s Assertion, place: Place<'a>) -> Asking<'s, 'a> {
        Asking { looker: self.looker, assertion, place }
    }

    fn knows(&self, assertion: &Assertion, place: Place<'_>) -> Result<bool, HistoryError> {
        let object_type = &assertion.object_type;
        Ok(match &assertion.object {
            Subject::Id(id) => self.looker.is_known(place.tenant, object_type, &ObjectId::of(id)),
            Subject::Named(property, name) => {
                !self.looker.named(place, (object_type, property), name)?.is_empty()
            }
            Subject::All => {
                self.looker.analysis.snapshots.iter().any(|row| {
                    row.tenant_id == place.tenant && row.objects.contains_key(object_type)
                })
            }
        })
    }
}

fn row(
    assertion: &Assertion,
    place: Place<'_>,
    other: Option<&Place<'_>>,
    answer: Answer,
) -> AssertionRow {
    let called = match &assertion.object {
        Subject::Named(_, name) => name.clone(),
        Subject::All | Subject::Id(_) => String::new(),
    };
    let id = match &assertion.object {
        Subject::Id(id) => ObjectId::of(id).to_string(),
        Subject::Named(..) | Subject::All => String::new(),
    };
    let distinct: BTreeSet<Receipt> = answer.evidence.into_iter().collect();
    AssertionRow {
        tenant_id: place.tenant.to_owned(),
        name: assertion.name.clone(),
        snapshot: place.label.to_owned(),
        object_type: assertion.object_type.clone(),
        object_id: answer.object.map_or(id, |id| id.to_string()),
        object_name: answer.name.unwrap_or(called),
        attribute: assertion.attribute.clone(),
        check: assertion.check.key().to_owned(),
        expected: match (&assertion.check, other) {
            (file::Check::EqualsSnapshot(word), other) => {
                other.map_or_else(|| word.clone(), |other| other.label.to_owned())
            }
            (check, _) => check.expected(),
        },
        found: answer.found,
        outcome: answer.outcome,
        detail: answer.detail,
        next_export: if answer.outcome == AssertionOutcome::CannotTell {
            answer.next_export
        } else {
            String::new()
        },
        evidence: distinct.into_iter().take(RECEIPTS).collect(),
    }
}
