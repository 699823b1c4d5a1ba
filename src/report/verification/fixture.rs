//! Hand-made verifications for the tests of this room.

use std::collections::BTreeMap;

use crate::model::{
    Analysis, Asserted, AssertionOutcome, AssertionRow, Clean, Completion, ExhibitId, Freshness,
    FreshnessRow, Intent, ReconciledRow, Recoverability, Target, Verdict, VerdictReason,
    VerdictRow, Verification, Window,
};
use crate::report::fixture::{DAYS, HOSTILE, TENANT, analysis, at, exhibit_id, guid, receipt};

/// An attribute of an object, damaged between day 1 and day 2 and put back by day 3.
pub(crate) fn row(object_type: &str, n: u32, name: &str, attribute: &str) -> VerdictRow {
    VerdictRow {
        tenant_id: TENANT.to_owned(),
        object_type: object_type.to_owned(),
        object_id: guid(n),
        object_name: name.to_owned(),
        attribute: attribute.to_owned(),
        target: None,
        good: Some("\"enabled\"".to_owned()),
        damaged: Some("\"disabled\"".to_owned()),
        after: Some("\"enabled\"".to_owned()),
        verdict: Verdict::EqualsGood,
        reason: None,
        detail: String::new(),
        next_export: String::new(),
        intent: Intent::Damage,
        intent_by: "damage.toml, types".to_owned(),
        recoverability: Some(Recoverability::Recoverable),
        failure: String::new(),
        damaged_between: window("2026-11-01T03:00:00Z", "2026-11-02T03:01:40Z"),
        clean_between: Some(window("2026-11-02T21:04:00Z", "2026-11-03T03:02:40Z")),
        recurring: false,
        objects: 1,
        evidence_good: vec![receipt(1, 1204, 512)],
        evidence_damaged: vec![receipt(2, 1188, 530)],
        evidence_after: vec![receipt(3, 1190, 520)],
    }
}

fn window(from: &str, to: &str) -> Window {
    Window { not_before: Some(at(from)), not_after: Some(at(to)) }
}

/// The same row with another end.
pub(crate) fn judged(row: VerdictRow, verdict: Verdict, after: Option<&str>) -> VerdictRow {
    VerdictRow { verdict, after: after.map(str::to_owned), clean_between: None, ..row }
}

fn values(good: &str, damaged: &str, row: VerdictRow) -> VerdictRow {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    VerdictRow { good: some(good), damaged: some(damaged), ..row }
}

fn told(reason: VerdictReason, detail: &str, next_export: &str, row: VerdictRow) -> VerdictRow {
    VerdictRow {
        reason: Some(reason),
        detail: detail.to_owned(),
        next_export: next_export.to_owned(),
        ..row
    }
}

fn policies() -> Vec<VerdictRow> {
    let policy =
        |attribute| row("conditionalAccessPolicy", 30, "Require MFA for admins", attribute);
    let excluded = values(
        "[]",
        "[\"00000000-aaaa-4222-8333-000000000001\"]",
        policy("conditions.users.excludeUsers"),
    );
    let report = values(
        "\"enabled\"",
        "\"disabled\"",
        row("conditionalAccessPolicy", 31, "Block legacy sign-in", "state"),
    );
    let wanted = VerdictRow {
        intent: Intent::Legitimate,
        intent_by: "CHG-4711".to_owned(),
        ..values(
            "\"Baseline\"",
            "\"Baseline 2026\"",
            row("conditionalAccessPolicy", 32, "Baseline", "displayName"),
        )
    };
    vec![
        judged(
            excluded,
            Verdict::EqualsDamaged,
            Some("[\"00000000-aaaa-4222-8333-000000000001\"]"),
        ),
        policy("state"),
        VerdictRow {
            recurring: true,
            ..told(
                VerdictReason::ListedAsFailed,
                "the service says that this change failed",
                "",
                judged(report, Verdict::ChangedAgainLater, Some("\"disabled\"")),
            )
        },
        judged(wanted.clone(), Verdict::LegitimateChangeKept, Some("\"Baseline 2026\"")),
        judged(
            VerdictRow {
                attribute: "state".to_owned(),
                ..values("\"enabled\"", "\"enabledForReportingButNotEnforced\"", wanted)
            },
            Verdict::LegitimateChangeLost,
            Some("\"enabled\""),
        ),
    ]
}

fn members() -> Vec<VerdictRow> {
    let member = |n: u32, name: &str| VerdictRow {
        target: Some(Target { object_type: "user".to_owned(), id: guid(n), name: name.to_owned() }),
        ..values("present", "absent", row("group", 20, "sg-Finance-Admins", "members"))
    };
    vec![
        VerdictRow { after: Some("present".to_owned()), ..member(10, "Adele Vance") },
        told(
            VerdictReason::AfterPartial,
            "the list of members in 2026-11-03 has a next link that nothing continues",
            "GET /groups/{id}/members to its last page",
            judged(member(11, "Megan Bowen"), Verdict::CannotTell, None),
        ),
        VerdictRow {
            intent: Intent::Untouched,
            ..judged(
                values("absent", "absent", member(41, "")),
                Verdict::Collateral,
                Some("present"),
            )
        },
    ]
}

