//! The coverage ledger, and the advice that is drawn from it.

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, day, page, stamp, user, with};
use crate::program::{Row, Rows};

/// `snapshot state objects/of detail` of the rows that speak of all requests together.
fn ledger(rows: &Rows, object_type: &str, attribute: &str) -> Vec<String> {
    let of = rows.having("object_type", object_type).having("attribute", attribute);
    of.having("request", "").having("object_id", "").0.iter().map(line).collect()
}

fn line(row: &Row) -> String {
    let of = match row.get("of") {
        "" => String::new(),
        of => format!("/{of}"),
    };
    let line = format!(
        "{} {} {}{of} {}",
        row.get("snapshot").get(8..).unwrap(),
        row.get("state"),
        row.get("objects"),
        row.get("detail")
    );
    line.trim_end().to_owned()
}

fn coverage(evidence: &Evidence) -> Rows {
    evidence.report(&[]).table("coverage.csv")
}

fn inspect(evidence: &Evidence, options: &[&str]) -> Value {
    evidence.run("inspect", &[&["--json"], options].concat()).json()
}

/// `answer` and what is missing.
fn answer(inspected: &Value, id: &str) -> (String, Vec<String>) {
    let answers = inspected["advice"][0]["answers"].as_array().unwrap();
    let answer = answers.iter().find(|answer| answer["id"] == id).unwrap();
    let missing = answer["missing"].as_array().unwrap();
    let missing = missing.iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    (answer["answer"].as_str().unwrap().to_owned(), missing)
}

fn deadlines(inspected: &Value, id: &str) -> Vec<Value> {
    let all = inspected["advice"][0]["deadlines"].as_array().unwrap();
    all.iter().filter(|deadline| deadline["id"] == id).cloned().collect()
}

fn messages(inspected: &Value, code: &str) -> Vec<String> {
    let warnings = inspected["warnings"].as_array().unwrap();
    let of_code = warnings.iter().filter(|warning| warning["code"] == code);
    of_code.map(|warning| warning["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_is_partial_by_a_dangling_link_a_filter_or_a_delta_view() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A")]);
    evidence.page(2, 0, "users", &page("users", [user("u1", "A")]).followed());
    let filtered = "users?$filter=accountEnabled%20eq%20true&$skiptoken=x";
    evidence.page(3, 0, "users", &page("users", [user("u1", "A")]).next(filtered));
    evidence.page(3, 1, "users", &page("users", [user("u2", "B")]));
    evidence.page(4, 0, "users", &page("users/$delta", [user("u1", "A")]));
    let found = ledger(&coverage(&evidence), "user", "");
    assert_eq!(found[0], "01 collected 1");
    assert_eq!(found[1], "02 partial 1 the last page names a next one that is not there");
    assert!(found[2].starts_with("03 partial 2 a filter was applied: "), "{found:?}");
    assert_eq!(
        found[3],
        "04 partial 1 delta pages: what changed, and nothing of what a recovery did"
    );
}

#[test]
fn a_whole_list_beside_a_broken_one_is_whole() {
    let evidence = Evidence::new();
    evidence.page(1, 0, "users", &page("users(id,mail)", [user("u1", "A")]).followed());
    evidence.page(1, 5, "users", &page("users", [user("u1", "A")]).counted());
    let found = ledger(&coverage(&evidence), "user", "");
    let whole = "01 collected 1 one list is whole; beside it: the last page names a next one that is not there";
    assert_eq!(found, [whole]);
}

#[test]
fn refused_empty_and_never_asked_are_three_things() {
    let evidence = Evidence::new();
    let error = json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}});
    evidence.page(1, 0, "groups", &page("groups", Vec::<Value>::new()).counted());
    evidence.json(1, 0, "applications", &error);
    evidence.users(1, [user("u1", "A")]);
    evidence.page(2, 0, "devices", &page("devices", [json!({"id": "d1"})]));
    let rows = coverage(&evidence);
    assert_eq!(ledger(&rows, "group", "")[0], "01 empty 0");
    assert_eq!(
        ledger(&rows, "application", "")[0],
        "01 denied 0 refused: Authorization_RequestDenied"
    );
    assert_eq!(ledger(&rows, "device", "")[0], "01 not requested 0 another snapshot has it");
    let never = ledger(&rows, "conditionalAccessPolicy", "");
    assert_eq!(never.len(), 2);
    assert!(never[0].starts_with("01 not requested 0 asked for in no snapshot; "), "{never:?}");
    assert!(never[0].contains("conditional-access"), "{never:?}");
}

