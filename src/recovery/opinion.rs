//! A second opinion on the service's change lists: our own difference over the same time beside each, row by row, and why the
//! two do not say the same.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::difference::{action, is_difference, shown};
use super::lists::{ServiceList, lists};
use super::rebuild::{States, carrier, meaning, states};
use crate::directory::Catalogue;
use crate::history::{HistoryError, ObjectState, net};
use crate::index::{Index, canonical};
use crate::model::{
    Agreement, Analysis, Change, ChangeKind, JobKind, JobOutcome, ListedAttribute, ListedChange,
    ListedLink, OpinionReason, OpinionRow, Receipt, RecoveryAction, SecondOpinion, Shown,
    SnapshotRow,
};

/// What one row is about: (type, id, attribute or relation, target).
type About = (String, String, String, String);

/// One opinion for each successful difference report whose list is in the evidence, by (tenant, start, job).
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn opinions(
    index: &Index,
    catalogue: &Catalogue,
    analysis: &Analysis,
) -> Result<Vec<SecondOpinion>, HistoryError> {
    let mut found = Vec::new();
    for list in lists(analysis).iter().filter(|list| is_judged(list)) {
        found.push(opinion(index, catalogue, analysis, list)?);
    }
    found.sort_by(|a, b| {
        (&a.tenant_id, a.started, &a.job_id).cmp(&(&b.tenant_id, b.started, &b.job_id))
    });
    Ok(found)
}

fn is_judged(list: &ServiceList<'_>) -> bool {
    use JobOutcome::{Completed, CompletedWithWarnings, Unknown};
    // The service gives a list of no report that is not over.
    let over = |outcome| matches!(outcome, Completed | CompletedWithWarnings | Unknown);
    list.job.is_none_or(|job| job.kind == JobKind::DifferenceReport && over(job.outcome))
        && list.target().is_some()
}

fn opinion(
    index: &Index,
    catalogue: &Catalogue,
    analysis: &Analysis,
    list: &ServiceList<'_>,
) -> Result<SecondOpinion, HistoryError> {
    let (target, started) = (list.target(), list.job.and_then(|job| job.started));
    let mut own: Vec<&SnapshotRow> =
        analysis.snapshots.iter().filter(|row| row.tenant_id == list.tenant_id).collect();
    own.sort_by_key(|row| row.position);
    let before = |at: Option<Timestamp>| {
        own.iter().rev().find(|row| row.time.is_some_and(|time| at.is_none_or(|at| time.end <= at)))
    };
    let (from, to) = (before(target), before(started));
    let place = |row: Option<&&SnapshotRow>| row.map_or(0, |row| row.position);
    let bounds = (place(from), place(to));
    let changes = ours(analysis, list.tenant_id, bounds);
    let compare = Comparison {
        catalogue,
        list,
        has_dump: to.is_some(),
        then: states(index, catalogue, list, bounds.0)?,
        now: states(index, catalogue, list, bounds.1)?,
        target,
        started,
    };
    let theirs = compare.theirs();
    let mut both: BTreeMap<About, (Option<&Change>, Option<&Theirs<'_>>)> = BTreeMap::new();
    for change in &changes {
        both.entry(about(change)).or_default().0 = Some(change);
    }
    for (about, theirs) in &theirs {
        both.entry(about.clone()).or_default().1 = Some(theirs);
    }
    let rows: Vec<OpinionRow> = both
        .iter()
        .filter_map(|(about, sides)| match *sides {
            (Some(ours), Some(theirs)) => Some(compare.on_both(ours, theirs)),
            (Some(ours), None) => Some(compare.of_ours(ours)),
            (None, Some(theirs)) => Some(compare.of_theirs(about, theirs)),
            (None, None) => None,
        })
        .collect();
    let label = |row: Option<&&SnapshotRow>| row.map(|row| row.label.clone()).unwrap_or_default();
    let count = |has: fn(&Agreement) -> bool| {
        u64::try_from(rows.iter().filter(|row| has(&row.agreement)).count()).unwrap_or(u64::MAX)
    };
    Ok(SecondOpinion {
        tenant_id: list.tenant_id.to_owned(),
        job_id: list.job_id.to_owned(),
        target,
        started,
        from: label(from),
        to: label(to),
        ours: count(|agreement| *agreement != Agreement::TheirsOnly),
        theirs: count(|agreement| *agreement != Agreement::OursOnly),
        rows,
    })
}

/// Our difference between two snapshots of a tenant; none where there is no earlier one.
fn ours(analysis: &Analysis, tenant: &str, (from, to): (usize, usize)) -> Vec<Change> {
    if from == 0 || from >= to {
        return Vec::new();
    }
    let mut changes = net(analysis, &|of| (of == tenant).then_some((from, to)));
    changes.retain(is_difference);
    changes
}

fn about(change: &Change) -> About {
    (
        change.object_type.clone(),
        change.object_id.clone(),
        change.attribute.clone(),
        change.link_end().to_owned(),
    )
}

/// One thing that the service lists.
struct Theirs<'a> {
    row: &'a ListedChange,
    what: What<'a>,
}

