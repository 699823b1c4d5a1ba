//! Packs: the rows of the exhibits that a run read anew, in the order of identities, and the facts of these exhibits.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::facts::{self, Facts};
use super::sealed::{self, Flaw, Sealed, Sealer, Stamp};
use super::wire::{Reader, Writer};
use crate::index::identity::ObjectId;
use crate::index::row::{EventRow, LinkHead, LinkRow, Row, mark};
use crate::index::segment::{Names, Page, UNTOLD, as_u32, as_u64};
use crate::index::shelf::{Shelf, Slab, Texts};

/// A pack that was opened.
#[derive(Debug)]
pub(in crate::index) struct Pack {
    pub(in crate::index) shelf: Shelf,
    /// Taken one by one.
    pub(in crate::index) exhibits: Vec<Option<Facts>>,
    pub(super) sealed: Arc<Sealed>,
}

/// A pack under construction.
#[derive(Debug, Default)]
pub(super) struct PackBuilder {
    rows: BTreeMap<Arc<str>, Vec<Row>>,
    texts: Vec<Box<str>>,
    text_numbers: HashMap<Box<str>, u32>,
    names: Vec<Arc<str>>,
    name_numbers: HashMap<Arc<str>, u32>,
    layouts: Vec<Names>,
    layout_numbers: HashMap<Names, u32>,
    pages: Vec<Page>,
    heads: Vec<LinkHead>,
    links: Vec<LinkRow>,
    events: Vec<EventRow>,
    exhibits: Vec<Facts>,
    requests: u32,
}

/// What the numbers of a shelf are in the pack.
struct Renumbered<'s> {
    texts: &'s Texts,
    requests: &'s [u32],
    names: Vec<u32>,
    layouts: Vec<u32>,
    text_numbers: HashMap<u32, u32>,
}

impl Renumbered<'_> {
    fn request(&self, own: u32) -> Option<u32> {
        self.requests.get(own as usize).copied().filter(|request| *request != u32::MAX)
    }

    fn name(&self, own: u32) -> u32 {
        self.names.get(own as usize).copied().unwrap_or(u32::MAX)
    }

    fn layout(&self, own: u32) -> u32 {
        if own == UNTOLD {
            UNTOLD
        } else {
            self.layouts.get(own as usize).map_or(UNTOLD, |l| (*l).min(UNTOLD))
        }
    }
}