#[test]
fn an_attribute_is_counted_by_object_and_request() {
    let evidence = Evidence::new();
    let named = |n: u32| json!({"id": format!("u{n}"), "displayName": format!("U {n}")});
    evidence.page(1, 0, "users", &page("users(id,displayName)", (1..=4).map(named)));
    let detail = with(named(1), json!({"department": "Sales"}));
    evidence.page(1, 5, "more", &page("users(id,displayName,department)", [detail]));
    evidence.page(2, 0, "users", &page("users(id,displayName)", (1..=4).map(named)));
    let asked = "users(id,displayName,department)";
    evidence.page(3, 0, "users", &page(asked, (1..=4).map(named)));
    let rows = coverage(&evidence);
    assert_eq!(
        ledger(&rows, "user", "department"),
        [
            "01 partial 1/4 on 1 of 4 objects; only some objects were asked for in detail",
            "02 not requested 0/4 another snapshot has it",
            "03 empty 4/4 asked for by name, and no object has it",
        ]
    );
    assert_eq!(ledger(&rows, "user", "displayName")[0], "01 collected 4/4");
    let by_request = rows.having("attribute", "department").having("request", asked);
    assert_eq!(by_request.0.iter().map(line).collect::<Vec<_>>(), ["01 collected 1/1"]);
}

#[test]
fn silence_of_a_format_that_leaves_out_what_is_empty_is_unknown() {
    let evidence = Evidence::new();
    let list = |number: i64, items: Value| {
        let name = format!("{TENANT}/{}/users_{}.json", day(number), stamp(number, 0));
        evidence.file(name, items.to_string());
    };
    list(1, json!([{"id": "u1", "userPrincipalName": "a@c.com", "department": "Sales"}]));
    list(2, json!([{"id": "u1", "userPrincipalName": "a@c.com"}]));
    list(
        3,
        json!([
            {"id": "u1", "userPrincipalName": "a@c.com", "department": "Sales"},
            {"id": "u2", "userPrincipalName": "b@c.com"},
        ]),
    );
    let found = ledger(&coverage(&evidence), "user", "department");
    assert_eq!(found[0], "01 collected 1/1");
    assert!(
        found[1].starts_with("02 unknown 0/1 the format leaves out what is empty"),
        "{found:?}"
    );
    assert!(found[2].starts_with("03 partial 1/2 on 1 of 2 objects; on 1 the format"), "{found:?}");
}

#[test]
fn a_kind_that_no_object_is_of_is_not_called_unasked() {
    let evidence = Evidence::new();
    let location = |id: &str, more: Value| with(json!({"id": id, "displayName": id}), more);
    let path = "identity/conditionalAccess/namedLocations";
    let country = || location("n1", json!({"countriesAndRegions": ["DE"]}));
    let address = || location("n2", json!({"isTrusted": true}));
    evidence.page(1, 0, "namedLocations", &page(path, [country(), address()]).counted());
    evidence.page(2, 0, "namedLocations", &page(path, [address()]).counted());
    let found = ledger(&coverage(&evidence), "namedLocation", "countriesAndRegions");
    assert_eq!(found[0], "01 collected 1/2 on 1 of 2 objects; the others are of a kind without it");
    assert!(found[1].starts_with("02 unknown 0/1 the same request shows it"), "{found:?}");
}

#[test]
fn a_relation_is_counted_by_its_sources() {
    let evidence = Evidence::new();
    let twenty: Vec<Value> = (0..20).map(|n| json!({"id": format!("m{n}")})).collect();
    let group = |id: &str, members: Value| json!({"id": id, "displayName": id, "members": members});
    let groups = [
        group("g1", json!([{"id": "m1"}])),
        group("g2", json!([])),
        group("g3", Value::Array(twenty)),
        json!({"id": "g4", "displayName": "g4"}),
    ];
    evidence.page(1, 0, "groups", &page("groups(id,displayName)", groups).counted());
    let error = json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}});
    evidence.json(1, 1, "groups_9ac8af4f-735c-4fa4-85b9-a20961210e09_members", &error);
    let rows = coverage(&evidence);
    let members = rows.having("object_type", "group").having("attribute", "members");
    let all = &members.having("object_id", "").0[0];
    assert_eq!((all.get("state"), all.get("objects"), all.get("of")), ("partial", "21", "4"));
    let counts = ["sources_collected", "sources_empty", "sources_partial", "sources_not_collected"];
    assert_eq!(counts.map(|column| all.get(column)), ["1", "1", "1", "1"]);
    assert_eq!(
        all.get("detail"),
        "lists of 3 objects, 1 of them empty; 1 not whole: exactly 20 expanded: there may be more; 1 objects without a list; 1 refused: Authorization_RequestDenied"
    );
    let lone: Vec<(&str, &str)> = members
        .0
        .iter()
        .filter(|row| !row.get("object_id").is_empty())
        .map(|row| (row.get("object_id"), row.get("state")))
        .collect();
    assert_eq!(lone, [("9ac8af4f-735c-4fa4-85b9-a20961210e09", "denied"), ("g3", "partial")]);
}

