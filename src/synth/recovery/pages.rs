//! Pages of Microsoft Entra Backup and Recovery: backups, jobs, the changes that a difference report lists, and those that
//! a recovery could not make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::RecoveryScope;
use super::super::clock::{DAY, FIRST_DAY, rfc3339};
use super::super::rng::guid;
use super::super::tenant::Tenant;
use super::{BACKUP_AT, Recovery, difference, entity, list};

/// How many days back the service keeps backups.
const KEPT_DAYS: i64 = 7;
/// The day whose backup is listed twice.
const TWICE: i64 = 2;
/// Changes on a page.
const ON_PAGE: usize = 100;
const SERVICE: &str = "https://graph.microsoft.com/v1.0";

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// The pages that can be read at a time: path and body.
pub(in super::super) fn documents(tenant: &Tenant, at: i64) -> Vec<(String, Value)> {
    let Some(recovery) = tenant.recovery.as_ref().filter(|one| one.completed() < at) else {
        return Vec::new();
    };
    let changes = difference(tenant, Recovery::target(), recovery.reported());
    let changes: Vec<&list::Listed> =
        changes.iter().filter(|change| recovery.holds(change.obj)).collect();
    let backup = base64(&rfc3339(Recovery::target()));
    let report = guid(tenant.seed, &[1, 77]);
    let job = job_id(tenant);
    let mut pages = vec![
        ("directory/recovery/snapshots".to_owned(), backups(at)),
        ("directory/recovery/jobs".to_owned(), jobs(tenant, recovery, &changes)),
    ];
    if recovery.has_report {
        let rows = changes.iter().map(|row| list::json(tenant, row, recovery.reported())).collect();
        let path = format!("recoveryPreviewJobs/{report}/getChanges");
        pages.extend(chain(&backup, &path, rows));
    }
    let failures: Vec<Value> = recovery
        .failures
        .iter()
        .map(|failure| {
            let mut row = list::json(tenant, &failure.listed, recovery.started());
            if let Some(members) = row.as_object_mut() {
                members.insert("failureMessage".to_owned(), json!(failure.message));
            }
            row
        })
        .collect();
    if !failures.is_empty() {
        pages.extend(chain(&backup, &format!("recoveryJobs/{job}/getFailedChanges"), failures));
    }
    pages
}

/// Id of the recovery.
pub(in super::super) fn job_id(tenant: &Tenant) -> String {
    guid(tenant.seed, &[2, 77])
}

/// The backups that the service keeps, newest first; one of them is listed twice.
fn backups(at: i64) -> Value {
    let today = (at - FIRST_DAY).div_euclid(DAY);
    let mut backups = Vec::new();
    for day in (today - KEPT_DAYS + 1..=today).rev() {
        let second = FIRST_DAY + day * DAY + BACKUP_AT;
        let time = rfc3339(second);
        backups.push(json!({"id": base64(&time), "createdDateTime": time}));
        if day == TWICE {
            backups.push(json!({"id": base64(&second.to_string()), "createdDateTime": time}));
        }
    }
    json!({
        "@context": format!("{SERVICE}/$metadata#directory/recovery/snapshots"),
        "value": backups,
    })
}

fn jobs(tenant: &Tenant, recovery: &Recovery, changes: &[&list::Listed]) -> Value {
    let kind = |name: &str| format!("#microsoft.graph.entraRecoveryServices.{name}");
    let links: usize = changes.iter().map(|change| change.members.len()).sum();
    let failed = recovery.failures.len();
    let filter = filter(tenant, recovery);
    let target = rfc3339(Recovery::target());
    json!({
        "@odata.context": format!("{SERVICE}/$metadata#directory/recovery/jobs"),
        "value": [
            {
                "@odata.type": kind("recoveryPreviewJob"),
                "id": guid(tenant.seed, &[1, 77]),
                "status": "successful",
                "targetStateDateTime": target,
                "jobStartDateTime": rfc3339(recovery.reported() - 600),
                "jobCompletionDateTime": rfc3339(recovery.reported() + 600),
                "filteringCriteria": filter,
                "totalChangedObjectsCalculated": changes.len(),
                "totalChangedLinksCalculated": links,
            },
            {
                "@odata.type": kind("recoveryJob"),
                "id": job_id(tenant),
                "status": "successful",
                "targetStateDateTime": target,
                "jobStartDateTime": rfc3339(recovery.started()),
                "jobCompletionDateTime": rfc3339(recovery.completed()),
                "filteringCriteria": filter,
                "totalChangedObjectsCalculated": changes.len(),
                "totalChangedLinksCalculated": links,
                "totalObjectsModified": recovery.objects_modified,
                "totalLinksModified": recovery.links_modified,
                "totalFailedChanges": failed,
            },
        ],
    })
}

/// `filteringCriteria` of both jobs.
fn filter(tenant: &Tenant, recovery: &Recovery) -> Value {
    let kind = |name: &str| format!("#microsoft.graph.entraRecoveryServices.{name}");
    match recovery.scope {
        RecoveryScope::All => Value::Null,
        RecoveryScope::Users => {
            json!({"@odata.type": kind("recoveryJobEntityNamesFilter"), "entityTypes": ["user"]})
        }
        RecoveryScope::Objects => {
            let mut values: Vec<(&str, Vec<String>)> = Vec::new();
            for obj in &recovery.objects {
                let name = entity(obj.ty).unwrap_or_default();
                match values.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, ids)) => ids.push(tenant.key(*obj)),
                    None => values.push((name, vec![tenant.key(*obj)])),
                }
            }
            let values: Vec<Value> = values
                .into_iter()
                .map(|(name, ids)| json!({"entityType": name, "entityIds": ids}))
                .collect();
            json!({"@odata.type": kind("recoveryJobEntityNameAndIdsFilter"), "filterValues": values})
        }
    }
}

/// The pages of a list of changes.
fn chain(backup: &str, path: &str, rows: Vec<Value>) -> Vec<(String, Value)> {
    let count = rows.len();
    let pages = count.div_ceil(ON_PAGE).max(1);
    let whole = format!("directory/recovery/snapshots/{backup}/{path}");
    let mut rows = rows.into_iter();
    (0..pages)
        .map(|page| {
            let items: Vec<Value> = rows.by_ref().take(ON_PAGE).collect();
            let mut body = json!({"@odata.context": format!("{SERVICE}/$metadata#{whole}")});
            if let Some(members) = body.as_object_mut() {
                if page == 0 {
                    members.insert("@odata.count".to_owned(), json!(count));
                }
                if page + 1 < pages {
                    let next = format!("{SERVICE}/{whole}?$skip={}", (page + 1) * ON_PAGE);
                    members.insert("@odata.nextLink".to_owned(), json!(next));
                }
                members.insert("value".to_owned(), Value::Array(items));
            }
            (format!("directory/recovery/{path}"), body)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_identifier_is_the_time_in_base64() {
        assert_eq!(super::base64("2024-08-26T02:30:00Z"), "MjAyNC0wOC0yNlQwMjozMDowMFo=");
        assert_eq!(super::base64("1785189600"), "MTc4NTE4OTYwMA==");
    }
}
