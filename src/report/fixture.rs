//! Hand-made analyses for the tests of this room.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::directory::catalogue;
use crate::model::{
    Agreement, Analysis, BinRow, Certainty, Change, ChangeId, ChangeKind, ConflictRow, CoverageRow,
    CoverageState, DifferenceReport, ExhibitId, ExhibitRow, HashBasis, Interval, Lane, Narrowed,
    ObjectRow, OpinionReason, OpinionRow, Origin, QuarantineRow, Reason, Receipt, Recoverability,
    SecondOpinion, SnapshotRow, Tally, Target, TimeSource, WarningRow, Window,
};

use crate::recovery::difference::{Compared, reports};

pub(crate) const TENANT: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
pub(crate) const DAYS: [&str; 3] = ["2026-11-01", "2026-11-02", "2026-11-03"];

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn guid(n: u32) -> String {
    format!("{n:08x}-1111-4222-8333-{:012x}", u64::from(n) * 7919)
}

pub(crate) fn exhibit_id(n: u8) -> ExhibitId {
    ExhibitId::of_sha256(&[n; 32])
}

pub(crate) fn receipt(exhibit: u8, offset_bytes: u64, len_bytes: u64) -> Receipt {
    Receipt::bytes(exhibit_id(exhibit), offset_bytes, len_bytes)
}

pub(crate) fn whole(exhibit: u8) -> Receipt {
    Receipt::whole(exhibit_id(exhibit))
}

/// A proven change of one object between day 1 and day 2.
pub(super) fn object(kind: ChangeKind, object_type: &str, id: &str) -> Change {
    Change {
        change_id: keyed(&format!("{kind} {object_type} {id}")),
        tenant_id: TENANT.to_owned(),
        object_type: object_type.to_owned(),
        object_id: id.to_owned(),
        object_name: format!("Name of {id}"),
        kind,
        attribute: String::new(),
        target: None,
        before: None,
        after: None,
        added: None,
        removed: None,
        window: Window {
            not_before: Some(at("2026-11-01T03:00:00Z")),
            not_after: Some(at("2026-11-02T03:01:12Z")),
        },
        narrowed: None,
        from_snapshot: DAYS[0].to_owned(),
        to_snapshot: DAYS[1].to_owned(),
        lane: Lane::Change,
        certainty: Certainty::Proven,
        objects: 1,
        origin: Origin::Tenant,
        evidence_before: vec![receipt(1, 1204, 512)],
        evidence_after: vec![receipt(2, 1188, 530)],
        reason: None,
        recoverability: None,
    }
}

fn keyed(text: &str) -> ChangeId {
    ChangeId(*blake3::hash(text.as_bytes()).as_bytes().first_chunk().unwrap())
}

/// A changed attribute, from `"old"` to `"new"`.
pub(super) fn modified(object_type: &str, id: &str, attribute: &str) -> Change {
    Change {
        change_id: keyed(&format!("{object_type} {id} {attribute}")),
        attribute: attribute.to_owned(),
        before: Some("\"old\"".to_owned()),
        after: Some("\"new\"".to_owned()),
        ..object(ChangeKind::Modified, object_type, id)
    }
}

/// A membership gained or lost.
pub(super) fn link(object_type: &str, id: &str, kind: ChangeKind, target: &str) -> Change {
    Change {
        attribute: "members".to_owned(),
        target: Some(Target {
            object_type: "user".to_owned(),
            id: target.to_owned(),
            name: format!("Name of {target}"),
        }),
        ..object(kind, object_type, id)
    }
}

/// The difference report of changes, backup and all.
pub(super) fn report_of(changes: &[Change]) -> DifferenceReport {
    let compared = Compared {
        from: DAYS[0].to_owned(),
        to: DAYS[2].to_owned(),
        backup: Some(at("2026-11-01T03:00:00Z")),
        is_listed: false,
    };
    let compared = BTreeMap::from([(TENANT.to_owned(), compared)]);
    reports(changes, &compared, catalogue()).remove(0)
}

