//! What Microsoft Entra Backup and Recovery can do about each change, at the clock of the run.
//!
//! Rows of lane `change` are judged, and every disappearance; others say nothing that a recovery could take back. What a rule
//! needs to know of an object is in [`facts`], what the documentation says in the tables of the catalogue. The rules, in this
//! order; the first that applies decides:
//!
//! 1. Before the service existed nothing is said at all.
//! 2. A type that the service does not know: `outside-types`. A grant that one user gave: `user-consent`.
//! 3. A link other than static membership: `link-not-supported`.
//! 4. A property that is not on the list of its type, or excluded: `outside-properties`; of a list whose elements count one by
//!    one, if any changed element is not supported. One that the documentation leaves open: `ambiguous`.
//! 5. An object that is gone for good by its last row: `hard-deleted`, `bin-expired` (the days of its bin are over at the
//!    clock), `no-bin`; for the object, its properties, its links, links to it that were lost, and grants on it. Gone, but
//!    gone or in the bin cannot be told: `cannot-tell`.
//! 6. A grant or an assignment: `with-anchor`.
//! 7. An object that came (added, restored) is put into the bin by a recovery, which takes a type or kind with a bin.
//! 8. Synchronised from on-premises by its last record: `visible-only`. Not any more, but at the time of the change:
//!    `recoverable-converted`. Nothing tells: `cannot-tell`.
//! 9. Time, for what would be recoverable so far. Backups are taken once a day at an hour that is not documented, and each is
//!    kept for the days of retention. So the oldest one that is kept is older than `clock - (days - 1)` and not older than
//!    `clock - days`. A change whose window ends before the latter is in no backup any more as it was: `backup-expired`. One
//!    whose window begins at the former or later is behind a backup. In between it is `cannot-tell`, unless the service's own
//!    list of backups is in the evidence and holds one that is kept and older than the window.
//!
//! What goes back is the state of a backup, which may be older than the state before the row.

mod facts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use facts::Facts;

use crate::directory::{
    BinKind, Catalogue, Mapping, RecoverableProperty, RecoveryType, Rule, Standing,
};
use crate::history::HistoryError;
use crate::index::Index;
use crate::model::{Change, ChangeKind, Lane, Reason, Recoverability};

/// The row of `retention.csv` for backups.
const BACKUPS: &str = "backup";

/// Judges rows by what was gathered once for all of them.
#[derive(Debug)]
pub struct Judge<'a> {
    catalogue: &'a Catalogue,
    facts: Facts<'a>,
    /// Objects that are gone by their last row, by tenant and identity, and what that means for them.
    ends: HashMap<String, HashMap<String, Recoverability>>,
    clock: Option<Clock>,
}

/// The clock of the run, and what the service keeps at that time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    now: Timestamp,
    days: u16,
}

impl Clock {
    fn ago(self, days: u16) -> Option<Timestamp> {
        self.now.checked_sub(of_days(days)).ok()
    }
}

fn of_days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// Whether a state in the past can be had at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Held,
    Over,
    Unsure,
}

/// Whether a row is judged: of lane `change`, or a disappearance of any lane, and of one object.
fn is_judged(change: &Change) -> bool {
    let told = change.lane == Lane::Change || change.is_disappearance();
    told && change.kind != ChangeKind::FirstObserved && !change.object_id.is_empty()
}

impl<'a> Judge<'a> {
    /// Gathers what the rules need to know of the objects that the rows of the whole timeline, in their order, are about. What
    /// is judged by it may also be composed of several of them.
    ///
    /// # Errors
    /// [`HistoryError::Open`] if a record is no longer what was indexed.
    pub fn gather(
        index: &Index,
        catalogue: &'a Catalogue,
        timeline: &[Change],
        as_of: Option<Timestamp>,
    ) -> Result<Self, HistoryError> {
        Self::gather_for(index, catalogue, (timeline, &[]), as_of)
    }

