//! Which job and backup a page belongs to, as its `@odata.context` or the names of its file and folders tell.
//!
//! An id in a name counts only where the name says what it is the id of, or where the evidence knows a job of that id.

use crate::intake::{is_guid, of_snapshot_id};
use crate::model::JobKind;

/// What the request behind a page tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Id of the job; empty where nothing tells.
    pub(super) job: String,
    /// Id of the backup; empty where nothing tells.
    pub(super) backup: String,
    /// Kind of the job, or of the jobs that are listed.
    pub(super) kind: Option<JobKind>,
    /// Whether it lists failed changes.
    pub(super) failed: Option<bool>,
}

/// Reads the context first and the names where it is silent; `known` says whether the evidence holds a job of an id.
pub(super) fn origin(context: Option<&str>, shown: &str, known: &dyn Fn(&str) -> bool) -> Origin {
    let fragment = context.and_then(|url| url.split_once("$metadata#")).map(|(_, path)| path);
    let told = fragment.map(|path| read(path, known)).unwrap_or_default();
    let named = read(shown, known);
    let first = |told: String, named: String| if told.is_empty() { named } else { told };
    Origin {
        job: first(told.job, named.job),
        backup: first(told.backup, named.backup),
        kind: told.kind.or(named.kind),
        failed: told.failed.or(named.failed),
    }
}

/// Signs that stand between the words of a path, a context or a file name.
const BETWEEN: [char; 11] = ['/', '\\', '_', '.', ' ', '(', ')', '\'', ',', '@', '#'];

fn read(path: &str, known: &dyn Fn(&str) -> bool) -> Origin {
    let path = path.replace("%3D", "=").replace("%3d", "=").replace("%27", "'");
    let mut found = Origin::default();
    let mut before = String::new();
    for word in path.split(BETWEEN).flat_map(around_guid).filter(|word| !word.is_empty()) {
        let letters: String =
            word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if is_guid(word) {
            let id = word.to_ascii_lowercase();
            if before.ends_with("jobs") || before.ends_with("job") || known(&id) {
                found.job = id;
            }
        } else if of_snapshot_id(word).is_some() {
            word.clone_into(&mut found.backup);
        } else if letters.ends_with("previewjobs") || letters.ends_with("previewjob") {
            found.kind = Some(JobKind::DifferenceReport);
        } else if letters.ends_with("recoveryjobs") || letters.ends_with("recoveryjob") {
            found.kind = Some(JobKind::Recovery);
        } else if letters.ends_with("failedchanges") {
            found.failed = Some(true);
        } else if letters.ends_with("getchanges") {
            found.failed = Some(false);
        }
        before = letters;
    }
    found
}

/// A word parted where a GUID stands in it: `getChanges-GUID`.
fn around_guid(word: &str) -> [&str; 3] {
    let ends = word.len().saturating_sub(35);
    let at = (0..ends).find(|at| word.get(*at..at + 36).is_some_and(is_guid));
    let parted = at.and_then(|at| {
        let (above, rest) = word.split_at_checked(at)?;
        let (id, below) = rest.split_at_checked(36)?;
        Some([above, id, below])
    });
    parted.unwrap_or([word, "", ""])
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "d3f8e7e8-7e87-4a7f-9d2c-c1c2d7e8e1f1";
    const TENANT: &str = "11111111-2222-4333-8444-555555555555";
    const BACKUP: &str = "MjAyNC0wOC0yNlQwMjozMDowMFo=";

    fn of(context: Option<&str>, shown: &str) -> Origin {
        let context =
            context.map(|path| format!("https://graph.microsoft.com/v1.0/$metadata#{path}"));
        origin(context.as_deref(), shown, &|_| false)
    }

    #[test]
    fn the_context_tells_job_backup_and_function() {
        let preview = Some(JobKind::DifferenceReport);
        for path in [
            format!("directory/recovery/snapshots/{BACKUP}/recoveryPreviewJobs/{JOB}/getChanges"),
            format!(
                "directory/recovery/snapshots('{BACKUP}')/recoveryPreviewJobs('{JOB}')/microsoft.graph.entraRecoveryServices.getChanges"
            ),
            format!(
                "directory/recovery/snapshots('MjAyNC0wOC0yNlQwMjozMDowMFo%3D')/recoveryPreviewJobs('{}')/getChanges",
                JOB.to_uppercase()
            ),
        ] {
            let found = of(Some(&path), "list.json");
            assert_eq!((found.job.as_str(), found.backup.as_str()), (JOB, BACKUP), "{path}");
            assert_eq!((found.kind, found.failed), (preview, Some(false)));
        }
    }

    #[test]
    fn names_tell_where_the_context_does_not() {
        let collection =
            "Collection(microsoft.graph.entraRecoveryServices.recoveryChangeObjectBase)";
        for shown in [
            format!(
                "{TENANT}/2026-11-06/directory_recovery_recoveryJobs_{JOB}_getFailedChanges_20261106T035036Z.json"
            ),
            format!("{TENANT}/recoveryJobs/{JOB}/getFailedChanges.json"),
            format!("x/recoveryJobs-{JOB}-getFailedChanges.json"),
        ] {
            let found = of(Some(collection), &shown);
            assert_eq!((found.job.as_str(), found.failed), (JOB, Some(true)), "{shown}");
            assert_eq!(found.kind, Some(JobKind::Recovery));
        }
    }

    #[test]
    fn an_id_that_nothing_explains_is_not_taken() {
        let shown = format!("{TENANT}/2026-11-06/getChanges_{JOB}.json");
        assert_eq!(of(None, &shown).job, "");
        let known = origin(None, &shown, &|id| id == JOB);
        assert_eq!((known.job.as_str(), known.failed), (JOB, Some(false)));
    }
}
