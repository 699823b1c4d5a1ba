//! What each verb does with the library.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value, json};

use super::args::{
    Evidence, Listing, ReportArgs, ShowArgs, SynthArgs, TimelineArgs, TimelineFormat, Verb,
};
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::sources::{self, keep_apart};
use super::{custody, diff, recovery, scope};
use crate::advice::advice;
use crate::codes::{self, Code};
use crate::directory::catalogue;
use crate::evidence::{Fingerprints, SourceFile};
use crate::history::{HistoryOptions, ObjectState, analyse, state_of};
use crate::index::{self, Checks, Index, OpenedReceipt};
use crate::meter::Stage;
use crate::model::{Analysis, Change, ChangeKind, Cited, Lane, Receipt, WarningRow};
use crate::recovery::opinion::opinions;
use crate::recovery::{Judge, service};
use crate::report::inspect::{inspect_json, inspect_text, snapshot_json};
use crate::report::terminal::{self, Style};
use crate::report::{self, RunInfo};
use crate::synth::{SynthOptions, write_tenant};
use crate::unfinished;

pub(super) type Outcome = Result<Exit, Failure>;

/// Runs one verb. Each ends the progress before it speaks.
pub(super) fn run(verb: &Verb, progress: &Progress) -> Outcome {
    match verb {
        Verb::Inspect(args) => inspect(args, progress),
        Verb::Report(args) => write_report(args, progress),
        Verb::Snapshots(args) => snapshots(args, progress),
        Verb::Diff(args) => diff::diff(args, progress),
        Verb::Timeline(args) => timeline(args, progress),
        Verb::Show(args) => show(args, progress),
        Verb::Recovery(verb) => recovery::run(verb, progress),
        Verb::Seal(args) => custody::seal(args, progress),
        Verb::Check(args) => custody::check(args, progress),
        Verb::Synth(args) => synthesize(args, progress),
        Verb::Explain { code } => explain(code),
    }
}

pub(super) fn out(text: &str) -> Result<(), Failure> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(Failure::Stdout)
}

pub(super) fn pretty(value: &Value) -> Result<(), Failure> {
    out(&format!("{value:#}\n"))
}

pub(super) fn style() -> Style {
    let terminal = io::stdout().is_terminal();
    let width =
        terminal.then(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0))).flatten();
    Style { width, colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) }
}

/// Everything read and compared, for a listing.
pub(super) fn listed(
    evidence: &Evidence,
    unfolded: &[Lane],
    progress: &Progress,
) -> Result<Analysis, Failure> {
    let (index, analysis) = compared(evidence, unfolded, progress)?;
    told(index, progress);
    Ok(analysis)
}

/// Everything read and compared, with the index, for what opens records again; [`told`] takes the index when it is done.
pub(super) fn compared(
    evidence: &Evidence,
    unfolded: &[Lane],
    progress: &Progress,
) -> Result<(Index, Analysis), Failure> {
    let options = HistoryOptions { unfolded: unfolded.to_vec(), ..history(evidence, progress) };
    let prepared = sources::prepare(evidence, Checks::All)?;
    let (index, analysis, _) = analysed(prepared, &options, progress)?;
    Ok((index, analysis))
}

/// As [`compared`], of evidence that was prepared; with what judged the changes.
pub(super) fn analysed(
    prepared: sources::Prepared,
    options: &HistoryOptions,
    progress: &Progress,
) -> Result<(Index, Analysis, Judge<'static>), Failure> {
    let index = prepared.index(progress)?;
    let mut analysis = analyse(&index, catalogue(), options)?;
    service::fill(&index, catalogue(), &mut analysis)?;
    let judge = Judge::gather(&index, catalogue(), &analysis.changes, analysis.as_of)?;
    judge.set(&mut analysis.changes);
    Ok((index, analysis, judge))
}

/// Ends the progress and says how the index was come by.
pub(super) fn told(index: Index, progress: &Progress) {
    progress.end();
    sources::tell(&index);
    // The program is about to end: giving back an index piece by piece would only take time.
    std::mem::forget(index);
}

pub(super) fn history(evidence: &Evidence, progress: &Progress) -> HistoryOptions {
    HistoryOptions { as_of: evidence.as_of, meter: progress.meter(), ..HistoryOptions::default() }
}