fn opinion() -> SecondOpinion {
    let row = |attribute: &str, agreement, reason| OpinionRow {
        object_type: "user".to_owned(),
        object_id: guid(1),
        object_name: "Adele <b>Vance</b>".to_owned(),
        attribute: attribute.to_owned(),
        target: None,
        agreement,
        reason,
        recoverability: Some(Recoverability::Recoverable),
        our_backup: Some("\"a\"".to_owned()),
        our_current: Some("\"b\"".to_owned()),
        their_backup: Some("\"a\"".to_owned()),
        their_current: None,
        evidence_ours: vec![receipt(1, 1204, 512), receipt(2, 1188, 530)],
        evidence_theirs: vec![receipt(3, 17, 200)],
    };
    let differs = Some(OpinionReason::AfterDump);
    let hidden = OpinionRow {
        recoverability: Some(Recoverability::OutsideProperties),
        their_backup: None,
        evidence_theirs: Vec::new(),
        ..row("aboutMe", Agreement::OursOnly, Some(OpinionReason::NotShown))
    };
    let link = OpinionRow {
        object_type: "group".to_owned(),
        object_id: guid(2),
        target: Some(Target {
            object_type: "user".to_owned(),
            id: guid(1),
            name: "Adele Vance".to_owned(),
        }),
        our_backup: None,
        our_current: None,
        their_backup: None,
        their_current: Some("add back".to_owned()),
        evidence_ours: Vec::new(),
        ..row("members", Agreement::TheirsOnly, Some(OpinionReason::NotInDumps))
    };
    let rows = vec![
        link,
        hidden,
        row("city", Agreement::Agree, None),
        row("jobTitle", Agreement::Differ, differs),
    ];
    SecondOpinion {
        tenant_id: TENANT.to_owned(),
        job_id: guid(90),
        target: Some(at("2026-11-01T04:00:00Z")),
        started: Some(at("2026-11-03T04:00:00Z")),
        from: DAYS[0].to_owned(),
        to: DAYS[2].to_owned(),
        rows,
        ours: 3,
        theirs: 3,
    }
}

fn later(change: Change) -> Change {
    Change {
        window: Window {
            not_before: Some(at("2026-11-02T03:00:00Z")),
            not_after: Some(at("2026-11-03T03:04:40Z")),
        },
        from_snapshot: DAYS[1].to_owned(),
        to_snapshot: DAYS[2].to_owned(),
        evidence_before: vec![receipt(2, 90_112, 700)],
        evidence_after: vec![receipt(3, 90_240, 740)],
        ..change
    }
}

fn named(name: &str, change: Change) -> Change {
    Change { object_name: name.to_owned(), ..change }
}

fn values(before: Option<&str>, after: Option<&str>, change: Change) -> Change {
    Change { before: before.map(str::to_owned), after: after.map(str::to_owned), ..change }
}

fn folded(lane: Lane, reason: Reason, objects: u64, change: Change) -> Change {
    Change {
        object_id: String::new(),
        object_name: String::new(),
        before: None,
        after: None,
        lane,
        certainty: if lane == Lane::Coverage { Certainty::Unproven } else { Certainty::Proven },
        reason: Some(reason),
        objects,
        ..change
    }
}

fn user_changes() -> Vec<Change> {
    let soft = Change {
        narrowed: Some(Narrowed {
            from: at("2026-11-01T22:14:07Z"),
            to: at("2026-11-01T22:14:07Z"),
            source: "deletedDateTime".to_owned(),
        }),
        ..named("Megan Bowen", object(ChangeKind::SoftDeleted, "user", &guid(11)))
    };
    let hard = Change {
        certainty: Certainty::Consistent,
        reason: Some(Reason::SilenceUnbroken),
        evidence_after: vec![whole(3), whole(4)],
        ..later(named("Break Glass 02", object(ChangeKind::HardDeleted, "user", &guid(12))))
    };
    let doubtful = Change {
        lane: Lane::Coverage,
        certainty: Certainty::Unproven,
        reason: Some(Reason::ListDangling),
        evidence_after: vec![whole(3)],
        ..later(named("Lynne Robbins", object(ChangeKind::Removed, "user", &guid(13))))
    };
    let enabled = modified("user", &guid(10), "accountEnabled");
    let phones = Change {
        removed: Some("[\"+1 425 555 0100\"]".to_owned()),
        added: Some("[\"+44 20 7946 0999\"]".to_owned()),
        ..modified("user", &guid(10), "businessPhones")
    };
    let cleared = Change {
        lane: Lane::Coverage,
        certainty: Certainty::Unproven,
        reason: Some(Reason::PossiblyCleared),
        ..modified("user", &guid(14), "onPremisesImmutableId")
    };
    vec![
        soft,
        named("Adele Vance", values(Some("true"), Some("false"), enabled)),
        named(
            "Adele Vance",
            values(Some("[\"+1 425 555 0100\"]"), Some("[\"+44 20 7946 0999\"]"), phones),
        ),
        named("Diego Siciliani", values(Some("\"Qx8/k2==\""), None, cleared)),
        hard,
        doubtful,
        later(named(
            "Adele Vance",
            values(None, Some("\"Contractor\""), modified("user", &guid(10), "jobTitle")),
        )),
    ]
}

