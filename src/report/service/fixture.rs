//! A difference report and a recovery that failed in part, for the tests of outputs.

use crate::model::{
    Analysis, BackupRow, JobEvent, JobKind, JobOutcome, JobRow, JobScope, ListedAttribute,
    ListedChange, RecoveryAction,
};
use crate::report::fixture::{TENANT, at, guid, receipt};

const BACKUP: &str = "MTc2MTk2MjQwMA==";

/// Puts the service's records into an analysis.
pub(crate) fn fill(analysis: &mut Analysis) {
    let created = at("2026-11-01T02:00:00Z");
    analysis.backups = vec![BackupRow {
        tenant_id: TENANT.to_owned(),
        created: Some(created),
        id: BACKUP.to_owned(),
        changed_objects: None,
        kept_until: Some(at("2026-11-08T02:00:00Z")),
        same_time: 1,
        receipts: vec![receipt(5, 100, 80)],
    }];
    let report = JobRow {
        tenant_id: TENANT.to_owned(),
        started: Some(at("2026-11-02T09:00:00Z")),
        id: guid(70),
        kind: JobKind::DifferenceReport,
        status: "successful".to_owned(),
        outcome: JobOutcome::Completed,
        completed: Some(at("2026-11-02T09:41:30Z")),
        target: Some(created),
        backup_id: Some(BACKUP.to_owned()),
        scope: JobScope::All,
        changed_objects_calculated: Some(2),
        changed_links_calculated: Some(0),
        objects_modified: None,
        links_modified: None,
        failed_changes: None,
        listed: Some(1),
        list_incomplete: true,
        receipts: vec![receipt(5, 200, 300)],
    };
    analysis.jobs = vec![
        report.clone(),
        JobRow {
            started: Some(at("2026-11-02T10:00:00Z")),
            id: guid(71),
            kind: JobKind::Recovery,
            outcome: JobOutcome::CompletedWithWarnings,
            completed: Some(at("2026-11-02T12:05:00Z")),
            scope: JobScope::Objects(vec![("user".to_owned(), (1..=5).map(guid).collect())]),
            objects_modified: Some(1),
            links_modified: Some(0),
            failed_changes: Some(1),
            list_incomplete: false,
            receipts: vec![receipt(6, 200, 300), receipt(5, 500, 300)],
            ..report
        },
    ];
    let listed = |job: u32, failed: bool, failure: &str| ListedChange {
        tenant_id: TENANT.to_owned(),
        job_id: guid(job),
        backup_id: BACKUP.to_owned(),
        failed,
        object_type: "user".to_owned(),
        object_id: guid(11),
        object_name: "Megan Bowen".to_owned(),
        action: Some(RecoveryAction::Restore),
        attributes: vec![ListedAttribute {
            path: "department".to_owned(),
            backup: Some(Some("\"Loans\"".to_owned())),
            current: Some(None),
        }],
        links: Vec::new(),
        failure: failure.to_owned(),
        receipt: Some(receipt(6, 900, 400)),
    };
    analysis.listed = vec![
        listed(70, false, ""),
        listed(71, true, "Conflict: <b>another</b> object has this userPrincipalName"),
    ];
    analysis.job_events = vec![JobEvent {
        tenant_id: TENANT.to_owned(),
        job_id: guid(71),
        at: at("2026-11-02T09:59:58Z"),
        activity: "Create recovery job".to_owned(),
        result: "success".to_owned(),
        actor_id: guid(12),
        actor_name: "adele@woodgrove.example".to_owned(),
        receipt: Some(receipt(7, 0, 900)),
    }];
}
