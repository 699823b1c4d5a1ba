//! Synthetic tenants, exports in several formats, and answer keys written from the operations.
//!
//! A tenant is a first state and a log of effects; people are a function of seed and number, so that a million of them
//! need no memory. An exporter reads the state day by day and loses, repeats and respells things on purpose. The answer
//! key projects the log through what the exporter knows it wrote; it never compares two exports.
//!
//! # The answer key
//!
//! A JSON object beside the evidence folder:
//!
//! * `tool`, `seed`, `users`, `incident`, `format`, `tenant_id`: what made it.
//! * `snapshots`: `label`, `start`, `end` of each.
//! * `expected`: every row of lane `change`, and every disappearance in any lane. `object_type`, `object_id`, `change`,
//!   `attribute`, `target_id`, `before`, `after`, `added`, `removed`, `not_before`, `not_after`, `lane`, `certainty` are
//!   spelled as in `changes.csv` (null where the column is empty); `operation` names the operation that made the new
//!   state, or `mess` where only a lost page did; `story` names the planted story.
//! * `hidden`: effects that no row shows, each with its `operation` and `why`.
//! * `operations`: what was done, in order: `id`, `time`, `activity`, `actor`, `audit_event` (null where the log lost
//!   it), `story`, `effects`.
//! * `recovery`: labels of the snapshots `good`, `damaged` and `afters`, `jobs`, `target`, `completion`, and `tickets`, rows
//!   for `recovery verify --tickets`. Only where a recovery is planted and the export is of Graph pages.
//! * `verdicts`: what became of each change, spelled as in `recovery.csv`: `snapshot` is the one after, `declared` is
//!   `nothing`, or `tickets` for rows that only they make differ.

mod acts;
mod audit;
mod build;
mod capture;
mod clock;
mod export;
mod key;
mod kinds;
mod people;
mod plan;
mod random;
mod recovery;
mod rng;
mod sim;
mod story;
mod tenant;
mod value;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::meter::{Meter, Stage};
use crate::unfinished::{CommitError, Unfinished};

/// From this many users on, exports are plain, and users have one list.
const LARGE: u32 = 20_000;
/// Fewer users than this leave no room for the stories.
const FEWEST_USERS: u32 = 60;

macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
        pub enum $name { $($(#[$variant_meta])* #[value(name = $word)] $variant,)+ }

        impl $name {
            /// The name that the command line uses.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownName { found: text.to_owned() }),
                }
            }
        }
    };
}

names! {
    /// A planted story.
    Incident {
        /// An import overwrites attributes of half the directory.
        BulkImport = "bulk-import",
        /// A Conditional Access change cascades to a lock-out.
        LockOut = "lock-out",
        /// A taken-over account weakens sign-in, adds a credential, takes a role, deletes and purges.
        CompromisedAccount = "compromised-account",
        /// All three, and a recovery that misses things.
        Woodgrove = "woodgrove",
        /// All three within a day, and the recovery on the next.
        Recovery = "recovery",
    }
}

names! {
    /// What the recovery is limited to.
    RecoveryScope {
        /// Nothing: it recovers all that the service covers.
        All = "all",
        /// Users.
        Users = "users",
        /// Some users and a group, by id.
        Objects = "objects",
    }
}

names! {
    /// What the export looks like.
    ExportFormat {
        /// Pages of Microsoft Graph.
        Graph = "graph",
        /// A folder tree with one file for each object.
        EntraExporter = "entra-exporter",
        /// Bare arrays.
        Arrays = "arrays",
        /// One object on each line.
        Ndjson = "ndjson",
        /// Items of `AzureHound`.
        AzureHound = "azurehound",
        /// `ConvertTo-Json` of Windows PowerShell, with the objects of the Microsoft Graph SDK.
        PowerShell = "powershell",
        /// `Export-Clixml` of the same objects.
        Clixml = "clixml",
        /// The database of `ROADrecon`.
        Roadrecon = "roadrecon",
        /// The admin center's download of users.
        PortalCsv = "portal-csv",
        /// The settings that `ScubaGear` exports.
        ScubaGear = "scubagear",
    }
}

impl ExportFormat {
    /// Whether another tool's exports look so, which carry what that tool knows only, and are never messy.
    #[must_use]
    pub fn is_foreign(self) -> bool {
        !matches!(self, Self::Graph | Self::EntraExporter | Self::Arrays | Self::Ndjson)
    }
}

names! {
    /// How the audit log is written.
    LogFormat {
        /// Pages of Microsoft Graph.
        Graph = "graph",
        /// Lines as diagnostic settings send them to a storage account.
        DiagnosticSettings = "diagnostic-settings",
        /// The portal's CSV of the table `AuditLogs`.
        LogAnalytics = "log-analytics",
        /// Purview's CSV.
        UnifiedAuditLog = "unified-audit-log",
    }
}

names! {
    /// How messy the export is.
    Mess {
        /// Not at all.
        None = "none",
        /// Lost pages, odd encodings, types left out, spellings that vary.
        Full = "full",
    }
}