fn policy_changes() -> Vec<Change> {
    let excluded: Vec<String> = (0..40).map(|n| format!("\"{}\"", guid(500 + n))).collect();
    let long = Change {
        added: Some(format!("[{}]", excluded.join(","))),
        ..modified("conditionalAccessPolicy", &guid(30), "conditions.users.excludeUsers")
    };
    let list = format!("[{}]", excluded.join(","));
    let state = modified("conditionalAccessPolicy", &guid(30), "state");
    let keyed = Change {
        added: Some(
            "[{\"displayName\":\"backup\",\"endDateTime\":\"2028-11-01T00:00:00Z\",\"keyId\":\"0a0a0a0a-1111-4222-8333-000000000001\"}]"
                .to_owned(),
        ),
        ..modified("application", &guid(40), "passwordCredentials")
    };
    let after = "[{\"displayName\":\"backup\",\"endDateTime\":\"2028-11-01T00:00:00Z\",\"keyId\":\"0a0a0a0a-1111-4222-8333-000000000001\"}]";
    vec![
        named("Payroll Sync", values(None, Some(after), keyed)),
        named("Require MFA for admins", values(None, Some(&list), long)),
        named("Require MFA for admins", values(Some("\"enabled\""), Some("\"disabled\""), state)),
    ]
}

fn link_changes() -> Vec<Change> {
    let role = Change {
        target: Some(Target {
            object_type: "unifiedRoleDefinition".to_owned(),
            id: "62e90394-69f5-4237-9190-012177145e10".to_owned(),
            name: "Global Administrator".to_owned(),
        }),
        evidence_before: vec![whole(5)],
        ..named(
            "Adele Vance",
            object(
                ChangeKind::Added,
                "unifiedRoleAssignment",
                &format!("{}|62e90394-69f5-4237-9190-012177145e10|/|", guid(10)),
            ),
        )
    };
    let removed = link("group", &guid(20), ChangeKind::LinkRemoved, &guid(11));
    let added = Change {
        target: Some(Target {
            object_type: "servicePrincipal".to_owned(),
            id: guid(41),
            name: String::new(),
        }),
        certainty: Certainty::Consistent,
        reason: Some(Reason::SilenceUnbroken),
        ..link("group", &guid(20), ChangeKind::LinkAdded, &guid(41))
    };
    let reborn = Change {
        reason: Some(Reason::Rebirth),
        ..later(named("Payroll Sync", object(ChangeKind::Added, "servicePrincipal", &guid(42))))
    };
    vec![named("sg-Finance-Admins", added), named("sg-Finance-Admins", removed), role, reborn]
}

fn lane_changes() -> Vec<Change> {
    let sign_in = modified("user", "", "signInActivity.lastSignInDateTime");
    let schema = object(ChangeKind::FirstObserved, "servicePrincipal", "");
    let first = object(ChangeKind::FirstObserved, "user", "");
    vec![
        folded(Lane::Volatile, Reason::VolatileAttribute, 1_284, sign_in),
        folded(
            Lane::Schema,
            Reason::SchemaDefault,
            212,
            Change { attribute: "isDisabled".to_owned(), ..schema },
        ),
        folded(
            Lane::Coverage,
            Reason::FirstCollected,
            96,
            Change { attribute: "employeeLeaveDateTime".to_owned(), ..first },
        ),
    ]
}

