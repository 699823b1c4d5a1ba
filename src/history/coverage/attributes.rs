//! Coverage of attributes: on how many objects of a type each snapshot collected each, and why not on all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Ledger, needed_for};
use crate::directory::Need;
use crate::history::census::{Census, pages};
use crate::history::shown::{NameList, Shape};
use crate::intake::Format;
use crate::model::{CoverageRow, CoverageState};

/// Objects of one type in one snapshot, by requests of one shape or of all.
#[derive(Debug, Default)]
struct Group {
    objects: u64,
    /// Objects whose record has the attribute, and objects whose request asked for it by name.
    has: BTreeMap<Arc<str>, u64>,
    asked: BTreeMap<Arc<str>, u64>,
    /// Objects of formats that leave out what is empty, and those of them that have the attribute.
    dropping: u64,
    dropping_has: BTreeMap<Arc<str>, u64>,
    /// Whether all came from pages of one request, which lists all members of every object.
    uniform: bool,
    /// Shapes of the requests that it is made of.
    shapes: BTreeSet<u32>,
}

/// What one group says of one attribute.
struct Told {
    state: CoverageState,
    objects: u64,
    detail: String,
}

impl Ledger<'_> {
    /// Rows of every attribute that any snapshot of the tenant shows, and of those that are missed everywhere.
    pub(super) fn attributes(&self) -> Vec<CoverageRow> {
        let needs = self.needs();
        let mut rows = Vec::new();
        for ((tenant, object_type), census) in self.censuses {
            let known = self.catalogue.object_type(object_type);
            if known.is_some_and(|known| known.event || known.service_record) {
                continue;
            }
            let Some(tenant_id) = self.index.tenants.get(*tenant) else { continue };
            let explicit = self.explicit(*tenant, object_type);
            let groups = self.groups(census, &explicit);
            let nothing = BTreeMap::new();
            let lost = self.lost.get(&(*tenant, Arc::clone(object_type))).unwrap_or(&nothing);
            let mut by_shape: BTreeMap<u32, BTreeSet<&Arc<str>>> = BTreeMap::new();
            for ((_, shape), group) in &groups {
                by_shape.entry(*shape).or_default().extend(group.has.keys());
            }
            let mut names: BTreeSet<Arc<str>> =
                groups.values().flat_map(|group| group.has.keys().cloned()).collect();
            let mut missed = self.missed(object_type, &needs);
            names.extend(lost.keys().map(|(_, name)| Arc::<str>::from(name.as_str())));
            missed.retain(|name, _| !names.contains(name));
            names.extend(missed.keys().cloned());
            for place in self.snapshots_of(tenant_id) {
                let of: BTreeMap<u32, &Group> = groups
                    .range((place, 0)..=(place, u32::MAX))
                    .map(|((_, shape), group)| (*shape, group))
                    .collect();
                let Some(together) = of.get(&TOGETHER) else { continue };
                let several = of.len() > 2;
                let elsewhere = |name: &Arc<str>| {
                    let mut shapes = together.shapes.iter().filter_map(|s| by_shape.get(s));
                    together.uniform && shapes.any(|names| names.contains(name))
                };
                for name in &names {
                    let all = |group: &Group, shape: Option<&Shape>| {
                        let why = missed.get(name).map(String::as_str);
                        let told =
                            group.told(name, (shape.is_none() && several, elsewhere(name)), why);
                        CoverageRow {
                            attribute: name.to_string(),
                            state: told.state,
                            objects: told.objects,
                            detail: told.detail,
                            request: shape.map(|shape| shape.text.clone()).unwrap_or_default(),
                            of: Some(group.objects),
                            ..self.row(place, object_type)
                        }
                    };
                    let mut row = all(together, None);
                    if let Some(cut) = lost.get(&(place, name.to_string())) {
                        row.state = CoverageState::Partial;
                        row.objects = row.objects.min(together.objects.saturating_sub(*cut));
                        row.detail = format!(
                            "on {cut} of {} objects the export cut it off: it writes nested values only to a depth",
                            together.objects
                        );
                    }
                    rows.push(row);
                    let of_shape = of.iter().filter(|(shape, _)| several && **shape != TOGETHER);
                    for (shape, group) in of_shape {
                        // What a shape lacks is told by the row of all together.
                        if group.has.contains_key(name) || group.asked.contains_key(name) {
                            rows.extend(
                                self.shapes.get(*shape).map(|shape| all(group, Some(shape))),
                            );
                        }
                    }
                }
            }
        }
        rows
    }

    /// What is missed where no snapshot has it, and why: security-relevant attributes and those that questions need.
    fn missed(
        &self,
        object_type: &Arc<str>,
        needs: &BTreeMap<&Need, BTreeSet<&str>>,
    ) -> BTreeMap<Arc<str>, String> {
        let mut missed: BTreeMap<Arc<str>, String> = BTreeMap::new();
        // Names with a capital are those of older services, which no request of Graph can ask for.
        let members = self.catalogue.security_members(object_type);
        for name in members.filter(|name| !name.starts_with(char::is_uppercase)) {
            missed.insert(name.into(), "security-relevant, and in no snapshot".to_owned());
        }
        for (need, questions) in needs {
            if let Need::Attribute(of, name) = need
                && **of == **object_type
            {
                missed.insert(name.as_str().into(), needed_for(questions));
            }
        }
        missed
    }

    /// Shapes of requests whose records of the type have an explicit null or empty list.
    fn explicit(&self, tenant: usize, object_type: &str) -> BTreeSet<u32> {
        pages(self.index, tenant, object_type)
            .filter(|page| page.page.explicit_empty)
            .map(|page| self.shapes.of(page.request))
            .collect()
    }

    /// What each snapshot shows, by shape and together.
    fn groups(&self, census: &Census, explicit: &BTreeSet<u32>) -> BTreeMap<(usize, u32), Group> {
        let mut groups: BTreeMap<(usize, u32), Group> = BTreeMap::new();
        for ((snapshot, ways), count) in &census.shown {
            let mut by_shape: BTreeMap<u32, Vec<&(u32, NameList)>> = BTreeMap::new();
            for way in ways {
                by_shape.entry(way.0).or_default().push(way);
            }
            let all: Vec<&(u32, NameList)> = ways.iter().collect();
            let one = by_shape.len() == 1;
            for (shape, ways) in by_shape.into_iter().chain([(TOGETHER, all)]) {
                let group = groups
                    .entry((*snapshot, shape))
                    .or_insert_with(|| Group { uniform: true, ..Group::default() });
                group.uniform &= one;
                self.take(group, &ways, *count, explicit);
            }
        }
        for group in groups.values_mut() {
            group.uniform &= group.shapes.len() == 1;
        }
        groups
    }

    fn take(
        &self,
        group: &mut Group,
        ways: &[&(u32, NameList)],
        count: u64,
        explicit: &BTreeSet<u32>,
    ) {
        group.objects += count;
        let (mut has, mut asked) = (BTreeSet::new(), BTreeSet::new());
        let mut drops = false;
        group.shapes.extend(ways.iter().map(|(number, _)| *number));
        for (number, names) in ways {
            let Some(shape) = self.shapes.get(*number) else { continue };
            has.extend(names.iter().flat_map(|names| names.iter()).cloned());
            if let Some(select) = &shape.select {
                asked.extend(select.iter().map(|name| Arc::<str>::from(name.as_str())));
            } else {
                drops |= !shape.keeps_nulls.unwrap_or_else(|| explicit.contains(number));
            }
            group.uniform &= shape.format == Format::GraphPage && shape.select.is_none();
        }
        if drops {
            group.dropping += count;
            for name in &has {
                *group.dropping_has.entry(Arc::clone(name)).or_default() += count;
            }
        }
        for name in asked {
            if !has.contains(&name) {
                *group.asked.entry(name).or_default() += count;
            }
        }
        for name in has {
            *group.has.entry(name).or_default() += count;
        }
    }
}

