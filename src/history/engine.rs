//! Puts a tenant's history together: opens what deciding needs, and gathers the rows of all types and links.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::SignedDuration;
use rayon::prelude::*;

use super::HistoryError;
use super::attributes::{Aside, Askings, TypeContext, TypeNames};
use super::census::{Census, CensusTaker, TypeKey, VolatileFold, pages};
use super::coverage::Ledger;
use super::draft::{Draft, Rest, Subject};
use super::lists::Population;
use super::lives::{Compared, RecordDates, compare};
use super::lost::Lost;
use super::names::{Names, ObjectKey};
use super::presence::{Dates, Event, Presence, References, TypeFacts};
use super::shown::Shapes;
use super::times;
use super::value::Json;
use crate::directory::{Catalogue, Identity};
use crate::index::{Entry, Index, Key, LinkGroup, ObjectId, open_records};
use crate::meter::Meter;
use crate::model::{BinRow, Certainty, ChangeKind, Lane, Narrowed, Reason};

/// What a row of changes takes, by and large: itself, and ids, labels and values of common length.
const DRAFT_BYTES: usize = size_of::<Draft>() + 512;

/// What all rows are made with.
pub(super) struct Engine<'a> {
    index: &'a Index,
    catalogue: &'a Catalogue,
    askings: Askings,
    shapes: Shapes,
    lost: Lost,
    censuses: BTreeMap<TypeKey, Census>,
    references: References,
    tier0: HashSet<(usize, Key)>,
    /// Templates of `directoryRole` objects.
    templates: BTreeMap<(String, ObjectId), String>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        index: &'a Index,
        catalogue: &'a Catalogue,
        unfolded: &[Lane],
    ) -> Result<Self, HistoryError> {
        let askings = Askings::gather(index);
        let shapes = Shapes::gather(index);
        let tier0 = tier0_principals(index, catalogue);
        let taker = CensusTaker {
            index,
            catalogue,
            askings: &askings,
            shapes: &shapes,
            tier0: &tier0,
            unfold_volatile: unfolded.contains(&Lane::Volatile),
        };
        let mut censuses = BTreeMap::new();
        for object_type in index.object_types() {
            for (tenant, census) in taker.take(object_type) {
                censuses.insert((tenant, Arc::clone(object_type)), census);
            }
        }
        let kept: usize =
            censuses.values().map(|c: &Census| c.changed.len() + c.restless.len()).sum();
        index.budget.charge(kept * size_of::<Entry>(), "objects that changed")?;
        let mut restless: HashSet<(u32, Key)> = HashSet::new();
        for ((tenant, _), census) in &censuses {
            let tenant = u32::try_from(*tenant).unwrap_or(u32::MAX);
            restless.extend(census.restless.iter().map(|entry| (tenant, entry.id.key())));
        }
        let references = index.last_links_to(&restless);
        let templates = role_templates(index, catalogue, &censuses)?;
        let lost = super::lost::read(index, catalogue)?;
        Ok(Self { index, catalogue, askings, shapes, lost, censuses, references, tier0, templates })
    }

    /// What the coverage ledger is made from.
    pub(super) fn ledger(&self) -> Ledger<'_> {
        Ledger {
            index: self.index,
            catalogue: self.catalogue,
            censuses: &self.censuses,
            shapes: &self.shapes,
            lost: &self.lost,
        }
    }

    /// All rows, unnamed and unfolded, and the names met on the way.
    pub(super) fn drafts(&self, meter: &Meter) -> Result<(Vec<Draft>, Aside, Names), HistoryError> {
        let (mut drafts, mut aside, mut names) = (Vec::new(), Aside::default(), Names::default());
        for ((tenant, object_type), census) in &self.censuses {
            let of_type = self.type_drafts(*tenant, object_type, census)?;
            let objects = census.quiet + census.restless.len();
            meter.add_objects(u64::try_from(objects).unwrap_or(u64::MAX));
            let bytes = of_type.drafts.len() * DRAFT_BYTES;
            self.index.budget.charge(bytes, "rows of changes")?;
            drafts.extend(of_type.drafts);
            aside.take_in(of_type.aside);
            let tenant = self.tenant(*tenant);
            for (id, name) in of_type.names {
                names.note(tenant, object_type, id, name);
            }
        }
        let links = self.link_drafts(&drafts);
        drafts.extend(links);
        for draft in &mut drafts {
            let tenant = self.index.tenants.iter().position(|t| *t == draft.change.tenant_id);
            let holder = tenant.map(|tenant| (tenant, draft.id.key()));
            let privileged = holder.is_some_and(|holder| self.tier0.contains(&holder));
            draft.unfold |= privileged && draft.change.lane != Lane::Schema;
        }
        Ok((drafts, aside, names))
    }

    fn tenant(&self, position: usize) -> &'a str {
        self.index.tenants.get(position).map_or("", String::as_str)
    }

    fn type_drafts(
        &self,
        tenant: usize,
        object_type: &Arc<str>,
        census: &Census,
    ) -> Result<Compared, HistoryError> {
        let known = self.catalogue.object_type(object_type);
        let natural = matches!(known.map(|k| &k.identity), Some(Identity::NaturalKey(_)));
        let singleton = matches!(known.map(|k| &k.identity), Some(Identity::Singleton));
        let names = TypeNames::gather(self.index, tenant, object_type);
        let context = TypeContext {
            index: self.index,
            catalogue: self.catalogue,
            tenant: self.tenant(tenant),
            object_type,
            names: &names,
        };
        let population = Population::new(self.index, (tenant, object_type), census, natural);
        let mut bin = Vec::new();
        let mut late = Vec::new();
        let events = if singleton {
            Vec::new()
        } else {
            let facts = TypeFacts {
                bin_days: known.and_then(|known| known.bin.as_ref()).map(|bin| bin.days),
                natural,
                created_by_service: known.is_some_and(|known| known.created_by_service),
            };
            let position = |capture: usize| {
                let snapshot = self.index.captures.get(capture).map(|capture| capture.snapshot);
                snapshot.and_then(|s| self.index.snapshots.get(s)).map_or(1, |s| s.position)
            };
            let dated = dated_entries(self.index, census, &self.askings);
            let dates = RecordDates::read(&context, &dated)?;
            bin = self.in_bin(&context, census, facts.bin_days, &dates);
            if facts.created_by_service {
                late = times::late(self.index, object_type, &dated, &dates);
            }
            let tenant = u32::try_from(tenant).unwrap_or(u32::MAX);
            let references = (tenant, &self.references);
            Presence::new(&population, facts, &dates, references, &position).events()
        };
        let mut breaks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut drafts = Vec::new();
        for event in &events {
            if natural && event.kind == ChangeKind::Added {
                breaks.entry(event.object).or_default().extend(event.new_entry);
            }
            drafts.extend(self.event_draft(&context, &population, event));
        }
        let mut lives: Vec<&[Entry]> = Vec::with_capacity(population.objects.len());
        for (object, range) in population.objects.iter().enumerate() {
            let mut start = range.start;
            let mut ends = breaks.remove(&object).unwrap_or_default();
            ends.sort_unstable();
            ends.push(range.end);
            for end in ends {
                lives.push(population.entries.get(start..end).unwrap_or_default());
                start = end;
            }
        }
        lives.extend(census.changed.chunk_by(|a, b| a.id == b.id));
        let finish = |first: &Entry, rows: Vec<Draft>| {
            let aim = edge_target(self.catalogue, object_type, &first.id);
            match aim {
                Some((target_type, target)) => {
                    rows.into_iter().map(|draft| draft.aimed_at(&target_type, &target)).collect()
                }
                None => rows,
            }
        };
        let mut compared = compare(&context, &self.askings, &lives, &finish)?;
        compared.aside.bin = bin;
        compared.drafts.extend(drafts);
        compared.aside.late.extend(late);
        compared
            .drafts
            .extend(census.volatile.iter().map(|fold| self.volatile_draft(&context, fold)));
        if census.reordered > 0 {
            *compared.aside.same_meaning.entry("order of sets").or_default() += census.reordered;
        }
        Ok(compared)
    }

    /// What the last records of a type show in its recycle bin, with the day on which the service purges it.
    fn in_bin(
        &self,
        context: &TypeContext<'_>,
        census: &Census,
        days: Option<u16>,
        dates: &RecordDates,
    ) -> Vec<(ObjectId, BinRow)> {
        let Some(days) = days else { return Vec::new() };
        let objects = census.restless.chunk_by(|a, b| a.id == b.id);
        let last = objects.filter_map(<[Entry]>::last).filter(|entry| entry.deleted);
        last.filter_map(|entry| {
            let deleted = dates.deleted(entry)?;
            let purged = deleted.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
            let row = BinRow {
                tenant_id: context.tenant.to_owned(),
                purged: purged.ok()?,
                object_type: context.object_type.to_string(),
                object_id: entry.id.to_string(),
                object_name: String::new(),
                deleted,
                receipt: self.index.receipt(entry),
            };
            Some((entry.id.clone(), row))
        })
        .collect()
    }

    /// The row of many objects in which one volatile attribute moved.
    fn volatile_draft(&self, context: &TypeContext<'_>, fold: &VolatileFold) -> Draft {
        let receipt = |(request, offset, length)| {
            self.index.receipt_at(request, offset, length).into_iter().collect::<Vec<_>>()
        };
        let (id, before, after) = &fold.first;
        let subject = Subject {
            index: self.index,
            tenant: context.tenant,
            object_type: context.object_type,
            id,
        };
        let mut draft = subject
            .draft(ChangeKind::Modified, Some(fold.from), fold.to)
            .evidence(receipt(*before), receipt(*after));
        draft.change.attribute = fold.attribute.to_string();
        draft.change.certainty = Certainty::Proven;
        draft.change.lane = Lane::Volatile;
        draft.change.reason = Some(Reason::VolatileAttribute);
        let (id, before, after) = &fold.last;
        draft.rest = (fold.objects > 1).then(|| Rest {
            objects: fold.objects - 1,
            last: id.clone(),
            evidence_before: receipt(*before),
            evidence_after: receipt(*after),
        });
        draft
    }

    fn event_draft(
        &self,
        context: &TypeContext<'_>,
        population: &Population<'_>,
        event: &Event,
    ) -> Option<Draft> {
        let range = population.objects.get(event.object)?;
        let id = &population.entries.get(range.start)?.id;
        let subject = Subject {
            index: self.index,
            tenant: context.tenant,
            object_type: context.object_type,
            id,
        };
        let receipt = |entry: Option<usize>, capture: Option<usize>| match entry {
            Some(entry) => population
                .entries
                .get(entry)
                .and_then(|e| self.index.receipt(e))
                .into_iter()
                .collect(),
            None => capture.map(|c| self.index.exhibits_of(c)).unwrap_or_default(),
        };
        let mut draft = subject
            .draft(event.kind, event.old, event.new)
            .graded(event.certainty, event.reason)
            .evidence(
                receipt(event.old_entry, event.old),
                receipt(event.new_entry, Some(event.new)),
            );
        draft.change.window.not_before = event.not_before;
        draft.change.window.not_after = event.not_after;
        draft.change.narrowed = event.narrowed.map(|(at, source)| Narrowed {
            from: at,
            to: at,
            source: source.to_owned(),
        });
        if event.old.is_none() && event.kind == ChangeKind::FirstObserved {
            draft.change.from_snapshot = self.earlier_label(event.new);
        }
        if let Some((target_type, target)) = edge_target(self.catalogue, context.object_type, id) {
            draft = draft.aimed_at(&target_type, &target);
        }
        Some(draft)
    }

    /// The label of the snapshot before that of a capture, for rows that nothing earlier bounds.
    fn earlier_label(&self, capture: usize) -> String {
        self.index
            .captures
            .get(capture)
            .and_then(|capture| self.index.snapshots.get(capture.snapshot.checked_sub(1)?))
            .map(|snapshot| snapshot.label.clone())
            .unwrap_or_default()
    }

    fn link_drafts(&self, drafts: &[Draft]) -> Vec<Draft> {
        let mut restless: BTreeMap<(&str, &str, &ObjectId), Vec<&Draft>> = BTreeMap::new();
        for draft in drafts.iter().filter(|draft| draft.change.attribute.is_empty()) {
            let change = &draft.change;
            restless
                .entry((&change.tenant_id, &change.object_type, &draft.id))
                .or_default()
                .push(draft);
        }
        let groups = self.index.link_groups();
        let forward: BTreeSet<(usize, &str, &ObjectId, &str)> = groups
            .iter()
            .filter(|group| !group.inverse)
            .map(|group| {
                let key = &group.key;
                (group.tenant, &*key.source_type, &key.source, &*key.relation)
            })
            .collect();
        let rows: Vec<Vec<Draft>> = groups
            .par_iter()
            .map(|group| {
                let tenant = self.tenant(group.tenant);
                let run = self.index.link_run(group);
                let seen_before = self.source_seen_before(group, &run);
                let mut rows = Vec::new();
                for draft in super::links::rows(self.index, tenant, &run, seen_before) {
                    let change = &draft.change;
                    let (kind, relation) = (change.object_type.as_str(), change.attribute.as_str());
                    let source = (group.tenant, kind, &draft.id, relation);
                    if group.inverse && forward.contains(&source) {
                        continue;
                    }
                    let own = restless.get(&(tenant, kind, &draft.id));
                    // A list of its own proves that its source is there; an inverse list does not.
                    let unsettled = group.inverse
                        && own.is_some_and(|events| {
                            events.iter().any(|event| comes_or_goes_within(event, &draft))
                        });
                    if !unsettled {
                        rows.extend(self.role_member(group.tenant, draft));
                    }
                }
                rows
            })
            .collect();
        rows.into_iter().flatten().collect()
    }

    /// Whether the object of the run was itself observed in an earlier snapshot than its links.
    fn source_seen_before(&self, group: &LinkGroup, run: &crate::index::LinkRun) -> bool {
        let Some(first) = run.observations.first() else { return false };
        let key = &group.key;
        self.index
            .find(self.tenant(group.tenant), &key.source_type, &key.source)
            .first()
            .and_then(|entry| self.index.capture_of(entry))
            .zip(self.index.captures.get(first.capture))
            .is_some_and(|((_, seen), listed)| seen.snapshot < listed.snapshot)
    }

    /// The same role held through `directoryRole` members and through an assignment is one fact: the assignment.
    fn role_member(&self, tenant: usize, mut draft: Draft) -> Option<Draft> {
        if draft.change.object_type != "directoryRole" || draft.change.attribute != "members" {
            return Some(draft);
        }
        let key = (self.tenant(tenant).to_owned(), draft.id.clone());
        let (Some(template), Some(member)) = (self.templates.get(&key), draft.target.clone())
        else {
            return Some(draft);
        };
        let told = [&draft.change.from_snapshot, &draft.change.to_snapshot]
            .iter()
            .all(|label| self.lists_assignments(tenant, label));
        if told {
            return None;
        }
        if draft.change.kind == ChangeKind::LinkAdded {
            draft.change.kind = ChangeKind::Added;
        } else if draft.change.kind == ChangeKind::LinkRemoved {
            draft.change.kind = ChangeKind::Removed;
        }
        let parts = [member.to_string(), template.clone(), "/".to_owned(), String::new()];
        draft.id = ObjectId::of_parts(&parts);
        draft.change.object_type = "unifiedRoleAssignment".to_owned();
        draft.change.object_id = draft.id.to_string();
        draft.change.attribute = String::new();
        Some(draft.aimed_at("unifiedRoleDefinition", &ObjectId::of(template)))
    }

    fn lists_assignments(&self, tenant: usize, label: &str) -> bool {
        pages(self.index, tenant, "unifiedRoleAssignment").any(|page| {
            let snapshot = self.index.captures.get(page.capture).map(|capture| capture.snapshot);
            snapshot.and_then(|s| self.index.snapshots.get(s)).is_some_and(|s| s.label == label)
        })
    }

    /// Marks objects that went and came again under a new id, by what must be unique: UPN or appId.
    pub(super) fn mark_rebirths(&self, drafts: &mut [Draft]) -> Result<(), HistoryError> {
        let mut by_type: BTreeMap<Arc<str>, Vec<(usize, Entry)>> = BTreeMap::new();
        for (place, draft) in drafts.iter().enumerate() {
            let change = &draft.change;
            let whole = change.attribute.is_empty()
                && (change.is_disappearance() || change.kind == ChangeKind::Added)
                && self.rebirth_property(&change.object_type).is_some();
            let last = || self.index.find_last(&change.tenant_id, &change.object_type, &draft.id);
            if let Some(entry) = whole.then(last).flatten() {
                let object_type = change.object_type.as_str().into();
                by_type.entry(object_type).or_default().push((place, entry));
            }
        }
        let mut lives: BTreeMap<(String, String, String), Vec<(usize, bool)>> = BTreeMap::new();
        for (object_type, places) in by_type {
            let Some(property) = self.rebirth_property(&object_type) else { continue };
            let entries = places.iter().map(|(_, entry)| entry);
            let opened = open_records(self.index, self.catalogue, &object_type, entries)?;
            for (place, entry) in &places {
                let record = opened.record(entry).and_then(|record| Json::parse(record).ok());
                let (Some(record), Some(draft)) = (record, drafts.get(*place)) else { continue };
                let mut found = super::value::attributes(&record, &object_type, self.catalogue);
                if entry.deleted {
                    super::attributes::strip_bin_prefix(&mut found, &entry.id.to_string());
                }
                let Some(name) = found.get(property).and_then(Json::as_str) else { continue };
                let tenant = draft.change.tenant_id.clone();
                let key = (tenant, object_type.to_string(), name.to_lowercase());
                let added = draft.change.kind == ChangeKind::Added;
                lives.entry(key).or_default().push((*place, added));
            }
        }
        for places in lives.into_values() {
            let both =
                places.iter().any(|(_, added)| *added) && places.iter().any(|(_, added)| !added);
            let ids: BTreeSet<&ObjectId> =
                places.iter().filter_map(|(place, _)| drafts.get(*place)).map(|d| &d.id).collect();
            if both && ids.len() > 1 {
                for (place, _) in &places {
                    if let Some(draft) = drafts.get_mut(*place) {
                        draft.change.reason = Some(Reason::Rebirth);
                    }
                }
            }
        }
        Ok(())
    }

    fn rebirth_property(&self, object_type: &str) -> Option<&'a str> {
        self.catalogue.object_type(object_type)?.rebirth_property.as_deref()
    }

    /// The type of a row's target, told by the row or by the index.
    fn target_type(&self, draft: &Draft) -> Option<Arc<str>> {
        let (shown, target) = (draft.change.target.as_ref()?, draft.target.as_ref()?);
        if shown.object_type.is_empty() {
            let tenant = &draft.change.tenant_id;
            super::names::type_of(self.index, self.catalogue, tenant, target)
        } else {
            Some(Arc::from(shown.object_type.as_str()))
        }
    }

    /// An edge has no name of its own: it is called by its principal.
    fn principal(&self, draft: &Draft) -> Option<(Arc<str>, ObjectId)> {
        let change = &draft.change;
        let id = principal_of(self.catalogue, &change.object_type, &draft.id)?;
        let tenant = &change.tenant_id;
        Some((super::names::type_of(self.index, self.catalogue, tenant, &id)?, id))
    }

    /// The objects whose names a row shows and that are not known yet.
    pub(super) fn unnamed(&self, draft: &Draft, names: &Names) -> Vec<ObjectKey> {
        let tenant = &draft.change.tenant_id;
        let mut wanted = Vec::new();
        if names.find(tenant, &draft.change.object_type, &draft.id).is_none() {
            let object_type = Arc::from(draft.change.object_type.as_str());
            wanted.push((tenant.clone(), object_type, draft.id.clone()));
            wanted.extend(self.principal(draft).map(|(kind, id)| (tenant.clone(), kind, id)));
        }
        if let (Some(kind), Some(target)) = (self.target_type(draft), draft.target.clone()) {
            wanted.push((tenant.clone(), kind, target));
        }
        wanted
    }

    pub(super) fn name(&self, draft: &mut Draft, names: &Names) {
        let tenant = draft.change.tenant_id.clone();
        let own = names.get(&tenant, &draft.change.object_type, &draft.id);
        draft.change.object_name = if own.is_empty() {
            let principal = self.principal(draft);
            principal.map(|(kind, id)| names.get(&tenant, &kind, &id)).unwrap_or_default()
        } else {
            own
        };
        let target_type = self.target_type(draft);
        if let (Some(shown), Some(kind), Some(target)) =
            (&mut draft.change.target, target_type, &draft.target)
        {
            shown.name = names.get(&tenant, &kind, target);
            shown.object_type = kind.to_string();
        }
        if let (Some(shown), Some(target)) = (&mut draft.change.target, &draft.target)
            && shown.name.is_empty()
            && let Some(name) = self.index.names.get(&tenant).and_then(|names| names.get(target))
        {
            shown.name.clone_from(name);
        }
    }
}

