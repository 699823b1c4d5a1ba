//! The records that were read last, as they are recalled by their bytes: a day that is added to a case is read as fast as
//! if the days before were read with it.
//!
//! Nothing depends on the file: what is not in it is read in full.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::sealed::{self, Flaw, Sealed, Sealer, Stamp};
use super::wire::{Reader, Writer};
use crate::index::known::Memo;
use crate::index::layout::{Layout, Prints};
use crate::index::segment::as_u32;

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
    layout: u32,
    marks: u32,
}

const DELETED: u32 = 1;
const LONE_VOLATILE: u32 = 2;
const EXPLICIT_EMPTY: u32 = 4;

/// Writes records, which are in the order of what they are looked up by.
pub(super) fn write(file: File, stamp: &Stamp, memos: &[(u64, Memo)]) -> io::Result<()> {
    let mut facts = Writer::default();
    let mut numbers: HashMap<*const Layout, u32> = HashMap::new();
    let mut layouts: Vec<&Layout> = Vec::new();
    let rows: Vec<Recent> = memos
        .iter()
        .map(|(lead, memo)| {
            let next = as_u32(layouts.len());
            let layout = *numbers.entry(Arc::as_ptr(&memo.layout)).or_insert(next);
            if layout == next {
                layouts.push(&memo.layout);
            }
            let mark = |on: bool, mark: u32| if on { mark } else { 0 };
            let Prints { content, volatile, order, lone_volatile, explicit_empty } = memo.prints;
            Recent {
                raw: memo.raw,
                content,
                id: memo.id,
                volatile,
                lead: *lead,
                length: memo.length,
                order,
                layout,
                marks: mark(memo.deleted, DELETED)
                    | mark(lone_volatile, LONE_VOLATILE)
                    | mark(explicit_empty, EXPLICIT_EMPTY),
            }
        })
        .collect();
    let mut sealer = Sealer::new(BufWriter::with_capacity(1 << 20, file))?;
    facts.count(sealer.put(bytemuck::must_cast_slice(&rows))?);
    facts.count(rows.len());
    facts.count(layouts.len());
    for layout in layouts {
        facts.text(&layout.object_type);
        facts.texts(&layout.names);
        facts.optional(layout.lone_volatile.as_deref(), Writer::text);
    }
    let (out, head) = sealer.finish(stamp, facts)?;
    sealed::close(out.into_inner().map_err(io::IntoInnerError::into_error)?, &head)
}

/// Reads them back, each with what it is looked up by.
pub(super) fn read(path: &Path, stamp: &Stamp) -> Result<Vec<(u64, Memo)>, Flaw> {
    let (sealed, facts) = Sealed::open(path, stamp)?;
    if !sealed.check_all() {
        return Err(Flaw::Damaged("a checksum differs"));
    }
    memos(&sealed, &facts).ok_or(Flaw::Damaged("what it says of itself makes no sense"))
}

fn memos(sealed: &Sealed, facts: &[u8]) -> Option<Vec<(u64, Memo)>> {
    let mut reader = Reader::new(facts)?;
    let (start, count) = (reader.count()?, reader.count()?);
    let end = start.checked_add(count.checked_mul(size_of::<Recent>())?)?;
    let rows: &[Recent] = bytemuck::try_cast_slice(sealed.bytes(start..end)?).ok()?;
    let layouts: Vec<Arc<Layout>> = reader.list(|reader| {
        let object_type = reader.text()?;
        let names = reader.list(Reader::text)?.into();
        Some(Arc::new(Layout::told(object_type, names, reader.optional(Reader::text)?)))
    })?;
    rows.iter()
        .map(|row| {
            let has = |mark: u32| row.marks & mark != 0;
            let prints = Prints {
                content: row.content,
                volatile: row.volatile,
                order: row.order,
                lone_volatile: has(LONE_VOLATILE),
                explicit_empty: has(EXPLICIT_EMPTY),
            };
            let memo = Memo {
                raw: row.raw,
                length: row.length,
                id: row.id,
                prints,
                deleted: has(DELETED),
                layout: Arc::clone(layouts.get(row.layout as usize)?),
            };
            Some((row.lead, memo))
        })
        .collect()
}
