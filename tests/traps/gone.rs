//! Objects that come and go, and lists that do not hold them.

use serde_json::{Value, json};

use crate::evidence::{Evidence, page, people, user, with};

fn devices(numbers: impl IntoIterator<Item = u32>) -> Vec<Value> {
    numbers
        .into_iter()
        .map(|n| json!({"id": format!("d{n:03}"), "displayName": format!("PC {n}")}))
        .collect()
}

/// The pages of a list of 60 devices, 20 on each, without those that got lost.
fn pages(evidence: &Evidence, day: i64, lost: &[u32]) {
    for number in (0..3).filter(|number| !lost.contains(number)) {
        let page = page("devices", devices(number * 20..number * 20 + 20));
        let page = if number == 2 { page } else { page.followed() };
        evidence.page(day, number, "devices", &page);
    }
}

#[test]
fn a_missing_page_removes_nothing() {
    for (lost, reason) in [(0, "list-shrunk"), (1, "list-shrunk"), (2, "list-dangling")] {
        let evidence = Evidence::new();
        pages(&evidence, 1, &[]);
        pages(&evidence, 2, &[lost]);
        let rows = evidence.rows(&[]);
        assert_eq!(rows.0.len(), 20, "page {lost}");
        for row in &rows.0 {
            assert_eq!(row.get("change"), "removed", "{row}");
            assert_eq!((row.get("lane"), row.get("certainty")), ("coverage", "unproven"), "{row}");
            assert_eq!(row.get("reason"), reason, "{row}");
        }
    }
}

#[test]
fn a_missing_page_of_many_is_never_proof() {
    for lost in [0, 9, 19] {
        let evidence = Evidence::new();
        for day in [1, 2] {
            for number in (0..20).filter(|number| day == 1 || *number != lost) {
                let page = page("devices", devices(number * 10..number * 10 + 10));
                let page = if number == 19 { page } else { page.followed() };
                evidence.page(day, number, "devices", &page);
            }
        }
        let rows = evidence.rows(&[]);
        assert_eq!(rows.0.len(), 10, "page {lost}");
        let expected = if lost == 19 {
            ("unproven", "list-dangling")
        } else {
            ("consistent", "silence-unbroken")
        };
        for row in &rows.0 {
            assert_eq!((row.get("certainty"), row.get("reason")), expected, "{row}");
        }
    }
}

#[test]
fn a_missing_page_that_comes_back_was_never_gone() {
    let evidence = Evidence::new();
    pages(&evidence, 1, &[]);
    pages(&evidence, 2, &[1]);
    pages(&evidence, 3, &[]);
    assert_eq!(evidence.timeline(), [""; 0]);
}

#[test]
fn a_page_missing_on_the_first_day_adds_nothing() {
    let evidence = Evidence::new();
    pages(&evidence, 1, &[1]);
    pages(&evidence, 2, &[]);
    assert_eq!(evidence.timeline(), [""; 0]);
    let rows = evidence.rows(&["--lane", "coverage"]);
    assert_eq!(rows.column("change"), ["firstObserved"]);
    assert_eq!(rows.column("objects"), ["20"]);
    assert_eq!(rows.column("reason"), ["list-shrunk"]);
}

#[test]
fn the_ladder_of_silence_has_its_rungs() {
    let last = || devices((1..30).rev());
    let first = || devices((0..30).rev());
    let row = |rest: &str| format!("removed device d000 (11-01T03:00..11-02T03:00) {rest}");
    let case = |before, after: crate::evidence::Page| {
        let evidence = Evidence::new();
        evidence.page(1, 0, "devices", &before);
        evidence.page(2, 0, "devices", &after);
        evidence.timeline()
    };
    let before = || page("devices", first());
    assert_eq!(case(before(), page("devices", last()).counted()), [row("change proven")]);
    assert_eq!(
        case(before(), page("devices", last()).count(31)),
        [row("coverage unproven count-mismatch")]
    );
    assert_eq!(
        case(before(), page("devices", last()).followed()),
        [row("coverage unproven list-dangling")]
    );
    assert_eq!(
        case(before(), page("devices", last())),
        [row("change consistent silence-unbroken")]
    );
    assert_eq!(
        case(before(), page("devices(id,displayName)", last())),
        [row("change consistent silence-unbroken")]
    );
    let middle = devices((0..30).filter(|n| *n != 7));
    assert_eq!(
        case(page("devices", devices(0..30)), page("devices", middle)),
        ["removed device d007 (11-01T03:00..11-02T03:00) change proven"]
    );
}

#[test]
fn a_filtered_list_says_nothing_of_the_rest() {
    let evidence = Evidence::new();
    evidence.page(1, 0, "devices", &page("devices", devices(0..8)));
    let link = "devices?$filter=accountEnabled%20eq%20true&$skiptoken=abc";
    evidence.page(2, 0, "devices", &page("devices", devices(0..4)).count(7).next(link));
    evidence.page(2, 1, "devices", &page("devices", devices(4..7)));
    assert_eq!(
        evidence.timeline(),
        ["removed device d007 (11-01T03:00..11-02T03:01) coverage unproven request-differs"]
    );
}

