//! What records say of the objects behind rows, as far as a rule of the catalogue looks at it: each test of the type comes out
//! true, false, or is not told.
//!
//! A property counts as told by an observation if its request asked for it by name, or if its capture shows it of any object
//! of the type. The last observation that tells it decides.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;

use super::whole_of;
use crate::directory::{Catalogue, Identity, RecoveryCondition, RecoveryType, Rule, Test};
use crate::history::{HistoryError, Json};
use crate::index::{Entry, Index, ObjectId, Opened, open_records};
use crate::intake::{LOST, Record, Scanner, listed};
use crate::model::{Change, Lane};

/// Objects whose records are held open at a time.
const BATCH: usize = 20_000;

/// The type of the service's own backups.
const BACKUP: &str = "recoverySnapshot";

/// How the tests of a type come out for an object, in the order of the table.
type Outcomes = Box<[Option<bool>]>;

/// An object by tenant and identity.
type Object<'b> = (&'b str, &'b str);

/// By tenant, type and identity.
type ByObject<T> = HashMap<String, HashMap<String, HashMap<String, T>>>;

/// One value that a property had before a change of it.
#[derive(Debug)]
struct Step {
    property: String,
    not_after: Option<Timestamp>,
    before: Option<Json>,
    after: Option<Json>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    catalogue: &'a Catalogue,
    objects: ByObject<Outcomes>,
    steps: ByObject<Vec<Step>>,
    /// By tenant, type and property of the tenant's own object: what it holds.
    tenants: BTreeMap<(String, String, String), Option<Json>>,
    /// By tenant: when the backups that the service lists were taken.
    backups: BTreeMap<String, Vec<Timestamp>>,
}

fn of<'m, T>(map: &'m ByObject<T>, tenant: &str, kind: &str, id: &str) -> Option<&'m T> {
    map.get(tenant)?.get(kind)?.get(id)
}

/// Whether a value passes a test.
fn passes(test: &RecoveryCondition, value: Option<&Json>) -> bool {
    let is = |value: &Json| match value {
        Json::String(text) => text.eq_ignore_ascii_case(&test.value),
        Json::Bool(flag) => flag.to_string() == test.value,
        Json::Null | Json::Number(_) | Json::Array(_) | Json::Object(_) => false,
    };
    match test.test {
        Test::Is => value.is_some_and(is),
        Test::IsNot => !value.is_some_and(is),
        Test::Has => matches!(value, Some(Json::Array(items)) if items.iter().any(is)),
    }
}

