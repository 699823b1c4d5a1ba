//! One exhibit's bytes, wherever they are: a file, or a member of an archive.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::container::Origin;
use super::{EvidenceError, Stat, container};
use crate::model::Interval;

/// One exhibit to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The evidence argument's own name and the path below it, `/` between, bytes that are not UTF-8 as `\xNN`. A member
    /// of an archive stands below it: `case.zip/2026-11-02/users.json`.
    pub shown: String,
    /// The path as a folder would have it, in which names of files and folders tell what they tell: archives without
    /// their endings, compressed files without theirs (`case/2026-11-02/users.json`).
    pub named: String,
    /// The file to open: of a member, the file on disk that it is in.
    pub path: PathBuf,
    /// Which evidence argument it is below (position in the sorted list of arguments).
    pub root: usize,
    /// Its size as far as it is known before it is read; what is read counts, and may be another.
    pub size_bytes: u64,
    /// What the file system said of the file to open when it was found.
    pub stat: Stat,
    /// When the archive says that the member was last written.
    pub recorded: Option<RecordedTime>,
    pub(super) origin: Origin,
}

impl SourceFile {
    /// A file on disk.
    pub(super) fn file(shown: String, path: PathBuf, root: usize, stat: Stat) -> Self {
        let named = shown.clone();
        let size_bytes = stat.size_bytes;
        let (recorded, origin) = (None, Origin::File);
        Self { named, shown, path, root, size_bytes, stat, recorded, origin }
    }

    /// A file that was found in an earlier run; it is not looked at.
    #[must_use]
    pub fn found_before(shown: String, path: PathBuf, root: usize, stat: Stat) -> Self {
        Self::file(shown, path, root, stat)
    }

    /// When its bytes were last written: what the file system says, of a member of an archive what that recorded in UTC.
    #[must_use]
    pub fn modified_at(&self) -> Option<Timestamp> {
        match (&self.origin, self.recorded) {
            (Origin::File, _) => self.stat.modified_at,
            (Origin::Member(..), Some(RecordedTime::Utc(at))) => Some(at),
            (Origin::Member(..), Some(RecordedTime::Local(_)) | None) => None,
        }
    }

    /// The archive that it is a member of, as shown; `None` for a file.
    #[must_use]
    pub fn archive(&self) -> Option<&str> {
        self.origin.container_shown()
    }

    /// The shown path of the file on disk that it is, or is in.
    #[must_use]
    pub fn on_disk_shown(&self) -> &str {
        let mut outer = self;
        while let Some(container) = outer.origin.container() {
            outer = container;
        }
        &outer.shown
    }

    /// The one door to an exhibit's bytes: its own, decompressed, as a stream through fixed buffers, on a file handle of
    /// its own, so that several may be open at once.
    ///
    /// Costs what the exhibit is long, except in a compressed tar archive and in an archive inside a compressed one: there
    /// everything before it is decompressed too. To read several, use [`super::stream_each`],
    /// which pass through each archive once.
    ///
    /// The checksum of a zip member is compared when its last byte is read: an error may come at the end.
    ///
    /// # Errors
    /// [`EvidenceError::Unreadable`]; of a member also [`EvidenceError::Changed`] if the file is not what was listed, and
    /// [`EvidenceError::Damaged`]. Errors of the stream itself become one of them by [`Self::error`].
    pub fn open(&self) -> Result<Box<dyn Read + Send>, EvidenceError> {
        match &self.origin {
            Origin::File => {
                let file = File::open(&self.path).map_err(|source| EvidenceError::Unreadable {
                    path: self.path.clone(),
                    source,
                })?;
                Ok(Box::new(file))
            }
            Origin::Member(..) => container::open(self).map_err(|fault| fault.error(self)),
        }
    }

    /// After a member of an archive was read to its end.
    ///
    /// # Errors
    /// [`EvidenceError::Changed`] if the file is not what was listed.
    pub fn finish(&self) -> Result<(), EvidenceError> {
        container::unchanged(self)
    }

    /// The modification time that is known without reading it: what an archive recorded in UTC.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        match self.recorded {
            Some(RecordedTime::Utc(at)) => Some(SystemTime::from(at)),
            Some(RecordedTime::Local(_)) | None => None,
        }
    }

    /// What an error of a stream of this exhibit means.
    #[must_use]
    pub fn error(&self, error: std::io::Error) -> EvidenceError {
        match &self.origin {
            Origin::File => EvidenceError::Unreadable { path: self.path.clone(), source: error },
            Origin::Member(..) => container::meaning(&error, self),
        }
    }
}

/// When an archive says that a member was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordedTime {
    /// Seconds of UTC: tar, gzip, and zip with one of its extra fields for time.
    Utc(Timestamp),
    /// Two seconds of a clock whose zone is not recorded: zip otherwise (the time of MS-DOS).
    Local(DateTime),
}

/// Before this second there was no Microsoft Graph to export from; writers without a clock put 1970 or 1980.
const EARLIEST: i64 = 946_684_800;

impl RecordedTime {
    /// A time of UTC, unless it is none that an export can have.
    pub(super) fn utc(at: Timestamp) -> Option<Self> {
        (at.as_second() >= EARLIEST).then_some(Self::Utc(at))
    }

    /// A time without zone, unless it is none that an export can have.
    pub(super) fn local(at: DateTime) -> Option<Self> {
        (at.year() >= 2000).then_some(Self::Local(at))
    }

    /// The seconds that it stands for; without zone they are read in `zone`, else they may lie 14 hours either way.
    #[must_use]
    pub fn interval(self, zone: Option<&TimeZone>) -> Interval {
        let reach = |at: Timestamp, seconds: i64| {
            let end = at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(at);
            Interval { start: at, end }
        };
        match self {
            Self::Utc(at) => reach(at, 1),
            Self::Local(at) => {
                let known = zone.and_then(|zone| at.to_zoned(zone.clone()).ok());
                if let Some(zoned) = known {
                    return reach(zoned.timestamp(), 2);
                }
                let utc = at.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
                let Interval { start, end } = reach(utc.unwrap_or(Timestamp::MIN), 2);
                Interval::unzoned(start).hull(Interval::unzoned(end))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_time_without_zone_reaches_14_hours_either_way() {
        let time = RecordedTime::local(date(2026, 11, 2).at(3, 0, 0, 0)).unwrap();
        let interval = time.interval(None);
        assert_eq!(interval.start.to_string(), "2026-11-01T13:00:00Z");
        assert_eq!(interval.end.to_string(), "2026-11-02T17:00:02Z");
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let interval = time.interval(Some(&zone));
        assert_eq!(interval.start.to_string(), "2026-11-02T02:00:00Z");
        assert_eq!(interval.end.to_string(), "2026-11-02T02:00:02Z");
    }

    #[test]
    fn the_times_of_writers_without_a_clock_are_none() {
        assert_eq!(RecordedTime::local(date(1980, 1, 1).at(0, 0, 0, 0)), None);
        assert_eq!(RecordedTime::utc(Timestamp::UNIX_EPOCH), None);
    }
}