fn snapshots() -> Vec<SnapshotRow> {
    let users = [1_310, 1_309, 1_307];
    DAYS.iter()
        .zip(users)
        .enumerate()
        .map(|(n, (day, users))| SnapshotRow {
            tenant_id: TENANT.to_owned(),
            position: n + 1,
            label: (*day).to_owned(),
            time: Some(Interval {
                start: at(&format!("{day}T03:00:00Z")),
                end: at(&format!("{day}T03:0{n}:40Z")),
            }),
            time_source: Some(if n == 0 { TimeSource::FolderName } else { TimeSource::FileName }),
            objects: BTreeMap::from([
                ("application".to_owned(), 48),
                ("conditionalAccessPolicy".to_owned(), 12),
                ("group".to_owned(), 204),
                ("user".to_owned(), users),
            ]),
            exhibits: 6,
            bytes: 4_812_331,
            digest: blake3::hash(day.as_bytes()).to_string(),
        })
        .collect()
}

fn coverage_row(
    day: &str,
    object_type: &str,
    state: CoverageState,
    objects: u64,
    detail: &str,
) -> CoverageRow {
    CoverageRow {
        tenant_id: TENANT.to_owned(),
        snapshot: day.to_owned(),
        object_type: object_type.to_owned(),
        attribute: String::new(),
        state,
        objects,
        detail: detail.to_owned(),
        ..CoverageRow::default()
    }
}

fn coverage() -> Vec<CoverageRow> {
    let mut rows = Vec::new();
    for (n, day) in DAYS.iter().enumerate() {
        for (object_type, count) in [("application", 48), ("conditionalAccessPolicy", 12)] {
            rows.push(coverage_row(day, object_type, CoverageState::Collected, count, ""));
        }
        rows.push(coverage_row(day, "group", CoverageState::Collected, 204, ""));
        let (state, why) = if n == 2 {
            (CoverageState::Partial, "the last page has a next link that was not collected")
        } else {
            (CoverageState::Collected, "")
        };
        rows.push(coverage_row(day, "user", state, [1_310, 1_309, 1_307][n], why));
        let (state, why) = match n {
            0 => (CoverageState::NotRequested, "no capture of deletedItems in this snapshot"),
            1 => (CoverageState::Collected, ""),
            _ => (CoverageState::Empty, ""),
        };
        rows.push(coverage_row(day, "user/deletedItems", state, u64::from(n == 1) * 3, why));
        let (state, why) = if n == 1 {
            (CoverageState::Denied, "403 Authorization_RequestDenied")
        } else {
            (CoverageState::NotRequested, "no capture in this snapshot")
        };
        rows.push(coverage_row(day, "unifiedRoleEligibilitySchedule", state, 0, why));
    }
    rows.push(CoverageRow {
        attribute: "members".to_owned(),
        ..coverage_row(
            DAYS[2],
            "group",
            CoverageState::Partial,
            180,
            "24 groups have no members file in this snapshot",
        )
    });
    rows
}

fn exhibit(n: u8, name: &str, day: usize) -> ExhibitRow {
    ExhibitRow {
        exhibit: exhibit_id(n),
        path: format!("export/{}/{name}", DAYS[day]),
        size_bytes: 812_331 + u64::from(n),
        sha256: [n; 32].iter().map(|byte| format!("{byte:02x}")).collect(),
        blake3: blake3::hash(&[n]).to_string(),
        format: "graph-page".to_owned(),
        encoding: if n == 2 { "UTF-8+BOM" } else { "UTF-8" }.to_owned(),
        tenant_id: TENANT.to_owned(),
        snapshot: DAYS[day].to_owned(),
        time: Some(Interval::instant(at(&format!("{}T03:00:00Z", DAYS[day])))),
        time_source: Some(TimeSource::FileName),
        object_types: vec!["user".to_owned()],
        tally: Tally {
            seen: 1_310,
            used: 1_309 - u64::from(n == 1),
            set_aside: BTreeMap::from([("entity-without-id".to_owned(), 1)]),
            quarantined: u64::from(n == 1),
        },
        modified_at: Some(at("2026-11-04T10:00:00Z")),
        hash_basis: HashBasis::Computed,
        tool: String::new(),
        changed_at: Some(at("2026-11-04T10:00:01Z")),
    }
}