/// In place of the number of a shape: all of them.
const TOGETHER: u32 = u32::MAX;

impl Group {
    /// What the group says of an attribute; with whether several shapes make it up, and whether the same request shows the
    /// attribute in another snapshot.
    fn told(&self, name: &str, (several, elsewhere): (bool, bool), missed: Option<&str>) -> Told {
        let of = |counts: &BTreeMap<Arc<str>, u64>| counts.get(name).copied().unwrap_or(0);
        let (has, asked) = (of(&self.has), of(&self.asked));
        let collected = has + asked;
        let silent = self.dropping.saturating_sub(of(&self.dropping_has));
        let all = self.objects;
        let (state, detail) = if has == 0 && asked == all {
            (CoverageState::Empty, "asked for by name, and no object has it".to_owned())
        } else if collected == all {
            (CoverageState::Collected, String::new())
        } else if collected > 0 && self.uniform {
            let detail = format!("on {has} of {all} objects; the others are of a kind without it");
            (CoverageState::Collected, detail)
        } else if collected > 0 && silent > 0 {
            let detail = format!(
                "on {collected} of {all} objects; on {silent} the format leaves out what is empty, so that empty and not asked for look alike"
            );
            (CoverageState::Partial, detail)
        } else if collected > 0 {
            let why = if several {
                "only some objects were asked for in detail"
            } else {
                "the others do not show it"
            };
            (CoverageState::Partial, format!("on {collected} of {all} objects; {why}"))
        } else if silent > 0 {
            let detail = "the format leaves out what is empty: empty and not asked for look alike";
            (CoverageState::Unknown, detail.to_owned())
        } else if elsewhere {
            let detail = "the same request shows it in another snapshot: it was introduced in between, or no object is of a kind that has it";
            (CoverageState::Unknown, detail.to_owned())
        } else {
            (CoverageState::NotRequested, missed.unwrap_or("another snapshot has it").to_owned())
        };
        Told { state, objects: collected, detail }
    }
}
