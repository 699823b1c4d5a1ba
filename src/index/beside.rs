//! What files tell of those beside them: a table of names the tenant of its folder, a job when the configuration snapshot
//! beside it was made, of which tenant, and what of it is not whole.

use std::collections::{BTreeMap, BTreeSet};

use super::snapshots::Member;
use super::{Exhibit, Index, IndexedRequest, ObjectId, Snapshot};
use crate::directory::Catalogue;
use crate::evidence::Refusal;
use crate::intake::{Format, Job, Place, Request, Subject, TABLE_OF_NAMES};
use crate::model::{CaptureTime, Interval, TimeSource};

/// Where parts of a configuration snapshot stand below the folder of its job: `resources/<type>.json`, `<type>/…`.
const PARTS: &str = "resources";
const PART_OF_SERVICE: &str = "microsoft.";

/// Lets files tell what they know of those beside them.
pub(super) fn settle(index: &mut Index, members: &mut [Member], catalogue: &Catalogue) {
    settle_tables(&mut index.exhibits, members);
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    for (position, exhibit) in index.exhibits.iter().enumerate() {
        let folder = &exhibit.place.folder;
        if !exhibit.beside.jobs.is_empty() {
            let jobs = (0..exhibit.beside.jobs.len()).map(|job| (position, job));
            folders.entry(folder.clone()).or_default().jobs.extend(jobs);
        } else if exhibit.beside.is_configuration {
            match home(folder) {
                Some(home) => folders.entry(home).or_default().parts.push(position),
                None => folders.entry(folder.clone()).or_default().payloads.push(position),
            }
        }
    }
    for (name, folder) in folders.into_iter().filter(|(_, folder)| !folder.jobs.is_empty()) {
        folder.settle(&name, index, members, catalogue);
    }
}

/// A table of names tells the tenant of the folder that it stands in, and of nothing beside it: trees of several tenants
/// stand side by side. The innermost one counts.
fn settle_tables(exhibits: &mut [Exhibit], members: &mut [Member]) {
    let mut tables: Vec<(String, String)> = Vec::new();
    for (exhibit, member) in exhibits.iter().zip(members) {
        if exhibit.tally.set_aside.contains_key(TABLE_OF_NAMES)
            && let Some(tenant) = member.tenants.pop()
        {
            tables.push((exhibit.place.folder.clone(), tenant));
        }
    }
    tables.sort_by_key(|(folder, tenant)| {
        (std::cmp::Reverse(folder.len()), folder.clone(), tenant.clone())
    });
    for exhibit in exhibits.iter_mut().filter(|exhibit| exhibit.place.tenant.is_none()) {
        let own = format!("{}/", exhibit.place.folder);
        let table = tables.iter().find(|(folder, _)| own.starts_with(&format!("{folder}/")));
        exhibit.place.tenant = table.map(|(_, tenant)| tenant.clone());
    }
}

/// Names of objects by tenant, as tables tell them; the latest one counts.
pub(super) fn names(
    exhibits: &[Exhibit],
    snapshots: &[Snapshot],
) -> BTreeMap<String, BTreeMap<ObjectId, String>> {
    let mut tables: Vec<&Exhibit> =
        exhibits.iter().filter(|exhibit| !exhibit.beside.names.is_empty()).collect();
    tables.sort_by_key(|exhibit| exhibit.snapshot);
    let mut names: BTreeMap<String, BTreeMap<ObjectId, String>> = BTreeMap::new();
    for table in tables {
        let Some(snapshot) = snapshots.get(table.snapshot) else { continue };
        let of_tenant = names.entry(snapshot.tenant.clone()).or_default();
        let pairs = table.beside.names.iter();
        of_tenant.extend(pairs.map(|(id, name)| (ObjectId::of(id), name.clone())));
    }
    names
}

/// The folder that a part of a configuration snapshot in this folder belongs to; `None` for one that stands by itself.
fn home(folder: &str) -> Option<String> {
    let components: Vec<&str> = folder.split('/').collect();
    let is_part = |name: &&str| *name == PARTS || name.starts_with(PART_OF_SERVICE);
    let at = components.iter().position(is_part)?;
    Some(components.get(..at)?.join("/"))
}

