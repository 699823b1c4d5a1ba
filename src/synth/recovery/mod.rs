//! A recovery by Microsoft Entra Backup and Recovery: what it is to put back, what it does, the pages that tell of it.

mod covered;
mod list;
mod pages;
mod story;

use super::clock::{DAY, FIRST_DAY};
use super::export::start_of;
use super::kinds::{Obj, Ty};
use super::{RecoveryScope, SynthOptions};

pub(super) use covered::{covers, entity, is_dynamic, is_of_one_user, is_synced};
pub(super) use list::{Action, Listed, difference};
pub(super) use pages::{documents, job_id};
pub(super) use story::plan;

/// Who carries out a recovery.
pub(super) const ACTOR: &str = "Microsoft Entra Backup and Recovery";
/// The seconds of the day at which the service takes its backups.
const BACKUP_AT: i64 = 2 * 3_600;
/// Day of the snapshot that is good.
pub(super) const GOOD_DAY: usize = 1;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// A change that the recovery could not make.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) listed: Listed,
    pub(super) message: &'static str,
}

/// A wanted change.
#[derive(Debug)]
pub(super) struct Ticket {
    /// What it is called.
    pub(super) name: &'static str,
    pub(super) obj: Obj,
    /// Attribute or relation; empty for the object itself.
    pub(super) attribute: &'static str,
    pub(super) since: i64,
    pub(super) until: i64,
}

/// The recovery of a tenant: what was planned, and what became of it.
#[derive(Debug)]
pub(super) struct Recovery {
    /// Day of the snapshot before it.
    pub(super) day: usize,
    pub(super) scope: RecoveryScope,
    /// Whether its difference report was exported.
    pub(super) has_report: bool,
    /// Objects that it is limited to, where it is.
    pub(super) objects: Vec<Obj>,
    pub(super) failures: Vec<Failure>,
    pub(super) tickets: Vec<Ticket>,
    /// How many objects it changed.
    pub(super) objects_modified: u64,
    /// How many links it changed.
    pub(super) links_modified: u64,
}

impl Recovery {
    fn new(day: usize, options: &SynthOptions) -> Self {
        let objects = match options.recovery_scope {
            RecoveryScope::Objects => story::SELECTED.to_vec(),
            RecoveryScope::All | RecoveryScope::Users => Vec::new(),
        };
        Self {
            day,
            scope: options.recovery_scope,
            has_report: options.difference_report,
            objects,
            failures: Vec::new(),
            tickets: Vec::new(),
            objects_modified: 0,
            links_modified: 0,
        }
    }

    /// The time of its backup.
    pub(super) fn target() -> i64 {
        FIRST_DAY + DAY + BACKUP_AT
    }

    /// The time at which the difference report compares.
    pub(super) fn reported(&self) -> i64 {
        self.started() - 30 * MINUTE
    }

    /// `jobStartDateTime`.
    pub(super) fn started(&self) -> i64 {
        start_of(self.day) + 8 * HOUR
    }

    /// `jobCompletionDateTime`.
    pub(super) fn completed(&self) -> i64 {
        self.started() + 20 * MINUTE
    }

    /// Whether it may touch an object.
    pub(super) fn holds(&self, obj: Obj) -> bool {
        match self.scope {
            RecoveryScope::All => true,
            RecoveryScope::Users => entity(obj.ty) == Some("user"),
            RecoveryScope::Objects => self.objects.contains(&obj),
        }
    }
}

/// The user that holds requirements stands for them.
pub(super) fn listed_as(tenant: &super::tenant::Tenant, obj: Obj) -> Obj {
    if obj.ty == Ty::Requirements { tenant.parent(obj).unwrap_or(obj) } else { obj }
}
