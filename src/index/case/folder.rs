//! The folder itself: its mark, its lock, its key.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::CaseError;
use crate::evidence::CASE_MARK;
use crate::index::fingerprint::FingerprintKey;
use crate::unfinished::{Unfinished, keep_private};

/// What the mark says to whoever opens it.
pub(super) const MARK_TEXT: &[u8] =
    b"A case folder of entrace. It is as confidential as the evidence that it was made from.\n";

/// What the examiner keeps in it.
const CASE_FILE: &str = "case.toml";

pub(super) const KEY: &str = "key";

pub(super) fn unusable(path: PathBuf) -> impl FnOnce(io::Error) -> CaseError {
    move |source| CaseError::Unusable { path, source }
}

/// Makes the folder where it is missing and locks it for as long as the file lives.
pub(super) fn lock(folder: &Path) -> Result<File, CaseError> {
    let mark = folder.join(CASE_MARK);
    if folder.is_dir() && !mark.exists() {
        for entry in fs::read_dir(folder).map_err(unusable(folder.to_owned()))? {
            // The examiner may begin a case with the case file.
            if entry.map_err(unusable(folder.to_owned()))?.file_name() != OsStr::new(CASE_FILE) {
                return Err(CaseError::Foreign { folder: folder.to_owned() });
            }
        }
    }
    fs::create_dir_all(folder).map_err(unusable(folder.to_owned()))?;
    let options = || OpenOptions::new().read(true).append(true).create(true).open(&mark);
    let mut file = options().map_err(unusable(mark.clone()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(CaseError::Locked { folder: folder.to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(mark)(error)),
    }
    if file.metadata().map_err(unusable(mark.clone()))?.len() == 0 {
        file.write_all(MARK_TEXT).map_err(unusable(mark))?;
    }
    Ok(file)
}

/// The key of the case: drawn once and kept where nobody else may read it.
pub(super) fn key(folder: &Path) -> Result<FingerprintKey, CaseError> {
    let path = folder.join(KEY);
    let mut bytes = Vec::new();
    match File::open(&path) {
        Ok(file) => {
            file.take(17).read_to_end(&mut bytes).map_err(unusable(path.clone()))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(path)(error)),
    }
    // A key of another length was cut off: packs made with the lost one are not used any more.
    if let Some(key) = key_of(&bytes) {
        return Ok(key);
    }
    let key = FingerprintKey::random();
    let unfinished = Unfinished::of(folder);
    let file = unfinished.file(&path).map_err(unusable(path.clone()))?;
    keep_private(&file).map_err(unusable(path.clone()))?;
    let words = key.words().map(u64::to_le_bytes).concat();
    (&file).write_all(&words).and_then(|()| file.sync_all()).map_err(unusable(path))?;
    unfinished.commit()?;
    Ok(key)
}

/// The key that the file holds; `None` if it is none.
pub(super) fn key_of(bytes: &[u8]) -> Option<FingerprintKey> {
    let words: &[u8; 16] = bytes.try_into().ok()?;
    let (low, high) = (words.first_chunk::<8>()?, words.last_chunk::<8>()?);
    Some(FingerprintKey::of_words([u64::from_le_bytes(*low), u64::from_le_bytes(*high)]))
}

/// What the file `known` holds of the key.
pub(super) fn key_digest(key: &FingerprintKey) -> [u8; 32] {
    let words = key.words().map(u64::to_le_bytes).concat();
    *blake3::Hasher::new().update(b"entrace case: key\0").update(&words).finalize().as_bytes()
}
