//! Bundles and other bags (RFC 8493), held against their manifests.
//!
//! Every manifest must list the whole payload; SHA-256 and SHA-512 are compared, other digests are said not to be. A bundle
//! of this program must be, byte for byte, what it writes: what nothing in a bag vouches for, the manifest of the tag files,
//! is written anew from what is there and compared, so that no byte of it can be another one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::audit::{Outcome, Word, audit};
use super::inventory::{Inventory, Item, take};
use super::manifest::{self, Known};
use super::{CustodyError, unreadable};
use crate::evidence::{Look, inventory};
use crate::meter::Meter;

/// What declares a bag.
pub const DECLARATION: &str = "bagit.txt";

/// The declaration of a bundle.
pub(super) const DECLARATION_TEXT: &str =
    "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// What the name of the program begins with in `bag-info.txt`.
pub(super) const AGENT: &str = "Bag-Software-Agent: entrace ";

/// The manifests of a bundle.
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
pub(super) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

/// What holds the fields of a bag.
pub(super) const INFO: &str = "bag-info.txt";

/// The result folder in the payload of a bundle.
pub const RESULT: &str = "data/result";

/// A bag that was verified.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What became of its files.
    pub files: Vec<Outcome>,
    /// What is to be said beside that and fails nothing.
    pub remarks: Vec<String>,
}

impl Checked {
    fn say(&mut self, path: &str, word: Word, detail: impl Into<String>) {
        self.files.push(Outcome { path: path.to_owned(), word, detail: detail.into() });
    }
}

/// Whether a folder, or an archive with one folder in it, is to be taken for a bag.
#[must_use]
pub fn is_bag(path: &Path) -> bool {
    if path.is_file() {
        let listed = inventory(&[path.to_owned()], Look::Everything);
        return listed.is_ok_and(|listed| {
            listed.files.iter().any(|file| file.archive().is_some() && is_declaration(&file.shown))
        });
    }
    [DECLARATION, TAG_MANIFEST].iter().any(|name| path.join(name).is_file())
        && path.join("data").is_dir()
}

/// Whether the declaration of a bag stands at the top of an archive, or in a folder at its top.
fn is_declaration(shown: &str) -> bool {
    let inner = shown.split_once('/').map_or("", |(_, inner)| inner);
    inner.strip_suffix(DECLARATION).is_some_and(|base| base.matches('/').count() <= 1)
}

/// A line of a manifest as a bundle has it.
pub(super) fn manifest_line(sha256: &str, name: &str) -> String {
    let name = name.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("{sha256}  {name}\n")
}

fn is_tag_manifest(name: &str) -> bool {
    name.starts_with("tagmanifest-") && manifest::bag_algorithm(name).is_some()
}

fn is_payload_manifest(name: &str) -> bool {
    name.starts_with("manifest-") && manifest::bag_algorithm(name).is_some()
}

/// Verifies a bag.
///
/// # Errors
/// [`CustodyError`] if the folder cannot be read.
pub fn check(folder: &Path, meter: &Meter) -> Result<Checked, CustodyError> {
    let Inventory { items, refusals } =
        if folder.is_file() { in_archive(folder, meter)? } else { in_bag(folder, meter)? };
    let mut checked = Checked::default();
    for refusal in refusals {
        checked.say(&refusal.shown, Word::Unreadable, refusal.cause);
    }
    let tags: BTreeMap<String, Vec<u8>> = items
        .iter()
        .filter(|item| !item.shown.starts_with("data/"))
        .map(|item| Ok((item.shown.clone(), bytes_of(item)?)))
        .collect::<Result<_, CustodyError>>()?;
    let (payload, tag_items): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| item.shown.starts_with("data/"));
    check_declaration(&mut checked, &tags);
    check_payload(&mut checked, &tags, &payload);
    check_tags(&mut checked, &tags, &tag_items);
    check_oxum(&mut checked, &tags, &payload);
    if tags.contains_key("fetch.txt") {
        let detail = "parts of the payload were left elsewhere, and nothing is ever fetched";
        checked.say("fetch.txt", Word::Changed, detail);
    }
    checked.files.sort();
    Ok(checked)
}