/// The jobs of a folder, and what it holds of configuration snapshots.
#[derive(Debug, Default)]
struct Folder {
    /// Position of the exhibit, and of the job in it.
    jobs: Vec<(usize, usize)>,
    /// Files that are snapshots by themselves.
    payloads: Vec<usize>,
    /// Files that are parts of one.
    parts: Vec<usize>,
}

impl Folder {
    fn settle(&self, name: &str, index: &mut Index, members: &mut [Member], catalogue: &Catalogue) {
        for (at, _) in &self.jobs {
            // It defines no snapshot: it belongs to the one that it made.
            if let Some(member) = members.get_mut(*at) {
                member.is_log = true;
            }
        }
        let mut unsettled = 0;
        let mut settled: BTreeSet<usize> = BTreeSet::new();
        for (at, number) in &self.jobs {
            let Some(exhibit) = index.exhibits.get(*at) else { continue };
            let Some(job) = exhibit.beside.jobs.get(*number).cloned() else { continue };
            let own = self.own(&job, &index.exhibits);
            if own.is_empty() || own.iter().any(|at| settled.contains(at)) {
                unsettled += 1;
            } else {
                settled.extend(own.iter().copied());
                tell(&job, *at, &own, index, catalogue);
            }
            if let Some(exhibit) = index.exhibits.get_mut(*at) {
                name_time(exhibit, &job);
            }
        }
        if unsettled > 0 {
            let cause = format!(
                "{unsettled} of {} jobs cannot be matched with a configuration snapshot beside them",
                self.jobs.len()
            );
            index.refusals.push(Refusal { shown: name.to_owned(), code: "job-not-matched", cause });
        }
    }

    /// What a job surely made: the one snapshot beside the one job, else the one that has an id of the job, in it or in its
    /// name.
    fn own(&self, job: &Job, exhibits: &[Exhibit]) -> Vec<usize> {
        if self.jobs.len() == 1 && self.payloads.len() <= 1 {
            return self.payloads.iter().chain(&self.parts).copied().collect();
        }
        let has_id = |at: &&usize| {
            exhibits.get(**at).is_some_and(|exhibit| {
                let stem = exhibit.place.stem.to_ascii_lowercase();
                job.ids.iter().any(|id| {
                    exhibit.beside.ids.contains(id) || stem.contains(&id.to_ascii_lowercase())
                })
            })
        };
        let found: Vec<usize> = self.payloads.iter().filter(has_id).copied().collect();
        if found.len() == 1 { found } else { Vec::new() }
    }
}

/// Gives an exhibit the time and the tenant of a job.
fn name_time(exhibit: &mut Exhibit, job: &Job) {
    if let Some(end) = job.to {
        let start = job.from.filter(|from| *from <= end).unwrap_or(end);
        let interval = Interval { start, end };
        exhibit.time = Some(CaptureTime { interval, source: TimeSource::Data });
    }
    if exhibit.place.tenant.is_none() {
        exhibit.place.tenant.clone_from(&job.tenant);
    }
}

/// Tells the exhibits that a job made what it knows of them; `at` is where the job stands.
fn tell(job: &Job, at: usize, own: &[usize], index: &mut Index, catalogue: &Catalogue) {
    for position in own {
        if let Some(exhibit) = index.exhibits.get_mut(*position) {
            name_time(exhibit, job);
        }
    }
    let mut failed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (object_type, cause) in &job.failures {
        failed.entry(object_type).or_default().insert(cause);
    }
    if failed.is_empty() {
        return;
    }
    let own: BTreeSet<usize> = own.iter().copied().collect();
    let mut lists: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, indexed) in index.requests.iter().enumerate() {
        if let Subject::Objects { object_type, bin: false } = &indexed.request.subject
            && own.contains(&indexed.exhibit)
        {
            lists.entry(object_type.clone()).or_default().push(position);
        }
    }
    for (object_type, causes) in failed {
        let causes: Vec<&str> = causes.into_iter().collect();
        let cause = causes.join("; ");
        for position in lists.get(object_type).into_iter().flatten() {
            if let Some(indexed) = index.requests.get_mut(*position) {
                indexed.request.refused = Some(cause.clone());
            }
        }
        if !lists.contains_key(object_type) {
            let mut request = Request::new(Format::Dsc, None, &Place::default(), catalogue);
            request.subject = Subject::Objects { object_type: object_type.to_owned(), bin: false };
            request.refused = Some(cause);
            index.requests.push(IndexedRequest { request, exhibit: at, capture: usize::MAX });
        }
    }
}
