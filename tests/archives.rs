//! Evidence in archives: the same answer as from the folder, and a name and an exit code for what is wrong.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use serde_json::json;

use crate::evidence::{Evidence, page, people, user, with};
use crate::program::{Ran, Report, command};
use crate::properties::Synth;
use crate::untouched::state;

/// Names and bytes, sorted by name.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// Everything below a folder.
pub(crate) fn files(folder: &Path) -> Files {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

pub(crate) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let (mut entry, config) = archive
            .new_file(rawzip::path::EntryPath::conformant(name.as_str()))
            .compression_method(rawzip::CompressionMethod::DEFLATE)
            .start()
            .unwrap();
        let encoder = DeflateEncoder::new(&mut entry, Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(bytes).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

pub(crate) fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len().try_into().unwrap());
        // Later than every capture: a copy that was packed.
        header.set_mtime(1_830_000_000);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

fn named(name: &str, bytes: Vec<u8>) -> Files {
    vec![(name.to_owned(), bytes)]
}

/// The report of one path.
fn report(evidence: &Path, out: PathBuf) -> Report {
    let ran = Ran::of(command().arg("report").arg(evidence).arg("-o").arg(&out));
    Report { ran, out }
}

#[test]
fn archives_give_the_rows_that_the_folder_gives() {
    let synth = Synth::of(4);
    let place = tempfile::tempdir().unwrap();
    let all = files(&synth.folder);
    let each: Files = all.iter().map(|(name, bytes)| (format!("{name}.gz"), gzip(bytes))).collect();
    let forms = [
        ("evidence.zip", zip(&all)),
        ("evidence.tar", tar(&all)),
        ("evidence.tar.gz", gzip(&tar(&all))),
        ("evidence.tar.zst", zstd(&tar(&all))),
        ("inner.zip", zip(&named("evidence.tgz", gzip(&tar(&all))))),
        ("outer.tgz", gzip(&tar(&named("evidence.zip", zip(&all))))),
        ("each.zip", zip(&each)),
    ];
    let folder = report(&synth.folder, place.path().join("out"));
    let ids = |report: &Report| {
        let table = report.table("evidence.csv");
        let mut ids: Vec<String> = table
            .0
            .iter()
            .filter(|row| !row.get("encoding").is_empty())
            .map(|row| row.get("sha256").to_owned())
            .collect();
        ids.sort();
        ids
    };
    for (name, bytes) in forms {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        let packed = report(&path, place.path().join(format!("out-{name}")));
        assert_eq!(packed.ran.code, folder.ran.code, "{name}: {}", packed.ran.stderr);
        for table in ["changes.csv", "objects.csv", "snapshots.csv", "coverage.csv"] {
            assert!(packed.bytes(table) == folder.bytes(table), "{name}: {table} differs");
        }
        assert_eq!(ids(&packed), ids(&folder), "{name}");
        packed.assert_balanced();
        let listed = packed.table("evidence.csv");
        let carriers = listed.having("encoding", "");
        assert!(carriers.column("path").contains(&name), "{name} is not in evidence.csv");
        assert!(carriers.column("seen").iter().all(|seen| matches!(*seen, "" | "0")));
    }
}

#[test]
fn a_receipt_leads_into_an_archive_and_nothing_is_written_beside_it() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let all = files(&evidence.root());
    let packed = Evidence::new();
    packed.file("case.zip", zip(&all)).file("again/case.tgz", gzip(&tar(&all)));
    let before = state(&packed.root());
    let rows = packed.rows(&[]);
    assert_eq!(rows.lines(), evidence.timeline());
    let receipt = rows.0[0].get("evidence_after").split(';').next().unwrap().to_owned();
    let shown = packed.run("show", &["--receipt", &receipt]).ended(0);
    let plain = evidence.run("show", &["--receipt", &receipt]).ended(0);
    assert_eq!(shown.stdout, plain.stdout);
    packed.report(&[]).ran.ended(0);
    assert_eq!(state(&packed.root()), before);
}

/// Two days of users as files of an archive.
fn two_days() -> Files {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9));
    let changed = with(user("u03", "User 3"), json!({"displayName": "Owner"}));
    evidence.users(2, people([1, 2]).into_iter().chain([changed]).chain(people(4..9)));
    files(&evidence.root())
}

#[test]
fn a_damaged_member_is_named_and_the_others_are_used() {
    let mut all = two_days();
    let marker = b"{\"broken\":\"0123456789\"}".to_vec();
    all.push(("broken.json".to_owned(), marker));
    let mut bytes = zip(&all);
    // The data of the last member stand right behind its name.
    let at = bytes.windows(11).position(|part| part == b"broken.json").unwrap() + 14;
    bytes[at] ^= 0x20;
    let evidence = Evidence::new();
    evidence.file("case.zip", bytes);
    let ran = evidence.run("timeline", &["--format", "csv"]).ended(3);
    assert!(ran.stderr.contains("member-damaged: evidence/case.zip/broken.json"), "{}", ran.stderr);
    assert!(ran.rows().column("attribute").contains(&"displayName"));
}

