//! The key of pseudonyms, and the table that leads back from them: both are kept apart from what is given away.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::unfinished::{CommitError, Unfinished, keep_private};

/// Why the key or its table cannot be used.
#[derive(Debug, Error)]
pub enum RedactError {
    /// The file cannot be read or made.
    #[error("cannot use `{}`", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds no key.
    #[error("`{}` holds no key: a key is 64 hexadecimal digits", path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// The table of pseudonyms cannot be put in its place.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> RedactError {
    let path = path.to_owned();
    move |source| RedactError::Unusable { path, source }
}

/// A key in its file.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    key: [u8; 32],
}

impl KeyFile {
    /// Reads a key; makes one, for its owner only, where there is none.
    ///
    /// # Errors
    /// [`RedactError`].
    pub fn open(path: &Path) -> Result<Self, RedactError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::make(path),
            Err(error) => return Err(unusable(path)(error)),
        };
        let key = blake3::Hash::from_hex(text.trim())
            .map_err(|_no_key| RedactError::NoKey { path: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), key: *key.as_bytes() })
    }

    /// A new key from the operating system's randomness (128 bits of it).
    fn make(path: &Path) -> Result<Self, RedactError> {
        let word = |salt: u64| RandomState::new().hash_one(salt).to_le_bytes();
        let key = blake3::derive_key(
            "entrace 2026 key of pseudonyms",
            &[word(0), word(1), word(2), word(3)].concat(),
        );
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        for_owner(&mut options);
        let text = format!("{}\n", blake3::Hash::from_bytes(key).to_hex());
        let mut file = options.open(path).map_err(unusable(path))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unusable(path))?;
        Ok(Self { path: path.to_owned(), key })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// Where its table of pseudonyms is: beside it.
    #[must_use]
    pub fn table_path(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".map.csv");
        self.path.with_file_name(name)
    }

    /// Adds pseudonyms to the table, which leads back from them (`pseudonym`, `original`), for its owner only.
    ///
    /// # Errors
    /// [`RedactError`].
    pub fn keep(&self, table: &BTreeMap<String, String>) -> Result<(), RedactError> {
        let path = self.table_path();
        let mut all = table.clone();
        if path.exists() {
            let mut reader =
                csv::Reader::from_path(&path).map_err(|error| unusable(&path)(error.into()))?;
            for row in reader.deserialize::<(String, String)>() {
                let (pseudonym, original) = row.map_err(|error| unusable(&path)(error.into()))?;
                all.entry(pseudonym).or_insert(original);
            }
        }
        let unfinished = Unfinished::of(&path);
        let file = unfinished.file(&path).map_err(unusable(&path))?;
        keep_private(&file).map_err(unusable(&path))?;
        let mut writer = csv::Writer::from_writer(io::BufWriter::new(&file));
        let written = writer.write_record(["pseudonym", "original"]).and_then(|()| {
            all.iter()
                .try_for_each(|(pseudonym, original)| writer.write_record([pseudonym, original]))
        });
        written.map_err(|error| unusable(&path)(error.into()))?;
        writer.flush().map_err(unusable(&path))?;
        drop(writer);
        file.sync_all().map_err(unusable(&path))?;
        unfinished.commit()?;
        Ok(())
    }
}

#[cfg(unix)]
fn for_owner(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn for_owner(_options: &mut OpenOptions) {}
