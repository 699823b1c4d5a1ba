//! Archives that make far more of themselves than exports do.

use super::*;

#[test]
fn bombs_are_stopped_by_their_ratio() {
    let zeros = vec![0; 4 << 20];
    let limits = Limits { floor_bytes: 1 << 20, ..LIMITS };
    let entry = Entry::new("bomb.json", &zeros);
    let found = Found::within("case.zip", &zip(&[entry, Entry::new("a.json", b"[1]")]), &limits);
    assert_eq!(found.refused(), [("archive-ratio", "case.zip/bomb.json")]);
    assert_eq!(found.shown(), ["case.zip/a.json"]);
    for (name, bytes) in [
        ("bomb.json.gz", gzip(&zeros)),
        ("bomb.json.zst", zstd(&zeros)),
        ("bomb.tgz", gzip(&tar(&[("a.json", b"[1]"), ("bomb.json", &zeros)]))),
        ("bomb.tar.zst", zstd(&tar(&[("a.json", b"[1]"), ("bomb.json", &zeros)]))),
    ] {
        let found = Found::within(name, &bytes, &limits);
        assert_eq!(found.refused(), [("archive-ratio", name)]);
        assert!(found.shown().len() <= 1);
    }
    // Many small ones, each of them below the size at which its ratio counts.
    let half = &zeros[..512 << 10];
    let names: Vec<String> = (0..8).map(|number| format!("{number}.json")).collect();
    let entries: Vec<Entry> = names.iter().map(|name| Entry::new(name, half)).collect();
    let packed = gzip(half);
    let members: Vec<(String, &[u8])> =
        names.iter().map(|name| (format!("{name}.gz"), &*packed)).collect();
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, b)| (&**name, *b)).collect();
    for bytes in [zip(&entries), tar(&members)] {
        let found = Found::within("case.x", &bytes, &limits);
        assert!(found.codes().iter().all(|code| *code == "archive-ratio"), "{:?}", found.codes());
        assert_eq!(found.shown().len(), 2);
    }
    // Nested, the ratios multiply; each by itself is within its limit.
    let packed = zstd(&zstd(&zeros[..2 << 20]));
    let limits = Limits { ratio_wide: 20_000, floor_bytes: 1 << 20, ..LIMITS };
    let found = Found::within("b.zst", &packed, &Limits { ratio_wide: 100, ..limits });
    assert!(found.codes().contains(&"archive-ratio"), "{:?}", found.walk.refusals);
}

/// The limits of every run, and bombs as they are made: what is decompressed before they are refused stays below 64 MB.
#[test]
fn no_bomb_gets_far() {
    let zeros = vec![0; 15 << 20];
    let packed = gzip(&zeros);
    let entry = Entry::new("0.json", &zeros);
    let names: Vec<String> = (1..12).map(|number| format!("{number}.json")).collect();
    let again = names.iter().map(|name| Entry {
        name: name.as_bytes().to_vec(),
        local_name: name.as_bytes().to_vec(),
        ..entry.clone()
    });
    let entries: Vec<Entry> = again.collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &*packed)).collect();
    let nested = zip(&[Entry::stored("inner.zip", &zip(&entries))]);
    for bytes in [zip(&entries), tar(&members), nested, gzip(&tar(&members))] {
        let found = Found::of("case.x", &bytes);
        assert!(found.codes().contains(&"archive-ratio"), "{:?}", found.codes());
        let admitted: usize = found.texts().iter().map(|(_, text)| text.len()).sum();
        assert!(admitted < 32_000_000, "{admitted}");
    }
    const { assert!(LIMITS.floor_bytes < 32_000_000) };
}
