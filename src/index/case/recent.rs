//! The records that were read last, as they are recalled by their bytes: a day that is added to a case is read as fast as
//! if the days before were read with it.
//!
//! Nothing depends on the file: what is not in it is read in full.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::sealed::{self, Flaw, Sealed, Sealer, Stamp};
use super::wire::{Reader, Writer};
use crate::index::known::{Memo, VALUE_BYTES};
use crate::index::layout::{NameSet, Prints};

/// A record as it is recalled.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Recent {
    raw: u128,
    content: u128,
    id: [u8; 16],
    volatile: u64,
    lead: u64,
    length: u32,
    order: u32,
    set: u32,
    marks: u32,
    value_start: u32,
    value_length: u32,
    value: [u8; VALUE_BYTES],
}

const DELETED: u32 = 1;
const LONE_VOLATILE: u32 = 2;
const EXPLICIT_EMPTY: u32 = 4;

/// What is recalled: sets of names by number, and records with what they are looked up by.
type Memos = (Vec<Arc<NameSet>>, Vec<(u64, Memo)>);

/// Writes records, in the order in which they were read.
pub(super) fn write(file: File, stamp: &Stamp, (sets, memos): &Memos) -> io::Result<()> {
    let mut facts = Writer::default();
    let rows: Vec<Recent> = memos
        .iter()
        .map(|(lead, memo)| {
            let mark = |on: bool, mark: u32| if on { mark } else { 0 };
            let Prints {
                content,
                volatile,
                order,
                value_start,
                value_length,
                lone_volatile,
                explicit_empty,
            } = memo.prints;
            Recent {
                raw: memo.raw,
                content,
                id: memo.id,
                volatile,
                lead: *lead,
                length: memo.length,
                order,
                set: memo.set,
                marks: mark(memo.deleted, DELETED)
                    | mark(lone_volatile, LONE_VOLATILE)
                    | mark(explicit_empty, EXPLICIT_EMPTY),
                value_start,
                value_length,
                value: memo.value,
            }
        })
        .collect();
    let mut sealer = Sealer::new(BufWriter::with_capacity(1 << 20, file))?;
    facts.count(sealer.put(bytemuck::must_cast_slice(&rows))?);
    facts.count(rows.len());
    facts.count(sets.len());
    for set in sets {
        facts.text(&set.object_type);
        facts.texts(&set.names);
        facts.optional(set.lone_volatile.as_deref(), Writer::text);
    }
    let (out, head) = sealer.finish(stamp, facts)?;
    sealed::close(out.into_inner().map_err(io::IntoInnerError::into_error)?, &head)
}

/// Reads them back.
pub(super) fn read(path: &Path, stamp: &Stamp) -> Result<Memos, Flaw> {
    let (sealed, facts) = Sealed::open(path, stamp)?;
    if !sealed.check_all() {
        return Err(Flaw::Damaged("a checksum differs"));
    }
    memos(&sealed, &facts).ok_or(Flaw::Damaged("what it says of itself makes no sense"))
}

fn memos(sealed: &Sealed, facts: &[u8]) -> Option<Memos> {
    let mut reader = Reader::new(facts)?;
    let (start, count) = (reader.count()?, reader.count()?);
    let end = start.checked_add(count.checked_mul(size_of::<Recent>())?)?;
    let rows: &[Recent] = bytemuck::try_cast_slice(sealed.bytes(start..end)?).ok()?;
    let sets: Vec<Arc<NameSet>> = reader.list(|reader| {
        let object_type = reader.text()?;
        let names = reader.list(Reader::text)?.into();
        Some(Arc::new(NameSet::told(object_type, names, reader.optional(Reader::text)?)))
    })?;
    let memo = |row: &Recent| {
        let has = |mark: u32| row.marks & mark != 0;
        let prints = Prints {
            content: row.content,
            volatile: row.volatile,
            order: row.order,
            value_start: row.value_start,
            value_length: row.value_length,
            lone_volatile: has(LONE_VOLATILE),
            explicit_empty: has(EXPLICIT_EMPTY),
        };
        let fits = prints.volatile_value().len() <= VALUE_BYTES
            && prints.volatile_value().end <= row.length as usize
            && (row.set as usize) < sets.len();
        let memo = Memo {
            raw: row.raw,
            id: row.id,
            prints,
            value: row.value,
            length: row.length,
            set: row.set,
            deleted: has(DELETED),
        };
        fits.then_some((row.lead, memo))
    };
    let memos: Option<Vec<(u64, Memo)>> = rows.iter().map(memo).collect();
    Some((sets, memos?))
}
