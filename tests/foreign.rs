//! Exports that are no JSON: from the file to the changes, and back by receipt.

use crate::evidence::{Evidence, TENANT, day, stamp};

const ADELE: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e01";
const BOB: &str = "9ac8af4f-735c-4fa4-85b9-a20961210e02";

const PORTAL: &str = "userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,department,\
accountEnabled,usageLocation,officeLocation,telephoneNumber,alternateEmailAddress,directorySynced,createdDateTime";

/// A file of a day.
pub(crate) fn put(evidence: &Evidence, number: i64, name: &str, bytes: impl AsRef<[u8]>) {
    let (stem, ending) = name.rsplit_once('.').unwrap();
    let name = format!("{TENANT}/{}/{stem}_{}.{ending}", day(number), stamp(number, 0));
    evidence.file(name, bytes);
}

/// UTF-16 as Windows PowerShell writes it.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// The admin center's download of users with these rows.
pub(crate) fn portal(rows: &[&str]) -> String {
    format!("\u{feff}{PORTAL}\r\n{}\r\n", rows.join("\r\n"))
}

/// Object, attribute, before, after, lane, certainty.
fn rows(evidence: &Evidence) -> Vec<String> {
    let columns = ["object_id", "change", "attribute", "before", "after", "lane", "certainty"];
    let rows = evidence.rows(&[]);
    let mut lines: Vec<String> =
        rows.0.iter().map(|row| columns.map(|column| row.get(column)).join(" ")).collect();
    lines.sort();
    lines
}

/// Every receipt of every row leads to bytes of the evidence that hold the object's id.
fn assert_receipts(evidence: &Evidence, holding: &[&str]) {
    let rows = evidence.rows(&[]);
    assert!(!rows.0.is_empty());
    for row in &rows.0 {
        for column in ["evidence_before", "evidence_after"] {
            let receipts = row.get(column).split(';').filter(|receipt| receipt.contains(':'));
            for receipt in receipts {
                let shown = evidence.run("show", &["--receipt", receipt]).ended(0).text();
                assert!(shown.contains(row.get("object_id")), "{receipt} shows {shown}");
                assert!(holding.iter().all(|text| shown.contains(text)), "{receipt} shows {shown}");
            }
        }
    }
}

#[test]
fn the_portal_csv_of_users() {
    let evidence = Evidence::new();
    let bob = format!("bob@contoso.com,\"Bob, B\",,,,{BOB},Member,,,True,,,,,,");
    let adele = |job: &str, enabled: &str, phone: &str, synced: &str, created: &str| {
        format!(
            "adele@contoso.com,Adele Vance,Vance,,Adele,{ADELE},Member,{job},Sales,{enabled},US,,{phone},,{synced},{created}"
        )
    };
    let before = adele("Manager", "True", "+1 555", "False", "8/19/2021 1:25:31 PM");
    let after = adele("", "False", "+1 556", "True", "19.08.2021 13:25:31");
    put(&evidence, 1, "exportUsers.csv", portal(&[&before, &bob]));
    put(&evidence, 2, "exportUsers.csv", portal(&[&bob, &after, "woodgrove,too few"]));
    assert_eq!(
        rows(&evidence),
        [
            format!("{ADELE} modified accountEnabled true false change proven"),
            format!("{ADELE} modified businessPhones [\"+1 555\"] [\"+1 556\"] change proven"),
            format!("{ADELE} modified jobTitle \"Manager\"  change proven"),
        ]
    );
    assert_receipts(&evidence, &["adele@contoso.com,Adele Vance,Vance,,Adele,"]);
    let report = evidence.report(&[]);
    report.ran.clone().ended(3);
    report.assert_balanced();
    assert!(report.codes().contains("columns-not-carried"));
    let exhibits = report.table("evidence.csv").having("format", "portal CSV");
    assert_eq!(exhibits.column("seen"), ["2", "3"]);
    assert_eq!(exhibits.column("used"), ["2", "2"]);
    assert_eq!(exhibits.column("quarantined"), ["0", "1"]);
}

#[test]
fn a_csv_of_powershell_says_nothing_by_an_empty_cell() {
    let evidence = Evidence::new();
    let head = "#TYPE Selected.Microsoft.Graph.PowerShell.Models.MicrosoftGraphGroup\r\n\
                \"Id\";\"DisplayName\";\"Description\";\"SecurityEnabled\";\"GroupTypes\"\r\n";
    let row = |description: &str| {
        format!("{head}\"{ADELE}\";\"Admins\";\"{description}\";\"True\";\"System.String[]\"\r\n")
    };
    put(&evidence, 1, "groups.csv", utf16(&row("of Contoso")));
    put(&evidence, 2, "groups.csv", utf16(&row("of Woodgrove")));
    put(&evidence, 3, "groups.csv", utf16(&row("")));
    let expected =
        format!("{ADELE} modified description \"of Contoso\" \"of Woodgrove\" change proven");
    let found = rows(&evidence);
    assert!(found.contains(&expected), "{found:#?}");
    let changes = evidence.rows(&[]).having("lane", "change");
    assert_eq!(changes.0.len(), 1, "{found:#?}");
    assert_receipts(&evidence, &["Admins"]);
}