fn users() -> Vec<VerdictRow> {
    let user = |n: u32, name: &str, attribute: &str| row("user", n, name, attribute);
    let gone = values("live", "in the bin", user(12, "Break Glass 02", ""));
    let synced = values("\"Finance\"", "\"Sales\"", user(14, "Diego Siciliani", "department"));
    let owner = values("\"+1 425 555 0100\"", "", user(13, "Lynne Robbins", "mobilePhone"));
    let everyone = VerdictRow {
        object_id: String::new(),
        object_name: String::new(),
        evidence_good: Vec::new(),
        evidence_damaged: Vec::new(),
        evidence_after: Vec::new(),
        intent: Intent::Undeclared,
        intent_by: String::new(),
        damaged_between: Window::default(),
        ..values("", "", user(0, "", "perUserMfaState"))
    };
    vec![
        told(
            VerdictReason::GoodNotCollected,
            "no snapshot holds perUserMfaState",
            "GET /users/{id}/authentication/requirements (beta)",
            judged(everyone, Verdict::CannotTell, None),
        ),
        VerdictRow {
            after: Some("\"Finance\"".to_owned()),
            ..values("\"Finance\"", "\"Sales\"", user(10, "Adele Vance", "department"))
        },
        judged(gone, Verdict::Missing, Some("gone")),
        VerdictRow {
            failure: "The object could not be updated: Directory_ConcurrencyViolation".to_owned(),
            ..judged(owner, Verdict::ThirdValue, Some("\"+44 20 7946 0999\""))
        },
        VerdictRow {
            recoverability: Some(Recoverability::VisibleOnly),
            ..told(
                VerdictReason::SeeRecoverability,
                "synchronised from on-premises: its value comes from there",
                "",
                judged(synced, Verdict::NotRecoverable, Some("\"Sales\"")),
            )
        },
    ]
}

fn freshness() -> Vec<FreshnessRow> {
    let exhibit = |n: u8, name: &str, freshness, verdicts| FreshnessRow {
        exhibit: exhibit_id(n),
        path: format!("export/{}/{name}", DAYS[2]),
        freshness,
        latest: None,
        property: String::new(),
        equal_to: None,
        verdicts,
    };
    vec![
        FreshnessRow {
            latest: Some(at("2026-11-02T23:15:09Z")),
            property: "signInActivity.lastSignInDateTime".to_owned(),
            ..exhibit(3, "users.json", Freshness::Own, 5)
        },
        exhibit(4, "conditionalAccess.json", Freshness::Run, 5),
        FreshnessRow {
            equal_to: Some(exhibit_id(1)),
            ..exhibit(6, "groups.json", Freshness::EqualToEarlier, 3)
        },
        exhibit(7, "organization.json", Freshness::None, 0),
    ]
}

fn reconciled() -> Vec<ReconciledRow> {
    let row = |what: &str, job, evidence, explanation: &str| ReconciledRow {
        what: what.to_owned(),
        job,
        evidence,
        explanation: explanation.to_owned(),
    };
    vec![
        row("objects modified", Some(5), Some(5), ""),
        row("links modified", Some(2), Some(1), "one link list of after is not whole"),
        row("failed changes", Some(2), None, "the list of failed changes is not in the evidence"),
    ]
}