fn objects() -> Vec<ObjectRow> {
    let row = |object_type: &str, n: u32, name: &str, state: &str| ObjectRow {
        tenant_id: TENANT.to_owned(),
        object_type: object_type.to_owned(),
        object_id: guid(n),
        object_name: name.to_owned(),
        state: state.to_owned(),
        first_snapshot: DAYS[0].to_owned(),
        last_snapshot: DAYS[if state == "live" { 2 } else { 1 }].to_owned(),
        observations: 3,
        changes: u64::from(n == 10) * 3,
        receipt: receipt(3, 90_240, 740).to_string(),
    };
    vec![
        row("application", 40, "Payroll Sync", "live"),
        row("conditionalAccessPolicy", 30, "Require MFA for admins", "live"),
        row("group", 20, "sg-Finance-Admins", "live"),
        row("user", 10, "Adele Vance", "live"),
        row("user", 11, "Megan Bowen", "deleted"),
        row("user", 12, "Break Glass 02", "gone"),
    ]
}

fn warnings() -> Vec<WarningRow> {
    vec![
        WarningRow {
            code: "capture-smear".to_owned(),
            path: String::new(),
            offset_bytes: None,
            message: "the captures of snapshot `2026-11-02` began over 2 h".to_owned(),
            advice: String::new(),
        },
        WarningRow {
            code: "page-missing".to_owned(),
            path: "export/2026-11-03/users.json".to_owned(),
            offset_bytes: Some(812_301),
            message: "the list has a next link, and no page of this snapshot continues it"
                .to_owned(),
            advice: "export users again, following @odata.nextLink to the end".to_owned(),
        },
        WarningRow {
            code: "bin-not-collected".to_owned(),
            path: String::new(),
            offset_bytes: None,
            message: "user has a recycle bin that snapshot 2026-11-01 did not collect".to_owned(),
            advice: "export /directory/deletedItems/microsoft.graph.user with every snapshot"
                .to_owned(),
        },
    ]
}

/// What the service can do, as if judged on the last day.
fn recoverability(change: &Change) -> Option<Recoverability> {
    let is_judged = change.lane == Lane::Change || change.is_disappearance();
    is_judged.then(|| match (change.kind, &*change.object_type, &*change.attribute) {
        _ if change.lane != Lane::Change => Recoverability::CannotTell,
        (ChangeKind::HardDeleted, ..) => Recoverability::HardDeleted,
        (_, "unifiedRoleAssignment", _) => Recoverability::OutsideTypes,
        (_, "application", _) => Recoverability::OutsideProperties,
        (_, "group", attribute) if attribute != "members" => Recoverability::LinkNotSupported,
        _ => Recoverability::Recoverable,
    })
}

/// A small tenant with three snapshots and one change of every kind that matters.
pub(crate) fn analysis() -> Analysis {
    let mut changes = Vec::new();
    for part in [user_changes(), policy_changes(), link_changes(), lane_changes()] {
        changes.extend(part);
    }
    changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    for change in &mut changes {
        change.recoverability = recoverability(change);
    }
    let exhibits: Vec<ExhibitRow> = [(1, "users.json", 0), (2, "users.json", 1)]
        .into_iter()
        .chain([(3, "users.json", 2), (4, "deletedItems.json", 2), (5, "roles.json", 0)])
        .map(|(n, name, day)| exhibit(n, name, day))
        .collect();
    let mut tally = Tally::default();
    for row in &exhibits {
        tally.add(&row.tally);
    }
    let mut analysis = Analysis {
        differences: vec![report_of(&changes)],
        opinions: vec![opinion()],
        snapshots: snapshots(),
        changes,
        objects: objects(),
        exhibits,
        coverage: coverage(),
        conflicts: vec![ConflictRow {
            tenant_id: TENANT.to_owned(),
            snapshot: DAYS[1].to_owned(),
            object_type: "conditionalAccessPolicy".to_owned(),
            object_id: guid(30),
            attribute: "state".to_owned(),
            values: vec![
                ("\"disabled\"".to_owned(), vec![receipt(2, 10, 400)]),
                ("\"enabled\"".to_owned(), vec![receipt(1, 10, 400)]),
            ],
        }],
        bin: vec![BinRow {
            tenant_id: TENANT.to_owned(),
            purged: at("2026-12-02T21:14:05Z"),
            object_type: "user".to_owned(),
            object_id: guid(11),
            object_name: "Megan Bowen".to_owned(),
            deleted: at("2026-11-02T21:14:05Z"),
            receipt: Some(receipt(4, 17, 640)),
        }],
        logs: Vec::new(),
        warnings: warnings(),
        quarantine: vec![QuarantineRow {
            exhibit: exhibit_id(1),
            path: "export/2026-11-01/users.json".to_owned(),
            offset_bytes: 40_960,
            len_bytes: 212,
            code: "duplicate-key".to_owned(),
            reason: "member accountEnabled occurs twice in one object".to_owned(),
            bytes: Some(b"{\"a\":1,\"a\":2}".to_vec()),
        }],
        tally,
        set_aside_differences: BTreeMap::from([
            ("GUID case".to_owned(), 14),
            ("key order".to_owned(), 1_307),
        ]),
        as_of: Some(at("2026-11-03T03:02:40Z")),
        ..Analysis::default()
    };
    super::service::fixture::fill(&mut analysis);
    analysis
}