/// The files of a bag by their names in it.
fn in_bag(folder: &Path, meter: &Meter) -> Result<Inventory, CustodyError> {
    let folder: PathBuf = fs::canonicalize(folder).map_err(unreadable(folder))?;
    let mut inventory = take(&[folder], Look::Files, true, meter)?;
    for item in &mut inventory.items {
        // The name of the folder stands before the slash.
        item.shown =
            item.shown.split_once('/').map(|(_, name)| name.to_owned()).unwrap_or_default();
    }
    inventory.items.sort_by(|a, b| a.shown.cmp(&b.shown));
    Ok(inventory)
}

/// The files of a bag in an archive by their names in the bag.
fn in_archive(archive: &Path, meter: &Meter) -> Result<Inventory, CustodyError> {
    let mut inventory = take(&[archive.to_owned()], Look::Everything, true, meter)?;
    let declaration =
        inventory.items.iter().find(|item| item.is_member && is_declaration(&item.shown));
    let base =
        declaration.and_then(|item| item.shown.strip_suffix(DECLARATION)).unwrap_or_default();
    let base = base.to_owned();
    // Members of archives in the payload are what the archives vouch for.
    let archives: Vec<String> = inventory
        .items
        .iter()
        .filter(|item| item.is_archive && item.shown.starts_with(&base))
        .map(|item| format!("{}/", item.shown))
        .collect();
    inventory.items.retain_mut(|item| {
        let inner = archives.iter().any(|archive| item.shown.starts_with(archive));
        let name = item.shown.strip_prefix(&base).map(str::to_owned);
        item.shown = name.unwrap_or_default();
        !inner && !item.shown.is_empty()
    });
    inventory.items.sort_by(|a, b| a.shown.cmp(&b.shown));
    Ok(inventory)
}

/// Longest tag file that is read: 1,000,000 payload files at some 200 bytes a line.
const MOST_TAG_BYTES: u64 = 256 << 20;

fn bytes_of(item: &Item) -> Result<Vec<u8>, CustodyError> {
    let Some(source) = &item.source else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    let read = source.open()?.take(MOST_TAG_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| source.error(error))?;
    Ok(bytes)
}

fn check_declaration(checked: &mut Checked, tags: &BTreeMap<String, Vec<u8>>) {
    match tags.get(DECLARATION) {
        None => checked.say(DECLARATION, Word::Missing, "nothing declares this a bag"),
        Some(text) if text.starts_with(b"BagIt-Version:") => {}
        Some(_) => checked.say(DECLARATION, Word::Changed, "it does not declare a bag"),
    }
}

/// What all manifests of a kind say, and what is wrong with them. Each must list all of `items` where `whole`.
fn manifests(
    checked: &mut Checked,
    tags: &BTreeMap<String, Vec<u8>>,
    is_one: fn(&str) -> bool,
    whole: &[Item],
) -> Option<Vec<Known>> {
    let mut known = Vec::new();
    let mut any = false;
    for (name, bytes) in tags.iter().filter(|(name, _)| is_one(name)) {
        let manifest = manifest::parse(name, bytes);
        for line in &manifest.bad_lines {
            checked.say(name, Word::Changed, format!("line {line} is no entry of a manifest"));
        }
        if manifest.not_compared > 0 {
            checked
                .remarks
                .push(format!("{name}: its digests are weak or unknown and not compared"));
            continue;
        }
        any = true;
        let listed: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
        for item in whole.iter().filter(|item| !listed.contains(item.shown.as_str())) {
            checked.say(&item.shown, Word::New, format!("{name} does not list it"));
        }
        known.extend(manifest.files);
    }
    any.then_some(known)
}

