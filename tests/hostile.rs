//! Hostile strings: exact in CSV, inert in HTML, harmless on a terminal.

use std::path::Path;

use serde_json::{Value, json};

use crate::evidence::{Evidence, TENANT, page, user};
use crate::program::{Ran, command};

/// Strings that attack whatever shows them.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</script><script src=//x.test/a.js></script>",
    "</title><img src=x onerror=alert(1)>",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[",
    "</style>",
    "</textarea>",
    "<svg/onload=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)",
    "`${alert(1)}`",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "&amp;",
    "&#x3c;script&#x3e;",
    "{{ 7 * 7 }}",
    "{% include 'x' %}",
    "${7*7}",
    "#{7*7}",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "=HYPERLINK(\"http://x.test\")",
    "a,b",
    "a;b",
    "a\"b",
    "a\"\"b",
    "a'b",
    "\"",
    "\"\"",
    "a\nb",
    "a\r\nb",
    "a\rb",
    "\n",
    "a\tb",
    " lead",
    "trail ",
    "nul\u{0}nul",
    "\\u0000",
    "%00",
    "\\x00",
    "\u{1}\u{2}\u{8}\u{7f}\u{85}\u{9b}31m",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}c",
    "\u{202e}gpj.exe",
    "\u{2066}x\u{2069}",
    "\u{200f}x",
    "zero\u{200b}width",
    "\u{feff}bom",
    "soft\u{ad}hyphen",
    "\u{2028}line",
    "\u{2029}paragraph",
    "\u{fffe}",
    "\u{e0041}tag",
    "\u{115f}filler",
    "cafe\u{301}",
    "café",
    "𝒜𝒷",
    "👩‍👩‍👧",
    "İı",
    "ß",
    "../../etc/passwd",
    "C:\\x",
    "\\\\host\\share",
    "%s%n",
    "'; DROP TABLE users;--",
    "null",
    "true",
    "NaN",
    "1e999",
    "0x10",
    "2026-11-02",
    "undefined",
];

/// The hostile strings, and some that are long.
fn strings() -> Vec<String> {
    let mut strings: Vec<String> = HOSTILE.iter().map(|text| (*text).to_owned()).collect();
    strings.push("A".repeat(20_000));
    strings.push("<".repeat(3_000));
    strings.push("e\u{301}".repeat(2_000));
    strings
}

/// Every string as a name, an id, a value before and after, and the name of a member.
fn tenant() -> Evidence {
    let evidence = Evidence::new();
    let users = |mark: &str| {
        strings()
            .iter()
            .map(|text| {
                json!({
                    "id": text, "displayName": text, "jobTitle": format!("{text}{mark}"),
                    "otherMails": [format!("{text}{mark}")], "custom": {text: format!("{text}{mark}")},
                })
            })
            .collect::<Vec<_>>()
    };
    evidence.users(1, users("."));
    evidence.users(2, users("!")[1..].to_vec());
    evidence
}

fn is_harmless(character: char) -> bool {
    let shown = !character.is_control()
        && !matches!(
            character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
                | '\u{e0000}'..='\u{e0fff}'
        );
    shown || character == '\n'
}

#[track_caller]
fn assert_harmless(text: &str) {
    for line in text.lines() {
        if let Some(bad) = line.chars().find(|character| !is_harmless(*character)) {
            panic!("{bad:?} in {:?}", line.chars().take(200).collect::<String>());
        }
    }
}

#[test]
fn names_and_ids_stand_in_csv_as_they_are() {
    let evidence = tenant();
    let report = evidence.report(&[]);
    report.ran.clone().ended(0);
    let objects = report.table("objects.csv");
    let mut expected = strings();
    expected.sort();
    let mut ids = objects.column("object_id");
    ids.sort_unstable();
    assert_eq!(ids, expected);
    for row in &objects.0 {
        assert_eq!(row.get("object_name"), row.get("object_id"));
    }
    report.assert_balanced();
}

#[test]
fn values_stand_in_csv_as_json_that_reads_back() {
    let evidence = tenant();
    let rows = evidence.rows(&[]);
    let read = |cell: &str| serde_json::from_str::<Value>(cell).unwrap();
    for text in &strings()[1..] {
        let (old, new) = (json!(format!("{text}.")), json!(format!("{text}!")));
        let own = rows.having("object_id", text);
        // OData's own names are no attributes.
        // A dot of a name's own is written %2E, so that no name reads like a path.
        let step = text.replace('%', "%25").replace('.', "%2E");
        let member = (!text.starts_with(['#', '@'])).then(|| format!("custom.{step}"));
        for attribute in ["jobTitle"].into_iter().chain(member.as_deref()) {
            let changed = own.having("attribute", attribute);
            assert_eq!(changed.0.len(), 1, "{attribute:?}: {:?}", own.column("attribute"));
            assert_eq!(read(changed.0[0].get("before")), old);
            assert_eq!(read(changed.0[0].get("after")), new);
        }
        let list = own.having("attribute", "otherMails");
        assert_eq!(read(list.0[0].get("added")), json!([new]));
        assert_eq!(read(list.0[0].get("removed")), json!([old]));
    }
    let gone = rows.having("change", "removed");
    assert_eq!(gone.column("object_id"), [&strings()[0]]);
}