/// A name that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{found}` is not one of the known names")]
pub struct UnknownName {
    found: String,
}

/// What to make.
#[derive(Debug, Clone)]
pub struct SynthOptions {
    /// Users at the start; at least 60.
    pub users: u32,
    /// Daily snapshots.
    pub snapshots: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// A planted story.
    pub incident: Option<Incident>,
    /// What the export looks like.
    pub format: ExportFormat,
    /// How the audit log is written, where the layout has one.
    pub log: LogFormat,
    /// How messy it is. From 20000 users on, exports are never messy.
    pub mess: Mess,
    /// Everyday operations between two snapshots; `None` for what suits the size.
    pub changes_per_day: Option<u32>,
    /// What a planted recovery is limited to.
    pub recovery_scope: RecoveryScope,
    /// Whether the difference report before a planted recovery is exported.
    pub difference_report: bool,
    /// Moved as files are written.
    pub meter: Arc<Meter>,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            users: 200,
            snapshots: 5,
            seed: 1,
            incident: None,
            format: ExportFormat::Graph,
            log: LogFormat::Graph,
            mess: Mess::Full,
            changes_per_day: None,
            recovery_scope: RecoveryScope::All,
            difference_report: true,
            meter: Arc::default(),
        }
    }
}

impl SynthOptions {
    /// The options of `samples/woodgrove`.
    #[must_use]
    pub fn woodgrove() -> Self {
        Self {
            users: 112,
            snapshots: 7,
            seed: 7,
            incident: Some(Incident::Woodgrove),
            ..Self::default()
        }
    }

    fn per_day(&self) -> u32 {
        self.changes_per_day.unwrap_or_else(|| match self.incident {
            Some(Incident::Woodgrove | Incident::Recovery) => 8,
            _ if self.users >= LARGE => 980 / self.snapshots.saturating_sub(1).max(1),
            _ => (self.users / 6).clamp(20, 80),
        })
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthSummary {
    /// Tenant id.
    pub tenant_id: String,
    /// Files of evidence.
    pub files: u64,
    /// Bytes of evidence.
    pub bytes: u64,
    /// Operations.
    pub operations: usize,
    /// Rows of the answer key.
    pub expected: usize,
    /// The answer key.
    pub key: PathBuf,
}

/// Why nothing was made.
#[derive(Debug, Error)]
pub enum SynthError {
    /// Too few users for the roles that they play.
    #[error("{0} users are too few; at least {FEWEST_USERS} are needed")]
    TooFewUsers(u32),
    /// Nothing to write.
    #[error("at least one snapshot is needed")]
    NoSnapshots,
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Writes the evidence of a synthetic tenant below `out`, and its answer key beside it as `<out>.answer-key.json`.
///
/// The evidence is written to `<out>/<tenant id>.partial` and gets its name when it and the key are whole; it replaces
/// the folder that an earlier run with the same seed wrote. A failed run leaves what was there before.
///
/// # Errors
/// Where the options leave nothing to make, or a file cannot be written.
pub fn write_tenant(options: &SynthOptions, out: &Path) -> Result<SynthSummary, SynthError> {
    if options.users < FEWEST_USERS {
        return Err(SynthError::TooFewUsers(options.users));
    }
    if options.snapshots == 0 {
        return Err(SynthError::NoSnapshots);
    }
    options.meter.stage(Stage::Writing);
    let days = usize::try_from(options.snapshots).unwrap_or(usize::MAX);
    let trouble = plan::Trouble::of(options, days);
    let mut sim = sim::Sim::new(build::tenant(options.seed, options.users), export::start_of(days));
    random::plan(&mut sim, options, options.per_day());
    story::plan(&mut sim, options);
    sim.run();
    let mut tenant = sim.tenant;
    tenant.index_principals();
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| SynthError::Write { path, source }
    };
    let unfinished = Unfinished::of(out);
    unfinished.folder(out).map_err(failed(out))?;
    let root = unfinished.folder_of_its_own(&out.join(&tenant.id)).map_err(failed(out))?;
    let written = export::write(&tenant, options, &trouble, &root)?;
    let rows = key::rows(&tenant, &written);
    let document = key::document(&tenant, options, &written, &rows);
    let key = key_path(out);
    let text = key::text(&document);
    let mut file = unfinished.file(&key).map_err(failed(&key))?;
    file.write_all(text.as_ref()).map_err(failed(&key))?;
    drop(file);
    unfinished
        .commit()
        .map_err(|CommitError { path, source }| SynthError::Write { path, source })?;
    Ok(SynthSummary {
        tenant_id: tenant.id,
        files: written.files,
        bytes: written.bytes,
        operations: tenant.operations.len(),
        expected: rows.len(),
        key,
    })
}

/// Where the answer key of an evidence folder lies.
#[must_use]
pub fn key_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".answer-key.json");
    // Beside the folder, never in it, even if `out` ends in a slash.
    out.with_file_name(name)
}

#[cfg(test)]
mod tests;