/// An imperfect recovery: something of every verdict that a reader has to look at.
pub(crate) fn imperfect() -> Verification {
    let mut rows: Vec<VerdictRow> = [policies(), members(), users()].concat();
    rows.sort_by(|a, b| {
        let key = |row: &VerdictRow| {
            (
                row.object_type.clone(),
                row.object_id.clone(),
                row.attribute.clone(),
                row.target.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    let mut verification = Verification {
        tenant_id: TENANT.to_owned(),
        good: DAYS[0].to_owned(),
        damaged: DAYS[1].to_owned(),
        after: DAYS[2].to_owned(),
        jobs: vec![guid(900)],
        target: Some(at("2026-11-01T01:00:00Z")),
        completion: Some(Completion { at: at("2026-11-02T21:04:00Z"), declared: false }),
        rows,
        totals: BTreeMap::new(),
        not_judged: 4,
        freshness: freshness(),
        reconciled: reconciled(),
        clean: Clean {
            damaged: window("2026-11-01T03:00:00Z", "2026-11-02T03:01:40Z"),
            clean: window("2026-11-02T21:04:00Z", "2026-11-03T03:02:40Z"),
            open: 8,
        },
        wrong_in_good: vec![
            "Payroll Sync (application) already had a credential that ends in 2099".to_owned(),
        ],
        declared: BTreeMap::from([("damage.toml".to_owned(), blake3::hash(b"damage").to_string())]),
    };
    add_up(&mut verification);
    verification
}

/// Makes the totals those of the rows.
pub(crate) fn add_up(verification: &mut Verification) {
    verification.totals.clear();
    for row in &verification.rows {
        *verification.totals.entry(row.verdict).or_default() += row.objects;
    }
}

/// Three attributes that are all good again.
pub(crate) fn perfect() -> Verification {
    let mut verification = imperfect();
    verification.rows.retain(|row| row.verdict == Verdict::EqualsGood);
    verification.clean.open = 0;
    verification.not_judged = 0;
    verification.wrong_in_good.clear();
    verification.reconciled.truncate(1);
    verification.freshness.truncate(2);
    add_up(&mut verification);
    verification
}

/// A verification that judged nothing.
pub(crate) fn nothing() -> Verification {
    let mut verification = imperfect();
    verification.rows.clear();
    verification.freshness.clear();
    verification.reconciled.clear();
    verification.wrong_in_good.clear();
    verification.clean = Clean::default();
    verification.not_judged = 0;
    add_up(&mut verification);
    verification
}

/// Assertions of every outcome.
pub(crate) fn assertions() -> Asserted {
    let row = |name: &str, outcome, found: Option<&str>, detail: &str| AssertionRow {
        tenant_id: TENANT.to_owned(),
        name: name.to_owned(),
        snapshot: DAYS[2].to_owned(),
        object_type: "group".to_owned(),
        object_id: guid(20),
        object_name: "sg-Finance-Admins".to_owned(),
        attribute: "members".to_owned(),
        check: "none_of".to_owned(),
        expected: format!("[\"{}\"]", guid(41)),
        found: found.map(str::to_owned),
        outcome,
        detail: detail.to_owned(),
        next_export: String::new(),
        evidence: vec![receipt(3, 90_240, 740)],
    };
    let found = format!("[\"{}\"]", guid(41));
    Asserted {
        sha256: "ab".repeat(32),
        blake3: "cd".repeat(32),
        rows: vec![
            row(
                "no outsider in finance",
                AssertionOutcome::Fails,
                Some(&found),
                "it holds 1 of the list",
            ),
            AssertionRow {
                attribute: "displayName".to_owned(),
                check: "equals".to_owned(),
                expected: "\"sg-Finance-Admins\"".to_owned(),
                ..row(
                    "the group is called as it was",
                    AssertionOutcome::Holds,
                    Some("\"sg-Finance-Admins\""),
                    "",
                )
            },
            AssertionRow {
                next_export: "GET /groups/{id}/members to its last page".to_owned(),
                ..row(
                    "the list is whole",
                    AssertionOutcome::CannotTell,
                    None,
                    "the list of members is not whole in 2026-11-03",
                )
            },
        ],
    }
}

/// The small tenant with an imperfect recovery and assertions.
pub(crate) fn verified() -> Analysis {
    Analysis { verifications: vec![imperfect()], assertions: Some(assertions()), ..analysis() }
}

/// The small tenant with a recovery that put back everything.
pub(crate) fn put_back() -> Analysis {
    Analysis { verifications: vec![perfect()], ..analysis() }
}

/// The same with every string that evidence or files can choose replaced by a hostile one.
pub(crate) fn hostile() -> Analysis {
    let mut verification = imperfect();
    let mut asserted = assertions();
    for (n, text) in HOSTILE.iter().enumerate() {
        let text = (*text).to_owned();
        verification.rows.push(VerdictRow {
            object_id: text.clone(),
            target: Some(Target {
                object_type: text.clone(),
                id: text.clone(),
                name: text.clone(),
            }),
            good: Some(text.clone()),
            damaged: Some(serde_json::to_string(&text).unwrap()),
            detail: text.clone(),
            next_export: text.clone(),
            intent_by: text.clone(),
            failure: text.clone(),
            ..judged(row(&text, 1, &text, &text), Verdict::ALL[n % Verdict::ALL.len()], Some(&text))
        });
        verification.freshness.push(FreshnessRow {
            exhibit: ExhibitId::of_sha256(&[9; 32]),
            path: text.clone(),
            freshness: Freshness::None,
            latest: None,
            property: text.clone(),
            equal_to: None,
            verdicts: 1,
        });
        verification.reconciled.push(ReconciledRow {
            what: text.clone(),
            job: Some(1),
            evidence: Some(1),
            explanation: text.clone(),
        });
        verification.wrong_in_good.push(text.clone());
        verification.jobs.push(text.clone());
        verification.declared.insert(text.clone(), "ab".repeat(32));
        asserted.rows.push(AssertionRow {
            tenant_id: text.clone(),
            name: text.clone(),
            snapshot: text.clone(),
            object_type: text.clone(),
            object_id: text.clone(),
            object_name: text.clone(),
            attribute: text.clone(),
            check: "within".to_owned(),
            expected: text.clone(),
            found: Some(text.clone()),
            outcome: AssertionOutcome::ALL[n % AssertionOutcome::ALL.len()],
            detail: text.clone(),
            next_export: text.clone(),
            evidence: Vec::new(),
        });
    }
    let odd = HOSTILE[0].to_owned();
    verification.good = HOSTILE[15].to_owned();
    verification.damaged = HOSTILE[17].to_owned();
    verification.after.clone_from(&odd);
    verification.tenant_id = odd;
    add_up(&mut verification);
    Analysis { verifications: vec![verification], assertions: Some(asserted), ..analysis() }
}