    /// As [`Judge::gather`], for rows as well that no row of the timeline is behind: those of a rebuilt backup.
    ///
    /// # Errors
    /// As [`Judge::gather`].
    pub fn gather_for(
        index: &Index,
        catalogue: &'a Catalogue,
        (timeline, rows): (&[Change], &[Change]),
        as_of: Option<Timestamp>,
    ) -> Result<Self, HistoryError> {
        let clock =
            as_of.and_then(|now| Some(Clock { now, days: catalogue.retention_of(BACKUPS, now)? }));
        let mut judge =
            Self { catalogue, facts: Facts::new(catalogue), ends: HashMap::new(), clock };
        if judge.clock.is_none() {
            return Ok(judge);
        }
        let mut wanted: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for change in timeline.iter().chain(rows).filter(|change| is_judged(change)) {
            let Some(kind) = catalogue.recovery_type(&change.object_type) else { continue };
            let (whole, id) = whole_of(kind, &change.object_id);
            if judge.needs_facts(kind, whole, change) {
                wanted.entry(whole).or_default().insert((&change.tenant_id, id));
            }
        }
        judge.facts.read(index, &wanted)?;
        judge.facts.follow(timeline);
        let last: BTreeMap<(&str, &str), &Change> = timeline
            .iter()
            .filter(|change| change.attribute.is_empty() && change.lane == Lane::Change)
            .map(|change| ((change.tenant_id.as_str(), change.object_id.as_str()), change))
            .collect();
        for ((tenant, id), change) in last {
            let Some(kind) = catalogue.recovery_type(&change.object_type) else { continue };
            let has_life = matches!(kind.bin, BinKind::Every | BinKind::Some);
            let gone = has_life && change.is_disappearance();
            if let Some(end) = gone.then(|| judge.departure(kind, change)).flatten() {
                judge.ends.entry(tenant.to_owned()).or_default().insert(id.to_owned(), end);
            }
        }
        Ok(judge)
    }

    /// Whether a rule may look at the object behind a row.
    fn needs_facts(&self, kind: &RecoveryType, whole: &str, change: &Change) -> bool {
        let rules: &[Rule] = if change.attribute.is_empty() {
            &[Rule::Synchronised, Rule::Bin, Rule::NeverPurged]
        } else if self.property(kind, change).is_some_and(|row| row.standing.is_supported()) {
            &[Rule::Synchronised, Rule::DynamicMembers]
        } else {
            &[]
        };
        let mut tests = self.catalogue.recovery_conditions(whole).iter();
        tests.any(|test| rules.contains(&test.rule))
    }