#[test]
fn what_is_listed_below_some_parents_only_is_partial() {
    let evidence = Evidence::new();
    let ids = ["9ac8af4f-735c-4fa4-85b9-a20961210e01", "9ac8af4f-735c-4fa4-85b9-a20961210e02"];
    let principals = ids.map(|id| json!({"id": id, "displayName": "S"}));
    evidence.page(1, 0, "servicePrincipals", &page("servicePrincipals", principals).counted());
    let path = format!("servicePrincipals('{}')/appRoleAssignedTo", ids[0]);
    let grant =
        json!({"id": "x", "principalId": ids[1], "resourceId": ids[0], "appRoleId": ids[1]});
    evidence.page(1, 1, "assigned", &page(&path, [grant]).counted());
    let found = ledger(&coverage(&evidence), "appRoleAssignment", "");
    assert_eq!(found, ["01 partial 1 asked for below 1 of 2 servicePrincipal objects"]);
}

#[test]
fn a_missing_day_is_said_with_its_hours() {
    let evidence = Evidence::new();
    for number in [1, 2, 3, 5, 6] {
        evidence.users(number, [user("u1", "A")]);
    }
    let inspected = inspect(&evidence, &[]);
    let gap = "between snapshots `2026-11-03` and `2026-11-05` lie 48 h, where 24 h are usual: one snapshot is missing";
    assert_eq!(messages(&inspected, "snapshot-gap"), [gap]);
    let html = evidence.report(&[]).html();
    assert!(html.contains("where 24 h are usual"));
}

#[test]
fn a_long_capture_is_said_with_what_was_read_first_and_last() {
    let evidence = Evidence::new();
    evidence.users(1, [user("u1", "A")]);
    let group = json!({"id": "g1", "displayName": "G"});
    let groups = page("groups", [group]).counted().json().to_string();
    evidence.file(format!("{TENANT}/{}/groups_20261101T043500Z.json", day(1)), groups);
    let told = messages(&inspect(&evidence, &[]), "capture-smear");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("2026-11-01T03:00:00Z to 2026-11-01T04:35:00Z (1 h 35 min)"),
        "{told:?}"
    );
    assert!(told[0].contains("user first, group last"), "{told:?}");
}

#[test]
fn a_list_that_was_read_again_is_said_with_its_times() {
    let evidence = Evidence::new();
    for minute in [0, 10, 20] {
        evidence.page(1, minute, "users", &page("users", [user("u1", "A")]).counted());
    }
    let told = messages(&inspect(&evidence, &[]), "list-read-again");
    assert_eq!(
        told,
        [
            "snapshot `2026-11-01` holds 3 lists of user, of 2026-11-01T03:00:00Z, 2026-11-01T03:10:00Z, 2026-11-01T03:20:00Z: each is an observation of its own"
        ]
    );
}

#[test]
fn what_a_request_gained_and_lost_is_said() {
    let evidence = Evidence::new();
    let person = json!({"id": "u1", "displayName": "A"});
    evidence.page(1, 0, "users", &page("users(id,displayName)", [person.clone()]));
    evidence.page(1, 0, "groups", &page("groups", [json!({"id": "g1"})]));
    let more = with(person, json!({"department": "Sales"}));
    evidence.page(2, 0, "users", &page("users(id,displayName,department)", [more]));
    assert_eq!(
        messages(&inspect(&evidence, &[]), "request-changed"),
        [
            "snapshot `2026-11-02` asked for what `2026-11-01` did not: of user: department",
            "snapshot `2026-11-02` did not ask for what `2026-11-01` has: group",
        ]
    );
}

#[test]
fn a_conflict_is_listed_with_both_values_and_their_receipts() {
    let evidence = Evidence::new();
    for (select, name) in [("id,displayName", "A"), ("displayName,id", "B")] {
        let items = [json!({"id": "u1", "displayName": name})];
        evidence.page(1, 0, name, &page(&format!("users({select})"), items));
    }
    let inspected = inspect(&evidence, &[]);
    let conflicts = inspected["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0]["attribute"], "displayName");
    let values = conflicts[0]["values"].as_array().unwrap();
    let mut told: Vec<&Value> = values.iter().map(|value| &value["value"]).collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, [&json!("A"), &json!("B")]);
    for value in values {
        let receipt = value["receipts"][0].as_str().unwrap();
        let shown = evidence.run("show", &["--receipt", receipt]).ended(0).text();
        assert!(shown.contains(value["value"].as_str().unwrap()), "{shown}");
    }
    let text = evidence.run("inspect", &[]).text();
    assert!(text.contains("1 conflict on 1 object"), "{text}");
    assert!(evidence.report(&[]).html().contains("Captures of one snapshot that disagree"));
}