fn check_payload(checked: &mut Checked, tags: &BTreeMap<String, Vec<u8>>, payload: &[Item]) {
    match manifests(checked, tags, is_payload_manifest, payload) {
        Some(known) => {
            // What is not listed was named with the manifest that does not list it.
            checked.files.extend(held(&known, payload));
        }
        None => checked.say(MANIFEST, Word::Missing, "no manifest of the payload can be compared"),
    }
}

/// Files by their names only: in a bag nothing may stand elsewhere.
fn held(known: &[Known], items: &[Item]) -> Vec<Outcome> {
    let mut by_name: BTreeMap<&str, Vec<Known>> = BTreeMap::new();
    for known in known {
        by_name.entry(&known.name).or_default().push(known.clone());
    }
    let mut outcomes = Vec::new();
    for (name, known) in by_name {
        match items.binary_search_by(|item| item.shown.as_str().cmp(name)) {
            Ok(place) => {
                let item = items.get(place..=place).unwrap_or_default();
                outcomes.extend(audit(&known, item, &|_| true));
            }
            Err(_missing) => outcomes.push(Outcome {
                path: name.to_owned(),
                word: Word::Missing,
                detail: String::new(),
            }),
        }
    }
    outcomes
}

fn check_tags(checked: &mut Checked, tags: &BTreeMap<String, Vec<u8>>, items: &[Item]) {
    let info = tags.get(INFO).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let ours = info.is_some_and(|info| info.lines().any(|line| line.starts_with(AGENT)));
    let Some(known) = manifests(checked, tags, is_tag_manifest, &[]) else {
        if ours {
            checked.say(TAG_MANIFEST, Word::Missing, "");
        } else {
            let remark = "there is no manifest of the tag files: nothing vouches for the manifests";
            checked.remarks.push(remark.to_owned());
        }
        return;
    };
    checked.files.extend(held(&known, items));
    if !ours {
        return;
    }
    let mut expected = String::new();
    for item in items.iter().filter(|item| !is_tag_manifest(&item.shown)) {
        match &item.content {
            Ok(content) => expected.push_str(&manifest_line(&content.sha256, &item.shown)),
            Err(cause) => checked.say(&item.shown, Word::Unreadable, cause.clone()),
        }
    }
    if tags.get(TAG_MANIFEST).map(Vec::as_slice) == Some(expected.as_bytes()) {
        checked.say(TAG_MANIFEST, Word::Matched, "");
    } else {
        checked.say(
            TAG_MANIFEST,
            Word::Changed,
            "it is not the list of the tag files that are there",
        );
    }
    for name in tags.keys().filter(|name| is_tag_manifest(name) && *name != TAG_MANIFEST) {
        checked.say(name, Word::New, "a bundle has no such file");
    }
}

/// `Payload-Oxum` counts the bytes and files of the payload.
fn check_oxum(checked: &mut Checked, tags: &BTreeMap<String, Vec<u8>>, payload: &[Item]) {
    let Some(info) = tags.get(INFO) else { return };
    let info = String::from_utf8_lossy(info);
    let Some(said) = info.lines().find_map(|line| line.strip_prefix("Payload-Oxum:")) else {
        return;
    };
    let found =
        oxum(payload.iter().filter_map(|item| item.content.as_ref().ok()).map(|c| c.size_bytes));
    if said.trim() != found {
        let detail = format!("the payload has {found} (bytes.files), it says {}", said.trim());
        checked.say(INFO, Word::Changed, detail);
    }
}

/// Bytes and number of files, as `Payload-Oxum` spells them.
pub(super) fn oxum(sizes: impl Iterator<Item = u64>) -> String {
    let (mut bytes, mut count) = (0_u64, 0_u64);
    for size in sizes {
        bytes = bytes.saturating_add(size);
        count += 1;
    }
    format!("{bytes}.{count}")
}
