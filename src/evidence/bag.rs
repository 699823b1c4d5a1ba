//! Bags (RFC 8493, `BagIt` 1.0): payload files are held to the manifests that came with them.
//!
//! A bag is a folder, on disk or in an archive, with a `bagit.txt`. A payload file that is missing, that differs, or that
//! no manifest lists is refused by name and not used: it is not what was sealed. SHA-256 and SHA-512 are verified, other
//! digests are said not to be. Verifying reads the payload once, as streams; files that a bag says to fetch are not
//! fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::SystemTime;

use sha2::{Digest, Sha256, Sha512};

use super::container::{Carrier, Hashing, stream_each};
use super::{Refusal, SourceFile, Walk, hex};

const DECLARATION: &str = "bagit.txt";

/// Longest tag file that is read: 1,000,000 payload files at some 200 bytes a line.
const MAX_TAG_BYTES: u64 = 256 << 20;

/// What `evidence.csv` calls the files of a bag that are no payload.
const FORMAT: &str = "BagIt tag file";

/// Digests that are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha512,
}

/// What the manifests of a bag say of a file: digests in lower-case hexadecimal.
type Expected = BTreeMap<String, Digests>;

type Digests = BTreeSet<(Algorithm, String)>;

/// One bag.
#[derive(Debug)]
struct Bag {
    /// Shown path of its folder, with a slash behind it, or empty.
    base: String,
    /// Tag files by name.
    tags: BTreeMap<String, String>,
    refusals: Vec<Refusal>,
}

/// Verifies the bags among what was found. Tag files become carriers, refused payload files are taken out.
pub(super) fn verify(found: &mut Walk) {
    let bases: BTreeSet<String> = found
        .files
        .iter()
        .filter_map(|file| file.shown.strip_suffix(DECLARATION))
        .filter(|base| base.is_empty() || base.ends_with('/'))
        .map(str::to_owned)
        .collect();
    for base in bases {
        if let Some(bag) = Bag::open(&base, found) {
            bag.verify(found);
        }
    }
}

/// Positions of the files below a folder; files are sorted by shown path.
fn below<'a>(found: &'a Walk, base: &str) -> impl Iterator<Item = &'a SourceFile> {
    let start = found.files.partition_point(|file| file.shown.as_str() < base);
    let rest = found.files.get(start..).unwrap_or_default();
    rest.iter().take_while(move |file| file.shown.starts_with(base))
}

fn is_tag_file(name: &str) -> bool {
    let manifest = name.starts_with("manifest-") || name.starts_with("tagmanifest-");
    matches!(name, DECLARATION | "bag-info.txt" | "fetch.txt")
        || (manifest && name.ends_with(".txt"))
}

impl Bag {
    /// Reads the tag files of a bag and lists them; `None` if it is none.
    fn open(base: &str, found: &mut Walk) -> Option<Self> {
        let files: Vec<SourceFile> = below(found, base)
            .filter(|file| file.shown.strip_prefix(base).is_some_and(is_tag_file))
            .cloned()
            .collect();
        let read = stream_each(&files.iter().collect::<Vec<_>>(), |at, reader| {
            let reader = reader.map_err(|error| error.to_string())?;
            let mut hashing = Hashing::new(reader.take(MAX_TAG_BYTES.saturating_add(1)));
            let mut bytes = Vec::new();
            hashing.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            Ok::<_, String>((at, bytes, hashing.finish()))
        });
        let mut bag = Self { base: base.to_owned(), tags: BTreeMap::new(), refusals: Vec::new() };
        let mut carriers = Vec::new();
        for (file, read) in files.iter().zip(read) {
            let name = file.shown.strip_prefix(base).unwrap_or_default();
            match read {
                Ok((_, bytes, (size_bytes, prints))) if size_bytes <= MAX_TAG_BYTES => {
                    let text = String::from_utf8_lossy(&bytes);
                    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
                    bag.tags.insert(name.to_owned(), text);
                    carriers.push(Carrier {
                        source: file.clone(),
                        format: FORMAT,
                        size_bytes,
                        prints,
                        modified: file.modified().or_else(|| on_disk(file)),
                    });
                }
                Ok(_) => bag.refuse(name, "bag-manifest", "a tag file of more than 256 MiB"),
                Err(cause) => bag.refuse(name, "bag-manifest", &cause),
            }
        }
        if !bag.tags.get(DECLARATION)?.trim_start().starts_with("BagIt-Version:") {
            return None;
        }
        let tags: BTreeSet<&str> = files.iter().map(|file| file.shown.as_str()).collect();
        found.files.retain(|file| !tags.contains(file.shown.as_str()));
        found.carriers.extend(carriers);
        Some(bag)
    }