#[test]
fn dates_are_those_of_evidence_and_of_the_clock_that_was_given() {
    let evidence = Evidence::new();
    let id = "9ac8af4f-735c-4fa4-85b9-a20961210e01";
    let gone = with(user(id, "Megan"), json!({"deletedDateTime": "2026-11-02T21:14:05Z"}));
    evidence.users(3, [user("u1", "A"), user(id, "Megan")]);
    evidence.users(4, [user("u1", "B")]);
    evidence.bin(4, 9, [gone]);
    let inspected = inspect(&evidence, &["--as-of", "2026-11-10T00:00:00Z"]);
    let audit = deadlines(&inspected, "audit-log");
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["from"], "2026-11-03T03:00:00Z");
    assert_eq!(audit[0]["by"], "2026-12-03T03:00:00Z");
    assert_eq!(audit[0]["short_by"], "2026-11-10T03:00:00Z");
    assert_eq!(audit[0]["is_over"], false);
    let backup = deadlines(&inspected, "backup");
    assert_eq!(
        (&backup[0]["by"], &backup[0]["short_by"]),
        (&json!("2026-11-10T03:00:00Z"), &json!("2026-11-08T03:00:00Z"))
    );
    let bin = deadlines(&inspected, "recycle-bin");
    assert_eq!(bin[0]["by"], "2026-12-02T21:14:05Z");
    assert!(bin[0]["subject"].as_str().unwrap().starts_with("user "), "{bin:?}");
    let later = inspect(&evidence, &["--as-of", "2026-12-03T03:00:01Z"]);
    assert_eq!(deadlines(&later, "audit-log")[0]["is_over"], true);
    let text = evidence.run("inspect", &["--as-of", "2026-11-10T00:00:00Z"]).text();
    assert!(text.contains("before 2026-12-03 03:00"), "{text}");
}

#[test]
fn a_question_is_answered_from_what_was_collected() {
    let evidence = Evidence::new();
    for number in [1, 2] {
        evidence.users(number, [user("u1", "A")]);
    }
    evidence.bin(2, 9, []);
    let inspected = inspect(&evidence, &[]);
    assert_eq!(
        answer(&inspected, "deleted-users"),
        ("in part".to_owned(), vec!["recycle bin of user: not requested in 2026-11-01".to_owned()])
    );
    assert_eq!(
        answer(&inspected, "deleted-groups"),
        ("no".to_owned(), vec!["group, recycle bin of group: not requested".to_owned()])
    );
    evidence.bin(1, 9, []);
    assert_eq!(answer(&inspect(&evidence, &[]), "deleted-users"), ("yes".to_owned(), Vec::new()));
}

#[test]
fn inspect_describes_pages_trees_and_collectors() {
    let pages = Evidence::new();
    pages.users(1, [user("u1", "A")]);
    let tree = Evidence::new();
    let file = format!("export/{}/Users/{TENANT}/{TENANT}.json", day(1));
    tree.file(file, json!({"id": TENANT, "userPrincipalName": "a@c.com"}).to_string());
    let hound = Evidence::new();
    let item = json!({
        "data": [{"kind": "AZUser", "data": {"id": TENANT, "displayName": "A",
            "userPrincipalName": "a@contoso.com", "tenantId": TENANT, "tenantName": "Contoso"}}],
        "meta": {"type": "azure", "version": 5, "count": 1},
    });
    hound.file(format!("azurehound_{}.json", stamp(1, 0)), item.to_string());
    for (evidence, format) in
        [(pages, "Graph collection page"), (tree, "exporter tree"), (hound, "AzureHound")]
    {
        let inspected = inspect(&evidence, &[]);
        let formats: Vec<&Value> =
            inspected["exhibits"].as_array().unwrap().iter().map(|row| &row["format"]).collect();
        let text = evidence.run("inspect", &[]).text();
        assert!(formats.contains(&&json!(format)), "{formats:?} {text}");
        assert!(text.contains(&format!("formats: {format} 1")), "{text}");
        assert!(text.contains("user 1"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80 || !line.trim().contains(' ')),
            "{text}"
        );
    }
}
