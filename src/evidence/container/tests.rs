//! Archives made by hand, sound and hostile.

mod bombs;

use std::fs;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use rawzip::crc32;

use super::{LIMITS, Limits, stream_each};
use crate::evidence::{RecordedTime, SourceFile, Walk, walk_within};

/// An entry of a zip archive with everything that can be wrong about it.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    local_name: Vec<u8>,
    data: Vec<u8>,
    method: u16,
    flags: u16,
    crc: u32,
    size: u32,
    mode: u32,
    /// Packed MS-DOS date and time.
    stamp: u32,
    /// Byte at which the local header is said to stand, if not where it does.
    offset: Option<u32>,
}

impl Entry {
    fn new(name: &str, text: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        Self {
            name: name.into(),
            local_name: name.into(),
            data: encoder.finish().unwrap(),
            method: 8,
            flags: 0,
            crc: crc32(text),
            size: text.len().try_into().unwrap(),
            mode: 0o100_644,
            stamp: 0x21_0000,
            offset: None,
        }
    }

    fn stored(name: &str, bytes: &[u8]) -> Self {
        Self { data: bytes.to_vec(), method: 0, ..Self::new(name, bytes) }
    }
}

fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let short = |value: usize| u16::try_from(value).unwrap().to_le_bytes();
    let long = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    for entry in entries {
        let at = u32::try_from(out.len()).unwrap();
        let mut common = Vec::new();
        common.extend(entry.flags.to_le_bytes());
        common.extend(entry.method.to_le_bytes());
        common.extend(entry.stamp.to_le_bytes());
        common.extend(entry.crc.to_le_bytes());
        common.extend(long(entry.data.len()));
        common.extend(entry.size.to_le_bytes());
        out.extend(b"PK\x03\x04\x14\0");
        out.extend(&common);
        out.extend(short(entry.local_name.len()));
        out.extend([0, 0]);
        out.extend(&entry.local_name);
        out.extend(&entry.data);
        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        directory.extend(&common);
        directory.extend(short(entry.name.len()));
        directory.extend([0; 8]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(entry.offset.unwrap_or(at).to_le_bytes());
        directory.extend(&entry.name);
    }
    let start = out.len();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(short(entries.len()));
    out.extend(short(entries.len()));
    out.extend(long(directory.len()));
    out.extend(long(start));
    out.extend([0, 0]);
    out
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len().try_into().unwrap());
        header.set_mtime(1_793_588_400);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A tar member whose header is made by hand.
fn tar_member(kind: tar::EntryType, name: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(bytes.len().try_into().unwrap());
    header.set_entry_type(kind);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What an exhibit holds, or the code of its damage.
fn text(
    file: &SourceFile,
    reader: Result<&mut (dyn Read + Send), crate::evidence::EvidenceError>,
) -> String {
    let mut bytes = Vec::new();
    let read = reader
        .and_then(|reader| reader.read_to_end(&mut bytes).map_err(|error| file.error(error)))
        .and_then(|_| file.finish());
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(crate::evidence::EvidenceError::Damaged { code, .. }) => format!("<{code}>"),
        Err(error) => format!("<{error}>"),
    }
}