#[test]
fn members_in_a_csv_are_links_of_the_group_that_its_name_tells() {
    let evidence = Evidence::new();
    let list = |members: &[&str]| {
        let mut text = "id,userPrincipalName,displayName,objectType\n".to_owned();
        for id in members {
            text.extend([*id, ",x@contoso.com,X,User\n"]);
        }
        text
    };
    let name = format!("groups_{TENANT}_members.csv");
    put(&evidence, 1, &name, list(&[ADELE]));
    put(&evidence, 2, &name, list(&[ADELE, BOB]));
    put(&evidence, 2, "exportGroupMembers.csv", list(&[ADELE]));
    let rows = evidence.rows(&[]);
    assert_eq!(rows.column("change"), ["linkAdded"]);
    assert_eq!(rows.column("target_id"), [BOB]);
    assert_eq!(rows.column("target_type"), ["user"]);
    let report = evidence.report(&[]);
    assert!(report.codes().contains("page-without-parent"));
    report.assert_balanced();
}

#[test]
fn a_large_csv_is_read_in_pieces() {
    let evidence = Evidence::new();
    let count = 120_000;
    for number in [1, 2] {
        let mut text = portal(&[]);
        for user in 0..count {
            let job = if number == 2 && user == 77_777 { "Thief" } else { "Clerk, \"\"senior\"\"" };
            let row = format!(
                "u{user}@contoso.com,User {user},,,,9ac8af4f-735c-4fa4-85b9-{user:012x},Member,\"{job}\",Sales of the north of the south of the east and of the west of all,True,,,,,,\r\n"
            );
            text.push_str(&row);
        }
        // More than is read whole.
        assert!(text.len() > 17_000_000, "{}", text.len());
        put(&evidence, number, "exportUsers.csv", text);
    }
    assert_eq!(
        rows(&evidence),
        [format!(
            "9ac8af4f-735c-4fa4-85b9-{:012x} modified jobTitle \"Clerk, \\\"senior\\\"\" \"Thief\" change proven",
            77_777
        )]
    );
    assert_receipts(&evidence, &["u77777@contoso.com,User 77777,,,,"]);
}

/// What `Export-Clixml` writes around objects.
pub(crate) fn clixml(objects: &str) -> Vec<u8> {
    utf16(&format!(
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\r\n{objects}\r\n</Objs>"
    ))
}

fn adele(members: &str) -> String {
    format!(
        r#"<Obj RefId="0"><TN RefId="0"><T>Microsoft.Graph.PowerShell.Models.MicrosoftGraphUser</T><T>System.Object</T></TN>
        <ToString>Microsoft.Graph.PowerShell.Models.MicrosoftGraphUser</ToString><Props><S N="Id">{ADELE}</S>
        <S N="UserPrincipalName">adele@contoso.com</S>{members}</Props></Obj>"#
    )
}

