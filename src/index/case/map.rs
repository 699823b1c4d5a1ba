//! The one place where memory is mapped: packs of our own that are sealed, which nothing writes to any more. Evidence is
//! never mapped.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// A sealed file, mapped read-only.
#[derive(Debug)]
pub(super) struct Mapped(Mmap);

impl Mapped {
    /// Maps a sealed file of the case folder.
    ///
    /// # Errors
    /// What the system says.
    #[expect(unsafe_code, reason = "a mapping is memory that another process could change")]
    pub(super) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the file is one that this program wrote under another name, synced and renamed, and never opens for
        // writing again; a lock on the case folder keeps other runs of the program away, and packs are replaced by
        // renaming and removed by unlinking, which leaves a mapping whole. Whoever else truncates a pack while it is
        // mapped ends the process by a signal (SIGBUS); that is documented with the case folder.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