/// Damage that was met, as exit code, said on standard error.
pub(super) fn verdict(analysis: &Analysis) -> Exit {
    let of =
        |warning: &WarningRow, is: fn(&Code) -> bool| codes::code(&warning.code).is_some_and(is);
    let damaged = || analysis.warnings.iter().filter(|warning| of(warning, |code| code.damage));
    let exit = match damaged().next() {
        None => Exit::Done,
        Some(_) if damaged().any(|warning| of(warning, |code| code.limit)) => Exit::Limit,
        Some(_) => Exit::Damaged,
    };
    // What was not read for a limit comes first: without it the rest may be wrong.
    let limited = damaged().filter(|warning| of(warning, |code| code.limit));
    let others = damaged().filter(|warning| !of(warning, |code| code.limit));
    let mut stderr = io::stderr().lock();
    for (place, warning) in limited.chain(others).enumerate() {
        if place == 10 {
            drop(writeln!(
                stderr,
                "entrace: more warnings follow; `inspect` and warnings.csv list them all"
            ));
            break;
        }
        let at = warning.offset_bytes.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let line = format!("{}: {}{at}: {}", warning.code, warning.path, warning.message);
        drop(writeln!(stderr, "entrace: {}", report::text::escaped(&line)));
        drop(writeln!(stderr, "hint: {}", warning.advice));
    }
    exit
}

fn inspect(args: &Listing, progress: &Progress) -> Outcome {
    let analysis = listed(&args.evidence, &[], progress)?;
    let advice = advice(&analysis, catalogue());
    if args.json {
        pretty(&inspect_json(&analysis, &advice))?;
    } else {
        out(&inspect_text(&analysis, &advice, style()))?;
    }
    Ok(verdict(&analysis))
}

fn snapshots(args: &Listing, progress: &Progress) -> Outcome {
    let analysis = listed(&args.evidence, &[], progress)?;
    if args.json {
        let snapshots = analysis.snapshots.iter().map(snapshot_json);
        let backups = analysis.backups.iter().map(report::service::json::backup);
        pretty(&Value::Array(snapshots.chain(backups).collect()))?;
    } else {
        out(&terminal::snapshots_table(&analysis.snapshots, style()))?;
        if !analysis.backups.is_empty() {
            let backups = &analysis.backups;
            let table = report::service::text::backups(backups, analysis.as_of, style());
            out(&format!("\n{table}"))?;
        }
        if !analysis.logs.is_empty() {
            out(&format!("\n{}", terminal::logs_text(&analysis.logs, style())))?;
        }
    }
    Ok(verdict(&analysis))
}

fn write_report(args: &ReportArgs, progress: &Progress) -> Outcome {
    let output = format!("the output folder `{}`", args.out.display());
    keep_apart((&output, &args.out), &args.evidence.paths)?;
    let case = args.evidence.case.as_deref();
    let told = custody::case_file(args.case_file.as_deref(), case)?;
    let prepared = sources::prepare(&args.evidence, Checks::All)?;
    keep_apart((&output, &args.out), &prepared.evidence.paths)?;
    let log = custody::log_of(&args.log, case, &prepared.evidence.paths)?;
    if let Some(log) = &log {
        custody::keep_out_of("the log", log, &args.out)?;
    }
    let key = custody::key_of(args.redact.as_deref(), &prepared.evidence.paths, Some(&args.out))?;
    unfinished::announce(&args.out);
    let asked = recovery::Asked::read(&args.recovered)?;
    let mut options = run_options(&prepared);
    scope_options(args, &mut options);
    asked.note(&mut options);
    let case_file = told.as_ref().map(|(_, case)| case.clone());
    let mut info =
        RunInfo { version: env!("CARGO_PKG_VERSION").to_owned(), options, case: case_file };
    let options = HistoryOptions {
        unfolded: args.unfold.clone(),
        all_objects: true,
        ..history(&args.evidence, progress)
    };
    let (index, mut analysis, judge) = analysed(prepared, &options, progress)?;
    asked.answer(&index, &mut analysis)?;
    analysis.opinions = opinions(&index, catalogue(), &analysis)?;
    analysis.changes.retain(|change| scope::holds(&args.scope, change, true));
    analysis.differences = diff::first_against_last(&analysis, &judge);
    let inputs = custody::inputs(&analysis);
    match &key {
        Some(key) => custody::redact(key, &mut analysis, &mut info)?,
        None => index::keep_quarantined(&index, &mut analysis.quarantine)
            .map_err(crate::history::HistoryError::Open)?,
    }
    let written = report::write(&analysis, &info, &args.out, &progress.meter())?;
    progress.end();
    sources::tell(&index);
    let mut stderr = io::stderr().lock();
    drop(writeln!(stderr, "{}", terminal::totals(&analysis)));
    for path in written.iter().take(1) {
        drop(writeln!(stderr, "{}", report::text::escaped(&path.display().to_string())));
    }
    drop(stderr);
    recovery::say_assertions(&analysis);
    let exit = verdict(&analysis).max(recovery::outcome(&analysis));
    let entry = custody::report_entry(inputs, &told, written.last(), exit);
    custody::note(log.as_deref(), entry)?;
    Ok(exit)
}

