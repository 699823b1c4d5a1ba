//! The result folder: files that appear under their names only when they are whole, hashed as they are written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ReportError;
use crate::evidence::hex;
use crate::meter::Meter;
use crate::unfinished::{CommitError, Unfinished};

/// From one move of the meter to the next: fine enough for a line that is drawn ten times a second.
const METER_STEP_BYTES: u64 = 4 << 20;

/// A file that is written, and its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Its name in the result folder.
    pub(super) name: &'static str,
    /// Size.
    pub(super) size_bytes: u64,
    /// SHA-256 in hex.
    pub(super) sha256: String,
    /// BLAKE3 in hex.
    pub(super) blake3: String,
    /// Columns that size and hashes leave out, because they record file times.
    pub(super) without_columns: &'static [&'static str],
}

/// An error whose path the folder fills in.
pub(super) fn refused(name: &'static str, source: io::Error) -> ReportError {
    ReportError::Write { path: PathBuf::from(name), source }
}

/// A result folder under construction. Dropped before [`Folder::commit`], it removes what it began.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    out: PathBuf,
    written: Vec<Written>,
    unfinished: Unfinished,
    meter: &'a Meter,
}

impl<'a> Folder<'a> {
    pub(super) fn create(out: &Path, meter: &'a Meter) -> Result<Self, ReportError> {
        let unfinished = Unfinished::of(out);
        unfinished
            .folder(out)
            .map_err(|source| ReportError::Write { path: out.to_owned(), source })?;
        Ok(Self { out: out.to_owned(), written: Vec::new(), unfinished, meter })
    }

    /// What has been written so far, in order.
    pub(super) fn written(&self) -> &[Written] {
        &self.written
    }

    /// Writes one file under its partial name.
    pub(super) fn write(
        &mut self,
        name: &'static str,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let path = self.out.join(name);
        let failed = |source| ReportError::Write { path: path.clone(), source };
        let file = self.unfinished.file(&path).map_err(failed)?;
        let mut file = Hashed::new(file, self.meter);
        fill(&mut file).map_err(|error| {
            // What writes into the file does not know where it is.
            if let ReportError::Write { source, .. } = error { failed(source) } else { error }
        })?;
        let (size_bytes, sha256, blake3) = file.finish().map_err(failed)?;
        self.written.push(Written { name, size_bytes, sha256, blake3, without_columns: &[] });
        Ok(())
    }

    /// Replaces size and hashes of the file written last by those of what `fill` writes: the same table without the
    /// columns that record file times, so that equal evidence gives equal records.
    pub(super) fn hash_without(
        &mut self,
        columns: &'static [&'static str],
        fill: impl FnOnce(&mut dyn Write) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        if let Some(last) = self.written.last_mut() {
            last.size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            last.sha256 = hex(&Sha256::digest(&bytes));
            last.blake3 = blake3::hash(&bytes).to_string();
            last.without_columns = columns;
        }
        Ok(())
    }

    /// Gives every file its name, in the order of writing, or none; what an earlier run wrote stays where one fails.
    pub(super) fn commit(self) -> Result<Vec<PathBuf>, ReportError> {
        self.unfinished
            .commit()
            .map_err(|CommitError { path, source }| ReportError::Write { path, source })
    }
}

/// A file that counts and hashes the bytes that go through it.
struct Hashed<'a> {
    file: BufWriter<File>,
    size_bytes: u64,
    metered_bytes: u64,
    meter: &'a Meter,
    sha256: Sha256,
    blake3: blake3::Hasher,
}

impl<'a> Hashed<'a> {
    fn new(file: File, meter: &'a Meter) -> Self {
        Self {
            file: BufWriter::with_capacity(1 << 18, file),
            size_bytes: 0,
            metered_bytes: 0,
            meter,
            sha256: Sha256::new(),
            blake3: blake3::Hasher::new(),
        }
    }

    fn move_meter(&mut self) {
        self.meter.add_bytes(self.size_bytes - self.metered_bytes);
        self.metered_bytes = self.size_bytes;
    }

    fn finish(mut self) -> io::Result<(u64, String, String)> {
        self.move_meter();
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok((self.size_bytes, hex(&self.sha256.finalize()), self.blake3.finalize().to_string()))
    }
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.sha256.update(bytes);
        self.blake3.update(bytes);
        self.size_bytes += u64::try_from(bytes.len()).map_err(io::Error::other)?;
        if self.size_bytes - self.metered_bytes >= METER_STEP_BYTES {
            self.move_meter();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_failed_run_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("deep/out");
        {
            let meter = Meter::default();
            let mut folder = Folder::create(&out, &meter).unwrap();
            folder
                .write("a.csv", |file| file.write_all(b"x").map_err(|e| refused("a", e)))
                .unwrap();
            let error = folder
                .write("b.csv", |_| Err(refused("b.csv", io::Error::other("disk is full"))))
                .unwrap_err();
            assert!(matches!(error, ReportError::Write { .. }));
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_failed_run_leaves_what_an_earlier_one_wrote() {
        let place = tempfile::tempdir().unwrap();
        let meter = Meter::default();
        let fill = |text: &'static str| {
            move |file: &mut dyn Write| {
                file.write_all(text.as_bytes()).map_err(|e| refused("a.csv", e))
            }
        };
        let mut first = Folder::create(place.path(), &meter).unwrap();
        first.write("a.csv", fill("first")).unwrap();
        first.commit().unwrap();
        let mut second = Folder::create(place.path(), &meter).unwrap();
        second.write("a.csv", fill("second")).unwrap();
        second.write("b.csv", fill("second")).unwrap();
        fs::create_dir(place.path().join("b.csv")).unwrap();
        let error = second.commit().unwrap_err();
        assert!(matches!(error, ReportError::Write { path, .. } if path.ends_with("b.csv")));
        assert_eq!(fs::read(place.path().join("a.csv")).unwrap(), b"first");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
        assert_eq!(meter.standing().bytes_done, 17);
    }

    #[test]
    fn hashes_are_those_of_the_bytes_on_disk() {
        let place = tempfile::tempdir().unwrap();
        let meter = Meter::default();
        let mut folder = Folder::create(place.path(), &meter).unwrap();
        fs::write(place.path().join("a.csv.partial"), b"left by a crash").unwrap();
        folder.write("a.csv", |file| file.write_all(b"abc").map_err(|e| refused("a", e))).unwrap();
        let written = folder.written().to_vec();
        let paths = folder.commit().unwrap();
        let bytes = fs::read(&paths[0]).unwrap();
        assert_eq!(written[0].size_bytes, 3);
        assert_eq!(written[0].sha256, hex(&Sha256::digest(&bytes)));
        assert_eq!(written[0].blake3, blake3::hash(&bytes).to_string());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
