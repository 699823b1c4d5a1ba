//! What to export next where a verdict cannot be told.

use super::steps::is_of_link;
use crate::directory::Catalogue;
use crate::model::{Verdict, VerdictReason, VerdictRow};

/// Puts into a row what would settle it.
pub(super) fn settle(row: &mut VerdictRow, catalogue: &Catalogue) {
    let open =
        row.verdict == Verdict::CannotTell || row.reason == Some(VerdictReason::FailedListMissing);
    if !open {
        return;
    }
    let Some(reason) = row.reason else { return };
    let again = request(row, catalogue);
    row.next_export = match reason {
        VerdictReason::NoJob | VerdictReason::JobNotOver => {
            "GET /directory/recovery/jobs, or --completed with the time at which the recovery ended".to_owned()
        }
        VerdictReason::NotProvenFresh
        | VerdictReason::CapturedBeforeCompletion
        | VerdictReason::EqualToEarlier
        | VerdictReason::FileTimeOnly
        | VerdictReason::BuiltFromDelta => {
            format!("{again} once more, whole, with a time that the service sets in it (modifiedDateTime, signInActivity), or beside GET /auditLogs/directoryAudits of the same run")
        }
        VerdictReason::Distance => {
            "a difference report of the same backup: GET /directory/recovery/snapshots/{id}/recoveryPreviewJobs/{job}/getChanges".to_owned()
        }
        VerdictReason::GoodNotCollected | VerdictReason::DamagedNotCollected => {
            "nothing can be exported for a time that is past; a difference report of a backup of that time shows it: GET /directory/recovery/snapshots/{id}/recoveryPreviewJobs/{job}/getChanges".to_owned()
        }
        VerdictReason::BinMissing => {
            let bin = catalogue.bin_of(&row.object_type).unwrap_or("directory/deletedItems");
            format!("GET /{bin}")
        }
        VerdictReason::AfterNotCollected
        | VerdictReason::AfterPartial
        | VerdictReason::Conflicting
        | VerdictReason::ChangeUnproven => again,
        VerdictReason::FailedListMissing => {
            "GET /directory/recovery/snapshots/{id}/recoveryJobs/{job}/getFailedChanges".to_owned()
        }
        VerdictReason::SeeRecoverability
        | VerdictReason::JobFilter
        | VerdictReason::ListedAsFailed => String::new(),
    };
}

/// The request that shows what a row is about.
fn request(row: &VerdictRow, catalogue: &Catalogue) -> String {
    let path = catalogue.collection_of(&row.object_type);
    if is_of_link(row) {
        let path = path.unwrap_or("directoryObjects");
        return format!("GET /{path}/{}/{}", row.object_id, row.attribute);
    }
    let property = catalogue.supported_property(&row.object_type, &row.object_id, &row.attribute);
    if let Some(property) = property.filter(|_| !row.attribute.is_empty()) {
        return property.request.clone();
    }
    let Some(path) = path else {
        return format!("the objects of type {}", row.object_type);
    };
    if row.attribute.is_empty() {
        return format!("GET /{path}");
    }

    let member = row.attribute.split('.').next().unwrap_or_default();
    format!("GET /{path}?$select=id,{member}")
}
