//! `entrace recovery verify`: the verdict on a recovery.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cli::args::{Recovered, VerdictFormat, VerifyArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::sources::{self, keep_apart};
use crate::cli::{custody, diff, select, verbs};
use crate::directory::catalogue;
use crate::evidence::hex;
use crate::index::{Checks, Index};
use crate::model::{Analysis, Asserted, AssertionOutcome, SnapshotRow, Verification};
use crate::recovery::assertions::{AssertionError, check, file};
use crate::recovery::verify::{Declarations, Declared, VerifyRequest, declared, verify};
use crate::report::terminal::Style;
use crate::report::verification::text::{assertions_text, recovery_text};
use crate::report::verification::{json, table};
use crate::report::{self, RunInfo};
use crate::unfinished;

pub(super) fn run(args: &VerifyArgs, progress: &Progress) -> Result<Exit, Failure> {
    if args.recovered.good.is_none() && args.recovered.assertions.is_none() {
        return Err(Failure::Usage {
            message: "no snapshots to verify a recovery with".to_owned(),
            hint: "name three: --good SNAP --damaged SNAP --after SNAP; or --assert FILE"
                .to_owned(),
        });
    }
    let case = args.evidence.case.as_deref();
    let told = custody::case_file(args.case_file.as_deref(), case)?;
    let asked = Asked::read(&args.recovered)?;
    let prepared = sources::prepare(&args.evidence, Checks::All)?;
    let key =
        custody::key_of(args.redact.as_deref(), &prepared.evidence.paths, args.out.as_deref())?;
    if let Some(out) = &args.out {
        let output = format!("the output folder `{}`", out.display());
        keep_apart((&output, out), &prepared.evidence.paths)?;
        unfinished::announce(out);
    }
    let mut options = verbs::run_options(&prepared);
    asked.note(&mut options);
    let mut info = RunInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        options,
        case: told.map(|(_, case)| case),
    };
    let (index, mut analysis, _) =
        verbs::analysed(prepared, &verbs::history(&args.evidence, progress), progress)?;
    asked.answer(&index, &mut analysis)?;
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
        say_assertions(&analysis);
    }
    if let Some(out) = &args.out {
        report::write_verification(&analysis, &info, out, &progress.meter())?;
    }
    Ok(exit)
}

/// Says on standard error how assertions came out.
pub(in crate::cli) fn say_assertions(analysis: &Analysis) {
    let Some(asserted) = &analysis.assertions else { return };
    let text = assertions_text(asserted, Style { width: None, colour: false });
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Whether everything that was asked about a recovery is as it should be.
pub(in crate::cli) fn outcome(analysis: &Analysis) -> Exit {
    let open = analysis.verifications.iter().any(|one| one.open() > 0)
        || analysis.assertions.as_ref().is_some_and(|asserted| {
            asserted.rows.iter().any(|row| row.outcome != AssertionOutcome::Holds)
        });
    if open { Exit::Failed } else { Exit::Done }
}

/// What the caller asks about a recovery, with the files that were read for it.
#[derive(Debug)]
pub(in crate::cli) struct Asked<'a> {
    args: &'a Recovered,
    declared: Declarations,
    assertions: Option<Vec<u8>>,
}

impl<'a> Asked<'a> {
    /// Reads the files that are named.
    pub(in crate::cli) fn read(args: &'a Recovered) -> Result<Self, Failure> {
        Ok(Self { args, declared: declarations(args)?, assertions: assertions(args)? })
    }

    /// Notes what was asked, for the record of the run.
    pub(in crate::cli) fn note(&self, options: &mut BTreeMap<String, String>) {
        let args = self.args;
        let mut note = |name: &str, values: &[String]| verbs::note(options, name, values);
        note("good", args.good.as_slice());
        note("damaged", args.damaged.as_slice());
        note("after", args.after.as_slice());
        note("job", &args.job);
        note("completed", args.completed.map(|at| at.to_string()).as_slice());
        note("actor", &args.actor);
        for (name, hash) in &self.declared.hashes {
            note(name, std::slice::from_ref(hash));
        }
        let hash = |bytes: &Vec<u8>| hex(&Sha256::digest(bytes));
        note("assert", self.assertions.as_ref().map(hash).as_slice());
    }

    /// Puts verdicts and checked assertions into the analysis; its changes are those of all lanes and types.
    pub(in crate::cli) fn answer(
        &self,
        index: &Index,
        analysis: &mut Analysis,
    ) -> Result<(), Failure> {
        analysis.verifications = verified(index, analysis, (self.args, &self.declared))?;
        analysis.assertions = asserted(index, analysis, (self.args, self.assertions.as_deref()))?;
        Ok(())
    }
}

/// The file of assertions, if one is named and can be read.
fn assertions(args: &Recovered) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = &args.assertions else { return Ok(None) };
    let refused = |cause: String| refused_assertions(path, &cause);
    let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
    file::parse(&bytes).map_err(refused)?;
    Ok(Some(bytes))
}

fn refused_assertions(path: &Path, cause: &str) -> Failure {
    Failure::Usage {
        message: format!("--assert `{}` cannot be used: {cause}", path.display()),
        hint: "see the README, \"Assertions\", for what the file says".to_owned(),
    }
}

/// Checks the assertions; where one names no snapshot, the one after the recovery is meant, else the last. `good`,
/// `damaged` and `after` are those of the verification, unless a snapshot is called so.
fn asserted(
    index: &Index,
    analysis: &Analysis,
    (args, assertions): (&Recovered, Option<&[u8]>),
) -> Result<Option<Asserted>, Failure> {
    let (Some(bytes), Some(path)) = (assertions, &args.assertions) else { return Ok(None) };
    let find = |tenant: &str, word: Option<&str>| {
        let of_tenant = |row: &&SnapshotRow| row.tenant_id == tenant;
        let rows: Vec<&SnapshotRow> = analysis.snapshots.iter().filter(of_tenant).collect();
        let role = match word {
            None | Some("after") => args.after.as_deref(),
            Some("damaged") => args.damaged.as_deref(),
            Some("good") => args.good.as_deref(),
            Some(_) => None,
        };
        let label = word.filter(|word| rows.iter().any(|row| row.label == *word));
        select::snapshot(label.or(role).or(word).unwrap_or("-1"), &rows).ok()
    };
    check(index, catalogue(), analysis, (bytes, &find)).map(Some).map_err(|error| match error {
        AssertionError::File(cause) => refused_assertions(path, &cause),
        AssertionError::History(error) => Failure::History(error),
    })
}

/// Reads what the caller declares.
fn declarations(args: &Recovered) -> Result<Declarations, Failure> {
    let mut hashes = BTreeMap::new();
    let mut read = |option: &str, path: Option<&Path>| -> Result<Vec<Declared>, Failure> {
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
    let tickets = read("tickets", args.tickets.as_deref())?;
    let damage = read("damage", args.damage.as_deref())?;
    let actors: Vec<String> = args.actor.iter().map(|actor| actor.to_lowercase()).collect();
    Ok(Declarations { tickets, damage, actors, hashes })
}

/// Verifies the recovery in every tenant in which the three names stand for snapshots.
fn verified(
    index: &Index,
    analysis: &Analysis,
    (args, declared): (&Recovered, &Declarations),
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
