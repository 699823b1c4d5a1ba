//! What a file system says of a file without reading it: as long as none of it moves, the file is taken to be the same.

use std::fs::Metadata;

use jiff::Timestamp;

/// Size, times and place of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stat {
    /// Size.
    pub size_bytes: u64,
    /// When its bytes were last written, to the nanosecond as far as the file system keeps it.
    pub modified_at: Option<Timestamp>,
    /// When it was last changed in any way (Unix; no program can set this one back).
    pub changed_at: Option<Timestamp>,
    /// Number of the file on its device (Unix).
    pub inode: u64,
    /// Number of the device (Unix).
    pub device: u64,
}

impl Stat {
    /// Takes what matters from what the system says.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let plain = Self {
            size_bytes: metadata.len(),
            modified_at: modified.and_then(|at| Timestamp::try_from(at).ok()),
            ..Self::default()
        };
        plain.with_place(metadata)
    }

    #[cfg(unix)]
    fn with_place(self, metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds = i32::try_from(metadata.ctime_nsec()).unwrap_or(0);
        Self {
            changed_at: Timestamp::new(metadata.ctime(), nanoseconds).ok(),
            inode: metadata.ino(),
            device: metadata.dev(),
            ..self
        }
    }

    #[cfg(not(unix))]
    fn with_place(self, _metadata: &Metadata) -> Self {
        self
    }
}
