//! Capture times: intervals with the source they were taken from.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// A closed interval of time. A capture proves an interval, never an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Earliest possible start.
    pub start: Timestamp,
    /// Latest possible end.
    pub end: Timestamp,
}

impl Interval {
    /// The interval that holds one instant only.
    #[must_use]
    pub fn instant(at: Timestamp) -> Self {
        Self { start: at, end: at }
    }

    /// The interval `at` +- 14 h that a stamp without zone stands for (UTC-14:00 to UTC+14:00).
    #[must_use]
    pub fn unzoned(at: Timestamp) -> Self {
        let reach = SignedDuration::from_hours(14);
        Self {
            start: at.checked_sub(reach).unwrap_or(Timestamp::MIN),
            end: at.checked_add(reach).unwrap_or(Timestamp::MAX),
        }
    }

    /// The time that was written without zone, if the interval stands for one.
    #[must_use]
    pub fn without_zone(self) -> Option<Timestamp> {
        let at = self.start.checked_add(SignedDuration::from_hours(14)).ok()?;
        (Self::unzoned(at) == self).then_some(at)
    }

    /// The smallest interval that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// The instant that an RFC 3339 text stands for, cut to its whole second; `None` for any other text.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 20
        && bytes.get(4) == Some(&b'-')
        && bytes.get(10) == Some(&b'T')
        && bytes.first().is_some_and(u8::is_ascii_digit);
    if !shaped {
        return None;
    }
    let at: Timestamp = text.parse().ok()?;
    // Whole seconds, counted downwards before 1970 as well.
    Timestamp::from_second(at.as_nanosecond().div_euclid(1_000_000_000).try_into().ok()?).ok()
}

/// Where a capture time was taken from, in falling order of trust (design, section 7, "Time").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TimeSource {
    /// A value in the exhibit itself.
    Data,
    /// An HTTP date or the record of a container.
    Archive,
    /// `--snapshot LABEL@TIME=PATH`.
    Option,
    /// A stamp in the file's own name.
    FileName,
    /// A stamp in the name of a folder above the file.
    FolderName,
    /// The file's modification time, used only with `--file-times`.
    FileTime,
}

impl TimeSource {
    /// The word that the tables print.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Archive => "archive",
            Self::Option => "option",
            Self::FileName => "file name",
            Self::FolderName => "folder name",
            Self::FileTime => "file time",
        }
    }
}

/// The time of a capture and where it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureTime {
    /// When the reading happened.
    pub interval: Interval,
    /// What says so.
    pub source: TimeSource,
}