#[test]
fn json_lines_read_back() {
    let evidence = tenant();
    let rows = evidence.rows(&[]);
    let text = evidence.run("timeline", &["--format", "jsonl"]).ended(0).text();
    let ids: Vec<String> = text
        .split_terminator('\n')
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["object_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids, rows.column("object_id"));
}

/// What stands in a page that only its own template may write.
fn tags(html: &str) -> Vec<String> {
    html.split('<')
        .skip(1)
        .map(|tag| tag.split(['>', ' ', '\n']).next().unwrap().to_lowercase())
        .collect()
}

#[test]
fn the_page_is_inert() {
    let hostile = tenant().report(&[]).html();
    let harmless = Evidence::new();
    harmless.users(1, [user("u1", "A"), user("u2", "B")]).users(2, [user("u2", "C")]);
    let harmless = harmless.report(&[]).html();
    for html in [&hostile, &harmless] {
        let lower = html.to_lowercase();
        assert!(!lower.contains("<script"));
        assert!(lower.contains("content-security-policy"));
        assert!(lower.replace("&#x27;", "'").contains("default-src 'none'"));
        for end in ["</title>", "</body>", "</html>"] {
            assert_eq!(lower.matches(end).count(), 1, "{end}");
        }
    }
    for tag in ["img", "svg/onload", "svg", "iframe", "script", "/script", "!--", "![cdata["] {
        let count = |html: &str| tags(html).iter().filter(|found| found.as_str() == tag).count();
        assert_eq!(count(&hostile), count(&harmless), "<{tag}");
    }
    for fragment in ["onerror=alert(1)>", "\" onmouseover=\"", "' onfocus='", "href=\"javascript:"]
    {
        assert!(!hostile.contains(fragment), "{fragment}");
    }
    assert!(!hostile.contains("49</"), "a template in the evidence was rendered");
    assert_harmless(&hostile.replace(['\t', '\r'], " "));
}

#[test]
fn a_terminal_gets_no_control_character() {
    let evidence = tenant();
    for (verb, options) in
        [("timeline", vec![]), ("inspect", vec![]), ("snapshots", vec![]), ("diff", vec![])]
    {
        let ran = evidence.run(verb, &options).ended(0);
        assert_harmless(&ran.text());
        assert_harmless(&ran.stderr);
    }
    for text in strings().iter().filter(|text| !text.contains('\0') && !text.starts_with('-')) {
        let ran = evidence.run("show", &["--id", text]).ended(0);
        assert_harmless(&ran.text());
        assert_harmless(&ran.stderr);
    }
    let nothing = evidence.run("show", &["--id", "\u{1b}[31mnobody\u{202e}"]).ended(2);
    assert_harmless(&nothing.stderr);
    assert_harmless(&evidence.run("explain", &[]).stderr);
}

#[test]
fn hostile_file_names_and_types_are_harmless_too() {
    let evidence = Evidence::new();
    let folder = format!("{TENANT}/2026-11-01");
    for (number, name) in
        ["\u{1b}[31m", "a\nb", "\u{202e}x", "<script>alert(1)", "=1+1", "a\"b,c"].iter().enumerate()
    {
        let stamp = crate::evidence::stamp(1, u32::try_from(number).unwrap());
        let list = page("users", [user(&format!("u{number}"), "A")]);
        let safe = name.replace('/', "_");
        evidence
            .file(Path::new(&folder).join(format!("{safe}_{stamp}.json")), list.json().to_string());
    }
    let path = "\u{1b}[31m<script>alert(1)</script>/x\u{202e}y";
    evidence.page(1, 30, "odd", &page(path, [json!({"id": "x", "displayName": "A"})]));
    evidence.file(format!("{folder}/bro\u{1b}ken<script>.json"), "{\"a\":");
    for verb in ["inspect", "snapshots", "timeline"] {
        let ran = evidence.run(verb, &[]).ended(3);
        assert_harmless(&ran.text());
        assert_harmless(&ran.stderr);
    }
    let report = evidence.report(&[]);
    assert!(!report.html().to_lowercase().contains("<script"));
    assert_harmless(&report.ran.stderr);
    let paths = report.table("evidence.csv");
    let name = format!("evidence/{folder}/a\nb_20261101T030100Z.json");
    assert!(paths.column("path").contains(&name.as_str()), "{:?}", paths.column("path"));
}

#[test]
fn hostile_labels_of_snapshots_are_harmless() {
    let evidence = Evidence::new();
    for name in ["a", "b"] {
        evidence.file(
            format!("{name}/users.json"),
            page("users", [user("u1", name)]).json().to_string(),
        );
    }
    let root = evidence.root();
    let label = |label: &str, name: &str| format!("{label}={}", root.join(name).display());
    let out = evidence.beside("out");
    let named =
        ["--snapshot", &label("\u{1b}[31m<script>", "a"), "--snapshot", &label("\u{202e}b\"", "b")];
    for verb in ["timeline", "snapshots", "inspect"] {
        let ran = evidence.run(verb, &named).ended(0);
        assert_harmless(&ran.text());
    }
    Ran::of(command().arg("report").arg(&root).arg("-o").arg(&out).args(named)).ended(0);
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!html.to_lowercase().contains("<script"));
}