    fn property(&self, kind: &RecoveryType, change: &Change) -> Option<&'a RecoverableProperty> {
        self.catalogue.recoverable_property(&kind.name, &change.object_id, &change.attribute)
    }

    /// Sets `recoverability` of every row that is judged, and clears that of all others.
    pub fn set(&self, rows: &mut [Change]) {
        for row in rows {
            row.recoverability = self.of(row);
        }
    }

    /// What the service can do about a row; `None` for rows that are not judged.
    #[must_use]
    pub fn of(&self, change: &Change) -> Option<Recoverability> {
        let clock = self.clock.filter(|_| is_judged(change))?;
        let word = self.by_rules(change);
        let open = word.is_recoverable() || word == Recoverability::CannotTell;
        if !open {
            return Some(word);
        }
        if change.lane != Lane::Change {
            return Some(Recoverability::CannotTell);
        }
        Some(match self.reach(change, clock) {
            Reach::Held => word,
            Reach::Over => Recoverability::BackupExpired,
            Reach::Unsure => Recoverability::CannotTell,
        })
    }

    fn by_rules(&self, change: &Change) -> Recoverability {
        let Some(kind) = self.catalogue.recovery_type(&change.object_type) else {
            return Recoverability::OutsideTypes;
        };
        match self.facts.holds_by_key(kind, change, Rule::UserConsent) {
            Some(true) => return Recoverability::UserConsent,
            None => return Recoverability::CannotTell,
            Some(false) => {}
        }
        match change.kind {
            ChangeKind::LinkAdded | ChangeKind::LinkRemoved => self.link(kind, change),
            ChangeKind::Modified | ChangeKind::FirstObserved => self.attribute(kind, change),
            ChangeKind::Added | ChangeKind::Restored => self.arrival(kind, change),
            ChangeKind::SoftDeleted | ChangeKind::HardDeleted | ChangeKind::Removed => {
                self.departure(kind, change).unwrap_or_else(|| {
                    self.end_of(kind, change).unwrap_or_else(|| self.restored(kind, change))
                })
            }
        }
    }

    fn link(&self, kind: &RecoveryType, change: &Change) -> Recoverability {
        let row = self.property(kind, change);
        if row.is_none_or(|row| row.standing != Standing::Link) {
            return Recoverability::LinkNotSupported;
        }
        match self.facts.holds(kind, change, Rule::DynamicMembers) {
            Some(true) => return Recoverability::LinkNotSupported,
            None => return Recoverability::CannotTell,
            Some(false) => {}
        }
        let target = change.target.as_ref().filter(|_| change.kind == ChangeKind::LinkRemoved);
        let other = target.and_then(|target| self.end(&change.tenant_id, &target.id));
        if let Some(end) = self.end_of(kind, change).or(other) {
            return end;
        }
        self.by_authority(kind, change)
    }

    fn attribute(&self, kind: &RecoveryType, change: &Change) -> Recoverability {
        let Some(row) = self.property(kind, change) else {
            return Recoverability::OutsideProperties;
        };
        if let Some(word) = self.by_standing(row, change) {
            return word;
        }
        if let Some(end) = self.end_of(kind, change) {
            return end;
        }
        if kind.anchors.is_empty() {
            self.by_authority(kind, change)
        } else {
            Recoverability::WithAnchor
        }
    }

    /// What the documentation decides alone.
    fn by_standing(&self, row: &RecoverableProperty, change: &Change) -> Option<Recoverability> {
        let later = self.clock.is_some_and(|clock| row.since > clock.now);
        match row.standing {
            _ if later => Some(Recoverability::OutsideProperties),
            Standing::Excluded | Standing::Unlisted => Some(Recoverability::OutsideProperties),
            Standing::Unclear => Some(Recoverability::Ambiguous),
            _ if row.mapping == Mapping::Ambiguous => Some(Recoverability::Ambiguous),
            Standing::Elements => self.by_elements(&row.object_type, change),
            Standing::Listed | Standing::All | Standing::Member | Standing::Link => {
                let unclear = quoted(&row.unclear_value);
                let at = [&change.before, &change.after].into_iter().flatten();
                let is_unclear = !row.unclear_value.is_empty()
                    && at.into_iter().any(|value| value.eq_ignore_ascii_case(&unclear));
                is_unclear.then_some(Recoverability::Ambiguous)
            }
        }
    }

    /// Of a list that is supported element by element: whether all elements that changed are.
    fn by_elements(&self, object_type: &str, change: &Change) -> Option<Recoverability> {
        let element = self.catalogue.element_type(object_type)?;
        let lists = [&change.added, &change.removed].into_iter().flatten();
        let ids: Option<Vec<Vec<String>>> = lists.map(|list| ids_in(list)).collect();
        let Some(ids) = ids.map(|ids| ids.concat()).filter(|ids| !ids.is_empty()) else {
            return Some(Recoverability::CannotTell);
        };
        let supported =
            |id: &String| self.catalogue.supported_property(&element.name, id, "").is_some();
        (!ids.iter().all(supported)).then_some(Recoverability::OutsideProperties)
    }

    /// An object that was added or taken out of the bin: a recovery puts it into the bin.
    fn arrival(&self, kind: &RecoveryType, change: &Change) -> Recoverability {
        if let Some(word) = self.by_nature(kind, change) {
            return word;
        }
        if let Some(end) = self.end_of(kind, change) {
            return end;
        }
        if !kind.anchors.is_empty() {
            return Recoverability::WithAnchor;
        }
        let by_authority = self.by_authority(kind, change);
        if by_authority == Recoverability::VisibleOnly {
            return by_authority;
        }
        match self.has_bin(kind, change) {
            Some(true) => by_authority,
            Some(false) => Recoverability::NoBin,
            None => Recoverability::CannotTell,
        }
    }

    /// What becomes of an object that is gone; `None` if it can come back.
    fn departure(&self, kind: &RecoveryType, change: &Change) -> Option<Recoverability> {
        if let Some(word) = self.by_nature(kind, change) {
            return Some(word);
        }
        if change.kind == ChangeKind::HardDeleted {
            return Some(Recoverability::HardDeleted);
        }
        if change.kind == ChangeKind::SoftDeleted {
            return self.in_bin(kind, change);
        }
        if !kind.anchors.is_empty() {
            return None;
        }
        if change.reason == Some(Reason::BinExpired) {
            return Some(Recoverability::BinExpired);
        }
        let is_final = self.has_bin(kind, change) == Some(false);
        Some(if is_final { Recoverability::NoBin } else { Recoverability::CannotTell })
    }

    /// What is against taking an object out of its bin; `None` if nothing is.
    fn in_bin(&self, kind: &RecoveryType, change: &Change) -> Option<Recoverability> {
        let bin = self.catalogue.object_type(&kind.name)?.bin.as_ref()?;
        let stays = self.facts.holds(kind, change, Rule::NeverPurged);
        match (self.bin_reach(change, bin.days), stays) {
            (Reach::Held, _) | (_, Some(true)) => None,
            (Reach::Over, Some(false)) => Some(Recoverability::BinExpired),
            (Reach::Over | Reach::Unsure, _) => Some(Recoverability::CannotTell),
        }
    }

    /// A departure that a recovery can take back.
    fn restored(&self, kind: &RecoveryType, change: &Change) -> Recoverability {
        if kind.anchors.is_empty() {
            self.by_authority(kind, change)
        } else {
            Recoverability::WithAnchor
        }
    }

    /// What the documentation says of whole objects of the type, where it does not speak of properties.
    fn by_nature(&self, kind: &RecoveryType, change: &Change) -> Option<Recoverability> {
        if matches!(kind.bin, BinKind::Every | BinKind::Some) || !kind.anchors.is_empty() {
            return None;
        }
        let row = self.catalogue.recoverable_property(&kind.name, &change.object_id, "");
        Some(match row.map(|row| row.standing) {
            Some(Standing::Unclear) => Recoverability::Ambiguous,
            Some(Standing::Excluded | Standing::Unlisted) => Recoverability::OutsideProperties,
            // Settings that are one of a kind, and parts of other objects, neither come nor go by themselves.
            _ => Recoverability::CannotTell,
        })
    }

    fn has_bin(&self, kind: &RecoveryType, change: &Change) -> Option<bool> {
        match kind.bin {
            BinKind::Every => Some(true),
            BinKind::None | BinKind::Singleton => Some(false),
            BinKind::Some => self.facts.holds(kind, change, Rule::Bin),
        }
    }

    /// Who has the say over the object: the cloud, or a directory on premises.
    fn by_authority(&self, kind: &RecoveryType, change: &Change) -> Recoverability {
        match self.facts.holds(kind, change, Rule::Synchronised) {
            Some(true) => Recoverability::VisibleOnly,
            None => Recoverability::CannotTell,
            Some(false) => {
                let before = self.facts.held_before(kind, change, Rule::Synchronised);
                let part = !change.attribute.is_empty();
                if part && before == Some(true) {
                    Recoverability::Converted
                } else {
                    Recoverability::Recoverable
                }
            }
        }
    }

    /// What the end of the object means for the row; of a grant or an assignment, the end of what it lies between.
    fn end_of(&self, kind: &RecoveryType, change: &Change) -> Option<Recoverability> {
        if kind.anchors.is_empty() {
            let (_, id) = whole_of(kind, &change.object_id);
            return self.end(&change.tenant_id, id);
        }
        change.object_id.split('|').find_map(|id| self.end(&change.tenant_id, id))
    }

    fn end(&self, tenant: &str, id: &str) -> Option<Recoverability> {
        self.ends.get(tenant)?.get(id).copied()
    }

    /// Whether the days of the bin of an object that was deleted in the window of a row are not over at the clock.
    fn bin_reach(&self, change: &Change, days: u16) -> Reach {
        let Some(clock) = self.clock else { return Reach::Held };
        let (from, to) = window_of(change);
        let Some(over) = clock.ago(days) else { return Reach::Held };
        if to.is_some_and(|to| to <= over) {
            Reach::Over
        } else if from.is_some_and(|from| from > over) {
            Reach::Held
        } else {
            Reach::Unsure
        }
    }

    /// Whether a backup that is kept at the clock holds the state before a row.
    fn reach(&self, change: &Change, clock: Clock) -> Reach {
        let (from, to) = window_of(change);
        let (Some(over), Some(sure)) =
            (clock.ago(clock.days), clock.ago(clock.days.saturating_sub(1)))
        else {
            return Reach::Held;
        };
        if to.is_some_and(|to| to <= over) {
            return Reach::Over;
        }
        let Some(from) = from else { return Reach::Unsure };
        let listed = self.facts.backups(&change.tenant_id);
        let behind_one = listed.iter().any(|taken| *taken > over && *taken <= from);
        if from >= sure || behind_one { Reach::Held } else { Reach::Unsure }
    }
}

/// The tightest window that is known of a change.
fn window_of(change: &Change) -> (Option<Timestamp>, Option<Timestamp>) {
    match &change.narrowed {
        Some(narrowed) => (Some(narrowed.from), Some(narrowed.to)),
        None => (change.window.not_before, change.window.not_after),
    }
}

/// The object of the service that an object of the index is, or is a part of.
fn whole_of<'k>(kind: &'k RecoveryType, id: &'k str) -> (&'k str, &'k str) {
    if kind.part_of.is_empty() {
        (&kind.name, id)
    } else {
        (&kind.part_of, id.split('|').next().unwrap_or(id))
    }
}

fn quoted(word: &str) -> String {
    crate::history::quote(word)
}

/// The ids of the elements of a list in canonical JSON; `None` if one has none.
fn ids_in(list: &str) -> Option<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Element {
        id: String,
    }
    let elements: Vec<&RawValue> = serde_json::from_str(list).ok()?;
    let id = |element: &&RawValue| serde_json::from_str::<Element>(element.get()).ok();
    elements.iter().map(|element| Some(id(element)?.id)).collect()
}
