//! The words of the report: types, kinds, reasons and numbers as a reader who is no programmer reads them.

use jiff::Timestamp;

use crate::codes;
use crate::directory::catalogue;
use crate::model::{Change, ChangeKind, Lane, LogRow, Reason, Recoverability};

/// Types whose name does not read well when it is split at its capitals: (type, one, many).
const TYPE_WORDS: &[(&str, &str, &str)] = &[
    ("appRoleAssignment", "application permission", "application permissions"),
    ("oAuth2PermissionGrant", "delegated permission grant", "delegated permission grants"),
    ("unifiedRoleAssignment", "role assignment", "role assignments"),
    ("unifiedRoleAssignmentSchedule", "role assignment schedule", "role assignment schedules"),
    ("unifiedRoleAssignmentScheduleInstance", "active role assignment", "active role assignments"),
    ("unifiedRoleDefinition", "role definition", "role definitions"),
    ("unifiedRoleEligibilitySchedule", "role eligibility", "role eligibilities"),
    (
        "unifiedRoleEligibilityScheduleInstance",
        "role eligibility in force",
        "role eligibilities in force",
    ),
];

/// A number with commas between thousands.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length as a number for the pages.
pub(super) fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// `1 object`, `2 objects`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// An instant for a page: `2026-11-02 03:01:12`, with a fraction where the evidence has one. All times are UTC.
pub(super) fn time(at: Timestamp) -> String {
    at.to_string().replacen('T', " ", 1).trim_end_matches('Z').to_owned()
}

/// An instant for a page, or that it is unknown.
pub(super) fn time_or(at: Option<Timestamp>, unknown: &str) -> String {
    at.map_or_else(|| unknown.to_owned(), time)
}

/// The spans of a log without an event: how many, and the longest.
pub(super) fn log_gaps(row: &LogRow) -> String {
    let longest = row.gaps.iter().max_by_key(|(from, to)| to.duration_since(*from));
    match (row.gap_count, longest) {
        (0, _) | (_, None) => "none for long".to_owned(),
        (1, Some((from, to))) => format!("{} to {}", time(*from), time(*to)),
        (count, Some((from, to))) => {
            format!("{} spans, the longest {} to {}", number(count), time(*from), time(*to))
        }
    }
}

/// A type in words, one of them: `conditional access policy`; what is after a `/` is kept.
pub(super) fn type_one(object_type: &str) -> String {
    known(object_type).map_or_else(|| split(object_type), |(_, one, _)| (*one).to_owned())
}

/// A type in words, several of them.
pub(super) fn type_many(object_type: &str) -> String {
    if let Some((_, _, many)) = known(object_type) {
        return (*many).to_owned();
    }
    if !is_name(object_type) {
        return object_type.to_owned();
    }
    let one = split(object_type);
    if let Some(stem) = one.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        format!("{stem}ies")
    } else if one.ends_with(['s', 'x']) {
        one
    } else {
        format!("{one}s")
    }
}

/// `3 users`.
pub(super) fn type_counted(count: u64, object_type: &str) -> String {
    counted(count, &type_one(object_type), &type_many(object_type))
}

fn known(object_type: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    TYPE_WORDS.iter().find(|(name, _, _)| *name == object_type)
}

/// Whether a type is spelt as Graph spells its resources; what is not comes from hostile evidence and stays as it is.
fn is_name(object_type: &str) -> bool {
    object_type.chars().all(|character| character.is_ascii_alphanumeric() || character == '/')
}

/// `conditionalAccessPolicy` as `conditional access policy`.
fn split(name: &str) -> String {
    if !is_name(name) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

/// With a capital first letter.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// What happened, as a badge.
pub(super) fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "gone",
        ChangeKind::SoftDeleted => "soft-deleted",
        ChangeKind::HardDeleted => "hard-deleted",
        ChangeKind::Restored => "restored",
        ChangeKind::Modified => "changed",
        ChangeKind::LinkAdded => "link added",
        ChangeKind::LinkRemoved => "link removed",
        ChangeKind::FirstObserved => "first observed",
    }
}

/// What happened to an object, in words.
pub(super) fn object_story(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "not in the earlier list, there in the later one",
        ChangeKind::Removed => "gone; whether soft- or hard-deleted cannot be told",
        ChangeKind::SoftDeleted => "in the recycle bin now",
        ChangeKind::HardDeleted => "neither live nor in its recycle bin",
        ChangeKind::Restored => "was in the recycle bin, is live again",
        ChangeKind::FirstObserved => {
            "seen for the first time; nothing tells whether it was there before"
        }
        ChangeKind::Modified | ChangeKind::LinkAdded | ChangeKind::LinkRemoved => "",
    }
}

