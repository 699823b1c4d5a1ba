//! The backup service's own records under pseudonyms. The id of a backup is the time that it was made, in base64, and stays;
//! the ids of jobs are ids.

use super::Redactor;
use super::text::Pseudonyms;
use crate::directory::HIDDEN_WORD;
use crate::intake::of_snapshot_id;
use crate::model::{Analysis, BackupRow, JobEvent, JobRow, JobScope, ListedChange};

impl Redactor<'_> {
    /// Puts pseudonyms into backups, jobs and their lists, and them in order again.
    pub(super) fn service(&mut self, analysis: &mut Analysis) {
        analysis.backups.iter_mut().for_each(|row| self.backup(row));
        analysis.backups.sort();
        analysis.jobs.iter_mut().for_each(|row| self.job(row));
        analysis.jobs.sort_by(|a, b| {
            (&a.tenant_id, a.started, &a.id).cmp(&(&b.tenant_id, b.started, &b.id))
        });
        analysis.job_events.iter_mut().for_each(|row| self.job_event(row));
        analysis.job_events.sort();
        analysis.listed.iter_mut().for_each(|row| self.listed(row));
        analysis.listed.sort_by(|a, b| {
            (&a.tenant_id, &a.job_id, &a.object_type, &a.object_id)
                .cmp(&(&b.tenant_id, &b.job_id, &b.object_type, &b.object_id))
                .then_with(|| a.cmp(b))
        });
    }

    fn backup(&mut self, row: &mut BackupRow) {
        row.tenant_id = self.names.id(&row.tenant_id);
        row.id = backup_id(&mut self.names, &row.id);
    }

    fn job(&mut self, row: &mut JobRow) {
        let known = self.names.catalogue().recovery_status(&row.status).is_some();
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.id = names.id(&row.id);
        if !known && row.status != HIDDEN_WORD {
            row.status = names.value(&row.status);
        }
        row.backup_id = row.backup_id.take().map(|id| backup_id(names, &id));
        match &mut row.scope {
            JobScope::All | JobScope::Unknown => {}
            JobScope::Types(types) => {
                types.iter_mut().for_each(|name| *name = names.object_type(name));
            }
            JobScope::Objects(objects) => {
                for (name, ids) in objects {
                    *name = names.object_type(name);
                    ids.iter_mut().for_each(|id| *id = names.id(id));
                }
            }
        }
    }

    fn job_event(&mut self, row: &mut JobEvent) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.job_id = names.id(&row.job_id);
        row.activity = names.prose(&row.activity);
        row.result = names.prose(&row.result);
        row.actor_id = names.id(&row.actor_id);
        row.actor_name = names.value(&row.actor_name);
    }

    fn listed(&mut self, row: &mut ListedChange) {
        let names = &mut self.names;
        row.tenant_id = names.id(&row.tenant_id);
        row.job_id = names.id(&row.job_id);
        row.backup_id = backup_id(names, &row.backup_id);
        row.object_name = names.name(&row.object_type, &row.object_name);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
        for part in &mut row.attributes {
            for value in [&mut part.backup, &mut part.current].into_iter().flatten().flatten() {
                *value = names.json(&part.path, value);
            }
            part.path = names.attribute(&part.path);
        }
        row.attributes.sort();
        for link in &mut row.links {
            names.target(&mut link.target);
            link.relation = names.attribute(&link.relation);
        }
        row.links.sort();
        row.failure = names.prose(&row.failure);
    }
}

fn backup_id(names: &mut Pseudonyms<'_>, id: &str) -> String {
    if id.is_empty() || of_snapshot_id(id).is_some() { id.to_owned() } else { names.id(id) }
}