/// Strings that attack the browser, the terminal, the spreadsheet or the reader's eye.
pub(crate) const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    "\"><img src=x onerror=alert(3)>",
    "' onmouseover='alert(4)",
    "{{ 7 * 7 }}{% raw %}",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\tleading tab",
    "  blanks around  ",
    "comma, quote \" and; semicolon",
    "two\nlines",
    "carriage\rreturn\r\n",
    "nul \u{0} and bell \u{7}",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[31mred",
    "csi \u{9b}31m",
    "gpj.\u{202e}exe.jpg",
    "iso\u{2066}late\u{2069}",
    "zero\u{200b}width\u{200d}\u{feff}",
    "tag \u{e0041}\u{e007f}",
    "U+202E spelt by hand, ⟦U+202E⟧",
    "<!-- comment --> &amp; &lt;b&gt;",
    "漢字 🦀 e\u{301}",
];

/// The same tenant with every string that the evidence can choose replaced by a hostile one.
pub(crate) fn hostile() -> Analysis {
    let mut analysis = analysis();
    for (n, text) in HOSTILE.iter().enumerate() {
        let n = u32::try_from(n).unwrap();
        let json = serde_json::to_string(text).unwrap();
        let change = modified("user", text, text);
        analysis.changes.push(Change {
            added: Some(format!("[{json}]")),
            removed: Some((*text).to_owned()),
            target: Some(Target {
                object_type: (*text).to_owned(),
                id: (*text).to_owned(),
                name: (*text).to_owned(),
            }),
            from_snapshot: (*text).to_owned(),
            to_snapshot: (*text).to_owned(),
            tenant_id: (*text).to_owned(),
            object_type: if n % 2 == 0 { (*text).to_owned() } else { "user".to_owned() },
            ..named(text, values(Some(&json), Some(text), change))
        });
        analysis.snapshots.push(SnapshotRow {
            tenant_id: (*text).to_owned(),
            label: (*text).to_owned(),
            objects: BTreeMap::from([((*text).to_owned(), 1)]),
            ..analysis.snapshots[0].clone()
        });
        analysis.coverage.push(CoverageRow {
            tenant_id: (*text).to_owned(),
            attribute: (*text).to_owned(),
            ..coverage_row(text, text, CoverageState::Denied, 0, text)
        });
        analysis.exhibits.push(ExhibitRow {
            path: (*text).to_owned(),
            format: (*text).to_owned(),
            object_types: vec![(*text).to_owned()],
            ..exhibit(9, "x", 0)
        });
        analysis.warnings.push(WarningRow {
            code: (*text).to_owned(),
            path: (*text).to_owned(),
            offset_bytes: Some(1),
            message: (*text).to_owned(),
            advice: (*text).to_owned(),
        });
        analysis.set_aside_differences.insert((*text).to_owned(), 1);
        analysis.tally.set_aside.insert((*text).to_owned(), 0);
    }
    analysis
}

/// A tenant in which `count` users changed, and a role assignment among them.
pub(super) fn large(count: u32) -> Analysis {
    let mut analysis = analysis();
    for n in 0..count {
        analysis
            .changes
            .push(named(&format!("User {n}"), modified("user", &guid(10_000 + n), "department")));
    }
    analysis
}