#[test]
fn a_limit_is_exit_code_6_and_what_came_before_is_used() {
    let mut all = two_days();
    all.push(("bomb.json".to_owned(), vec![b' '; 40 << 20]));
    for (name, bytes) in [("case.zip", zip_best(&all)), ("case.tgz", gzip(&tar(&all)))] {
        let evidence = Evidence::new();
        evidence.file(name, bytes);
        let ran = evidence.run("timeline", &["--format", "csv"]).ended(6);
        assert!(ran.stderr.contains("archive-ratio"), "{}", ran.stderr);
        assert!(ran.rows().column("attribute").contains(&"displayName"), "{name}");
    }
    let evidence = Evidence::new();
    evidence.file("bomb.json.gz", gzip(&vec![b' '; 40 << 20]));
    let ran = evidence.run("inspect", &[]).ended(6);
    assert!(
        ran.stderr.contains("none of the evidence could be read: archive-ratio"),
        "{}",
        ran.stderr
    );
    let ran = Ran::of(command().args(["explain", "archive-ratio"])).ended(0);
    assert!(ran.text().contains("exit code 6"));
}

/// As [`zip`], compressed as far as it goes.
fn zip_best(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let path = rawzip::path::EntryPath::conformant(name.as_str());
        let method = rawzip::CompressionMethod::DEFLATE;
        let (mut entry, _) = archive.new_file(path).compression_method(method).start().unwrap();
        entry.write_all(&packed).unwrap();
        let size = bytes.len().try_into().unwrap();
        entry.finish(rawzip::DataDescriptorOutput::new(rawzip::crc32(bytes), size)).unwrap();
    }
    archive.finish().unwrap()
}

#[test]
fn archives_nested_too_deep_are_not_opened() {
    let mut bytes = zip(&two_days());
    for _ in 0..3 {
        bytes = zip(&named("inner.zip", bytes));
    }
    let evidence = Evidence::new();
    evidence.file("case.zip", bytes).users(1, people(1..3));
    let report = evidence.report(&[]);
    assert_eq!(report.ran.code, 6, "{}", report.ran.stderr);
    let deepest = "evidence/case.zip/inner.zip/inner.zip/inner.zip";
    assert!(
        report.warnings().iter().any(|(code, path, _)| code == "archive-depth" && path == deepest)
    );
    assert!(report.table("evidence.csv").column("path").contains(&deepest));
}

#[test]
fn an_archive_that_leads_out_is_refused_by_name() {
    let evidence = Evidence::new();
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..16].copy_from_slice(b"../../users.json");
    header.set_size(0);
    header.set_cksum();
    let bytes = [header.as_bytes().as_slice(), &tar(&two_days())].concat();
    evidence.file("case.tgz", gzip(&bytes));
    let report = evidence.report(&[]);
    assert_eq!(report.ran.code, 3, "{}", report.ran.stderr);
    assert_eq!(report.codes().into_iter().collect::<Vec<_>>(), ["member-name-unsafe"]);
}

#[test]
fn the_record_of_an_archive_is_a_time_where_no_name_tells_one() {
    let list = |name: &str| page("users", people(1..4)).json().to_string().replace("User", name);
    let evidence = Evidence::new();
    for (day, name) in [(1_793_577_600, "User"), (1_793_664_000, "Person")] {
        let mut builder = tar::Builder::new(Vec::new());
        let text = list(name);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len().try_into().unwrap());
        header.set_mtime(day);
        builder.append_data(&mut header, "users.json", text.as_bytes()).unwrap();
        evidence.file(format!("{name}.tar"), builder.into_inner().unwrap());
    }
    let report = evidence.report(&[]);
    let times = report.table("snapshots.csv");
    assert_eq!(times.column("time_source"), ["archive", "archive"]);
    assert!(report.table("changes.csv").0.iter().any(|row| row.get("attribute") == "displayName"));
}

#[test]
fn a_bag_is_held_to_its_manifest() {
    let all = two_days();
    let line = |(name, bytes): &(String, Vec<u8>)| {
        use sha2::Digest;
        let digest: [u8; 32] = sha2::Sha256::digest(bytes).into();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}  data/{name}\n")
    };
    let manifest: String = all.iter().map(line).collect();
    let mut bag = named("bagit.txt", b"BagIt-Version: 1.0\n".to_vec());
    bag.push(("manifest-sha256.txt".to_owned(), manifest.into_bytes()));
    bag.extend(all.iter().map(|(name, bytes)| (format!("data/{name}"), bytes.clone())));
    let plain = Evidence::new();
    for (name, bytes) in &all {
        plain.file(name, bytes);
    }
    let evidence = Evidence::new();
    evidence.file("bag.tgz", gzip(&tar(&bag)));
    assert_eq!(evidence.run("timeline", &[]).ended(0).stdout, plain.run("timeline", &[]).stdout);
    let last = bag.last_mut().unwrap();
    last.1.push(b' ');
    let path = last.0.clone();
    let evidence = Evidence::new();
    evidence.file("bag.zip", zip(&bag));
    let report = evidence.report(&[]);
    assert_eq!(report.ran.code, 3);
    let warning = ("bag-mismatch".to_owned(), format!("evidence/bag.zip/{path}"), String::new());
    assert!(report.warnings().contains(&warning), "{:?}", report.warnings());
}