    fn refuse(&mut self, name: &str, code: &'static str, cause: &str) {
        let shown = format!("{}{name}", self.base);
        self.refusals.push(Refusal { shown, code, cause: cause.to_owned() });
    }

    fn verify(mut self, found: &mut Walk) {
        let payload = self.manifests("manifest-");
        let tags = self.manifests("tagmanifest-");
        if let Some(tags) = tags {
            self.check_tags(&tags, found);
        }
        if self.tags.contains_key("fetch.txt") {
            let cause = "parts of the payload were left elsewhere, and nothing is ever fetched";
            self.refuse("fetch.txt", "bag-fetch", cause);
        }
        match payload {
            Some(payload) => self.check_payload(&payload, found),
            None => self.refuse(DECLARATION, "bag-manifest", "there is no manifest of the payload"),
        }
        let refused: BTreeSet<&str> = self
            .refusals
            .iter()
            .filter(|refusal| matches!(refusal.code, "bag-mismatch" | "bag-unlisted"))
            .map(|refusal| refusal.shown.as_str())
            .collect();
        // A refused archive takes its members with it.
        found.files.retain(|file| {
            let shown = file.shown.as_str();
            !refused.contains(shown) && !folders(shown).any(|folder| refused.contains(folder))
        });
        found.refusals.append(&mut self.refusals);
    }

    /// What all manifests of a kind say together; `None` if there are none.
    fn manifests(&mut self, kind: &str) -> Option<Expected> {
        let mut expected = Expected::new();
        let names: Vec<String> =
            self.tags.keys().filter(|name| name.starts_with(kind)).cloned().collect();
        for name in &names {
            let algorithm = name.strip_prefix(kind).and_then(|rest| rest.strip_suffix(".txt"));
            let known = match algorithm.unwrap_or_default().to_ascii_lowercase().as_str() {
                "sha256" => Some(Algorithm::Sha256),
                "sha512" => Some(Algorithm::Sha512),
                _ => {
                    let cause = "its digests are not verified; that its files are there is";
                    self.refuse(name, "bag-not-verified", cause);
                    None
                }
            };
            let text = self.tags.get(name).cloned().unwrap_or_default();
            let mut bad = None;
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                match entry(line, kind == "manifest-") {
                    Some((digest, path)) => {
                        let digests = expected.entry(path).or_default();
                        digests.extend(known.map(|known| (known, digest)));
                    }
                    None => bad = bad.or(Some(number + 1)),
                }
            }
            if let Some(line) = bad {
                self.refuse(
                    name,
                    "bag-manifest",
                    &format!("line {line} is no entry of a manifest"),
                );
            }
        }
        (!names.is_empty()).then_some(expected)
    }

    /// Where the files of a bag are, by their names in it: exhibits, archives and tag files.
    fn sources<'a>(&self, found: &'a Walk) -> BTreeMap<&'a str, &'a SourceFile> {
        let carriers = found.carriers.iter().map(|carrier| &carrier.source);
        let name = |file: &'a SourceFile| Some((file.shown.strip_prefix(&self.base)?, file));
        carriers.chain(below(found, &self.base)).filter_map(name).collect()
    }

    fn check_tags(&mut self, expected: &Expected, found: &Walk) {
        let sources = self.sources(found);
        self.compare(expected, &sources);
    }

    /// Every file of the payload must be listed, and be what was listed.
    fn check_payload(&mut self, expected: &Expected, found: &Walk) {
        let sources = self.sources(found);
        self.compare(expected, &sources);
        let archives: BTreeSet<&str> = found
            .carriers
            .iter()
            .filter_map(|carrier| carrier.source.shown.strip_prefix(&self.base))
            .collect();
        for name in sources.keys().filter(|name| name.starts_with("data/")) {
            // An archive in the payload vouches for its members.
            let vouched = folders(name).any(|folder| archives.contains(folder));
            if !vouched && !expected.contains_key(*name) {
                let cause = "no manifest of the bag lists it; it is not used";
                self.refuse(name, "bag-unlisted", cause);
            }
        }
    }

    /// Holds files to what is expected of them.
    fn compare(&mut self, expected: &Expected, sources: &BTreeMap<&str, &SourceFile>) {
        let mut listed: Vec<(&str, &SourceFile, &Digests)> = Vec::new();
        for (name, digests) in expected {
            match sources.get(name.as_str()) {
                Some(file) => listed.push((name, file, digests)),
                None => {
                    let cause = "a manifest of the bag lists it, and it is not there";
                    self.refuse(name, "bag-missing", cause);
                }
            }
        }
        let files: Vec<&SourceFile> = listed.iter().map(|(_, file, _)| *file).collect();
        let differences = stream_each(&files, |at, reader| {
            // What cannot be read is said by whoever reads it for its records.
            let (_, _, digests) = listed.get(at)?;
            difference(digests, reader.ok()?)
        });
        for ((name, ..), cause) in listed.iter().zip(differences) {
            if let Some(cause) = cause {
                self.refuse(name, "bag-mismatch", &cause);
            }
        }
    }
}