/// A class of the style sheet, and a sign that needs no colour.
pub(super) fn kind_look(kind: ChangeKind) -> (&'static str, &'static str) {
    match kind {
        ChangeKind::Added | ChangeKind::LinkAdded | ChangeKind::Restored => ("plus", "+"),
        ChangeKind::Removed
        | ChangeKind::SoftDeleted
        | ChangeKind::HardDeleted
        | ChangeKind::LinkRemoved => ("minus", "\u{2212}"),
        ChangeKind::Modified => ("delta", "\u{394}"),
        ChangeKind::FirstObserved => ("seen", "?"),
    }
}

/// What a lane holds.
pub(super) fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Change => "changes of the tenant",
        Lane::Volatile => "attributes that move by themselves",
        Lane::Schema => "properties that appeared with their default value",
        Lane::Coverage => {
            "differences in what was collected, not known to be changes of the tenant"
        }
    }
}

/// What the service can do about a change, in words.
pub(super) fn recoverability(word: Recoverability) -> &'static str {
    codes::code(word.as_str()).map_or("", |code| &code.meaning)
}

/// How that word is shown: green, red, or as what is open.
pub(super) fn recoverability_look(word: Recoverability) -> &'static str {
    if matches!(word, Recoverability::CannotTell | Recoverability::Ambiguous) {
        "unsure"
    } else if word.is_recoverable() {
        "able"
    } else {
        "unable"
    }
}

/// What else an object of the type is once a recovery took it out of the recycle bin; may be empty.
pub(super) fn restore_effect(object_type: &str) -> &'static str {
    catalogue().recovery_type(object_type).map_or("", |known| &known.restore_effect)
}

/// A reason in words.
pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Rebirth => "the same sign-in name or application id under a new object id",
        Reason::PossiblyCleared => {
            "possibly cleared: the export leaves out empty values, so it cannot tell"
        }
        Reason::AttributeGoneFromType => {
            "gone from every object of the type at once: the request or the format changed"
        }
        Reason::BinExpired => "was in the recycle bin; its days there were over",
        Reason::BinOrderUnknown => {
            "the order in which the list and the recycle bin were read cannot be told"
        }
        Reason::BinNotCollected => "the recycle bin was not (completely) collected",
        Reason::BinDaysPassed => {
            "the recycle bin's days may have passed between the two observations"
        }
        Reason::Conflict => "two captures of the same time disagree",
        Reason::AbsentThoughAsked => "asked for by name and missing from the answer",
        Reason::FirstCollected => "never collected before",
        Reason::SchemaDefault => "appeared with its default value",
        Reason::VolatileAttribute => "moves without anyone's doing",
        Reason::SilenceUnbroken => "missing from a list without gaps, which does not prove absence",
        Reason::ListDangling => "missing from a list whose next page was not collected",
        Reason::ListShrunk => "missing from a list that lacks more than a tenth of what was known",
        Reason::RequestDiffers => "missing from a list that was asked for in another way",
        Reason::ListDamaged => "missing from a list with damaged or unreadable records",
        Reason::ListRefused => "the service refused the list",
        Reason::NoEarlierList => "no earlier list of this type was collected",
        Reason::CreatedBefore => {
            "created before the list that did not hold it: that list was incomplete"
        }
        Reason::LinksPartial => "only a part of the links was collected",
        Reason::DeltaChanged => {
            "a delta page says that it left its view: deleted, or no longer meeting the filter"
        }
        Reason::DeltaDeleted => "a delta page says that it was deleted for good",
        Reason::FromChangeList => "as a change list of the service says; no dump here shows it",
        Reason::AddedAndDeleted => "not there before, and in the recycle bin now",
        Reason::AddedOrRestored => {
            "not live in the backup, as a change list says: not there, or in the recycle bin"
        }
        Reason::CountMismatch => "the service's own count differs from the number of objects",
        Reason::Appeared => "a value where an export that leaves out empty values had none",
    }
}

/// What a row is about beside its object: the attribute, or the relation and its other end.
pub(super) fn subject(change: &Change) -> String {
    match &change.target {
        Some(target) if target.name.is_empty() => format!("{} {}", change.attribute, target.id),
        Some(target) => format!("{} {}", change.attribute, target.name),
        None => change.attribute.clone(),
    }
    .trim()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(counted(1, "object", "objects"), "1 object");
        let parts: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(listed(&parts), "a, b and c");
        assert_eq!(listed(&parts[..1]), "a");
    }

    #[test]
    fn types_read_as_words() {
        assert_eq!(type_counted(1, "conditionalAccessPolicy"), "1 conditional access policy");
        assert_eq!(type_counted(2, "conditionalAccessPolicy"), "2 conditional access policies");
        assert_eq!(type_counted(2, "user"), "2 users");
        assert_eq!(type_counted(2, "oAuth2PermissionGrant"), "2 delegated permission grants");
        assert_eq!(type_many("<Script>"), "<Script>");
        assert_eq!(capital("user"), "User");
    }

    #[test]
    fn times_are_utc_and_keep_their_fraction() {
        let at: Timestamp = "2026-11-02T03:01:12.5Z".parse().unwrap();
        assert_eq!(time(at), "2026-11-02 03:01:12.5");
    }
}