struct Found {
    walk: Walk,
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Found {
    fn within(name: &str, bytes: &[u8], limits: &Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        fs::write(&root, bytes).unwrap();
        Self {
            walk: walk_within(std::slice::from_ref(&root), limits, &|_| false).unwrap(),
            root,
            _folder: folder,
        }
    }

    fn of(name: &str, bytes: &[u8]) -> Self {
        Self::within(name, bytes, &LIMITS)
    }

    fn shown(&self) -> Vec<&str> {
        self.walk.files.iter().map(|file| file.shown.as_str()).collect()
    }

    fn refused(&self) -> Vec<(&str, &str)> {
        let refusals = self.walk.refusals.iter();
        refusals.map(|refusal| (refusal.code, refusal.shown.as_str())).collect()
    }

    fn codes(&self) -> Vec<&str> {
        self.refused().into_iter().map(|(code, _)| code).collect()
    }

    /// What each exhibit holds, or the code of its damage; by the pass and by the door, which must agree.
    fn texts(&self) -> Vec<(String, String)> {
        let files: Vec<&SourceFile> = self.walk.files.iter().collect();
        let streamed = stream_each(&files, |at, reader| text(files[at], reader));
        let opened: Vec<String> = files
            .iter()
            .map(|file| match file.open() {
                Ok(mut reader) => text(file, Ok(&mut *reader)),
                Err(error) => text(file, Err(error)),
            })
            .collect();
        assert_eq!(streamed, opened);
        files.iter().map(|file| file.shown.clone()).zip(opened).collect()
    }
}

#[track_caller]
fn assert_texts(found: &Found, expected: &[(&str, &str)]) {
    let texts = found.texts();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(texts, expected);
}

#[test]
fn members_of_every_kind_of_archive_are_exhibits() {
    let two = [("2026-11-02/users.json", &b"[1]"[..]), ("2026-11-03/users.json", b"[2]")];
    let entries: Vec<Entry> = two.iter().map(|(name, text)| Entry::new(name, text)).collect();
    let plain = tar(&two);
    for (name, bytes, format) in [
        ("case.zip", zip(&entries), "zip archive"),
        ("case.tar", plain.clone(), "tar archive"),
        ("case.tgz", gzip(&plain), "tar archive, gzip"),
        ("case.tar.zst", zstd(&plain), "tar archive, zstd"),
        ("no-ending", gzip(&plain), "tar archive, gzip"),
    ] {
        let found = Found::of(name, &bytes);
        let day = |day: u32| format!("{name}/2026-11-{day:02}/users.json");
        assert_texts(&found, &[(&day(2), "[1]"), (&day(3), "[2]")]);
        assert_eq!(found.codes(), [""; 0]);
        let carrier = &found.walk.carriers[0];
        assert_eq!((carrier.source.shown.as_str(), carrier.format), (name, format));
        assert_eq!(carrier.prints, crate::evidence::hash(&bytes));
        assert_eq!(carrier.size_bytes, bytes.len() as u64);
        let named = name.split('.').next().unwrap();
        assert_eq!(found.walk.files[0].named, format!("{named}/2026-11-02/users.json"));
        assert_eq!(found.walk.files[0].path, fs::canonicalize(&found.root).unwrap());
        assert_eq!(found.walk.files[0].archive(), Some(name));
    }
}

#[test]
fn a_compressed_file_is_one_exhibit_under_its_own_name() {
    let text = b"[{\"id\":\"a\"}]";
    let twice = [gzip(b"[{\"id\""), gzip(b":\"a\"}]")].concat();
    for (name, bytes) in
        [("users.json.gz", gzip(text)), ("users.json.zst", zstd(text)), ("users.json.gz", twice)]
    {
        let found = Found::of(name, &bytes);
        let shown = format!("{name}/users.json");
        assert_texts(&found, &[(&shown, "[{\"id\":\"a\"}]")]);
        assert_eq!(found.walk.files[0].named, "users.json");
    }
}

#[test]
fn archives_inside_archives_are_opened_to_a_depth() {
    let inner = zip(&[Entry::new("a.json", b"[1]"), Entry::new("b.json", b"[2]")]);
    let packed = gzip(&tar(&[("c.json", b"[3]"), ("in.zip", &inner)]));
    let outer = zip(&[
        Entry::stored("s.zip", &inner),
        Entry::new("d.zip", &inner),
        Entry::new("p.tgz", &packed),
        Entry::new("u.json.gz", &gzip(b"[4]")),
    ]);
    let found = Found::of("o.zip", &outer);
    assert_texts(
        &found,
        &[
            ("o.zip/d.zip/a.json", "[1]"),
            ("o.zip/d.zip/b.json", "[2]"),
            ("o.zip/p.tgz/c.json", "[3]"),
            ("o.zip/p.tgz/in.zip/a.json", "[1]"),
            ("o.zip/p.tgz/in.zip/b.json", "[2]"),
            ("o.zip/s.zip/a.json", "[1]"),
            ("o.zip/s.zip/b.json", "[2]"),
            ("o.zip/u.json.gz/u.json", "[4]"),
        ],
    );
    assert_eq!(found.codes(), [""; 0]);
    let carriers: Vec<&str> = found.walk.carriers.iter().map(|c| c.source.shown.as_str()).collect();
    let expected = [
        "o.zip",
        "o.zip/d.zip",
        "o.zip/p.tgz",
        "o.zip/p.tgz/in.zip",
        "o.zip/s.zip",
        "o.zip/u.json.gz",
    ];
    assert_eq!(carriers, expected);
    assert_eq!(found.walk.carriers[4].prints, crate::evidence::hash(&inner));
    let found = Found::within("o.zip", &outer, &Limits { depth: 2, ..LIMITS });
    assert_eq!(found.refused(), [("archive-depth", "o.zip/p.tgz/in.zip")]);
    assert_eq!(found.shown().len(), 6);
    let found = Found::within("o.zip", &outer, &Limits { held_bytes: 100, ..LIMITS });
    assert!(found.refused().contains(&("archive-nested-size", "o.zip/d.zip")));
    assert!(found.shown().contains(&"o.zip/s.zip/a.json"));
}

#[test]
fn what_is_no_archive_is_just_a_file() {
    for (name, bytes) in [
        ("not.zip", &b"{\"id\":\"a\"}"[..]),
        ("empty.zip", b""),
        ("users.tar.gz", b"[]"),
        ("long.tar", &[b' '; 2000]),
    ] {
        let found = Found::of(name, bytes);
        assert_eq!((found.shown(), found.codes()), (vec![name], vec![]));
        assert!(found.walk.carriers.is_empty());
    }
    let document = zip(&[
        Entry::new("[Content_Types].xml", b"<Types/>"),
        Entry::new("_rels/.rels", b"<Relationships/>"),
    ]);
    assert_eq!(Found::of("sheet.xlsx", &document).shown(), ["sheet.xlsx"]);
    let found = Found::of("x.7z", b"7z\xBC\xAF\x27\x1C\0\x04and more");
    assert_eq!((found.shown(), found.codes()), (vec![], vec!["archive-unsupported"]));
    assert_eq!(found.walk.carriers.len(), 1);
}

#[test]
fn hostile_members_of_a_zip_archive_are_refused_by_name() {
    let good = Entry::new("good.json", b"[1]");
    let bad = Entry::new("bad.json", b"[2]");
    let cases: Vec<(Entry, &str)> = vec![
        (Entry::new("../bad.json", b"[2]"), "member-name-unsafe"),
        (Entry::new("/bad.json", b"[2]"), "member-name-unsafe"),
        (Entry::new("C:\\bad.json", b"[2]"), "member-name-unsafe"),
        (Entry::new("a/..\\bad.json", b"[2]"), "member-name-unsafe"),
        (Entry { mode: 0o120_777, ..bad.clone() }, "member-link"),
        (Entry { mode: 0o020_666, ..bad.clone() }, "member-not-a-file"),
        (Entry { flags: 1, ..bad.clone() }, "member-encrypted"),
        (Entry { method: 99, flags: 1, ..bad.clone() }, "member-encrypted"),
        (Entry { method: 12, ..bad.clone() }, "member-method-unsupported"),
        (Entry { local_name: b"dab.json".to_vec(), ..bad.clone() }, "member-header-mismatch"),
        (Entry { offset: Some(1), ..bad.clone() }, "member-overlap"),
        (Entry { offset: Some(999_999), ..bad.clone() }, "member-damaged"),
        (Entry { method: 0, ..bad.clone() }, "member-damaged"),
        (Entry { offset: Some(0), local_name: good.name.clone(), ..bad.clone() }, "member-overlap"),
    ];
    for (entry, code) in cases {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let found = Found::of("case.zip", &zip(&[good.clone(), entry]));
        assert!(found.codes().contains(&code), "{name}: {code} not in {:?}", found.walk.refusals);
        if !matches!(code, "member-header-mismatch" | "member-overlap") {
            assert_texts(&found, &[("case.zip/good.json", "[1]")]);
        }
        assert!(!found.shown().iter().any(|shown| shown.contains("bad")), "{code}");
    }
}

#[test]
fn damaged_members_are_refused_when_they_are_read_and_the_others_are_used() {
    let good = Entry::new("good.json", b"[1]");
    let long = vec![b'7'; 3000];
    for bad in [
        Entry { crc: 7, ..Entry::new("bad.json", &long) },
        Entry { size: 2999, ..Entry::new("bad.json", &long) },
        Entry { size: 3001, ..Entry::new("bad.json", &long) },
        Entry { crc: 7, ..Entry::stored("bad.json", &long) },
        Entry { data: vec![0xFF; 40], ..Entry::new("bad.json", &long) },
    ] {
        let found = Found::of("case.zip", &zip(&[bad, good.clone()]));
        let damaged: Vec<_> =
            found.texts().into_iter().filter(|(_, text)| text == "<member-damaged>").collect();
        let refused = found.refused();
        assert_eq!(damaged.len() + refused.len(), 1, "{refused:?}");
        assert!(found.texts().contains(&("case.zip/good.json".to_owned(), "[1]".to_owned())));
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let kernel = Entry::new("a.json", &[b' '; 4000]);
    let again = Entry { offset: Some(0), ..kernel.clone() };
    // Two records of the directory for one stretch of the file.
    let found = Found::of("case.zip", &zip(&[kernel, again, Entry::new("b.json", b"[1]")]));
    assert_eq!(found.shown(), ["case.zip/b.json"]);
    assert!(found.codes().iter().filter(|code| **code == "member-overlap").count() >= 2);
}

#[test]
fn names_that_are_equal_or_nearly_are_refused_all() {
    let entries = [
        Entry::new("users.json", b"[1]"),
        Entry::new("users.json", b"[2]"),
        Entry::new("Groups.json", b"[3]"),
        Entry::new("groups.json", b"[4]"),
        Entry::new("devices.json", b"[5]"),
    ];
    let found = Found::of("case.zip", &zip(&entries));
    assert_eq!(found.shown(), ["case.zip/devices.json"]);
    let refused: Vec<&str> = found.refused().into_iter().map(|(_, shown)| shown).collect();
    assert_eq!(refused, ["case.zip/Groups.json", "case.zip/groups.json", "case.zip/users.json"]);
    assert!(found.codes().iter().all(|code| *code == "member-duplicate"));
    let packed = gzip(&tar(&[("a.json", b"[1]"), ("a.json", b"[2]"), ("b.json", b"[3]")]));
    let found = Found::of("case.tgz", &packed);
    assert_texts(&found, &[("case.tgz/b.json", "[3]")]);
    assert_eq!(found.refused(), [("member-duplicate", "case.tgz/a.json")]);
}

#[test]
fn zip_archives_that_are_cut_or_hide_bytes_are_told() {
    let entries = [Entry::new("a.json", b"[1]"), Entry::new("b.json", b"[2]")];
    let whole = zip(&entries);
    for cut in [30, 50, whole.len() - 60, whole.len() - 1] {
        let found = Found::of("case.zip", &whole[..cut]);
        assert!(!found.codes().is_empty(), "cut at {cut}");
        assert!(found.shown().is_empty(), "cut at {cut}");
        assert_eq!(found.walk.carriers.len(), 1);
    }
    let mut behind = whole.clone();
    behind.extend(b"hidden");
    let found = Found::of("case.zip", &behind);
    assert!(found.codes().contains(&"archive-leftover"), "{:?}", found.walk.refusals);
    let joined = [whole.clone(), zip(&[Entry::new("c.json", b"[3]")])].concat();
    let found = Found::of("case.zip", &joined);
    assert!(found.codes().contains(&"archive-leftover"), "{:?}", found.walk.refusals);
}

#[test]
fn hostile_members_of_a_tar_archive_are_refused_by_name() {
    let good = tar_member(tar::EntryType::Regular, b"good.json", b"[1]");
    for (kind, name, code) in [
        (tar::EntryType::Regular, &b"../bad.json"[..], "member-name-unsafe"),
        (tar::EntryType::Regular, b"/bad.json", "member-name-unsafe"),
        (tar::EntryType::Regular, b"a\\bad.json", "member-name-unsafe"),
        (tar::EntryType::Directory, b"../bad/", "member-name-unsafe"),
        (tar::EntryType::Symlink, b"bad.json", "member-link"),
        (tar::EntryType::Link, b"bad.json", "member-link"),
        (tar::EntryType::Char, b"bad.json", "member-not-a-file"),
        (tar::EntryType::Fifo, b"bad.json", "member-not-a-file"),
        (tar::EntryType::GNUSparse, b"bad.json", "member-not-a-file"),
    ] {
        let bad = tar_member(kind, name, b"");
        let bytes = [bad, good.clone(), vec![0; 1024]].concat();
        for bytes in [bytes.clone(), gzip(&bytes)] {
            let found = Found::of("case.tar", &bytes);
            assert_eq!(found.codes(), [code], "{:?}", found.walk.refusals);
            assert_texts(&found, &[("case.tar/good.json", "[1]")]);
        }
    }
}

#[test]
fn tar_archives_that_are_cut_or_damaged_keep_what_came_before() {
    let long = vec![b' '; 5_000];
    let whole = tar(&[("a.json", b"[1]"), ("b.json", &long), ("c.json", b"[3]")]);
    for (bytes, code) in [
        (whole[..2_000].to_vec(), "archive-truncated"),
        (whole[..1_024].to_vec(), "archive-truncated"),
        (gzip(&whole[..2_000]), "archive-truncated"),
        ([&whole[..1_024], &[b'x'; 1_024][..]].concat(), "archive-damaged"),
    ] {
        let found = Found::of("case.tar", &bytes);
        assert_eq!(found.codes(), [code], "{:?}", found.walk.refusals);
        assert_texts(&found, &[("case.tar/a.json", "[1]")]);
    }
    let behind = [whole.clone(), whole.clone()].concat();
    let found = Found::of("case.tar", &behind);
    assert_eq!((found.codes(), found.shown().len()), (vec!["archive-leftover"], 3));
    let name = [b"n".repeat(200), b"/users.json".to_vec()].concat();
    let long_name = tar(&[(std::str::from_utf8(&name).unwrap(), b"[1]")]);
    assert!(Found::of("case.tar", &long_name).shown()[0].ends_with("nnn/users.json"));
    let huge = tar_member(tar::EntryType::GNULongName, b"x", &vec![b'a'; 2 << 20]);
    assert_eq!(Found::of("case.tar", &huge).codes(), ["archive-damaged"]);
}

#[test]
fn a_stream_whose_checksum_is_wrong_gives_nothing() {
    let noise: Vec<u8> =
        (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let plain = tar(&[("a.json", b"[1]"), ("b.bin", &noise)]);
    for mut bytes in [gzip(&plain), zstd(&plain)] {
        let found = Found::of("case.tgz", &bytes[..bytes.len() / 2]);
        assert_eq!(
            (found.codes(), found.shown()),
            (vec!["archive-truncated"], vec!["case.tgz/a.json"])
        );
        // The stored checksum: the last bytes of zstd, those before the size in gzip.
        let at = if bytes[0] == 0x1F { bytes.len() - 8 } else { bytes.len() - 1 };
        bytes[at] ^= 1;
        let found = Found::of("case.tgz", &bytes);
        assert_eq!((found.codes(), found.shown()), (vec!["archive-damaged"], vec![]));
        assert_eq!(found.walk.carriers[0].prints, crate::evidence::hash(&bytes));
    }
    let mut bytes = gzip(b"[1]");
    bytes.extend(b"rest");
    let found = Found::of("users.json.gz", &bytes);
    assert_eq!(found.codes(), ["archive-leftover"]);
}

#[test]
fn limits_are_named_and_what_came_before_is_used() {
    let three = [("a.json", &b"[1]"[..]), ("b.json", b"[22]"), ("c.json", b"[3]")];
    let entries: Vec<Entry> = three.iter().map(|(name, text)| Entry::new(name, text)).collect();
    let archives = [zip(&entries), tar(&three), gzip(&tar(&three)), zstd(&tar(&three))];
    for bytes in &archives {
        let limits = Limits { members: 2, ..LIMITS };
        let found = Found::within("case.x", bytes, &limits);
        assert_eq!((found.codes(), found.shown().len()), (vec!["archive-members"], 2));
        let limits = Limits { total_bytes: 8, ..LIMITS };
        let found = Found::within("case.x", bytes, &limits);
        assert_eq!((found.codes(), found.shown().len()), (vec!["archive-size"], 2));
        let limits = Limits { member_bytes: 3, ..LIMITS };
        let found = Found::within("case.x", bytes, &limits);
        assert_eq!(found.refused(), [("archive-size", "case.x/b.json")]);
        assert_texts(&found, &[("case.x/a.json", "[1]"), ("case.x/c.json", "[3]")]);
    }
}

#[test]
fn recorded_times_are_kept_and_the_epoch_is_none() {
    // 2026-11-02T03:00:04, packed as MS-DOS did.
    let stamp = ((46 << 9 | 11 << 5 | 2) << 16) | (3 << 11 | 2);
    let bytes =
        zip(&[Entry { stamp, ..Entry::new("a.json", b"[1]") }, Entry::new("b.json", b"[2]")]);
    let found = Found::of("case.zip", &bytes);
    let times: Vec<Option<RecordedTime>> =
        found.walk.files.iter().map(|file| file.recorded).collect();
    let local = jiff::civil::date(2026, 11, 2).at(3, 0, 4, 0);
    assert_eq!(times, [Some(RecordedTime::Local(local)), None]);
    let found = Found::of("case.tar", &tar(&[("a.json", b"[1]")]));
    let utc = jiff::Timestamp::from_second(1_793_588_400).unwrap();
    assert_eq!(found.walk.files[0].recorded, Some(RecordedTime::Utc(utc)));
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_not_read_as_if_it_had_not() {
    let bytes = gzip(&tar(&[("a.json", b"[1]"), ("b.json", b"[2]")]));
    let found = Found::of("case.tgz", &bytes);
    fs::write(&found.root, gzip(&tar(&[("a.json", b"[1]"), ("b.json", b"[2] ")]))).unwrap();
    let changed = |error| matches!(error, crate::evidence::EvidenceError::Changed { .. });
    assert!(found.walk.files[1].open().is_err_and(changed));
    let files: Vec<&SourceFile> = found.walk.files.iter().collect();
    let read = stream_each(&files, |_, read| read.is_err_and(changed));
    assert_eq!(read, [true, true]);
    assert!(files[0].finish().is_err_and(changed));
}

#[test]
fn windows_archives_with_backslashes_are_read() {
    let bytes = zip(&[Entry::new("2026-11-02\\users.json", b"[1]")]);
    assert_texts(&Found::of("case.zip", &bytes), &[("case.zip/2026-11-02/users.json", "[1]")]);
}

#[test]
fn no_flipped_byte_makes_a_reader_panic() {
    let inner = zip(&[Entry::new("a.json", b"[1]"), Entry::stored("b.json", b"[2]")]);
    let packed = gzip(&tar(&[("c.json", b"[3]"), ("in.zip", &inner)]));
    for whole in [inner.clone(), tar(&[("c.json", b"[3]"), ("in.zip", &inner)]), packed] {
        // Every byte of a header, with another bit each; a tar archive is mostly blanks.
        for at in (0..whole.len()).filter(|at| whole[*at] != 0 || at % 16 == 0).take(700) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            let found = Found::of("case", &bytes);
            found.texts();
        }
    }
}