#[test]
fn a_dangling_link_is_coverage() {
    let evidence = Evidence::new();
    evidence.page(1, 0, "devices", &page("devices", devices(0..4)));
    evidence.page(2, 0, "devices", &page("devices", devices(0..2)).followed());
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("lane"), ["coverage"; 2]);
    assert_eq!(rows.column("reason"), ["list-dangling"; 2]);
    assert!(evidence.report(&[]).codes().contains("chain-dangling"));
}

#[test]
fn soft_delete_and_restore() {
    let evidence = Evidence::new();
    let both = || [user("u1", "A"), user("u2", "B")];
    let deleted = json!({"deletedDateTime": "2026-11-01T12:00:00Z", "userPrincipalName": "u2name-u2@example.test"});
    evidence.users(1, both()).bin(1, 10, []);
    evidence.users(2, [user("u1", "A")]).bin(2, 10, [with(user("u2", "B"), deleted)]);
    evidence.users(3, both()).bin(3, 10, []);
    let rows = evidence.rows(&[]);
    assert_eq!(
        rows.lines(),
        [
            "softDeleted user u2 (11-01T03:00..11-02T03:10) change proven",
            "restored user u2 (11-02T03:10..11-03T03:00) change proven",
        ]
    );
    let deleted = &rows.0[0];
    assert_eq!(deleted.get("narrowed_from"), "2026-11-01T12:00:00Z");
    assert_eq!(deleted.get("narrowed_to"), "2026-11-01T12:00:00Z");
    assert_eq!(deleted.get("bound_source"), "deletedDateTime");
}

#[test]
fn a_soft_deleted_user_has_its_id_before_its_name_and_that_is_no_change() {
    let evidence = Evidence::new();
    let id = "0f94820e-8042-4554-a827-57efdc8bd6cb";
    let name = format!("{}ann@example.test", id.replace('-', ""));
    evidence
        .users(1, [user("u1", "A"), json!({"id": id, "userPrincipalName": "ann@example.test"})]);
    evidence.users(2, [user("u1", "A")]);
    let deleted =
        json!({"id": id, "userPrincipalName": name, "deletedDateTime": "2026-11-01T12:00:00Z"});
    evidence.bin(2, 10, [deleted]);
    assert_eq!(
        evidence.timeline(),
        [format!("softDeleted user {id} (11-01T03:00..11-02T03:10) change proven")]
    );
}

#[test]
fn the_bin_wins_over_a_live_page_that_still_holds_it() {
    let evidence = Evidence::new();
    let deleted = with(user("u2", "B"), json!({"deletedDateTime": "2026-11-02T02:59:00Z"}));
    evidence.users(1, [user("u1", "A"), user("u2", "B")]);
    evidence.users(2, [user("u1", "A"), user("u2", "B")]).bin(2, 0, [deleted]);
    assert_eq!(
        evidence.timeline(),
        ["softDeleted user u2 (11-01T03:00..11-02T03:00) change proven"]
    );
}

#[test]
fn gone_from_the_list_and_from_a_bin_read_later_is_a_hard_delete() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A"), user("u2", "B")]);
    evidence.users(2, [user("u1", "A")]).bin(2, 10, []);
    assert_eq!(
        evidence.timeline(),
        ["hardDeleted user u2 (11-01T03:00..11-02T03:10) change proven"]
    );
}

#[test]
fn a_bin_read_before_the_list_leaves_the_order_unknown() {
    for minute in [0, 10] {
        let evidence = Evidence::new();
        evidence.users(1, [user("u1", "A"), user("u2", "B")]);
        evidence.bin(2, minute, []);
        evidence.page(2, 10, "users", &page("users", [user("u1", "A")]).counted());
        assert_eq!(
            evidence.timeline(),
            ["removed user u2 (11-01T03:00..11-02T03:10) change proven bin-order-unknown"],
            "minute {minute}"
        );
    }
}

#[test]
fn a_bin_that_was_not_read_leaves_the_kind_open() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A"), user("u2", "B")]).users(2, [user("u1", "A")]);
    assert_eq!(
        evidence.timeline(),
        ["removed user u2 (11-01T03:00..11-02T03:00) change proven bin-not-collected"]
    );
}

#[test]
fn the_days_of_the_bin_may_have_passed_between_two_snapshots() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A"), user("u2", "B")]);
    evidence.users(40, [user("u1", "A")]).bin(40, 10, []);
    assert_eq!(
        evidence.timeline(),
        ["removed user u2 (11-01T03:00..12-10T03:00) change proven bin-days-passed"]
    );
}

