//! What was written: the facts of each capture that the answer key needs.

use std::collections::BTreeSet;

use super::export::Carried;
use super::kinds::{Obj, Ty};
use super::tenant::Relation;

/// A set of object numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    fn place(ix: u32) -> (usize, u64) {
        (usize::try_from(ix / 64).unwrap_or(0), 1 << (ix % 64))
    }

    pub(super) fn insert(&mut self, ix: u32) {
        let (word, bit) = Self::place(ix);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(slot) = self.0.get_mut(word) {
            *slot |= bit;
        }
    }

    pub(super) fn remove(&mut self, ix: u32) {
        let (word, bit) = Self::place(ix);
        if let Some(slot) = self.0.get_mut(word) {
            *slot &= !bit;
        }
    }

    pub(super) fn contains(&self, ix: u32) -> bool {
        let (word, bit) = Self::place(ix);
        self.0.get(word).is_some_and(|slot| slot & bit != 0)
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many are in both.
    pub(super) fn common(&self, other: &Self) -> u64 {
        self.0.iter().zip(&other.0).map(|(a, b)| u64::from((a & b).count_ones())).sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (slot, word) in self.0.iter_mut().zip(&other.0) {
            *slot |= word;
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (slot, word) in self.0.iter_mut().zip(&other.0) {
            *slot &= !word;
        }
    }
}

/// What sort of reading a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A list of the live directory.
    List,
    /// One object.
    Entity,
    /// A recycle bin.
    Bin,
}

/// One reading of objects of a type.
#[derive(Debug)]
pub(super) struct Capture {
    /// Number in the order of writing; spelling depends on it.
    pub(super) seq: u64,
    pub(super) day: usize,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) ty: Ty,
    pub(super) reading: Reading,
    /// Path and filter of the request.
    pub(super) scope: String,
    pub(super) filtered: bool,
    pub(super) present: Bits,
    /// Numbers that stood on pages that were lost.
    pub(super) lost: Vec<u32>,
    /// Attributes asked for by name; `None`: all that the object has.
    pub(super) select: Option<&'static [&'static str]>,
    /// Whether empty values that were asked for may be left out.
    pub(super) leaves_out: bool,
    pub(super) count: Option<u64>,
    pub(super) dangling: bool,
    /// First and last id of each page, where ids ascend throughout.
    pub(super) ranges: Vec<(String, String)>,
    pub(super) parent: Option<Obj>,
    /// What the format carries, if it is another tool's.
    pub(super) carried: Option<&'static Carried>,
    /// Attributes that say something on any object of it, in such a format.
    pub(super) shown: BTreeSet<String>,
    /// Its files, each with the numbers of the objects on it, where files are kept account of.
    pub(super) files: Vec<(usize, Bits)>,
}

impl Capture {
    /// Whether this capture was over before the other began.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.day < other.day || (self.day == other.day && self.end < other.start)
    }

    /// Whether an attribute path was collected.
    pub(super) fn collects(&self, path: &str) -> bool {
        let head = path.split('.').next().unwrap_or(path);
        self.select.is_none_or(|names| names.contains(&head))
            && self.carried.is_none_or(|carried| carried.carries(path))
    }
}

/// How completely the links of one source were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// One page, or all pages and the count that says so.
    Proven,
    /// Several pages without a break, or a file that does not tell.
    Consistent,
}

/// One reading of the targets of one relation.
#[derive(Debug)]
pub(super) struct LinkCapture {
    pub(super) day: usize,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) relation: Relation,
    pub(super) whole: Whole,
    /// Its files, where files are kept account of.
    pub(super) files: Vec<usize>,
}

/// One file as it was written.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub(super) day: usize,
    /// Hash of its bytes.
    pub(super) bytes: blake3::Hash,
    /// Hash of its request and of its records in any order; `None` where it has no record.
    pub(super) content: Option<blake3::Hash>,
    /// The latest time in it that the service set.
    pub(super) latest: Option<i64>,
}
