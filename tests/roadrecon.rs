//! Databases of `ROADrecon`: from the file to the changes, and back by receipt; what is damaged, hostile or no such one.

use std::fs;

use rusqlite::Connection;

use crate::evidence::{Evidence, TENANT, day};
use crate::program::{Ran, command};

const ADELE: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e01";
const BOB: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e02";
const ADMINS: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e10";
const SALES: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e11";
const APP: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e20";
const ROLE: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Tables and columns of the tool, those that the tests need.
const SCHEMA: &str = r#"
CREATE TABLE "TenantDetails" ("objectType" TEXT, "objectId" TEXT NOT NULL, "displayName" TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "Users" ("objectType" TEXT, "objectId" TEXT NOT NULL, "accountEnabled" BOOLEAN, "displayName" TEXT,
  "jobTitle" TEXT, mobile TEXT, "otherMails" TEXT, "lastDirSyncTime" DATETIME, "createdDateTime" DATETIME,
  "strongAuthenticationDetail" TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "Groups" ("objectType" TEXT, "objectId" TEXT NOT NULL, "displayName" TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "ServicePrincipals" ("objectType" TEXT, "objectId" TEXT NOT NULL, "displayName" TEXT, tags TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "Applications" ("objectType" TEXT, "objectId" TEXT NOT NULL, "displayName" TEXT, homepage TEXT,
  "passwordCredentials" TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "RoleAssignments" (id TEXT NOT NULL, "principalId" TEXT, "resourceScopes" TEXT, "roleDefinitionId" TEXT, PRIMARY KEY (id));
CREATE TABLE "DirectoryRoles" ("objectId" TEXT NOT NULL, "displayName" TEXT, "roleTemplateId" TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "Policys" ("objectId" TEXT NOT NULL, "displayName" TEXT, "policyType" BIGINT, "policyDetail" TEXT, PRIMARY KEY ("objectId"));
CREATE TABLE "AZresources" (id TEXT NOT NULL, name TEXT, PRIMARY KEY (id));
CREATE TABLE lnk_group_member_user ("Group" TEXT, "User" TEXT);
CREATE TABLE lnk_group_member_group ("Group" TEXT, "childGroup" TEXT);
CREATE TABLE lnk_group_member_contact ("Group" TEXT, "Contact" TEXT);
CREATE TABLE lnk_group_member_device ("Group" TEXT, "Device" TEXT);
CREATE TABLE lnk_group_member_serviceprincipal ("Group" TEXT, "ServicePrincipal" TEXT);
CREATE TABLE lnk_group_owner_user ("Group" TEXT, "User" TEXT);
CREATE TABLE lnk_role_member_user ("DirectoryRole" TEXT, "User" TEXT);
CREATE TABLE lnk_role_member_group ("DirectoryRole" TEXT, "Group" TEXT);
CREATE TABLE lnk_role_member_serviceprincipal ("DirectoryRole" TEXT, "ServicePrincipal" TEXT);
"#;

/// The bytes of a database of the tool with these statements run on it.
fn database(statements: &str) -> Vec<u8> {
    made(&format!("{SCHEMA}{}{statements}", rows()))
}

fn made(statements: &str) -> Vec<u8> {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(statements).unwrap();
    connection.serialize("main").unwrap().to_vec()
}

fn rows() -> String {
    // One more in a list of a few would be a tenth of it and more.
    let others: String = (0..12)
        .map(|number| {
            format!("INSERT INTO \"RoleAssignments\" VALUES ('o{number}', '{ADELE}', '[\"/\"]', '{number}');")
        })
        .collect();
    others
        + &format!(
            r#"
INSERT INTO "TenantDetails" VALUES ('Company', '{TENANT}', 'Contoso');
INSERT INTO "Users" VALUES ('User', '{ADELE}', 1, 'Adele', 'Clerk', '+1', '["a@x.test","b@x.test"]',
  '2026-10-01 10:00:00.123456', '2024-01-01 10:00:00.000000', '{{"methods":[]}}');
INSERT INTO "Users" VALUES ('User', '{BOB}', 1, '["Bob"]', NULL, NULL, '[]', NULL, '2024-01-01 10:00:00.000000', NULL);
INSERT INTO "Groups" VALUES ('Group', '{ADMINS}', 'Admins'), ('Group', '{SALES}', 'Sales');
INSERT INTO "ServicePrincipals" VALUES ('ServicePrincipal', '{APP}', 'App', '["x"]');
INSERT INTO "Applications" VALUES ('Application', '{APP}', 'App', 'https://a.test', '[{{"keyId":"k1","endDate":"2027-01-01T00:00:00Z","value":null}}]');
INSERT INTO "RoleAssignments" VALUES ('r1', '{ADELE}', '["/"]', '{ROLE}');
INSERT INTO "DirectoryRoles" VALUES ('{SALES}', 'Global Administrator', '{ROLE}');
INSERT INTO "Policys" VALUES ('{SALES}', 'Require MFA', 18, '["{{\"State\":\"Enabled\"}}"]');
INSERT INTO "AZresources" VALUES ('z', 'vm');
INSERT INTO lnk_group_member_user VALUES ('{ADMINS}', '{ADELE}'), ('{SALES}', '{BOB}');
INSERT INTO lnk_group_owner_user VALUES ('{ADMINS}', '{ADELE}');
INSERT INTO lnk_role_member_user VALUES ('{SALES}', '{ADELE}');
"#
        )
}

fn put(evidence: &Evidence, number: i64, bytes: impl AsRef<[u8]>) {
    evidence.file(format!("{}T030000Z/roadrecon.db", day(number)), bytes);
}

fn lines(evidence: &Evidence) -> Vec<String> {
    let columns =
        ["object_type", "change", "attribute", "target_id", "before", "after", "certainty"];
    let rows = evidence.rows(&["--lane", "change"]);
    let mut lines: Vec<String> =
        rows.0.iter().map(|row| columns.map(|column| row.get(column)).join(" ")).collect();
    lines.sort();
    lines
}

/// What a day changes.
fn changes() -> String {
    format!(
        r#"
UPDATE "Users" SET "accountEnabled" = 0, "otherMails" = '["b@x.test", "a@x.test"]', mobile = NULL,
  "strongAuthenticationDetail" = NULL WHERE "objectId" = '{ADELE}';
UPDATE "Users" SET "displayName" = '["Rob"]', "jobTitle" = 'Chief' WHERE "objectId" = '{BOB}';
UPDATE "Applications" SET homepage = 'https://evil.test', "passwordCredentials" =
  '[{{"keyId":"k2","endDate":"2028-01-01T00:00:00Z","value":null}},{{"keyId":"k1","endDate":"2027-01-01T00:00:00Z","value":null}}]';
UPDATE "ServicePrincipals" SET tags = '[]';
UPDATE "Policys" SET "policyDetail" = '["{{\"State\":\"Disabled\"}}"]';
INSERT INTO "RoleAssignments" VALUES ('r2', '{BOB}', '["/"]', '{ROLE}');
INSERT INTO lnk_role_member_user VALUES ('{SALES}', '{BOB}');
DELETE FROM lnk_group_member_user WHERE "Group" = '{SALES}';
INSERT INTO lnk_group_member_group VALUES ('{ADMINS}', '{SALES}');
"#
    )
}

#[test]
fn from_the_database_to_the_changes_and_back() {
    let evidence = Evidence::new();
    put(&evidence, 1, database(""));
    put(&evidence, 2, database(&changes()));
    let expected = [
        "application modified passwordCredentials".to_owned(),
        r#"application modified web.homePageUrl  "https://a.test" "https://evil.test" proven"#.to_owned(),
        r#"conditionalAccessPolicy modified policyDetail  [{"State":"Enabled"}] [{"State":"Disabled"}] proven"#.to_owned(),
        format!("group linkAdded members {SALES}   consistent"),
        format!("group linkRemoved members {BOB}   consistent"),
        r#"servicePrincipal modified tags  ["x"]  proven"#.to_owned(),
        format!("unifiedRoleAssignment added  {ROLE}   consistent"),
        "user modified accountEnabled  true false proven".to_owned(),
        r#"user modified displayName  "[\"Bob\"]" "[\"Rob\"]" proven"#.to_owned(),
        r#"user modified jobTitle   "Chief" proven"#.to_owned(),
        r#"user modified mobilePhone  "+1"  proven"#.to_owned(),
    ];
    let found = lines(&evidence);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    report.assert_balanced();
    let exhibits = report.table("evidence.csv");
    assert_eq!(exhibits.column("format"), ["ROADrecon database", "ROADrecon database"]);
    assert_eq!(exhibits.column("tenant_id"), [TENANT, TENANT]);
    assert_eq!(exhibits.column("time_source"), ["folder name", "folder name"]);
    assert!(report.codes().contains("table-not-read"));
    let asked = report.table("coverage.csv").having("attribute", "strongAuthenticationDetail");
    assert_eq!(asked.column("state"), ["collected", "not requested"]);
    let rows = evidence.rows(&[]);
    let mut shown = 0;
    for row in &rows.0 {
        for column in ["evidence_before", "evidence_after"] {
            for receipt in row.get(column).split(';').filter(|receipt| receipt.contains('!')) {
                let ran = evidence.run("show", &["--receipt", receipt]).ended(0);
                assert!(ran.stderr.contains("verified"), "{receipt}");
                assert!(ran.json().is_object(), "{receipt}");
                shown += 1;
            }
        }
    }
    assert!(shown > 15, "{shown}");
    let bob = rows.having("attribute", "jobTitle");
    let receipt = bob.0[0].get("evidence_after");
    assert!(receipt.ends_with(":Users!2"), "{receipt}");
    let row = evidence.run("show", &["--receipt", receipt]).json();
    assert_eq!((&row["accountEnabled"], &row["displayName"]), (&1.into(), &"[\"Rob\"]".into()));
    let exhibit = receipt.split(':').next().unwrap();
    for missing in ["Users!3", "AZresources!1", "nothing!1", "1+1000000000"] {
        evidence.run("show", &["--receipt", &format!("{exhibit}:{missing}")]).ended(1);
    }
    evidence.run("show", &["--receipt", &format!("{exhibit}:Users!x")]).ended(2);
}

#[test]
fn a_database_in_an_archive_and_with_a_case_is_the_same() {
    let evidence = Evidence::new();
    put(&evidence, 1, database(""));
    put(&evidence, 2, database(&changes()));
    let plain = lines(&evidence);
    let case = evidence.beside("case");
    let case = case.to_str().unwrap();
    for _ in 0..2 {
        let with_case = evidence.rows(&["--lane", "change", "--case", case]);
        assert_eq!(with_case.0.len(), plain.len());
    }
    let receipt = evidence.rows(&["--attribute", "jobTitle"]).0[0].get("evidence_after").to_owned();
    let shown = evidence.run("show", &["--receipt", &receipt, "--case", case]).ended(0);
    assert!(shown.json().is_object());
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for number in [1, 2] {
        let name = format!("{}T030000Z/roadrecon.db", day(number));
        let bytes = fs::read(evidence.root().join(&name)).unwrap();
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &bytes).unwrap();
    }
    let packed = Evidence::new();
    packed.file("case.zip", archive.finish().unwrap().into_inner());
    assert_eq!(lines(&packed), plain);
    let receipt = packed.rows(&["--attribute", "jobTitle"]).0[0].get("evidence_after").to_owned();
    packed.run("show", &["--receipt", &receipt]).ended(0);
}

#[test]
fn a_database_that_changed_is_found() {
    let evidence = Evidence::new();
    put(&evidence, 1, database(""));
    put(&evidence, 2, database(&changes()));
    let case = evidence.beside("case");
    let case = case.to_str().unwrap();
    evidence.rows(&["--case", case]);
    let receipt = evidence.rows(&["--attribute", "jobTitle"]).0[0].get("evidence_after").to_owned();
    let path = evidence.root().join(format!("{}T030000Z/roadrecon.db", day(2)));
    let kept = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(kept).unwrap();
    let shown = evidence.run("show", &["--receipt", &receipt]);
    assert_ne!(shown.code, 0, "{}", shown.stderr);
}

#[test]
fn a_log_beside_the_database_is_said_and_its_silence_proves_nothing() {
    let evidence = Evidence::new();
    put(&evidence, 1, database(""));
    put(&evidence, 2, database(&format!("DELETE FROM \"Users\" WHERE \"objectId\" = '{BOB}';")));
    let name = format!("{}T030000Z/roadrecon.db-wal", day(2));
    evidence.file(name, [b"\x37\x7f\x06\x82".as_slice(), &[0; 60]].concat());
    let report = evidence.report(&[]);
    report.ran.clone().ended(3);
    assert!(report.codes().contains("database-log"));
    let removed = report.table("changes.csv").having("change", "removed");
    assert_eq!(removed.column("certainty"), ["unproven"]);
    assert_eq!(removed.column("lane"), ["coverage"]);
}

#[test]
fn what_can_be_read_of_a_damaged_database_is_read() {
    let evidence = Evidence::new();
    let mut many = String::new();
    for number in 0..2000 {
        let row = format!(
            "INSERT INTO \"Users\" (\"objectId\", \"displayName\") VALUES ('9ac8af4f-735c-4fa4-85b9-{number:012x}', 'User {number} of Contoso');"
        );
        many.push_str(&row);
    }
    let whole = database(&many);
    put(&evidence, 1, &whole);
    let mut damaged = whole.clone();
    let at =
        damaged.windows(17).position(|text| text == b"User 700 of Conto").unwrap() / 4096 * 4096;
    damaged[at..at + 4096].fill(0xA5);
    put(&evidence, 2, &damaged);
    let report = evidence.report(&[]);
    report.ran.clone().ended(3);
    report.assert_balanced();
    assert!(report.codes().contains("database-damaged"), "{:?}", report.warnings());
    let used: Vec<u64> = report
        .table("evidence.csv")
        .column("used")
        .iter()
        .map(|used| used.parse().unwrap())
        .collect();
    assert!(used[1] > 1500 && used[1] < used[0], "{used:?}");
    let changes = report.table("changes.csv").having("lane", "change");
    assert!(changes.0.is_empty(), "{:?}", changes.lines());
    for (number, cut) in [(3, whole.len() / 2), (4, 100), (5, 16)] {
        put(&evidence, number, &whole[..cut]);
    }
    let ran = evidence.run("timeline", &["--format", "csv"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

#[test]
fn no_flipped_byte_makes_it_panic() {
    let bytes = database("");
    for start in (0..bytes.len()).step_by(997) {
        let evidence = Evidence::new();
        let mut damaged = bytes.clone();
        for at in (start..bytes.len()).step_by(8009) {
            damaged[at] ^= 0x2B;
        }
        put(&evidence, 1, &damaged);
        let ran = evidence.run("timeline", &["--format", "csv"]);
        assert!([0, 3, 5].contains(&ran.code), "{start}: {} {}", ran.code, ran.stderr);
    }
}

#[test]
fn views_blobs_and_other_databases_are_named_and_nothing_of_them_runs() {
    let evidence = Evidence::new();
    put(
        &evidence,
        1,
        database(
            r#"DROP TABLE "Groups";
            CREATE VIEW "Groups" AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS "objectId" FROM n;
            CREATE TRIGGER t AFTER INSERT ON "Users" BEGIN DELETE FROM "Users"; END;
            INSERT INTO "Devices" VALUES (1);"#
                .replace("INSERT INTO \"Devices\" VALUES (1);", "CREATE TABLE \"Devices\" (\"objectId\" TEXT, wide TEXT); INSERT INTO \"Devices\" VALUES (x'00', 1), ('d', zeroblob(9)), ('e', 1.5);")
                .as_str(),
        ),
    );
    evidence.file("other.db", made("CREATE TABLE t (x); INSERT INTO t VALUES (1);"));
    let report = evidence.report(&[]);
    report.ran.clone().ended(3);
    report.assert_balanced();
    let codes = report.codes();
    for code in ["database-views", "database-unknown", "row-cell", "page-without-parent"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let exhibits = report.table("evidence.csv");
    let mut formats = exhibits.column("format");
    formats.sort_unstable();
    assert_eq!(formats, ["ROADrecon database", "SQLite database"]);
    let shown = Ran::of(command().args(["explain", "database-log"]));
    assert!(shown.ended(0).text().contains("sqlite3"));
}
