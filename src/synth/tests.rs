//! Tests of whole tenants.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::*;
use crate::model::{Certainty, ChangeKind, Lane};

fn files(below: &Path, out: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

fn made(options: &SynthOptions) -> (BTreeMap<PathBuf, Vec<u8>>, Value, SynthSummary) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tenant");
    let summary = write_tenant(options, &out).unwrap();
    let mut all = BTreeMap::new();
    files(&out, &mut all);
    let all = all
        .into_iter()
        .map(|(path, bytes)| (path.strip_prefix(folder.path()).unwrap().to_owned(), bytes))
        .collect();
    let key = serde_json::from_slice(&fs::read(&summary.key).unwrap()).unwrap();
    (all, key, summary)
}

fn small(seed: u64, format: ExportFormat) -> SynthOptions {
    SynthOptions { users: 90, snapshots: 4, seed, format, ..SynthOptions::default() }
}

fn rows(key: &Value) -> &Vec<Value> {
    key["expected"].as_array().unwrap()
}

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

const FORMATS: [ExportFormat; 10] = [
    ExportFormat::Graph,
    ExportFormat::EntraExporter,
    ExportFormat::Arrays,
    ExportFormat::Ndjson,
    ExportFormat::AzureHound,
    ExportFormat::PowerShell,
    ExportFormat::Clixml,
    ExportFormat::Roadrecon,
    ExportFormat::PortalCsv,
    ExportFormat::ScubaGear,
];

#[test]
fn the_same_options_give_the_same_bytes() {
    for format in FORMATS {
        let (one, first_key, _) = made(&small(3, format));
        let (other, second_key, _) = made(&small(3, format));
        assert!(one == other && first_key == second_key, "{}", format.as_str());
        assert!(made(&small(4, format)).0 != one);
    }
}

#[test]
fn every_effect_is_expected_or_hidden_with_a_reason() {
    for seed in 0..12 {
        let (_, key, _) = made(&small(seed, ExportFormat::Graph));
        let hidden = key["hidden"].as_array().unwrap();
        let told: BTreeSet<&str> =
            rows(&key).iter().chain(hidden).map(|row| word(row, "operation")).collect();
        for operation in key["operations"].as_array().unwrap() {
            let silent = operation["effects"].as_array().unwrap().is_empty();
            assert!(silent || told.contains(word(operation, "id")), "{operation}");
        }
        assert!(hidden.iter().all(|one| !word(one, "why").is_empty()));
    }
}

#[test]
fn rows_are_spelled_as_the_tables_spell_them() {
    for seed in 0..12 {
        let (_, key, _) = made(&small(seed, ExportFormat::Graph));
        for row in rows(&key) {
            let change = ChangeKind::from_word(word(row, "change")).unwrap();
            let lane = Lane::from_word(word(row, "lane")).unwrap();
            let certainty = Certainty::from_word(word(row, "certainty")).unwrap();
            let gone = [ChangeKind::Removed, ChangeKind::SoftDeleted, ChangeKind::HardDeleted];
            assert!(lane == Lane::Change || gone.contains(&change), "{row}");
            assert_eq!(lane == Lane::Coverage, certainty == Certainty::Unproven, "{row}");
            assert!(word(row, "not_before") < word(row, "not_after"), "{row}");
            assert_eq!(change == ChangeKind::Modified, row["before"] != row["after"], "{row}");
            for column in ["before", "after", "added", "removed"] {
                if let Some(text) = row[column].as_str() {
                    serde_json::from_str::<Value>(text).unwrap();
                }
            }
            assert!(!word(row, "object_id").is_empty());
        }
    }
}

#[test]
fn every_kind_of_change_comes_up() {
    let mut kinds = BTreeSet::new();
    for seed in 0..12 {
        let (_, key, _) = made(&small(seed, ExportFormat::Graph));
        let told = |row: &Value| (word(row, "change").to_owned(), word(row, "lane").to_owned());
        kinds.extend(rows(&key).iter().map(told));
    }
    for kind in ChangeKind::ALL.iter().filter(|kind| **kind != ChangeKind::FirstObserved) {
        assert!(kinds.contains(&(kind.as_str().to_owned(), "change".to_owned())), "{kind}");
    }
    assert!(kinds.iter().any(|(_, lane)| lane == "coverage"));
}

#[test]
fn every_file_can_be_read() {
    for format in [ExportFormat::Graph, ExportFormat::EntraExporter, ExportFormat::Arrays] {
        let (all, _, summary) = made(&small(5, format));
        assert_eq!(summary.files, u64::try_from(all.len()).unwrap());
        let mut wide = 0;
        for (path, bytes) in all {
            let text = match bytes.strip_prefix(&[0xFF, 0xFE]) {
                Some(rest) => {
                    wide += 1;
                    let units: Vec<u16> =
                        rest.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                    String::from_utf16(&units).unwrap()
                }
                None => String::from_utf8(bytes).unwrap(),
            };
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", path.display());
        }
        assert!(wide > 0 || format == ExportFormat::Arrays);
    }
}

#[test]
fn woodgrove_is_small_and_tells_its_stories() {
    let (all, key, summary) = made(&SynthOptions::woodgrove());
    let bytes: usize = all.values().map(Vec::len).sum();
    assert_eq!(summary.bytes, u64::try_from(bytes).unwrap());
    assert!(bytes + key::text(&key).len() < 3_200_000, "{bytes}");
    for story in ["bulk-import", "lock-out", "compromised-account", "recovery"] {
        assert!(rows(&key).iter().any(|row| row["story"] == story), "{story}");
    }
    let changed = |row: &&Value| row["story"] == "bulk-import" && row["attribute"] == "jobTitle";
    assert!(rows(&key).iter().filter(changed).count() * 5 > 112 * 2, "about half of all");
    let named = |part: &str| all.keys().any(|path| path.to_string_lossy().contains(part));
    assert!(named("auditLogs_directoryAudits_") && named("getChanges") && named("2026-11-07"));
}

#[test]
fn a_quiet_tenant_has_no_mess() {
    let options = SynthOptions { mess: Mess::None, ..small(2, ExportFormat::Graph) };
    let (_, key, _) = made(&options);
    assert!(rows(&key).iter().all(|row| row["operation"] != "mess"));
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let few = SynthOptions { users: 3, ..SynthOptions::default() };
    assert!(matches!(write_tenant(&few, folder.path()), Err(SynthError::TooFewUsers(3))));
    let none = SynthOptions { snapshots: 0, ..SynthOptions::default() };
    assert!(matches!(write_tenant(&none, folder.path()), Err(SynthError::NoSnapshots)));
    assert_eq!("woodgrove".parse(), Ok(Incident::Woodgrove));
    assert!("nonsense".parse::<ExportFormat>().is_err());
}

#[test]
fn the_key_lies_beside_the_folder() {
    for out in ["place/tenant", "place/tenant/"] {
        let key = key_path(Path::new(out));
        assert_eq!(key, Path::new("place/tenant.answer-key.json"), "{out}");
    }
}