enum What<'a> {
    Object(Option<RecoveryAction>),
    Attribute(&'a ListedAttribute),
    Link(&'a ListedLink),
}

struct Comparison<'a> {
    catalogue: &'a Catalogue,
    list: &'a ServiceList<'a>,
    /// Whether any dump was taken before the report.
    has_dump: bool,
    /// What dumps show of the listed objects as of our earlier dump.
    then: States,
    /// Likewise as of our later dump.
    now: States,
    target: Option<Timestamp>,
    started: Option<Timestamp>,
}

impl Comparison<'_> {
    /// What the service lists, by what it is about. What it sends with equal values is no difference.
    fn theirs(&self) -> BTreeMap<About, Theirs<'_>> {
        let mut found = BTreeMap::new();
        for row in &self.list.rows {
            let id = &row.object_id;
            if row.action != Some(RecoveryAction::Update) {
                let about = (row.object_type.clone(), id.clone(), String::new(), String::new());
                found.insert(about, Theirs { row, what: What::Object(row.action) });
            }
            for attribute in row.attributes.iter().filter(|listed| self.differs(row, listed)) {
                let of = carrier(self.catalogue, &row.object_type, &attribute.path);
                let path = attribute.path.clone();
                let about = (of.to_owned(), id.clone(), path, String::new());
                found.insert(about, Theirs { row, what: What::Attribute(attribute) });
            }
            for link in &row.links {
                let end = canonical(&link.target.id);
                let about = (row.object_type.clone(), id.clone(), link.relation.clone(), end);
                found.insert(about, Theirs { row, what: What::Link(link) });
            }
        }
        found
    }

    fn differs(&self, row: &ListedChange, listed: &ListedAttribute) -> bool {
        let means = |value: &Option<String>| {
            meaning(self.catalogue, (&row.object_type, &listed.path), value.as_deref())
        };
        match (&listed.backup, &listed.current) {
            (Some(backup), Some(current)) => means(backup) != means(current),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn on_both(&self, ours: &Change, theirs: &Theirs<'_>) -> OpinionRow {
        let reason = match &theirs.what {
            What::Object(listed) => (action(ours) != *listed).then_some(OpinionReason::Unexplained),
            What::Link(link) => {
                let same = link.remove == (ours.kind == ChangeKind::LinkAdded);
                (!same).then_some(OpinionReason::Unexplained)
            }
            What::Attribute(listed) => {
                let means = |value: &Option<String>| {
                    let of = (&*ours.object_type, &*ours.attribute);
                    meaning(self.catalogue, of, value.as_deref())
                };
                let same = |own: &Option<String>, listed: &Option<Option<String>>| {
                    listed.as_ref().is_none_or(|listed| means(own) == means(listed))
                };
                if !same(&ours.before, &listed.backup) {
                    Some(OpinionReason::BeforeBackup)
                } else if !same(&ours.after, &listed.current) {
                    Some(OpinionReason::AfterDump)
                } else {
                    None
                }
            }
        };
        let agreement = if reason.is_some() { Agreement::Differ } else { Agreement::Agree };
        let mut row = with_ours(self.row_of(&about(ours), theirs), ours);
        // A list gives grants and assignments no name.
        if row.object_name.is_empty() {
            row.object_name.clone_from(&ours.object_name);
        }
        row.target = row.target.or_else(|| ours.target.clone());
        OpinionRow { agreement, reason, ..row }
    }

    fn of_ours(&self, ours: &Change) -> OpinionRow {
        let link = ours.is_link();
        let early = self.target.zip(ours.window.not_before).is_none_or(|(at, from)| from < at);
        let late = self.started.zip(ours.window.not_after).is_some_and(|(at, to)| to > at);
        // A filter names whole objects.
        let part = self.catalogue.recovery_type(&ours.object_type);
        let whole = part.map(|kind| kind.part_of.as_str()).filter(|whole| !whole.is_empty());
        let whole = whole.unwrap_or(&ours.object_type);
        let held = self.list.scope().holds(whole, &ours.object_id);
        let reason = match (shown(ours, self.catalogue), held) {
            (_, Some(false)) => OpinionReason::JobFilter,
            (Shown::Settled, _) => OpinionReason::Settled,
            (Shown::Hidden(_), _) => OpinionReason::NotShown,
            (Shown::Visible, _) if link => OpinionReason::SyncedLink,
            _ if !self.list.is_complete() => OpinionReason::ListIncomplete,
            (_, None) => OpinionReason::JobFilterUnknown,
            _ if early => OpinionReason::BeforeBackup,
            _ if late => OpinionReason::AfterDump,
            _ => OpinionReason::Unexplained,
        };
        let about = about(ours);
        let row = OpinionRow { object_name: ours.object_name.clone(), ..empty(&about) };
        let row = with_ours(row, ours);
        let told = shown(ours, self.catalogue);
        OpinionRow {
            reason: Some(reason),
            recoverability: match told {
                Shown::Hidden(why) | Shown::Doubtful(why) => Some(why),
                Shown::Recovered | Shown::Visible | Shown::Settled => ours.recoverability,
            },
            target: ours.target.clone().filter(|_| !ours.attribute.is_empty()),
            ..row
        }
    }

    fn of_theirs(&self, about: &About, theirs: &Theirs<'_>) -> OpinionRow {
        let key = (about.0.clone(), about.1.clone());
        let (then, now) = (self.then.get(&key), self.now.get(&key));
        let mut row = self.row_of(about, theirs);
        let reason = if theirs.row.object_type.is_empty() || about.1.is_empty() {
            OpinionReason::NotNamed
        } else {
            match &theirs.what {
                What::Object(_) if !self.has_dump => OpinionReason::NotInDumps,
                What::Object(listed) => object_reason(*listed, now),
                What::Attribute(listed) => {
                    let value = |state: Option<&ObjectState>| {
                        state.and_then(|state| state.value_at(&listed.path, self.catalogue))
                    };
                    let (then, now) = (value(then), value(now));
                    row.our_backup = then.as_ref().and_then(|found| found.value.clone());
                    row.our_current = now.as_ref().and_then(|found| found.value.clone());
                    let receipts = [&then, &now].into_iter().flatten();
                    row.evidence_ours = receipts.filter_map(|found| found.receipt).collect();
                    let both = then.is_some().then_some(now.as_ref()).flatten();
                    self.attribute_reason(about, listed, both.map(|found| &found.value))
                }
                What::Link(link) => link_reason(link, &about.3, then, now),
            }
        };
        row.reason = Some(reason);
        OpinionRow { agreement: Agreement::TheirsOnly, ..row }
    }

    /// Why only the list has an attribute; `value` is that of both our dumps, if both collected it.
    fn attribute_reason(
        &self,
        about: &About,
        listed: &ListedAttribute,
        value: Option<&Option<String>>,
    ) -> OpinionReason {
        let means = |value: &Option<String>| {
            meaning(self.catalogue, (&about.0, &about.2), value.as_deref())
        };
        let Some(value) = value else {
            let known = self.catalogue.supported_property(&about.0, &about.1, &about.2);
            return match known {
                Some(_) => OpinionReason::NotInDumps,
                None => OpinionReason::OutsideDocumentation,
            };
        };
        let is = |side: &Option<Option<String>>| {
            side.as_ref().is_some_and(|side| means(side) == means(value))
        };
        match (is(&listed.backup), is(&listed.current), &listed.current) {
            (true, _, _) => OpinionReason::AfterDump,
            (_, true, _) | (_, _, None) => OpinionReason::BeforeBackup,
            _ => OpinionReason::Unexplained,
        }
    }

    /// A row with what the list says.
    fn row_of(&self, about: &About, theirs: &Theirs<'_>) -> OpinionRow {
        let listed = theirs.row;
        let mut row = OpinionRow {
            object_name: listed.object_name.clone(),
            evidence_theirs: listed.receipt.into_iter().collect(),
            ..empty(about)
        };
        match &theirs.what {
            What::Object(action) => row.their_current = action.map(|action| action.to_string()),
            What::Link(link) => {
                row.target = Some(link.target.clone());
                row.their_current = Some(link_word(link.remove).to_owned());
            }
            What::Attribute(attribute) => {
                row.their_backup = attribute.backup.clone().flatten();
                row.their_current = attribute.current.clone().flatten();
            }
        }
        row
    }
}

/// What a recovery does with a link.
fn link_word(remove: bool) -> &'static str {
    if remove { "remove" } else { "add back" }
}

