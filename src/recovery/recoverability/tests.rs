use proptest::prelude::*;

use super::*;
use crate::directory::catalogue;
use crate::model::{Certainty, ChangeId, Origin, Target, Window};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A change of an attribute on the first of November, or of the object itself where the attribute is empty.
fn change(kind: ChangeKind, object_type: &str, object_id: &str, attribute: &str) -> Change {
    Change {
        change_id: ChangeId::default(),
        tenant_id: "t".to_owned(),
        object_type: object_type.to_owned(),
        object_id: object_id.to_owned(),
        object_name: String::new(),
        kind,
        attribute: attribute.to_owned(),
        target: None,
        before: Some("\"a\"".to_owned()),
        after: Some("\"b\"".to_owned()),
        added: None,
        removed: None,
        window: Window {
            not_before: Some(at("2026-11-01T03:00:00Z")),
            not_after: Some(at("2026-11-02T03:00:00Z")),
        },
        narrowed: None,
        from_snapshot: "1".to_owned(),
        to_snapshot: "2".to_owned(),
        lane: Lane::Change,
        certainty: Certainty::Proven,
        objects: 1,
        origin: Origin::Tenant,
        evidence_before: Vec::new(),
        evidence_after: Vec::new(),
        reason: None,
        recoverability: None,
    }
}

fn judge(changes: &mut [Change], as_of: Option<Timestamp>) {
    Judge::gather(&Index::default(), catalogue(), changes, as_of).unwrap().set(changes);
}

/// Judged with no record at hand.
fn judged(mut changes: Vec<Change>, as_of: &str) -> Vec<Option<Recoverability>> {
    judge(&mut changes, Some(at(as_of)));
    changes.into_iter().map(|change| change.recoverability).collect()
}

#[test]
fn every_supported_property_can_be_recovered() {
    let synced = |object_type: &str| {
        let told = catalogue().recovery_conditions(object_type);
        told.iter().any(|test| test.rule == Rule::Synchronised)
    };
    let types = catalogue().recovery_types().iter().filter(|known| known.part_of.is_empty());
    for row in types.flat_map(|known| catalogue().supported_properties(&known.name)) {
        let id = match (&*row.object_type, &*row.object) {
            ("oAuth2PermissionGrant", _) => "c|r|AllPrincipals|",
            (_, "") => "a",
            (_, own) => own,
        };
        let path = if row.property == "*" { "state" } else { &row.property };
        let kind = catalogue().recovery_type(&row.object_type).unwrap();
        let expected = if row.mapping == Mapping::Ambiguous {
            Recoverability::Ambiguous
        } else if !kind.anchors.is_empty() {
            Recoverability::WithAnchor
        } else if synced(&kind.name) {
            // Whether the object is synchronised is told by no record here.
            Recoverability::CannotTell
        } else {
            Recoverability::Recoverable
        };
        let rows = vec![change(ChangeKind::Modified, &row.carrier, id, path)];
        assert_eq!(judged(rows, "2026-11-03T00:00:00Z"), [Some(expected)], "{row:?}");
    }
}

#[test]
fn every_excluded_property_is_not() {
    for known in catalogue().recovery_types() {
        for row in catalogue().recoverable_properties(&known.name) {
            if row.standing.is_supported() || row.standing == Standing::Unclear {
                continue;
            }
            let id = if row.object.is_empty() { "a" } else { &row.object };
            let path = if row.property == "*" { "state" } else { &row.property };
            let rows = vec![change(ChangeKind::Modified, &row.carrier, id, path)];
            let expected = Some(Recoverability::OutsideProperties);
            assert_eq!(judged(rows, "2026-11-03T00:00:00Z"), [expected], "{row:?}");
        }
    }
}

#[test]
fn a_row_without_bounds_is_not_promised() {
    let mut row = change(ChangeKind::Modified, "conditionalAccessPolicy", "p", "state");
    row.window = Window::default();
    let open = judged(vec![row.clone()], "2026-11-03T00:00:00Z");
    assert_eq!(open, [Some(Recoverability::CannotTell)]);
    row.window.not_after = Some(at("2026-11-02T03:00:00Z"));
    let over = judged(vec![row], "2026-11-20T00:00:00Z");
    assert_eq!(over, [Some(Recoverability::BackupExpired)]);
}