/// The folders that a path lies in, outermost first.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// The modification time of a tag file that is a file on disk.
fn on_disk(file: &SourceFile) -> Option<SystemTime> {
    let metadata = file.archive().is_none().then(|| std::fs::metadata(&file.path))?;
    metadata.and_then(|metadata| metadata.modified()).ok()
}

/// `DIGEST  path`, the path below the bag; `None` if it is none, or leads out.
fn entry(line: &str, payload: bool) -> Option<(String, String)> {
    let (digest, path) = line.split_once([' ', '\t'])?;
    let path = path.trim_start_matches([' ', '\t']);
    let path = path.strip_prefix('*').unwrap_or(path);
    let path = path.strip_prefix("./").unwrap_or(path);
    // RFC 8493, 2.1.3: these three are written as percent codes.
    let path = path.replace("%0D", "\r").replace("%0d", "\r").replace("%0A", "\n");
    let path = path.replace("%0a", "\n").replace("%25", "%");
    let hex = !digest.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let below = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let fits = hex && below && path.starts_with("data/") == payload;
    fits.then(|| (digest.to_ascii_lowercase(), path))
}

/// How a stream differs from what is expected.
fn difference(digests: &Digests, reader: &mut dyn Read) -> Option<String> {
    let wants = |algorithm| digests.iter().any(|(known, _)| *known == algorithm);
    let mut sha256 = wants(Algorithm::Sha256).then(Sha256::new);
    let mut sha512 = wants(Algorithm::Sha512).then(Sha512::new);
    if digests.is_empty() {
        return None;
    }
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let part = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_said_by_the_reader_of_records) => return None,
        };
        sha256.iter_mut().for_each(|hash| hash.update(part));
        sha512.iter_mut().for_each(|hash| hash.update(part));
    }
    let sha256 = sha256.map(|hash| hex(&hash.finalize())).unwrap_or_default();
    let sha512 = sha512.map(|hash| hex(&hash.finalize())).unwrap_or_default();
    digests.iter().find_map(|(algorithm, digest)| match algorithm {
        Algorithm::Sha256 if *digest != sha256 => Some(mismatch("SHA-256", &sha256, digest)),
        Algorithm::Sha512 if *digest != sha512 => Some(mismatch("SHA-512", &sha512, digest)),
        Algorithm::Sha256 | Algorithm::Sha512 => None,
    })
}