fn empty((object_type, object_id, attribute, _): &About) -> OpinionRow {
    OpinionRow {
        object_type: object_type.clone(),
        object_id: object_id.clone(),
        object_name: String::new(),
        attribute: attribute.clone(),
        target: None,
        agreement: Agreement::OursOnly,
        reason: None,
        recoverability: None,
        our_backup: None,
        our_current: None,
        their_backup: None,
        their_current: None,
        evidence_ours: Vec::new(),
        evidence_theirs: Vec::new(),
    }
}

/// The same row with what our difference says.
fn with_ours(row: OpinionRow, ours: &Change) -> OpinionRow {
    let (our_backup, our_current) = match ours.kind {
        ChangeKind::Modified => (ours.before.clone(), ours.after.clone()),
        ChangeKind::LinkAdded => (None, Some(link_word(true).to_owned())),
        ChangeKind::LinkRemoved => (None, Some(link_word(false).to_owned())),
        ChangeKind::Added
        | ChangeKind::Removed
        | ChangeKind::SoftDeleted
        | ChangeKind::HardDeleted
        | ChangeKind::Restored
        | ChangeKind::FirstObserved => {
            let word = action(ours).map_or(ours.kind.as_str(), RecoveryAction::as_str);
            (None, Some(word.to_owned()))
        }
    };
    let receipts: Vec<Receipt> =
        ours.evidence_before.iter().chain(&ours.evidence_after).copied().collect();
    OpinionRow {
        our_backup,
        our_current,
        recoverability: ours.recoverability,
        evidence_ours: receipts,
        ..row
    }
}

fn object_reason(listed: Option<RecoveryAction>, now: Option<&ObjectState>) -> OpinionReason {
    match (listed, now) {
        (Some(RecoveryAction::Restore), None) => OpinionReason::NotInDumps,
        (Some(RecoveryAction::Restore), Some(state)) if state.deleted => {
            OpinionReason::BeforeBackup
        }
        (Some(RecoveryAction::SoftDelete), Some(state)) if !state.deleted => {
            OpinionReason::BeforeBackup
        }
        (Some(_), _) => OpinionReason::AfterDump,
        (None, _) => OpinionReason::NotNamed,
    }
}

fn link_reason(
    link: &ListedLink,
    target: &str,
    then: Option<&ObjectState>,
    now: Option<&ObjectState>,
) -> OpinionReason {
    let collected = |state: &&ObjectState| state.relations.contains_key(&link.relation);
    let (Some(_), Some(now)) = (then.filter(collected), now.filter(collected)) else {
        return OpinionReason::NotInDumps;
    };
    let held = now.links.iter().any(|held| held.relation == link.relation && held.target == target);
    if held == link.remove { OpinionReason::BeforeBackup } else { OpinionReason::AfterDump }
}
