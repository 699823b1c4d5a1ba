//! Rows of the index: what is kept of each record and link, of fixed size, so that they can be sorted, stored and mapped
//! back as they are.

use bytemuck::{Pod, Zeroable};

use super::Removal;
use super::identity::ObjectId;

/// Bits of [`Row::layout_and_marks`] and [`LinkHead::marks`].
pub(crate) mod mark {
    /// The record is in the recycle bin.
    pub(crate) const DELETED: u32 = 1;
    /// The identity is a text, found among the segment's texts.
    pub(crate) const TEXT: u32 = 2;
    /// Exactly one member is volatile, and its value is a string.
    pub(crate) const LONE_VOLATILE: u32 = 4;
    /// The canonical source of the links is the other end.
    pub(crate) const INVERSE: u32 = 8;
    /// More links exist than are shown.
    pub(crate) const PARTIAL: u32 = 16;
    /// The list stands inside an object (an expansion), not on pages of its own.
    pub(crate) const EXPANSION: u32 = 32;
    /// The list is a page that says that there are no links; such heads are made anew in every run.
    pub(crate) const SILENT: u32 = 64;
    /// A delta page says that the object left its view.
    pub(crate) const GONE: u32 = 128;
    /// It says that the object was deleted for good.
    pub(crate) const GONE_FOR_GOOD: u32 = 256;
    /// The list stands in a delta page: links that came and went, not all there are.
    pub(crate) const PATCH: u32 = 512;
    /// The link went (of a [`LinkRow`](super::LinkRow)).
    pub(crate) const LINK_GONE: u32 = 1;
}

/// One record of a log.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct EventRow {
    /// Equal for records of the same event.
    pub event: [u8; 16],
    /// Fingerprint of the text of the record.
    pub content: u64,
    /// Seconds since 1970; 0 where the time is not known.
    pub second: i64,
    /// Offset in source bytes.
    pub offset: u64,
    /// Nanoseconds behind the second.
    pub nanosecond: u32,
    /// Length in source bytes.
    pub length: u32,
    /// Position of its request in the segment.
    pub request: u32,
    /// Position of its type among the segment's names.
    pub object_type: u32,
    /// Position of the tenant that it names among the segment's names, or `u32::MAX`.
    pub tenant: u32,
    /// Number of its dialect.
    pub dialect: u8,
    /// Position of its kind in [`LogKind::ALL`](crate::model::LogKind::ALL).
    pub kind: u8,
    /// Digits behind the second; [`EventRow::WHOLE_MINUTE`] or [`EventRow::NO_TIME`].
    pub digits: u8,
    /// 1 where the dialect may have cut targets or properties off.
    pub cut: u8,
}

impl EventRow {
    /// The time is written in whole minutes.
    pub const WHOLE_MINUTE: u8 = 60;
    /// The time is not known.
    pub const NO_TIME: u8 = 255;

    /// What rows are sorted by: those without a time last.
    #[must_use]
    pub fn order(&self) -> (bool, i64, u32, u32, u64) {
        let undated = self.digits == Self::NO_TIME;
        (undated, self.second, self.nanosecond, self.request, self.offset)
    }
}

/// What rows are sorted by: the bytes of a GUID, or the first 16 bytes of the BLAKE3 of any other identity, and which of
/// the two it is.
pub type Key = (bool, [u8; 16]);

/// One record of an object.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Row {
    /// Order-free fingerprint of all members but annotations and values of volatile ones.
    pub content: u128,
    /// See [`Key`].
    pub id: [u8; 16],
    /// Fingerprint of the values of volatile members, by meaning; 0 where there are none.
    pub volatile: u64,
    /// Offset in source bytes.
    pub offset: u64,
    /// Length in source bytes.
    pub length: u32,
    /// Position of its request in the segment.
    pub request: u32,
    /// Position of the identity among the segment's texts, or for a GUID a print of the order of its lists: equal content
    /// with another print means that a set was written in another order.
    pub text_or_order: u32,
    /// Position of its layout in the segment in the upper 16 bits (all ones where it is not told), and marks (deleted, text, lone volatile).
    pub layout_and_marks: u32,
}

impl Row {
    /// What it is sorted by.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.has(mark::TEXT), self.id)
    }

    /// Whether it bears a mark.
    #[must_use]
    pub(crate) fn has(&self, mark: u32) -> bool {
        self.layout_and_marks & mark != 0
    }

    /// What a delta page says of the object's going.
    #[must_use]
    pub(crate) fn removal(&self) -> Option<Removal> {
        match (self.has(mark::GONE), self.has(mark::GONE_FOR_GOOD)) {
            (false, _) => None,
            (true, false) => Some(Removal::Changed),
            (true, true) => Some(Removal::Deleted),
        }
    }

    /// Position of its layout.
    #[must_use]
    pub(crate) fn layout(&self) -> usize {
        (self.layout_and_marks >> 16) as usize
    }
}

/// A list of links that one request gave for one object.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct LinkHead {
    /// Identity of the object that the request was made for; see [`Key`].
    pub source: [u8; 16],
    /// Where the list stands in source bytes, for an expansion.
    pub offset: u64,
    /// Position of its first link among the segment's links.
    pub first: u64,
    /// How many links it has.
    pub count: u32,
    /// Length in source bytes, for an expansion.
    pub length: u32,
    /// Position of its request in the segment.
    pub request: u32,
    /// Position of the source's type among the segment's names.
    pub source_type: u32,
    /// Position of the relation among the segment's names.
    pub relation: u32,
    /// Position of the source's identity among the segment's texts, if it is a text.
    pub text: u32,
    /// Marks (inverse, partial, expansion).
    pub marks: u32,
    /// Zero.
    pub reserved: u32,
}

/// One link of a list.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct LinkRow {
    /// Identity of the other end; see [`Key`].
    pub other: [u8; 16],
    /// Offset of its record in source bytes.
    pub offset: u64,
    /// Length of its record in source bytes.
    pub length: u32,
    /// Position of its type among the segment's names.
    pub object_type: u32,
    /// Position of its identity among the segment's texts, or `u32::MAX` for a GUID.
    pub text: u32,
    /// Marks (gone).
    pub marks: u32,
}

impl LinkRow {
    /// Whether it says that the link is no more.
    #[must_use]
    pub(crate) fn is_gone(&self) -> bool {
        self.marks & mark::LINK_GONE != 0
    }
}

impl ObjectId {
    /// What rows of this identity are sorted by.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Guid(bytes) => (false, *bytes),
            Self::Text(text) => {
                let digest = blake3::hash(text.as_bytes());
                (true, digest.as_bytes().first_chunk::<16>().copied().unwrap_or_default())
            }
        }
    }
}
