//! Pages of Microsoft Entra Backup and Recovery: backups, jobs and the changes that a difference report lists.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::clock::{DAY, FIRST_DAY, rfc3339};
use super::kinds::Obj;
use super::rng::guid;
use super::tenant::{Actor, Place, Tenant, What};
use super::value;

/// Who carries out a recovery.
pub(super) const ACTOR: &str = "Microsoft Entra Backup and Recovery";

/// The seconds of the day at which the service takes its backups.
const BACKUP_AT: i64 = 2 * 3_600;

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut word = 0_u32;
        for at in 0..3 {
            word = (word << 8) | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..4_usize {
            let six = usize::try_from((word >> (18 - 6 * at)) & 63).unwrap_or(0);
            let letter = ALPHABET.get(six).copied().map_or('=', char::from);
            out.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

/// The pages that can be read at a time: path and body.
pub(super) fn documents(tenant: &Tenant, at: i64) -> Vec<(String, Value)> {
    let Some((started, ended)) = job(tenant).filter(|(_, ended)| *ended < at) else {
        return Vec::new();
    };
    let days = (at - FIRST_DAY).div_euclid(DAY);
    let backups: Vec<Value> = (0..=days)
        .rev()
        .take(5)
        .map(|day| rfc3339(FIRST_DAY + day * DAY + BACKUP_AT))
        .map(|time| json!({"id": base64(&time), "createdDateTime": time}))
        .collect();
    let target = FIRST_DAY + DAY + BACKUP_AT;
    let changes = changes(tenant, target, started);
    let done = tenant
        .effects
        .iter()
        .filter(|effect| recovers(tenant, effect.operation))
        .filter(|effect| !matches!(effect.what, What::Link { .. }))
        .count();
    let service = "https://graph.microsoft.com/v1.0/$metadata#directory/recovery";
    let preview = guid(tenant.seed, &[1, 77]);
    let kind = |name: &str| format!("#microsoft.graph.entraRecoveryServices.{name}");
    let times = |from: i64, to: i64| (rfc3339(from), rfc3339(to));
    let (preview_from, preview_to) = times(started - 2_400, started - 1_200);
    let (from, to) = times(started - 30, ended + 30);
    let jobs = json!({
        "@odata.context": format!("{service}/jobs"),
        "value": [
            {"@odata.type": kind("recoveryPreviewJob"), "id": preview, "status": "successful", "targetStateDateTime": rfc3339(target), "jobStartDateTime": preview_from, "jobCompletionDateTime": preview_to, "filteringCriteria": null, "totalChangedObjectsCalculated": changes.len(), "totalChangedLinksCalculated": 0},
            {"@odata.type": kind("recoveryJob"), "id": guid(tenant.seed, &[2, 77]), "status": "successful", "targetStateDateTime": rfc3339(target), "jobStartDateTime": from, "jobCompletionDateTime": to, "filteringCriteria": null, "totalChangedObjectsCalculated": changes.len(), "totalChangedLinksCalculated": 0, "totalObjectsModified": done, "totalLinksModified": 0, "totalFailedChanges": 3},
        ],
    });
    vec![
        (
            "directory/recovery/snapshots".to_owned(),
            json!({"@context": format!("{service}/snapshots"), "value": backups}),
        ),
        ("directory/recovery/jobs".to_owned(), jobs),
        (
            format!("directory/recovery/recoveryPreviewJobs/{preview}/getChanges"),
            json!({
                "@odata.context": format!("{service}/snapshots/{}/recoveryPreviewJobs/{preview}/getChanges", base64(&rfc3339(target))),
                "@odata.count": changes.len(),
                "value": changes,
            }),
        ),
    ]
}

fn recovers(tenant: &Tenant, operation: usize) -> bool {
    tenant.operations.get(operation).is_some_and(|one| one.actor == Actor::Service(ACTOR))
}

/// First and last time of what the recovery did.
fn job(tenant: &Tenant) -> Option<(i64, i64)> {
    let times =
        tenant.operations.iter().filter(|one| one.actor == Actor::Service(ACTOR)).map(|one| one.at);
    Some((times.clone().min()?, times.max()?))
}

/// Backup values and current values of an object.
type Sides = (Map<String, Value>, Map<String, Value>);

/// The difference report: backup against the state before the recovery.
fn changes(tenant: &Tenant, target: i64, now: i64) -> Vec<Value> {
    let mut rows: BTreeMap<Obj, Sides> = BTreeMap::new();
    for (obj, paths) in tenant.settings.iter().filter(|(obj, _)| is_covered(**obj)) {
        for path in paths.keys() {
            let (old, new) = (tenant.value(*obj, path, target), tenant.value(*obj, path, now));
            if value::column(&old, false) != value::column(&new, false) {
                let (backup, current) = rows.entry(*obj).or_default();
                value::put(backup, path, &old);
                value::put(current, path, &new);
            }
        }
    }
    for obj in tenant.moves.keys().filter(|obj| is_covered(**obj)) {
        if tenant.place(*obj, target) != tenant.place(*obj, now) {
            rows.entry(*obj).or_default();
        }
    }
    rows.into_iter()
        .filter_map(|(obj, (mut backup, mut current))| {
            let action = match (tenant.place(obj, target), tenant.place(obj, now)) {
                (Place::Live, Place::Live) => "update",
                (Place::Live, Place::Bin) => "restore",
                (_, Place::Live) => "softDelete",
                _ => return None,
            };
            if action == "restore" {
                backup.insert("deletedDateTime".to_owned(), Value::Null);
                current.insert("deletedDateTime".to_owned(), json!(rfc3339(now)));
            } else if action == "softDelete" {
                backup.insert("@removed".to_owned(), json!({"reason": "changed"}));
                current.insert("deletedDateTime".to_owned(), Value::Null);
            }
            Some(json!({
                "id": tenant.key(obj),
                "entityTypeName": obj.ty.name(),
                "displayName": tenant.word(obj, "displayName", now),
                "recoveryAction": action,
                "deltaFromCurrent": backup,
                "currentState": current,
            }))
        })
        .collect()
}

fn is_covered(obj: Obj) -> bool {
    use super::kinds::Ty;
    matches!(
        obj.ty,
        Ty::User
            | Ty::Group
            | Ty::CaPolicy
            | Ty::NamedLocation
            | Ty::AuthMethods
            | Ty::Authorization
            | Ty::Application
            | Ty::ServicePrincipal
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_identifier_is_the_time_in_base64() {
        assert_eq!(super::base64("2024-08-26T02:30:00Z"), "MjAyNC0wOC0yNlQwMjozMDowMFo=");
    }
}