/// Whether an object came or went between the snapshots of a link row.
fn comes_or_goes_within(event: &Draft, link: &Draft) -> bool {
    let (event, link) = (&event.change, &link.change);
    event.kind != ChangeKind::FirstObserved
        && match (
            event.window.not_after,
            link.window.not_before,
            event.window.not_before,
            link.window.not_after,
        ) {
            (Some(event_end), Some(link_start), Some(event_start), Some(link_end)) => {
                event_end > link_start && event_start < link_end
            }
            _ => event.to_snapshot == link.to_snapshot,
        }
}

/// The target of an edge that is an object, from its natural key.
fn edge_target(
    catalogue: &Catalogue,
    object_type: &str,
    id: &ObjectId,
) -> Option<(String, ObjectId)> {
    let known = catalogue.object_type(object_type)?;
    let (property, target_type) = known.target.as_ref()?;
    let Identity::NaturalKey(parts) = &known.identity else { return None };
    let place = parts.iter().position(|part| part == property)?;
    let text = id.to_string();
    let part = text.split('|').nth(place).filter(|part| !part.is_empty())?;
    Some((target_type.clone(), ObjectId::of(part)))
}

/// The principal of an edge: the first part of its natural key.
fn principal_of(catalogue: &Catalogue, object_type: &str, id: &ObjectId) -> Option<ObjectId> {
    let known = catalogue.object_type(object_type)?;
    matches!(known.identity, Identity::NaturalKey(_)).then_some(())?;
    let text = id.to_string();
    text.split('|').next().filter(|part| !part.is_empty()).map(ObjectId::of)
}