/// How the evidence is read, for the record of the run.
pub(super) fn run_options(prepared: &sources::Prepared) -> BTreeMap<String, String> {
    let evidence = &prepared.evidence;
    let mut options = BTreeMap::new();
    note(
        &mut options,
        "as-of",
        &evidence.as_of.iter().map(ToString::to_string).collect::<Vec<_>>(),
    );
    let zone = evidence.evidence_tz.as_ref().and_then(|zone| zone.iana_name());
    note(&mut options, "evidence-tz", zone.map(str::to_owned).as_slice());
    let snapshot = |named: &super::args::Named| match named.time {
        Some(at) => format!("{}@{at}", named.label),
        None => named.label.clone(),
    };
    note(&mut options, "snapshot", &evidence.snapshot.iter().map(snapshot).collect::<Vec<_>>());
    note(
        &mut options,
        "map",
        &prepared.map.iter().map(|map| map.sha256.clone()).collect::<Vec<_>>(),
    );
    let file_times = evidence.file_times.then(|| "yes".to_owned());
    note(&mut options, "file-times", file_times.as_slice());
    options
}

/// Notes an option that was given.
pub(super) fn note(options: &mut BTreeMap<String, String>, name: &str, values: &[String]) {
    if !values.is_empty() {
        options.insert(name.to_owned(), values.join(" "));
    }
}

fn scope_options(args: &ReportArgs, options: &mut BTreeMap<String, String>) {
    let scope = &args.scope;
    let mut note = |name: &str, values: &[String]| note(options, name, values);
    note("type", &scope.object_type);
    note("id", &scope.id);
    note("attribute", &scope.attribute);
    note("tenant", &scope.tenant);
    note("lane", &scope.lane.iter().map(ToString::to_string).collect::<Vec<_>>());
    note("certainty", &scope.certainty.iter().map(ToString::to_string).collect::<Vec<_>>());
    note("since", &scope.since.iter().map(ToString::to_string).collect::<Vec<_>>());
    note("until", &scope.until.iter().map(ToString::to_string).collect::<Vec<_>>());
    note("unfold", &args.unfold.iter().map(ToString::to_string).collect::<Vec<_>>());
}

fn timeline(args: &TimelineArgs, progress: &Progress) -> Outcome {
    let key = custody::key_of(args.redact.as_deref(), &args.evidence.paths, None)?;
    let mut analysis = listed(&args.evidence, &args.unfold, progress)?;
    let mut changes = std::mem::take(&mut analysis.changes);
    changes.retain(|change| scope::holds(&args.scope, change, false));
    custody::redact_changes(key.as_ref(), &mut changes)?;
    match args.format {
        TimelineFormat::Table => print_changes(&changes)?,
        TimelineFormat::Csv => to_stdout(|stdout| report::write_changes(&changes, stdout))?,
        TimelineFormat::Jsonl => to_stdout(|stdout| report::json::write_lines(&changes, stdout))?,
    }
    Ok(verdict(&analysis))
}