impl PackBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.exhibits.is_empty()
    }

    /// How many exhibits are in it.
    pub(super) fn exhibits(&self) -> usize {
        self.exhibits.len()
    }

    /// Whether the layouts of a shelf find room beside those that are there: rows have 16 bits for them.
    pub(super) fn has_room_for(&self, shelf: &Shelf) -> bool {
        self.is_empty() || self.layouts.len() + shelf.layouts.len() < UNTOLD as usize
    }

    /// Takes in an exhibit; gives the number of its first request.
    pub(super) fn add_exhibit(&mut self, facts: Facts) -> u32 {
        let first = self.requests;
        self.requests += as_u32(facts.requests.len());
        self.exhibits.push(facts);
        first
    }

    /// Takes in the rows of a shelf whose requests have these numbers in the pack, or `u32::MAX` for none.
    pub(super) fn take(&mut self, shelf: &Shelf, requests: &[u32]) {
        let mut numbers = Renumbered {
            texts: &shelf.texts,
            requests,
            names: shelf.names.iter().map(|name| self.name(name)).collect(),
            layouts: shelf.layouts.iter().map(|layout| self.layout(layout)).collect(),
            text_numbers: HashMap::new(),
        };
        for (object_type, rows) in &shelf.rows {
            let mut of_type = self.rows.remove(object_type).unwrap_or_default();
            of_type.reserve(rows.len());
            for row in rows.all() {
                let Some(request) = numbers.request(row.request) else { continue };
                let text_or_order = if row.has(mark::TEXT) {
                    self.text(&mut numbers, row.text_or_order)
                } else {
                    row.text_or_order
                };
                let layout = numbers.layout(row.layout_and_marks >> 16);
                let layout_and_marks = layout << 16 | row.layout_and_marks & 0xFFFF;
                of_type.push(Row { request, text_or_order, layout_and_marks, ..*row });
            }
            if !of_type.is_empty() {
                self.rows.insert(Arc::clone(object_type), of_type);
            }
        }
        for page in &shelf.pages {
            if let Some(request) = numbers.request(page.request) {
                let layouts = page.layouts.iter().map(|layout| numbers.layout(*layout)).collect();
                self.pages.push(Page { request, layouts, ..page.clone() });
            }
        }
        for head in shelf.heads.all() {
            self.take_head(shelf, &mut numbers, head);
        }
        self.events.extend(shelf.events.all().iter().filter_map(|row| {
            let request = numbers.request(row.request)?;
            let (object_type, tenant) = (numbers.name(row.object_type), numbers.name(row.tenant));
            Some(EventRow { request, object_type, tenant, ..*row })
        }));
    }

    fn take_head(&mut self, shelf: &Shelf, numbers: &mut Renumbered<'_>, head: &LinkHead) {
        let Some(request) = numbers.request(head.request) else { return };
        let first = as_u64(self.links.len());
        for link in shelf.links_of(head) {
            let text = self.text(numbers, link.text);
            let object_type = numbers.name(link.object_type);
            self.links.push(LinkRow { object_type, text, ..*link });
        }
        let text = self.text(numbers, head.text);
        self.heads.push(LinkHead {
            request,
            first,
            text,
            source_type: numbers.name(head.source_type),
            relation: numbers.name(head.relation),
            ..*head
        });
    }

    fn text(&mut self, numbers: &mut Renumbered<'_>, own: u32) -> u32 {
        if own == u32::MAX {
            return own;
        }
        if let Some(number) = numbers.text_numbers.get(&own) {
            return *number;
        }
        let text = numbers.texts.get(own).unwrap_or_default();
        let number = match self.text_numbers.get(text) {
            Some(number) => *number,
            None => {
                let number = as_u32(self.texts.len());
                self.texts.push(text.into());
                self.text_numbers.insert(text.into(), number);
                number
            }
        };
        numbers.text_numbers.insert(own, number);
        number
    }

    fn name(&mut self, name: &Arc<str>) -> u32 {
        let next = as_u32(self.names.len());
        let number = *self.name_numbers.entry(Arc::clone(name)).or_insert(next);
        if number == next {
            self.names.push(Arc::clone(name));
        }
        number
    }

    fn layout(&mut self, layout: &Names) -> u32 {
        let next = as_u32(self.layouts.len());
        let number = *self.layout_numbers.entry(layout.clone()).or_insert(next);
        if number == next {
            self.layouts.push(layout.clone());
        }
        number
    }

    /// Writes everything to a file of the case folder.
    pub(super) fn write(mut self, file: File, stamp: &Stamp) -> io::Result<()> {
        self.rows.par_iter_mut().for_each(|(_, rows)| rows.par_sort_unstable_by(row_order));
        self.heads.par_sort_by(head_order);
        self.events.par_sort_unstable_by_key(EventRow::order);
        let mut facts = Writer::default();
        let mut sealer = Sealer::new(BufWriter::with_capacity(1 << 20, file))?;
        facts.count(self.rows.len());
        for (object_type, rows) in std::mem::take(&mut self.rows) {
            facts.text(&object_type);
            facts.count(sealer.put(bytemuck::must_cast_slice(&rows))?);
            facts.count(rows.len());
        }
        self.put_links(&mut sealer, &mut facts)?;
        let mut end = 0_u64;
        let ends: Vec<u64> = self
            .texts
            .iter()
            .map(|text| {
                end += as_u64(text.len());
                end
            })
            .collect();
        let bytes: String = self.texts.iter().map(AsRef::as_ref).collect();
        for (slice, count) in
            [(bytemuck::must_cast_slice(&ends), ends.len()), (bytes.as_bytes(), bytes.len())]
        {
            facts.count(sealer.put(slice)?);
            facts.count(count);
        }
        facts.texts(&self.names);
        facts.count(self.layouts.len());
        for Names { names, lone_volatile } in &self.layouts {
            facts.texts(names);
            facts.optional(lone_volatile.as_deref(), Writer::text);
        }
        facts.count(self.pages.len());
        for page in &self.pages {
            put_page(&mut facts, page);
        }
        facts::put_all(&mut facts, &self.exhibits);
        let (out, head) = sealer.finish(stamp, facts)?;
        sealed::close(out.into_inner().map_err(io::IntoInnerError::into_error)?, &head)
    }

    /// Writes the heads, and the links in the order of their heads.
    fn put_links<W: io::Write>(
        &mut self,
        sealer: &mut Sealer<W>,
        facts: &mut Writer,
    ) -> io::Result<()> {
        let mut links = Vec::with_capacity(self.links.len());
        for head in &mut self.heads {
            let start = usize::try_from(head.first).unwrap_or(usize::MAX);
            let own = self.links.get(start..start.saturating_add(head.count as usize));
            head.first = as_u64(links.len());
            links.extend_from_slice(own.unwrap_or_default());
        }
        facts.count(sealer.put(bytemuck::must_cast_slice(&self.heads))?);
        facts.count(self.heads.len());
        facts.count(sealer.put(bytemuck::must_cast_slice(&links))?);
        facts.count(links.len());
        facts.count(sealer.put(bytemuck::must_cast_slice(&self.events))?);
        facts.count(self.events.len());
        Ok(())
    }
}

