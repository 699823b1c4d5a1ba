//! Puts a tenant's history together: opens what deciding needs, and gathers the rows of all types and links.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;

use super::HistoryError;
use super::attributes::{Aside, Askings, Signature, TypeContext, TypeNames};
use super::draft::{Draft, Subject};
use super::lists::Population;
use super::names::{Names, ObjectKey};
use super::presence::{Dates, Event, Presence, References, TypeFacts};
use super::value::Json;
use crate::directory::{Catalogue, Identity};
use crate::index::{Entry, Index, LinkRun, ObjectId, Opened, Run, open_records};
use crate::meter::Meter;
use crate::model::{ChangeKind, Lane, Narrowed, Reason};

/// What all rows are made with.
pub(super) struct Engine<'a> {
    index: &'a Index,
    catalogue: &'a Catalogue,
    askings: Askings,
    opened: Opened,
    references: BTreeMap<&'a str, References>,
    tier0: BTreeSet<(String, ObjectId)>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(index: &'a Index, catalogue: &'a Catalogue) -> Result<Self, HistoryError> {
        let askings = Askings::gather(index);
        let wanted: Vec<&Entry> = index
            .runs
            .par_iter()
            .flat_map_iter(|((_, object_type), run)| {
                wanted_entries(index, object_type, run, &askings)
            })
            .collect();
        let opened = open_records(index, wanted.into_iter())?;
        let mut references: BTreeMap<&str, References> = BTreeMap::new();
        for (tenant, runs) in &index.links {
            let of_tenant = references.entry(tenant).or_default();
            for observation in runs.iter().flat_map(|run| &run.observations) {
                for (_, id, _) in &observation.others {
                    let last = of_tenant.entry(id.clone()).or_insert(observation.capture);
                    *last = (*last).max(observation.capture);
                }
            }
        }
        let tier0 = tier0_principals(index, catalogue);
        Ok(Self { index, catalogue, askings, opened, references, tier0 })
    }

    /// All rows, unnamed and unfolded.
    pub(super) fn drafts(&self, meter: &Meter) -> (Vec<Draft>, Aside) {
        let by_type: Vec<(Vec<Draft>, Aside)> = self
            .index
            .runs
            .par_iter()
            .map(|((tenant, object_type), run)| {
                let drafts = self.type_drafts(tenant, object_type, run);
                meter.add_objects(u64::try_from(run.len()).unwrap_or(u64::MAX));
                drafts
            })
            .collect();
        let (mut drafts, mut aside) = (Vec::new(), Aside::default());
        for (of_type, met) in by_type {
            drafts.extend(of_type);
            aside.take_in(met);
        }
        let links = self.link_drafts(&drafts);
        drafts.extend(links);
        for draft in &mut drafts {
            let holder = (draft.change.tenant_id.clone(), draft.id.clone());
            draft.unfold |= self.tier0.contains(&holder) && draft.change.lane != Lane::Schema;
        }
        (drafts, aside)
    }

    fn type_drafts(&self, tenant: &str, object_type: &Arc<str>, run: &Run) -> (Vec<Draft>, Aside) {
        let known = self.catalogue.object_type(object_type);
        let natural = matches!(known.map(|k| &k.identity), Some(Identity::NaturalKey(_)));
        let singleton = matches!(known.map(|k| &k.identity), Some(Identity::Singleton));
        let population = Population::new(self.index, tenant, object_type, run, natural);
        let type_names = TypeNames::gather(self.index, run);
        let context = TypeContext {
            index: self.index,
            catalogue: self.catalogue,
            tenant,
            object_type,
            names: &type_names,
            opened: &self.opened,
        };
        let nothing = References::new();
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
            let references = self.references.get(tenant).unwrap_or(&nothing);
            Presence::new(&population, facts, &context, references, &position).events()
        };
        let (mut drafts, mut aside) = (Vec::new(), Aside::default());
        let mut breaks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
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
                lives.push(run.get(start..end).unwrap_or_default());
                start = end;
            }
        }
        let made: Vec<(Vec<Draft>, Aside)> =
            lives.into_par_iter().map(|life| self.life_drafts(&context, life)).collect();
        for (rows, met) in made {
            drafts.extend(rows);
            aside.take_in(met);
        }
        (drafts, aside)
    }

    /// The rows of one life of an object: between an addition and a removal, if it had several.
    fn life_drafts(&self, context: &TypeContext<'_>, life: &[Entry]) -> (Vec<Draft>, Aside) {
        let mut aside = Aside::default();
        let mut rows = context.rows(life, &self.askings, &mut aside);
        let aim = life
            .first()
            .filter(|_| !rows.is_empty())
            .and_then(|entry| edge_target(self.catalogue, context.object_type, &entry.id));
        if let Some((target_type, target)) = aim {
            rows = rows.into_iter().map(|draft| draft.aimed_at(&target_type, &target)).collect();
        }
        (rows, aside)
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
        let mut rows = Vec::new();
        for (tenant, runs) in &self.index.links {
            let forward: BTreeSet<(&str, &ObjectId, &str)> = runs
                .iter()
                .filter(|run| !run.inverse)
                .map(|run| (&*run.key.source_type, &run.key.source, &*run.key.relation))
                .collect();
            for run in runs {
                let seen_before = self.source_seen_before(tenant, run);
                for draft in super::links::rows(self.index, tenant, run, seen_before) {
                    let change = &draft.change;
                    let source =
                        (change.object_type.as_str(), &draft.id, change.attribute.as_str());
                    if run.inverse && forward.contains(&source) {
                        continue;
                    }
                    let own = restless.get(&(tenant.as_str(), source.0, source.1));
                    // A list of its own proves that its source is there; an inverse list does not.
                    let unsettled = run.inverse
                        && own.is_some_and(|events| {
                            events.iter().any(|event| comes_or_goes_within(event, &draft))
                        });
                    if !unsettled {
                        rows.extend(self.role_member(tenant, draft));
                    }
                }
            }
        }
        rows
    }

    /// Whether the object of the run was itself observed in an earlier snapshot than its links.
    fn source_seen_before(&self, tenant: &str, run: &LinkRun) -> bool {
        let Some(first) = run.observations.first() else { return false };
        let key = (tenant.to_owned(), Arc::clone(&run.key.source_type));
        self.index.runs.get(&key).is_some_and(|entries| {
            let start = entries.partition_point(|entry| entry.id < run.key.source);
            entries
                .get(start)
                .filter(|entry| entry.id == run.key.source)
                .and_then(|entry| self.index.capture_of(entry))
                .zip(self.index.captures.get(first.capture))
                .is_some_and(|((_, seen), listed)| seen.snapshot < listed.snapshot)
        })
    }

    /// The same role held through `directoryRole` members and through an assignment is one fact: the assignment.
    fn role_member(&self, tenant: &str, mut draft: Draft) -> Option<Draft> {
        if draft.change.object_type != "directoryRole" || draft.change.attribute != "members" {
            return Some(draft);
        }
        let key: ObjectKey = (tenant.to_owned(), "directoryRole".into(), draft.id.clone());
        let template = super::names::last_entry(self.index, &key)
            .and_then(|entry| Json::parse(self.opened.record(entry)?).ok())
            .and_then(|record| Some(record.member("roleTemplateId")?.as_str()?.to_owned()));
        let (Some(template), Some(member)) = (template, draft.target.clone()) else {
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
        Some(draft.aimed_at("unifiedRoleDefinition", &ObjectId::of(&template)))
    }

    fn lists_assignments(&self, tenant: &str, label: &str) -> bool {
        self.index.runs.get(&(tenant.to_owned(), "unifiedRoleAssignment".into())).is_some_and(
            |run| {
                run.iter().filter_map(|entry| self.index.capture_of(entry)).any(|(_, capture)| {
                    self.index.snapshots.get(capture.snapshot).is_some_and(|s| s.label == label)
                })
            },
        )
    }

    /// Marks objects that went and came again under a new id, by what must be unique: UPN or appId.
    pub(super) fn mark_rebirths(&self, drafts: &mut [Draft]) -> Result<(), HistoryError> {
        let whole = |draft: &Draft| {
            draft.change.attribute.is_empty()
                && (draft.change.is_disappearance() || draft.change.kind == ChangeKind::Added)
                && self.rebirth_property(&draft.change.object_type).is_some()
        };
        let entry = |draft: &Draft| {
            let key = (
                draft.change.tenant_id.clone(),
                draft.change.object_type.as_str().into(),
                draft.id.clone(),
            );
            super::names::last_entry(self.index, &key)
        };
        let opened =
            open_records(self.index, drafts.iter().filter(|draft| whole(draft)).filter_map(entry))?;
        let mut lives: BTreeMap<(String, String, String), Vec<(usize, bool)>> = BTreeMap::new();
        for (place, draft) in drafts.iter().enumerate().filter(|(_, draft)| whole(draft)) {
            let Some(property) = self.rebirth_property(&draft.change.object_type) else { continue };
            let Some(entry) = entry(draft) else { continue };
            let record = opened.record(entry).and_then(|record| Json::parse(record).ok());
            let Some(record) = record else { continue };
            let mut found =
                super::value::attributes(&record, &draft.change.object_type, self.catalogue);
            if entry.deleted {
                super::attributes::strip_bin_prefix(&mut found, &entry.id.to_string());
            }
            let Some(name) = found.get(property).and_then(Json::as_str) else { continue };
            let key = (
                draft.change.tenant_id.clone(),
                draft.change.object_type.clone(),
                name.to_lowercase(),
            );
            lives.entry(key).or_default().push((place, draft.change.kind == ChangeKind::Added));
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

    /// The objects whose names a row shows.
    pub(super) fn keys(&self, draft: &Draft) -> RowKeys {
        let change = &draft.change;
        let tenant = &change.tenant_id;
        let key = |kind: Arc<str>, id: &ObjectId| (tenant.clone(), kind, id.clone());
        let target =
            change.target.as_ref().zip(draft.target.as_ref()).and_then(|(shown, target)| {
                let kind = if shown.object_type.is_empty() {
                    super::names::type_of(self.index, self.catalogue, tenant, target)?
                } else {
                    Arc::from(shown.object_type.as_str())
                };
                Some(key(kind, target))
            });
        // An edge has no name of its own: it is called by its principal.
        let principal =
            principal_of(self.catalogue, &change.object_type, &draft.id).and_then(|id| {
                Some(key(super::names::type_of(self.index, self.catalogue, tenant, &id)?, &id))
            });
        RowKeys {
            object: key(Arc::from(change.object_type.as_str()), &draft.id),
            target,
            principal,
        }
    }

    pub(super) fn name(&self, draft: &mut Draft, names: &Names) {
        let keys = self.keys(draft);
        let own = names.get(&keys.object);
        draft.change.object_name = match (own.is_empty(), &keys.principal) {
            (true, Some(principal)) => names.get(principal),
            _ => own,
        };
        if let (Some(target), Some(key)) = (&mut draft.change.target, &keys.target) {
            target.name = names.get(key);
            target.object_type = key.1.to_string();
        }
    }
}

/// The objects whose names one row shows.
pub(super) struct RowKeys {
    object: ObjectKey,
    target: Option<ObjectKey>,
    principal: Option<ObjectKey>,
}

impl RowKeys {
    pub(super) fn all(self) -> impl Iterator<Item = ObjectKey> {
        [Some(self.object), self.target, self.principal].into_iter().flatten()
    }
}

impl Dates for TypeContext<'_> {
    fn created(&self, entry: &Entry) -> Option<Timestamp> {
        self.date(entry, "createdDateTime")
    }

    fn deleted(&self, entry: &Entry) -> Option<Timestamp> {
        self.date(entry, "deletedDateTime")
    }
}

impl TypeContext<'_> {
    fn date(&self, entry: &Entry, property: &str) -> Option<Timestamp> {
        let record = Json::parse(self.opened.record(entry)?).ok()?;
        super::value::instant(record.member(property)?.as_str()?)
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

/// Principals that hold a tier-0 role in any snapshot.
fn tier0_principals(index: &Index, catalogue: &Catalogue) -> BTreeSet<(String, ObjectId)> {
    let mut found = BTreeSet::new();
    for ((tenant, object_type), run) in &index.runs {
        if !object_type.starts_with("unifiedRole") {
            continue;
        }
        for entry in run {
            let text = entry.id.to_string();
            let mut parts = text.split('|');
            if let (Some(principal), Some(role)) = (parts.next(), parts.next())
                && catalogue.is_tier0_role(role)
            {
                found.insert((tenant.clone(), ObjectId::of(principal)));
            }
        }
    }
    found
}

/// The records that deciding needs: one per distinct content of an object that has several, and those whose dates count.
fn wanted_entries<'a>(
    index: &Index,
    object_type: &str,
    run: &'a Run,
    askings: &Askings,
) -> Vec<&'a Entry> {
    let first_capture = run.iter().filter_map(|e| index.capture_of(e)).map(|(c, _)| c).min();
    let everything = object_type == "directoryRole";
    let mut wanted = Vec::new();
    for object in run.chunk_by(|a, b| a.id == b.id) {
        let mut signatures: Vec<Signature> = Vec::new();
        let mut firsts = Vec::new();
        for entry in object {
            let signature = askings.signature(entry);
            if !signatures.contains(&signature) {
                signatures.push(signature);
                firsts.push(entry);
            }
        }
        if firsts.len() > 1 {
            wanted.extend(firsts);
        }
        if everything {
            wanted.extend(object.last());
        }
        let live = object.iter().find(|entry| !entry.deleted);
        let late = |entry: &&Entry| {
            let capture = index.capture_of(entry).map(|(capture, _)| capture);
            matches!((first_capture, capture), (Some(a), Some(b)) if index.before(a, b))
        };
        wanted.extend(live.filter(late));
        wanted.extend(object.iter().filter(|entry| entry.deleted));
    }
    wanted
}