#[test]
fn a_tighter_window_counts() {
    let mut row = change(ChangeKind::Added, "conditionalAccessPolicy", "p", "");
    assert_eq!(
        judged(vec![row.clone()], "2026-11-07T12:00:00Z"),
        [Some(Recoverability::CannotTell)]
    );
    let (from, to) = (at("2026-11-01T20:00:00Z"), at("2026-11-01T20:00:00Z"));
    row.narrowed = Some(crate::model::Narrowed { from, to, source: "createdDateTime".to_owned() });
    assert_eq!(judged(vec![row], "2026-11-07T12:00:00Z"), [Some(Recoverability::Recoverable)]);
}

#[test]
fn without_a_clock_nothing_is_said() {
    let mut rows = vec![change(ChangeKind::Modified, "conditionalAccessPolicy", "p", "state")];
    rows[0].recoverability = Some(Recoverability::Recoverable);
    judge(&mut rows, None);
    assert_eq!(rows[0].recoverability, None);
}

#[test]
fn elements_that_are_no_methods_tell_nothing() {
    let path = "authenticationMethodConfigurations";
    for (added, expected) in [
        (None, Recoverability::CannotTell),
        (Some("[]"), Recoverability::CannotTell),
        (Some("[1]"), Recoverability::CannotTell),
        (Some("not a list"), Recoverability::CannotTell),
        (Some(r#"[{"id":"Sms"}]"#), Recoverability::Recoverable),
        (Some(r#"[{"id":"Sms"},{"id":"Other"}]"#), Recoverability::OutsideProperties),
    ] {
        let mut row = change(ChangeKind::Modified, "authenticationMethodsPolicy", "p", path);
        row.added = added.map(str::to_owned);
        assert_eq!(judged(vec![row], "2026-11-03T00:00:00Z"), [Some(expected)], "{added:?}");
    }
}

prop_compose! {
    fn any_change()(
        kind in prop::sample::select(ChangeKind::ALL),
        lane in prop::sample::select(Lane::ALL),
        object_type in prop_oneof![
            prop::sample::select(catalogue().recovery_types())
                .prop_map(|known| known.name.clone()),
            Just("device".to_owned()),
            ".*",
        ],
        object_id in prop_oneof![Just("u".to_owned()), Just("a|b|AllPrincipals|".to_owned()), ".*"],
        attribute in prop_oneof![
            Just(String::new()),
            Just("members".to_owned()),
            Just("onPremisesSyncEnabled".to_owned()),
            Just("authenticationMethodConfigurations".to_owned()),
            ".*",
        ],
        before in prop::option::of(".*"),
        added in prop::option::of(".*"),
        target in prop::option::of(".*"),
        from in prop::option::of(1_760_000_000_i64..1_800_000_000),
        to in prop::option::of(1_760_000_000_i64..1_800_000_000),
    ) -> Change {
        let time = |second: Option<i64>| second.and_then(|s| Timestamp::from_second(s).ok());
        let target = target.map(|id| Target { id, ..Target::default() });
        let window = Window { not_before: time(from), not_after: time(to) };
        let row = change(kind, &object_type, &object_id, &attribute);
        Change { lane, before, added, target, window, ..row }
    }
}

proptest! {
    #[test]
    fn any_rows_are_judged(
        rows in prop::collection::vec(any_change(), 0..12),
        clock in 1_760_000_000_i64..1_800_000_000,
    ) {
        let as_of = Timestamp::from_second(clock).unwrap();
        let kept = catalogue().retention_of(BACKUPS, as_of).is_some();
        let words = judged(rows.clone(), &as_of.to_string());
        for (row, word) in rows.iter().zip(words) {
            prop_assert_eq!(word.is_some(), kept && is_judged(row));
            if row.lane != Lane::Change {
                prop_assert!(!word.is_some_and(Recoverability::is_recoverable));
            }
        }
    }
}