fn mismatch(algorithm: &str, found: &str, expected: &str) -> String {
    format!("its {algorithm} is {found}, the manifest says {expected}; it is not used")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::evidence::walk;

    struct Made(tempfile::TempDir);

    impl Made {
        /// A sound bag of two files, with a manifest by each digest that is verified.
        fn new() -> Self {
            let made = Self(tempfile::tempdir().unwrap());
            made.write("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
            made.write("data/2026-11-02/users.json", "[1]");
            made.write("data/groups.json", "[2]");
            let line = |digest: String, path: &str| format!("{digest}  {path}\n");
            let sha256 = line(hex(&Sha256::digest(b"[1]")), "data/2026-11-02/users.json")
                + &line(hex(&Sha256::digest(b"[2]")), "data/groups.json");
            made.write("manifest-sha256.txt", &sha256);
            let sha512 =
                line(hex(&Sha512::digest(b"[1]")).to_uppercase(), "data/2026-11-02/users.json")
                    + &line(hex(&Sha512::digest(b"[2]")), "*./data/groups.json");
            made.write("manifest-sha512.txt", &sha512.replace('\n', "\r\n"));
            let tag = line(hex(&Sha256::digest(sha256.as_bytes())), "manifest-sha256.txt");
            made.write("tagmanifest-sha256.txt", &tag);
            made
        }

        fn root(&self) -> std::path::PathBuf {
            self.0.path().join("bag")
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.root().join(Path::new(path));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn found(&self) -> (Vec<String>, Vec<(String, String)>) {
            let found = walk(&[self.root()]).unwrap();
            let tags = found.carriers.iter().filter(|carrier| carrier.format == FORMAT).count();
            assert!(tags >= 3);
            (
                found.files.into_iter().map(|file| file.shown).collect(),
                found.refusals.into_iter().map(|r| (r.code.to_owned(), r.shown)).collect(),
            )
        }
    }

    #[track_caller]
    fn assert_found(made: &Made, files: &[&str], refusals: &[(&str, &str)]) {
        let (found, refused) = made.found();
        assert_eq!(found, files);
        let refused: Vec<(&str, &str)> =
            refused.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(refused, refusals);
    }

    const BOTH: &[&str] = &["bag/data/2026-11-02/users.json", "bag/data/groups.json"];

    #[test]
    fn a_sound_bag_is_its_payload() {
        assert_found(&Made::new(), BOTH, &[]);
    }

    #[test]
    fn payload_that_differs_is_missing_or_unlisted_is_named() {
        let made = Made::new();
        made.write("data/groups.json", "[3]");
        assert_found(&made, &BOTH[..1], &[("bag-mismatch", "bag/data/groups.json")]);
        let made = Made::new();
        fs::remove_file(made.root().join("data/groups.json")).unwrap();
        assert_found(&made, &BOTH[..1], &[("bag-missing", "bag/data/groups.json")]);
        let made = Made::new();
        made.write("data/extra.json", "[]");
        assert_found(&made, BOTH, &[("bag-unlisted", "bag/data/extra.json")]);
    }

    #[test]
    fn tag_files_are_held_to_their_manifest() {
        let made = Made::new();
        let path = made.root().join("manifest-sha256.txt");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n")).unwrap();
        assert_found(&made, BOTH, &[("bag-mismatch", "bag/manifest-sha256.txt")]);
    }

    #[test]
    fn what_is_not_verified_is_said() {
        let made = Made::new();
        made.write("manifest-md5.txt", "00000000000000000000000000000000 data/groups.json\n");
        made.write("fetch.txt", "http://example.test/ 3 data/far.json\n");
        made.write("manifest-sha512.txt", "no entry\n../x data/groups.json\n");
        assert_found(
            &made,
            BOTH,
            &[
                ("bag-fetch", "bag/fetch.txt"),
                ("bag-not-verified", "bag/manifest-md5.txt"),
                ("bag-manifest", "bag/manifest-sha512.txt"),
            ],
        );
    }

    #[test]
    fn a_folder_with_a_file_of_that_name_is_no_bag() {
        let made = Made(tempfile::tempdir().unwrap());
        made.write("bagit.txt", "notes");
        made.write("data/a.json", "[1]");
        let found = walk(&[made.root()]).unwrap();
        assert_eq!((found.files.len(), found.refusals.len()), (2, 0));
    }

    #[test]
    fn an_archive_in_the_payload_vouches_for_its_members() {
        let made = Made::new();
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        builder.append_data(&mut header, "a.json", &b"[9]"[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        fs::write(made.root().join("data/more.tar"), &bytes).unwrap();
        let manifest = made.root().join("manifest-sha256.txt");
        let text = fs::read_to_string(&manifest).unwrap();
        let line = format!("{} data/more.tar\n", hex(&Sha256::digest(&bytes)));
        fs::write(&manifest, text.clone() + &line).unwrap();
        fs::remove_file(made.root().join("tagmanifest-sha256.txt")).unwrap();
        let all = [BOTH, &["bag/data/more.tar/a.json"]].concat();
        assert_found(&made, &all, &[]);
        let wrong = line.replace(|c: char| c.is_ascii_digit(), "a");
        fs::write(&manifest, text + &wrong).unwrap();
        assert_found(&made, BOTH, &[("bag-mismatch", "bag/data/more.tar")]);
    }
}