pub(super) fn print_changes(changes: &[Change]) -> Result<(), Failure> {
    out(&terminal::changes_table(changes, style()))?;
    drop(writeln!(io::stderr().lock(), "{}", terminal::changes_total(changes)));
    Ok(())
}

/// Writes through a buffer, so that a closed pipe ends quietly and everything else is said.
pub(super) fn to_stdout(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), report::ReportError>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    io::stdout().lock().write_all(&bytes).map_err(Failure::Stdout)
}

fn show(args: &ShowArgs, progress: &Progress) -> Outcome {
    let index = sources::prepare(&args.evidence, Checks::Touched)?.index(progress)?;
    progress.meter().stage(Stage::Opening);
    if let Some(receipt) = &args.receipt {
        progress.end();
        sources::tell(&index);
        return show_receipt(&index, receipt);
    }
    let id = args.id.clone().unwrap_or_default();
    let found = state_of(&index, catalogue(), &id, args.at);
    let (index, states) = if index.is_damaged() {
        // The case is not what it was: it is checked as a whole, and what is damaged is read again from evidence.
        drop(index);
        let index = sources::prepare(&args.evidence, Checks::All)?.index(progress)?;
        let states = state_of(&index, catalogue(), &id, args.at)?;
        (index, states)
    } else {
        (index, found?)
    };
    progress.end();
    sources::tell(&index);
    if states.is_empty() {
        return Err(Failure::Usage {
            message: format!("no object `{id}` in the evidence at that time"),
            hint: "`timeline --id` also finds ids that are only targets of links".to_owned(),
        });
    }
    if args.json {
        pretty(&Value::Array(states.iter().map(state_json).collect()))?;
    } else {
        for state in &states {
            out(&state_text(state))?;
        }
    }
    Ok(Exit::Done)
}

fn state_json(state: &ObjectState) -> Value {
    let attributes: Map<String, Value> = state
        .attributes
        .iter()
        .map(|attribute| {
            let value: Value = serde_json::from_str(&attribute.value).unwrap_or(Value::Null);
            let shown = json!({
                "value": value, "snapshot": attribute.snapshot,
                "receipt": attribute.receipt.map(|receipt| receipt.to_string()),
            });
            (attribute.path.clone(), shown)
        })
        .collect();
    let links: Vec<Value> = state
        .links
        .iter()
        .map(|link| {
            json!({
                "relation": link.relation, "target": link.target, "snapshot": link.snapshot,
                "receipt": link.receipt.to_string(),
            })
        })
        .collect();
    json!({
        "tenant_id": state.tenant_id, "object_type": state.object_type, "object_id": state.object_id,
        "object_name": state.object_name, "deleted": state.deleted, "attributes": attributes, "links": links,
    })
}

fn state_text(state: &ObjectState) -> String {
    let bin = if state.deleted { " (in the recycle bin)" } else { "" };
    let mut lines = vec![
        format!("{} {} {}{bin}", state.object_type, state.object_id, state.object_name),
        format!("tenant {}", state.tenant_id),
    ];
    let wide = state.attributes.iter().map(|a| a.path.chars().count()).max().unwrap_or(0);
    for attribute in &state.attributes {
        let receipt = attribute.receipt.map(|receipt| receipt.to_string()).unwrap_or_default();
        lines.push(format!(
            "  {:wide$}  {}   [{} {receipt}]",
            attribute.path, attribute.value, attribute.snapshot
        ));
    }
    for link in &state.links {
        lines.push(format!(
            "  {:wide$}  {}   [{} {}]",
            link.relation, link.target, link.snapshot, link.receipt
        ));
    }
    let lines: Vec<_> = lines.iter().map(|line| report::text::escaped(line)).collect();
    lines.join("\n") + "\n"
}