#[test]
fn what_leaves_the_bin_was_purged_or_has_expired() {
    let deleted = || with(user("u2", "B"), json!({"deletedDateTime": "2026-11-01T12:00:00Z"}));
    for (day, row) in [
        (3, "hardDeleted user u2 (11-02T03:10..11-03T03:10) change proven"),
        (40, "removed user u2 (11-02T03:10..12-10T03:10) change proven bin-expired"),
    ] {
        let evidence = Evidence::new();
        evidence.users(1, [user("u1", "A"), user("u2", "B")]);
        evidence.users(2, [user("u1", "A")]).bin(2, 10, [deleted()]);
        evidence.users(day, [user("u1", "A")]).bin(day, 10, []);
        assert_eq!(
            evidence.timeline(),
            ["softDeleted user u2 (11-01T03:00..11-02T03:10) change proven", row]
        );
    }
}

#[test]
fn the_same_principal_name_under_a_new_id_is_a_rebirth() {
    let evidence = Evidence::new();
    let named =
        |id| json!({"id": id, "displayName": "Ann", "userPrincipalName": "ann@example.test"});
    evidence.users(1, [user("u1", "A"), named("u2")]);
    evidence.users(2, [user("u1", "A"), named("u9")]).bin(2, 10, []);
    assert_eq!(
        evidence.timeline(),
        [
            "added user u9 (11-01T03:00..11-02T03:00) change proven rebirth",
            "hardDeleted user u2 (11-01T03:00..11-02T03:10) change proven rebirth",
        ]
    );
}

#[test]
fn the_same_display_name_under_a_new_id_is_none() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A"), user("u2", "Ann")]);
    evidence.users(2, [user("u1", "A"), user("u9", "Ann")]).bin(2, 10, []);
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("change"), ["added", "hardDeleted"]);
    assert_eq!(rows.column("reason"), ["", ""]);
}

#[test]
fn an_id_seen_again_later_was_never_gone() {
    let evidence = Evidence::new();
    let both = || [user("u1", "A"), user("u2", "B")];
    evidence.users(1, both()).users(2, [user("u1", "A")]).users(3, both());
    assert_eq!(evidence.timeline(), [""; 0]);
    assert_eq!(evidence.lane("coverage"), [""; 0]);
}

#[test]
fn an_id_that_a_later_page_still_refers_to_is_not_gone() {
    let evidence = Evidence::new();
    let group = "0f94820e-8042-4554-a827-57efdc8bd6cb";
    for day in [1, 2] {
        evidence.list(day, "groups", [json!({"id": group, "displayName": "G"})]);
        evidence.members(day, 5, group, ["u2"]);
    }
    evidence.users(1, [user("u1", "A"), user("u2", "B")]).users(2, [user("u1", "A")]);
    assert_eq!(evidence.timeline(), [""; 0]);
}

#[test]
fn a_new_object_has_the_certainty_of_the_earlier_silence() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A")]).users(2, [user("u1", "A"), user("u2", "B")]);
    assert_eq!(evidence.timeline(), ["added user u2 (11-01T03:00..11-02T03:00) change proven"]);
}

#[test]
fn a_creation_date_confirms_or_contradicts() {
    let list = |day: i64, evidence: &Evidence, created: Option<&str>| {
        let mut users = people((1..31).rev());
        if let Some(created) = created {
            users.push(with(user("u00", "New"), json!({"createdDateTime": created})));
        }
        evidence.page(day, 0, "users", &page("users", users));
    };
    let evidence = Evidence::new();
    list(1, &evidence, None);
    list(2, &evidence, Some("2026-11-01T15:00:00Z"));
    let rows = evidence.rows(&[]);
    assert_eq!(rows.lines(), ["added user u00 (11-01T03:00..11-02T03:00) change proven"]);
    assert_eq!(rows.column("narrowed_from"), ["2026-11-01T15:00:00Z"]);
    assert_eq!(rows.column("narrowed_to"), ["2026-11-01T15:00:00Z"]);
    assert_eq!(rows.column("bound_source"), ["createdDateTime"]);

    let evidence = Evidence::new();
    list(1, &evidence, None);
    list(2, &evidence, Some("2026-10-01T00:00:00Z"));
    assert_eq!(evidence.timeline(), [""; 0]);
    let rows = evidence.rows(&["--lane", "coverage", "--unfold", "coverage"]);
    assert_eq!(
        rows.lines(),
        ["firstObserved user u00 (11-01T03:00..11-02T03:00) coverage unproven created-before"]
    );
}

#[test]
fn what_the_first_snapshot_holds_is_no_change() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..5));
    evidence.list(2, "groups", [json!({"id": "g1", "displayName": "G"})]).users(2, people(1..5));
    assert_eq!(evidence.timeline(), [""; 0]);
    let rows = evidence.rows(&["--lane", "coverage"]);
    assert_eq!(rows.column("object_type"), ["group"]);
    assert_eq!(rows.column("reason"), ["no-earlier-list"]);
}