/// By identity, then in the order of requests and texts.
fn row_order(a: &Row, b: &Row) -> Ordering {
    let place = |row: &Row| (row.id, row.has(mark::TEXT), row.request, row.offset);
    place(a).cmp(&place(b))
}

/// By source; the lists of one source stay in the order in which they were met.
fn head_order(a: &LinkHead, b: &LinkHead) -> Ordering {
    let place = |head: &LinkHead| (head.source, head.text != u32::MAX, head.request);
    place(a).cmp(&place(b))
}

fn put_page(writer: &mut Writer, page: &Page) {
    let Page { request, object_type, records, first, last, ascending, layouts, explicit_empty } =
        page;
    writer.number((*request).into());
    writer.text(object_type);
    writer.number(*records);
    for id in [first, last] {
        match id {
            ObjectId::Guid(bytes) => {
                writer.flag(false);
                writer.raw(bytes);
            }
            ObjectId::Text(text) => {
                writer.flag(true);
                writer.text(text);
            }
        }
    }
    writer.flag(*ascending);
    writer.flag(*explicit_empty);
    writer.count(layouts.len());
    layouts.iter().for_each(|layout| writer.number((*layout).into()));
}

fn take_page(reader: &mut Reader<'_>) -> Option<Page> {
    let id = |reader: &mut Reader<'_>| {
        Some(if reader.flag()? {
            ObjectId::Text((*reader.text()?).into())
        } else {
            ObjectId::Guid(reader.raw()?)
        })
    };
    Some(Page {
        request: reader.small()?,
        object_type: reader.text()?,
        records: reader.number()?,
        first: id(reader)?,
        last: id(reader)?,
        ascending: reader.flag()?,
        explicit_empty: reader.flag()?,
        layouts: reader.list(Reader::small)?,
    })
}

impl Pack {
    /// Opens a pack; its rows are checked when they are looked at.
    pub(super) fn open(path: &Path, stamp: &Stamp) -> Result<Self, Flaw> {
        let (sealed, facts) = Sealed::open(path, stamp)?;
        let sealed = Arc::new(sealed);
        read(&sealed, &facts).ok_or(Flaw::Damaged("what it says of itself makes no sense"))
    }
}

fn read(sealed: &Arc<Sealed>, facts: &[u8]) -> Option<Pack> {
    let mut reader = Reader::new(facts)?;
    let rows = reader.list(|reader| {
        let object_type = reader.text()?;
        Some((object_type, slab(reader, sealed)?))
    })?;
    let heads = slab(&mut reader, sealed)?;
    let links = slab(&mut reader, sealed)?;
    let events = slab(&mut reader, sealed)?;
    let texts =
        Texts::Sealed { ends: slab(&mut reader, sealed)?, bytes: slab(&mut reader, sealed)? };
    let names = reader.list(Reader::text)?;
    let layouts = reader.list(|reader| {
        let names = reader.list(Reader::text)?.into();
        Some(Names { names, lone_volatile: reader.optional(Reader::text)? })
    })?;
    let pages = reader.list(take_page)?;
    let exhibits = facts::take_all(&mut reader)?;
    let requests = exhibits.iter().map(|exhibit| exhibit.requests.len()).sum();
    let shelf = Shelf {
        rows: rows.into_iter().collect(),
        texts,
        names,
        layouts,
        pages,
        heads,
        links,
        events,
        requests: vec![u32::MAX; requests],
        in_order: true,
    };
    let exhibits = exhibits.into_iter().map(Some).collect();
    Some(Pack { shelf, exhibits, sealed: Arc::clone(sealed) })
}

/// Rows of which the facts tell where they begin and how many there are.
fn slab<T: bytemuck::Pod>(reader: &mut Reader<'_>, sealed: &Arc<Sealed>) -> Option<Slab<T>> {
    let (start, count) = (reader.count()?, reader.count()?);
    let end = start.checked_add(count.checked_mul(size_of::<T>())?)?;
    (end <= sealed.data_bytes()).then(|| Slab::sealed(sealed, start, count))
}