/// Principals that hold a tier-0 role in any snapshot, by position of the tenant.
fn tier0_principals(index: &Index, catalogue: &Catalogue) -> HashSet<(usize, Key)> {
    let mut found = HashSet::new();
    for object_type in index.object_types() {
        if !object_type.starts_with("unifiedRole") {
            continue;
        }
        let holders = index.visit(object_type, Vec::new, |holders, tenant, seen| {
            let Some(first) = seen.first() else { return };
            let text = index.id_of(first).to_string();
            let mut parts = text.split('|');
            if let (Some(principal), Some(role)) = (parts.next(), parts.next())
                && catalogue.is_tier0_role(role)
            {
                holders.push((tenant, ObjectId::of(principal).key()));
            }
        });
        found.extend(holders.into_iter().flatten());
    }
    found
}

/// The role template of each `directoryRole`, as its last record shows it.
fn role_templates(
    index: &Index,
    catalogue: &Catalogue,
    censuses: &BTreeMap<TypeKey, Census>,
) -> Result<BTreeMap<(String, ObjectId), String>, HistoryError> {
    let mut templates = BTreeMap::new();
    let roles = censuses.iter().filter(|((_, object_type), _)| &**object_type == "directoryRole");
    for ((tenant, object_type), census) in roles {
        let objects = census.restless.chunk_by(|a, b| a.id == b.id);
        let last: Vec<&Entry> = objects.filter_map(<[Entry]>::last).collect();
        let opened = open_records(index, catalogue, object_type, last.iter().copied())?;
        for entry in last {
            let record = opened.record(entry).and_then(|record| Json::parse(record).ok());
            let template = record.as_ref().and_then(|r| r.member("roleTemplateId")?.as_str());
            if let (Some(template), Some(tenant)) = (template, index.tenants.get(*tenant)) {
                templates.insert((tenant.clone(), entry.id.clone()), template.to_owned());
            }
        }
    }
    Ok(templates)
}

/// The records whose dates may decide when an object came or went.
fn dated_entries<'c>(index: &Index, census: &'c Census, askings: &Askings) -> Vec<&'c Entry> {
    let first_capture = census.captures.first().map(|(capture, _)| *capture);
    let mut wanted = Vec::new();
    for object in census.restless.chunk_by(|a, b| a.id == b.id) {
        let late = |entry: &&Entry| {
            let capture = index.capture_of(entry).map(|(capture, _)| capture);
            matches!((first_capture, capture), (Some(a), Some(b)) if index.before(a, b))
        };
        wanted.extend(object.iter().find(|entry| !entry.deleted).filter(late));
        wanted.extend(object.iter().filter(|entry| entry.deleted));
        // What comes again after it was gone is opened as well, as far as it is another record.
        let mut pairs = object.windows(2);
        wanted.extend(pairs.by_ref().filter_map(|pair| match pair {
            [a, b] if askings.signature(a) != askings.signature(b) => Some(b),
            _ => None,
        }));
    }
    wanted
}
