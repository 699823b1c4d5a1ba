//! How much an archive may make of itself. Every limit ends in a named refusal and exit code 6, never in silence.

/// What one evidence file that is an archive may hold, everything nested in it counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members of one evidence file. An exporter tree holds one file per object: 50,000 users on 20 days are
    /// 1,000,000. Stops archives of endless empty members, each of which costs memory for its name.
    pub members: u64,
    /// Decompressed bytes of one member. The largest exports are single files of some 2 GiB. Stops one file of zeros.
    pub member_bytes: u64,
    /// Decompressed bytes of all members. Stops what no machine at hand could read through.
    pub total_bytes: u64,
    /// Decompressed to compressed bytes where deflate compressed. Deflate looks back 32 KiB, so each object costs at
    /// least its random id: 16 bytes for some 1,000 to 3,000 bytes of text. Exports compress 10 to 60 times, zeros
    /// 225 (fast) to 1,030 times (best).
    pub ratio_deflate: u64,
    /// The same where a codec with a wide window compressed, and for an evidence file as a whole: there daily
    /// snapshots that hardly differ repeat each other. Stops archives nested to multiply their ratios.
    pub ratio_wide: u64,
    /// Up to here no ratio is looked at: small files may be all blanks.
    pub floor_bytes: u64,
    /// Archives inside each other. A collection of daily archives of compressed files has three. Stops archives that
    /// unpack to archives without end.
    pub depth: usize,
    /// Bytes of an archive inside a compressed one that are held in memory, because its directory stands at its end.
    pub held_bytes: u64,
}

const MIB: u64 = 1 << 20;

/// The limits of every run.
pub const LIMITS: Limits = Limits {
    members: 1_000_000,
    member_bytes: 4096 * MIB,
    total_bytes: 65_536 * MIB,
    ratio_deflate: 200,
    ratio_wide: 1_000,
    floor_bytes: 16 * MIB,
    depth: 3,
    held_bytes: 512 * MIB,
};

/// Longest name of a member. File systems stop at 4,096 bytes.
pub(super) const MAX_NAME_BYTES: usize = 4_096;

/// Longest extended header of a tar member: names and attributes, not data.
pub(super) const MAX_EXTENDED_BYTES: u64 = MIB;

/// What a member, or all so far, make of the bytes that they came from.
#[derive(Debug)]
pub(super) struct Budget {
    /// The limits that it is held against.
    pub(super) limits: Limits,
    file_bytes: u64,
    members: u64,
    bytes: u64,
    /// Of members that are each too small for their ratio to count, though it is more than exports have.
    dense_bytes: u64,
    /// The limit that was broken for the evidence file as a whole.
    pub(super) broken: Option<&'static str>,
}

/// What a member decompresses to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Decompressed bytes.
    pub(super) bytes: u64,
    /// Whether they are more times the compressed ones than its codec may make.
    pub(super) is_dense: bool,
}

impl Size {
    /// Of a member that is no compressed one itself.
    pub(super) fn plain(bytes: u64) -> Self {
        Self { bytes, is_dense: false }
    }
}

/// Which limit a member breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Breach {
    /// Only this member: others may be read.
    Member(&'static str, String),
    /// The evidence file as a whole: nothing more of it is read.
    Whole(&'static str, String),
}

impl Budget {
    /// A budget for an evidence file of this size.
    pub(super) fn new(limits: Limits, file_bytes: u64) -> Self {
        Self { limits, file_bytes, members: 0, bytes: 0, dense_bytes: 0, broken: None }
    }

    /// Takes the decompressed bytes of a member into account before they are read.
    ///
    /// # Errors
    /// The limit that it breaks; then it is not counted.
    pub(super) fn admit(&mut self, size: Size) -> Result<(), Breach> {
        let admitted = self.within(size);
        if let Err(Breach::Whole(code, _)) = &admitted {
            self.broken = Some(code);
        }
        admitted
    }

    fn within(&mut self, size: Size) -> Result<(), Breach> {
        let Size { bytes: size, is_dense } = size;
        let Limits { members, member_bytes, total_bytes, .. } = self.limits;
        if size > member_bytes {
            let cause =
                format!("{size} bytes, more than the {member_bytes} that one member may have");
            return Err(Breach::Member("archive-size", cause));
        }
        if self.members >= members {
            let cause = format!("more than {members} members");
            return Err(Breach::Whole("archive-members", cause));
        }
        let bytes = self.bytes.saturating_add(size);
        if bytes > total_bytes {
            let cause = format!("more than {total_bytes} decompressed bytes in all");
            return Err(Breach::Whole("archive-size", cause));
        }
        if exceeds(bytes, self.file_bytes, self.limits.ratio_wide, self.limits.floor_bytes) {
            let cause = format!(
                "decompressed more than {} times the {} bytes of the file",
                self.limits.ratio_wide, self.file_bytes
            );
            return Err(Breach::Whole("archive-ratio", cause));
        }
        let dense_bytes = self.dense_bytes.saturating_add(if is_dense { size } else { 0 });
        if dense_bytes > self.limits.floor_bytes {
            let cause = format!(
                "{dense_bytes} bytes in members that make more of themselves than exports do"
            );
            return Err(Breach::Whole("archive-ratio", cause));
        }
        self.dense_bytes = dense_bytes;
        self.members += 1;
        self.bytes = bytes;
        Ok(())
    }
}

/// Whether `bytes` made of `source` bytes break a ratio.
pub(super) fn exceeds(bytes: u64, source: u64, ratio: u64, floor: u64) -> bool {
    bytes > floor && bytes > source.saturating_mul(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_named() {
        let limits = Limits { members: 2, member_bytes: 10, total_bytes: 15, ..LIMITS };
        let mut budget = Budget::new(limits, 100);
        assert!(matches!(budget.admit(Size::plain(11)), Err(Breach::Member("archive-size", _))));
        assert_eq!(budget.admit(Size::plain(10)), Ok(()));
        assert!(matches!(budget.admit(Size::plain(6)), Err(Breach::Whole("archive-size", _))));
        assert_eq!(budget.admit(Size::plain(5)), Ok(()));
        assert!(matches!(budget.admit(Size::plain(0)), Err(Breach::Whole("archive-members", _))));
        let limits = Limits { ratio_wide: 2, floor_bytes: 50, ..LIMITS };
        let mut budget = Budget::new(limits, 10);
        assert_eq!(budget.admit(Size::plain(50)), Ok(()));
        assert!(matches!(budget.admit(Size::plain(1)), Err(Breach::Whole("archive-ratio", _))));
        let mut budget = Budget::new(Limits { floor_bytes: 50, ..LIMITS }, 100);
        let dense = Size { bytes: 30, is_dense: true };
        assert_eq!(budget.admit(dense), Ok(()));
        assert!(matches!(budget.admit(dense), Err(Breach::Whole("archive-ratio", _))));
        assert_eq!(budget.admit(Size::plain(30)), Ok(()));
    }
}