/// Opens a receipt again: the exhibit must still have the hash that its name begins with.
fn show_receipt(index: &Index, text: &str) -> Outcome {
    let receipt: Receipt =
        text.parse().map_err(|error: crate::model::ReceiptError| Failure::Usage {
            message: error.to_string(),
            hint: "copy it from the columns evidence_before and evidence_after".to_owned(),
        })?;
    let exhibits = index.exhibits_named(receipt.exhibit);
    if let Some(exhibit) = exhibits.first().and_then(|place| index.exhibits.get(*place)) {
        let opened = index::open_receipt(exhibit, receipt.place, catalogue())
            .map_err(crate::history::HistoryError::Open)?;
        print_receipt((&exhibit.source, &exhibit.prints, exhibit.size_bytes), &receipt, opened)
    } else if let Some(carrier) = index.carrier_named(receipt.exhibit) {
        let span = match receipt.place {
            Some(Cited::Bytes(span)) => Some(span),
            Some(Cited::Row(..)) | None => None,
        };
        let opened =
            index::open_carrier(carrier, span).map_err(crate::history::HistoryError::Open)?;
        print_receipt((&carrier.source, &carrier.prints, carrier.size_bytes), &receipt, opened)
    } else {
        drop(writeln!(
            io::stderr().lock(),
            "entrace: {} is not in the evidence, or is no longer what it was",
            receipt.exhibit
        ));
        Ok(Exit::Failed)
    }
}

/// Says what was verified, and prints the bytes: as they are, or made visible on a terminal.
fn print_receipt(
    (source, prints, size_bytes): (&SourceFile, &Fingerprints, u64),
    receipt: &Receipt,
    opened: Option<OpenedReceipt>,
) -> Outcome {
    let mut stderr = io::stderr().lock();
    let sha256 = prints.sha256_hex();
    let path = report::text::escaped(&source.shown).into_owned();
    drop(writeln!(stderr, "{path}\nSHA-256 {sha256} verified"));
    let Some(opened) = opened else {
        drop(writeln!(stderr, "entrace: the receipt reaches beyond the exhibit"));
        return Ok(Exit::Failed);
    };
    match receipt.place {
        Some(Cited::Bytes(place)) => drop(writeln!(
            stderr,
            "bytes {}+{} of {}, line {}",
            place.offset_bytes, place.len_bytes, size_bytes, opened.line
        )),
        Some(Cited::Row(table, row)) => {
            let table = report::text::escaped(table.as_str()).into_owned();
            drop(writeln!(stderr, "row {row} of table {table}"));
        }
        None => {}
    }
    drop(stderr);
    if io::stdout().is_terminal() {
        let text = String::from_utf8_lossy(&opened.text);
        let lines: Vec<String> =
            text.lines().map(|line| report::text::escaped(line).into_owned()).collect();
        out(&(lines.join("\n") + "\n"))?;
    } else {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(&opened.text)
            .and_then(|()| stdout.write_all(b"\n"))
            .map_err(Failure::Stdout)?;
    }
    Ok(Exit::Done)
}

fn synthesize(args: &SynthArgs, progress: &Progress) -> Outcome {
    unfinished::announce(&args.out);
    let options = SynthOptions {
        users: args.users,
        snapshots: args.snapshots,
        seed: args.seed,
        incident: args.incident,
        format: args.format,
        log: args.log,
        meter: progress.meter(),
        ..SynthOptions::default()
    };
    let summary = write_tenant(&options, &args.out)?;
    progress.end();
    let line = format!(
        "{} files, {} bytes, {} operations, {} expected rows; answer key {}",
        summary.files,
        summary.bytes,
        summary.operations,
        summary.expected,
        summary.key.display()
    );
    drop(writeln!(io::stderr().lock(), "{line}"));
    Ok(Exit::Done)
}

fn explain(word: &str) -> Outcome {
    if let Some(code) = codes::code(word) {
        let damage = match (code.limit, code.damage) {
            (true, _) => "\nexit code 6: a limit was reached, and something was not read",
            (false, true) => "\nexit code 3: some input was damaged, refused or quarantined",
            (false, false) => "",
        };
        out(&format!("{}: {}\nwhat to do: {}{damage}\n", code.code, code.meaning, code.advice))?;
        return Ok(Exit::Done);
    }
    if let Some(kind) = ChangeKind::from_word(word) {
        out(&format!("{kind}: a kind of change; see the README, \"Columns of changes.csv\"\n"))?;
        return Ok(Exit::Done);
    }
    let known: Vec<&str> = codes::codes().map(|code| code.code.as_str()).collect();
    Err(Failure::Usage {
        message: format!("no code `{word}`"),
        hint: format!("known are {}", known.join(", ")),
    })
}