/// One alternative is enough, all tests of it must hold; a rule without a test never holds.
fn verdict<'t>(
    tests: impl Iterator<Item = (&'t RecoveryCondition, Option<bool>)>,
    rule: Rule,
) -> Option<bool> {
    let mut alternatives: BTreeMap<u8, Option<bool>> = BTreeMap::new();
    for (test, outcome) in tests.filter(|(test, _)| test.rule == rule) {
        let all = alternatives.entry(test.alternative).or_insert(Some(true));
        *all = match (*all, outcome) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
    if alternatives.values().any(|all| *all == Some(true)) {
        return Some(true);
    }
    alternatives.values().all(|all| *all == Some(false)).then_some(false)
}

impl<'a> Facts<'a> {
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            objects: HashMap::new(),
            steps: HashMap::new(),
            tenants: BTreeMap::new(),
            backups: BTreeMap::new(),
        }
    }

    /// Whether a rule holds for the object behind a row, by its last observations.
    pub(super) fn holds(&self, kind: &RecoveryType, change: &Change, rule: Rule) -> Option<bool> {
        self.held(kind, change, rule, None)
    }

    /// As [`Facts::holds`], of the time before the row.
    pub(super) fn held_before(
        &self,
        kind: &RecoveryType,
        change: &Change,
        rule: Rule,
    ) -> Option<bool> {
        self.held(kind, change, rule, Some(change.window.not_before))
    }

    fn held(
        &self,
        kind: &RecoveryType,
        change: &Change,
        rule: Rule,
        at: Option<Option<Timestamp>>,
    ) -> Option<bool> {
        let (whole, id) = whole_of(kind, &change.object_id);
        let tests = self.catalogue.recovery_conditions(whole);
        let told = of(&self.objects, &change.tenant_id, whole, id);
        let steps = of(&self.steps, &change.tenant_id, whole, id);
        let outcome = |(place, test)| {
            let test: &RecoveryCondition = test;
            let own = || steps.into_iter().flatten().filter(|step| step.property == test.property);
            let then = at.and_then(|at| own().find(|step| at.is_none() || step.not_after > at));
            let now = || {
                let read = told.and_then(|told| *told.get(place)?);
                read.or_else(|| own().next_back().map(|step| passes(test, step.after.as_ref())))
                    .or_else(|| self.by_tenant(&change.tenant_id, test))
            };
            let outcome = match then {
                Some(step) => Some(passes(test, step.before.as_ref())),
                None => now(),
            };
            (test, outcome)
        };
        verdict(tests.iter().enumerate().map(outcome), rule)
    }

    /// What the tenant's own setting says of every object: where the tenant is another, so is each.
    fn by_tenant(&self, tenant: &str, test: &RecoveryCondition) -> Option<bool> {
        let (of, property) = test.tenant.as_ref()?;
        let key = (tenant.to_owned(), of.clone(), property.clone());
        let value = self.tenants.get(&key)?.as_ref();
        let is = RecoveryCondition { test: Test::Is, ..test.clone() };
        (!passes(&is, value)).then(|| passes(test, value))
    }

    /// Whether a rule holds by the parts of a natural key; `Some(false)` for types that have no test of it.
    pub(super) fn holds_by_key(
        &self,
        kind: &RecoveryType,
        change: &Change,
        rule: Rule,
    ) -> Option<bool> {
        let tests = self.catalogue.recovery_conditions(&kind.name);
        if !tests.iter().any(|test| test.rule == rule) {
            return Some(false);
        }
        let identity = self.catalogue.object_type(&kind.name).map(|known| &known.identity);
        let Some(Identity::NaturalKey(names)) = identity else { return None };
        let parts: Vec<&str> = change.object_id.split('|').collect();
        let part = |test: &RecoveryCondition| {
            let place = names.iter().position(|name| *name == test.property)?;
            let text = parts.get(place).filter(|text| !text.is_empty())?;
            Some(passes(test, Some(&Json::String((*text).into()))))
        };
        verdict(tests.iter().map(|test| (test, part(test))), rule)
    }

    /// When the backups that the service lists of a tenant were taken.
    pub(super) fn backups(&self, tenant: &str) -> &[Timestamp] {
        self.backups.get(tenant).map_or(&[], Vec::as_slice)
    }

    /// Notes how the properties that rules look at changed.
    pub(super) fn follow(&mut self, changes: &[Change]) {
        for change in changes {
            let tests = self.catalogue.recovery_conditions(&change.object_type);
            let is_fact = tests.iter().any(|test| test.property == change.attribute);
            if !is_fact || change.lane != Lane::Change || change.object_id.is_empty() {
                continue;
            }
            let value = |text: &Option<String>| Json::parse(text.as_ref()?.as_bytes()).ok();
            let of_tenant = self.steps.entry(change.tenant_id.clone()).or_default();
            let of_type = of_tenant.entry(change.object_type.clone()).or_default();
            of_type.entry(change.object_id.clone()).or_default().push(Step {
                property: change.attribute.clone(),
                not_after: change.window.not_after,
                before: value(&change.before),
                after: value(&change.after),
            });
        }
    }

    /// Reads what the tests look at of these objects: (tenant, identity) by type.
    pub(super) fn read(
        &mut self,
        index: &Index,
        wanted: &BTreeMap<&str, BTreeSet<(&str, &str)>>,
    ) -> Result<(), HistoryError> {
        let types = index.object_types();
        for (kind, objects) in wanted {
            let Some(kind) = types.iter().find(|known| known.as_ref() == *kind) else { continue };
            let tests = self.catalogue.recovery_conditions(kind);
            let reader = Reader { index, catalogue: self.catalogue, kind, tests };
            let objects: Vec<(&str, &str)> = objects.iter().copied().collect();
            let asked = reader.asked();
            for batch in objects.chunks(BATCH) {
                for ((tenant, id), outcomes) in reader.outcomes(&asked, batch)? {
                    let of_tenant = self.objects.entry(tenant.to_owned()).or_default();
                    let of_type = of_tenant.entry(kind.to_string()).or_default();
                    of_type.insert(id.to_owned(), outcomes);
                }
            }
            for (of, property) in tests.iter().filter_map(|test| test.tenant.as_ref()) {
                for (tenant, value) in values(index, self.catalogue, of, property)? {
                    self.tenants.insert((tenant, of.clone(), property.clone()), value);
                }
            }
        }
        self.list_backups(index);
        Ok(())
    }

    /// Notes the backups that the service lists.
    fn list_backups(&mut self, index: &Index) {
        let logs = || index.exhibits.iter().flat_map(|exhibit| &exhibit.logs);
        if !logs().any(|log| log.object_type.as_ref() == BACKUP) {
            return;
        }
        for entry in index.logs().filter(|entry| entry.object_type == BACKUP) {
            let at = entry.time.map(|time| time.at);
            self.backups.entry(entry.tenant.to_owned()).or_default().extend(at);
        }
    }
}

/// Reads the objects of one type.
struct Reader<'a> {
    index: &'a Index,
    catalogue: &'a Catalogue,
    kind: &'a Arc<str>,
    tests: &'a [RecoveryCondition],
}

