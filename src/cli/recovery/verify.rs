//! `entrace recovery verify`: the verdict on a recovery.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{asserted, assertions, say};
use crate::cli::args::{Recovered, VerdictFormat, VerifyArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::sources::{self, keep_apart};
use crate::cli::{custody, diff, select, verbs};
use crate::directory::catalogue;
use crate::evidence::hex;
use crate::index::{Checks, Index};
use crate::model::{Analysis, SnapshotRow, Verification};
use crate::recovery::verify::{Declarations, Declared, VerifyRequest, declared, verify};
use crate::report::verification::text::recovery_text;
use crate::report::verification::{json, table};
use crate::report::{self, RunInfo};
use crate::unfinished;

pub(super) fn run(args: &VerifyArgs, progress: &Progress) -> Result<Exit, Failure> {
    if args.recovered.good.is_none() {
        return Err(Failure::Usage {
            message: "no snapshots to verify a recovery with".to_owned(),
            hint: "name three: --good SNAP --damaged SNAP --after SNAP".to_owned(),
        });
    }
    let case = args.evidence.case.as_deref();
    let told = custody::case_file(args.case_file.as_deref(), case)?;
    let declared = declarations(&args.recovered)?;
    let claimed = assertions(&args.recovered)?;
    let prepared = sources::prepare(&args.evidence, Checks::All)?;
    let key =
        custody::key_of(args.redact.as_deref(), &prepared.evidence.paths, args.out.as_deref())?;
    if let Some(out) = &args.out {
        let output = format!("the output folder `{}`", out.display());
        keep_apart((&output, out), &prepared.evidence.paths)?;
        unfinished::announce(out);
    }
    let mut options = verbs::run_options(&prepared);
    note_options(&args.recovered, (&declared, claimed.as_deref()), &mut options);
    let mut info = RunInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        options,
        case: told.map(|(_, case)| case),
    };
    let (index, mut analysis) = verbs::analysed(prepared, (&args.evidence, &[]), progress)?;
    analysis.verifications = verified(&index, &analysis, &args.recovered, &declared)?;
    analysis.assertions = asserted(&index, &analysis, (&args.recovered, claimed.as_deref()))?;
    verbs::told(index, progress);
    let exit = verbs::verdict(&analysis).max(outcome(&analysis));
    if let Some(key) = &key {
        custody::redact(key, &mut analysis, &mut info)?;
    }
    match args.format {
        VerdictFormat::Table => verbs::out(&recovery_text(&analysis, verbs::style()))?,
        VerdictFormat::Csv => {
            verbs::to_stdout(|out| table::write(&analysis.verifications, out))?;
        }
        VerdictFormat::Json => {
            verbs::to_stdout(|out| json::write(&analysis.verifications, out))?;
        }
    }
    if args.format != VerdictFormat::Table {
        say(&analysis);
    }
    if let Some(out) = &args.out {
        report::write_verification(&analysis, &info, out, &progress.meter())?;
    }
    Ok(exit)
}

/// Whether everything that was asked about a recovery is as it should be.
pub(in crate::cli) fn outcome(analysis: &Analysis) -> Exit {
    let open = analysis.verifications.iter().any(|one| one.open() > 0);
    let claims = analysis.assertions.as_ref().is_some_and(|asserted| asserted.open() > 0);
    if open || claims { Exit::Failed } else { Exit::Done }
}

/// Notes what was asked about a recovery, for the record of the run.
pub(in crate::cli) fn note_options(
    args: &Recovered,
    (declared, claimed): (&Declarations, Option<&[u8]>),
    options: &mut BTreeMap<String, String>,
) {
    let mut note = |name: &str, values: Vec<String>| verbs::note(options, name, values);
    note("good", args.good.iter().cloned().collect());
    note("damaged", args.damaged.iter().cloned().collect());
    note("after", args.after.iter().cloned().collect());
    note("job", args.job.clone());
    note("completed", args.completed.iter().map(ToString::to_string).collect());
    note("actor", args.actor.clone());
    for (name, hash) in &declared.hashes {
        note(name, vec![hash.clone()]);
    }
    note("assert", claimed.iter().map(|bytes| hex(&Sha256::digest(bytes))).collect());
}

/// Reads what the caller declares.
pub(in crate::cli) fn declarations(args: &Recovered) -> Result<Declarations, Failure> {
    let mut hashes = BTreeMap::new();
    let mut file = |option: &str, path: Option<&Path>| -> Result<Vec<Declared>, Failure> {
        let Some(path) = path else { return Ok(Vec::new()) };
        let refused = |cause: String| Failure::Usage {
            message: format!("--{option} `{}` cannot be used: {cause}", path.display()),
            hint:
                "write a CSV with the columns object_type, object_id, attribute, since, until, name"
                    .to_owned(),
        };
        let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
        hashes.insert(option.to_owned(), hex(&Sha256::digest(&bytes)));
        declared(&bytes).map_err(refused)
    };
    let tickets = file("tickets", args.tickets.as_deref())?;
    let damage = file("damage", args.damage.as_deref())?;
    let actors: Vec<String> = args.actor.iter().map(|actor| actor.to_lowercase()).collect();
    Ok(Declarations { tickets, damage, actors, hashes })
}

/// Verifies the recovery in every tenant in which the three names stand for snapshots.
pub(in crate::cli) fn verified(
    index: &Index,
    analysis: &Analysis,
    args: &Recovered,
    declared: &Declarations,
) -> Result<Vec<Verification>, Failure> {
    let (Some(good), Some(damaged), Some(after)) = (&args.good, &args.damaged, &args.after) else {
        return Ok(Vec::new());
    };
    let mut by_tenant: BTreeMap<&str, Vec<&SnapshotRow>> = BTreeMap::new();
    for snapshot in &analysis.snapshots {
        by_tenant.entry(&snapshot.tenant_id).or_default().push(snapshot);
    }
    let mut found = Vec::new();
    let mut refused = None;
    for (tenant, snapshots) in by_tenant {
        let find =
            |word: &str| select::snapshot(word, &snapshots).map_err(|no| (word.to_owned(), no));
        let (good, damaged, after) = match (find(good), find(damaged), find(after)) {
            (Ok(good), Ok(damaged), Ok(after)) => (good, damaged, after),
            (Err(no), ..) | (_, Err(no), _) | (.., Err(no)) => {
                refused = Some(no);
                continue;
            }
        };
        if !(good < damaged && damaged < after) {
            return Err(Failure::Usage {
                message: "the snapshots are not in the order good, damaged, after".to_owned(),
                hint: "`snapshots` lists them in the order of time".to_owned(),
            });
        }
        let request = VerifyRequest {
            tenant: tenant.to_owned(),
            good,
            damaged,
            after,
            jobs: args.job.clone(),
            completed: args.completed,
            declared: declared.clone(),
        };
        found.push(verify(index, catalogue(), analysis, &request)?);
    }
    match refused {
        Some((word, no)) if found.is_empty() => Err(diff::no_snapshot(analysis, &word, no)),
        _ => Ok(found),
    }
}