#[test]
fn clixml_loses_nothing_but_what_it_says_nothing_of() {
    let evidence = Evidence::new();
    let object = |enabled: &str, name: &str, phone: &str, profile: &str, company: &str| {
        adele(&format!(
            r#"<B N="AccountEnabled">{enabled}</B><S N="DisplayName">{name}</S>{profile}<Nil N="Mail" />
            <Obj N="AuthorizationInfo" RefId="1"><Props><Nil N="CertificateUserIds" /></Props></Obj>
            <Obj N="BusinessPhones" RefId="2"><TN RefId="1"><T>System.String[]</T></TN><LST><S>{phone}</S></LST></Obj>
            <Obj N="AdditionalProperties" RefId="3"><DCT><En><S N="Key">companyName</S><S N="Value">{company}</S></En></DCT></Obj>"#
        ))
    };
    let bob = format!(
        r#"<Obj RefId="9"><TNRef RefId="0" /><Props><S N="Id">{BOB}</S><Ref N="BusinessPhones" RefId="2" /></Props></Obj>"#
    );
    let seen = r#"<Obj N="PasswordProfile" RefId="4"><Props><B N="ForceChangePasswordNextSignIn">true</B></Props></Obj>"#;
    let cut = r#"<S N="PasswordProfile">Microsoft.Graph.PowerShell.Models.MicrosoftGraphPasswordProfile</S>"#;
    let first = object("true", "Ad&#xE8;le &amp; Co_x000A_", "+1", seen, "Contoso");
    let second = object("false", "Adèle &#38; Co_x000a_", "+2", cut, "Woodgrove");
    put(&evidence, 1, "users.xml", clixml(&format!("{first}{bob}<S>a text</S>")));
    put(&evidence, 2, "users.xml", clixml(&format!("{first}{bob}").replace(&first, &second)));
    let changes = evidence.rows(&[]).having("lane", "change");
    let mut found: Vec<String> = changes
        .0
        .iter()
        .map(|row| {
            ["object_id", "attribute", "before", "after"].map(|column| row.get(column)).join(" ")
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            format!("{ADELE} accountEnabled true false"),
            format!("{ADELE} businessPhones [\"+1\"] [\"+2\"]"),
            format!("{ADELE} companyName \"Contoso\" \"Woodgrove\""),
            format!("{BOB} businessPhones [\"+1\"] [\"+2\"]"),
        ]
    );
    assert_receipts(&evidence, &["<Obj RefId=", "</Obj>"]);
    let report = evidence.report(&[]);
    report.assert_balanced();
    assert!(report.codes().contains("scalar-text"));
}

#[test]
fn clixml_of_a_list_is_its_items() {
    let evidence = Evidence::new();
    let list = |title: &str| {
        let items = adele(&format!(r#"<S N="JobTitle">{title}</S>"#));
        clixml(&format!(
            r#"<Obj RefId="20"><TN RefId="7"><T>System.Object[]</T></TN><LST>{items}<Obj RefId="21"><TNRef RefId="0"/><Props><S N="Id">{BOB}</S></Props></Obj></LST></Obj>"#
        ))
    };
    put(&evidence, 1, "users.xml", list("Clerk"));
    put(&evidence, 2, "users.xml", list("Thief"));
    assert_eq!(
        rows(&evidence),
        [format!("{ADELE} modified jobTitle \"Clerk\" \"Thief\" change proven")]
    );
    let report = evidence.report(&[]);
    assert_eq!(report.table("evidence.csv").column("used"), ["2", "2"]);
    report.ran.clone().ended(0);
}

#[test]
fn damaged_clixml_is_named_and_what_stands_before_is_used() {
    let good = adele("");
    for (text, code) in [
        (format!("<Objs>{good}<Obj RefId=\"1\"><Props>"), "truncated-clixml"),
        (format!("<Objs>{good}<!-- {good} --></Objs>"), "invalid-clixml"),
        (format!("<Objs>{good}</Objs><Objs>{good}</Objs>"), "invalid-clixml"),
        (
            format!("<Objs>{good}<Obj><Props><S N=\"Id\">&nope;</S></Props></Obj></Objs>"),
            "invalid-clixml",
        ),
        (
            format!("<Objs>{good}{}{}</Objs>", "<Obj><MS>".repeat(200), "</MS></Obj>".repeat(200)),
            "invalid-clixml",
        ),
    ] {
        let evidence = Evidence::new();
        put(&evidence, 1, "users.xml", &text);
        let report = evidence.report(&[]);
        report.ran.clone().ended(3);
        report.assert_balanced();
        let named = report.bytes("warnings.csv");
        assert!(String::from_utf8_lossy(&named).contains(code), "{code}: {text}");
        assert_eq!(report.table("evidence.csv").column("used"), ["1"], "{text}");
    }
}

#[test]
fn a_reference_grows_no_record_without_end() {
    let evidence = Evidence::new();
    let shared = format!(r#"<Obj N="Big" RefId="5"><LST><S>{}</S></LST></Obj>"#, "x".repeat(4_000));
    let refs = r#"<Ref RefId="5"/>"#.repeat(20_000);
    let bomb = adele(&format!(r#"{shared}<Obj N="Bomb" RefId="6"><LST>{refs}</LST></Obj>"#));
    let me = r#"<Obj N="Loop" RefId="8"><Props><Ref N="Me" RefId="8"/></Props></Obj>"#;
    let bob =
        format!(r#"<Obj RefId="9"><TNRef RefId="0"/><Props><S N="Id">{BOB}</S>{me}</Props></Obj>"#);
    put(&evidence, 1, "users.xml", clixml(&format!("{bomb}{bob}")));
    let report = evidence.report(&[]);
    report.ran.clone().ended(3);
    report.assert_balanced();
    let exhibits = report.table("evidence.csv");
    assert_eq!((exhibits.column("used"), exhibits.column("quarantined")), (vec!["1"], vec!["1"]));
}