impl<'a> Reader<'a> {
    /// The captures that show a property of any object of the type, by property.
    fn asked(&self) -> BTreeMap<&'a str, HashSet<usize>> {
        let mut asked: BTreeMap<&str, HashSet<usize>> = BTreeMap::new();
        for page in self.index.pages.iter().filter(|page| page.page.object_type == *self.kind) {
            for test in self.tests {
                let mut names = page.names.iter().flat_map(|layout| layout.iter());
                let captures = asked.entry(test.property.as_str()).or_default();
                let below = |name: &Arc<str>| name.split('.').next() == Some(&test.property);
                if names.any(below) {
                    captures.insert(page.capture);
                }
            }
        }
        asked
    }

    /// Whether the request of an observation asked for a property by name.
    fn is_named(&self, entry: &Entry, property: &str) -> bool {
        let request = self.index.requests.get(entry.request as usize);
        let select = request.and_then(|request| request.request.select.as_deref());
        select.is_some_and(|names| names.iter().any(|name| name == property))
    }

    /// How the tests come out for these objects.
    fn outcomes<'b>(
        &self,
        asked: &BTreeMap<&str, HashSet<usize>>,
        batch: &[Object<'b>],
    ) -> Result<Vec<(Object<'b>, Outcomes)>, HistoryError> {
        let tells = |entry: &Entry, property: &str| {
            let capture = self.index.capture_of(entry).map(|(capture, _)| capture);
            let shown = asked.get(property).zip(capture);
            shown.is_some_and(|(shown, capture)| shown.contains(&capture))
                || self.is_named(entry, property)
        };
        // The observation that each test looks at.
        let found: Vec<Vec<Option<Entry>>> = batch
            .par_iter()
            .map(|(tenant, id)| {
                let entries = self.index.find(tenant, self.kind, &ObjectId::of(id));
                let last = |test: &RecoveryCondition| {
                    let mut told = entries.iter().filter(|entry| entry.removal.is_none());
                    told.rfind(|entry| tells(entry, &test.property)).cloned()
                };
                self.tests.iter().map(last).collect()
            })
            .collect();
        let records = found.iter().flatten().flatten();
        let opened = open_records(self.index, self.catalogue, self.kind, records)?;
        let outcomes = batch.par_iter().zip(&found).map(|(object, entries)| {
            let outcome = |(test, entry): (&RecoveryCondition, &Option<Entry>)| {
                let value = self.value(&opened, entry.as_ref()?, &test.property)?;
                Some(passes(test, value.as_ref()))
            };
            (*object, self.tests.iter().zip(entries).map(outcome).collect())
        });
        Ok(outcomes.collect())
    }

    /// The value of a property in a record; the outer `None` where the record does not tell.
    fn value(&self, opened: &Opened, entry: &Entry, property: &str) -> Option<Option<Json>> {
        let text = opened.record(entry)?;
        let mut record = Record::default();
        record.scan(text, &mut Scanner::new(text, 0)).ok()?;
        if let Some(member) = record.member(text, property) {
            return Some(Json::parse(text.get(member.value.span.clone())?).ok());
        }
        let lost = |path: &String| path == property || path == "*";
        let request = &self.index.requests.get(entry.request as usize)?.request;
        // A format that writes nulls would have written it.
        let silent = request.keeps_nulls == Some(true) && !self.is_named(entry, property);
        let is_lost = request.has_losses && listed(text, LOST).iter().any(lost);
        (!silent && !is_lost).then_some(None)
    }
}

/// What a property of the one object of its type holds, by tenant, as the last record that has it shows.
fn values(
    index: &Index,
    catalogue: &Catalogue,
    object_type: &str,
    property: &str,
) -> Result<Vec<(String, Option<Json>)>, HistoryError> {
    let types = index.object_types();
    let Some(kind) = types.into_iter().find(|known| known.as_ref() == object_type) else {
        return Ok(Vec::new());
    };
    let entries = index.visit(kind, Vec::new, |entries, tenant, seen| {
        let all = seen.iter().map(|seen| index.entry(seen));
        entries.extend(all.filter(|entry| entry.removal.is_none()).map(|entry| (tenant, entry)));
    });
    let entries: Vec<(usize, Entry)> = entries.into_iter().flatten().collect();
    let mut found: BTreeMap<usize, Option<Json>> = BTreeMap::new();
    for batch in entries.chunks(BATCH) {
        let opened = open_records(index, catalogue, kind, batch.iter().map(|(_, entry)| entry))?;
        for (tenant, entry) in batch {
            let record = opened.record(entry).and_then(|text| Json::parse(text).ok());
            if let Some(value) = record.as_ref().and_then(|record| record.member(property)) {
                found.insert(*tenant, Some(value.clone()));
            }
        }
    }
    let named =
        |(tenant, value): (usize, Option<Json>)| Some((index.tenants.get(tenant)?.clone(), value));
    Ok(found.into_iter().filter_map(named).collect())
}
