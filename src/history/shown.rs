//! Which attributes the requests of each snapshot show of a type, and on how many objects.
//!
//! Counted on the walk over all observations, by the shape of the request and the layout of the record, so that no record
//! is opened for it. Records of the recycle bin are not counted: their attributes are those of the live object.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::index::{Index, Seen, mark};
use crate::intake::Format;

/// What a request asked for, ids left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    /// The path of the context with its select list, or the layout where there is none.
    pub(super) text: String,
    /// Names of the select list.
    pub(super) select: Option<Arc<[String]>>,
    /// Whether an attribute without value is written as null; `None` where the data must tell.
    pub(super) keeps_nulls: Option<bool>,
    /// Layout.
    pub(super) format: Format,
}

/// The shapes of all requests, by number.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    list: Vec<Shape>,
    of_request: Vec<u32>,
}

impl Shapes {
    pub(super) fn gather(index: &Index) -> Self {
        let mut known: BTreeMap<Shape, u32> = BTreeMap::new();
        let mut shapes = Self::default();
        for indexed in &index.requests {
            let request = &indexed.request;
            let context = request.context.as_deref().and_then(|url| url.split_once("$metadata#"));
            let text = match context {
                Some((_, path)) => without_ids(path),
                None => request.format.as_str().to_owned(),
            };
            let shape = Shape {
                text,
                select: request.select.clone(),
                keeps_nulls: request.keeps_nulls,
                format: request.format,
            };
            let next = u32::try_from(shapes.list.len()).unwrap_or(u32::MAX);
            let number = *known.entry(shape.clone()).or_insert(next);
            if number == next {
                shapes.list.push(shape);
            }
            shapes.of_request.push(number);
        }
        shapes
    }

    /// The number of a request's shape.
    pub(super) fn of(&self, request: usize) -> u32 {
        self.of_request.get(request).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Shape> {
        self.list.get(usize::try_from(number).ok()?)
    }
}

/// `users('id')/memberOf` as `users('{id}')/memberOf`.
fn without_ids(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once("('") {
        let Some((_, after)) = behind.split_once("')") else { break };
        out.push_str(before);
        out.push_str("('{id}')");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The attributes that a record has; `None` where its layout is not told.
pub(super) type NameList = Option<Arc<[Arc<str>]>>;

/// Objects that one snapshot shows in the same way: by shape and attributes.
pub(super) type Showing = Vec<(u32, NameList)>;

/// How many objects each snapshot shows in which way.
pub(super) type Shown = BTreeMap<(usize, Showing), u64>;

/// Snapshot, shape, layout.
type Key = (usize, u32, u64);

/// Snapshots whose last way of showing is at hand: those of an object come one after another.
const AT_HAND: usize = 8;

/// Counts the objects of one part of a walk.
#[derive(Debug, Default)]
pub(super) struct Counter {
    recent: [Option<(Key, u64)>; AT_HAND],
    single: BTreeMap<Key, u64>,
    several: BTreeMap<(usize, Vec<(u32, u64)>), u64>,
    names: HashMap<u64, NameList>,
}

impl Counter {
    /// Takes in the observations of one object, in the order of captures.
    pub(super) fn count(&mut self, index: &Index, shapes: &Shapes, seen: &[Seen<'_>]) {
        let snapshot = |seen: &Seen<'_>| {
            index.captures.get(seen.capture as usize).map_or(usize::MAX, |c| c.snapshot)
        };
        let live = |seen: &&Seen<'_>| !seen.row.has(mark::DELETED);
        for of_snapshot in seen.chunk_by(|a, b| snapshot(a) == snapshot(b)) {
            let mut shown = of_snapshot.iter().filter(live);
            let Some(first) = shown.next() else { continue };
            let place = snapshot(first);
            let mut way = |seen: &Seen<'_>| {
                let layout = seen.layout_key();
                self.names
                    .entry(layout)
                    .or_insert_with(|| index.names_of(seen).map(|names| Arc::clone(&names.names)));
                (shapes.of(seen.request as usize), layout)
            };
            let (shape, layout) = way(first);
            let mut ways = vec![];
            for more in shown {
                let next = way(more);
                if next != (shape, layout) && !ways.contains(&next) {
                    ways.push(next);
                }
            }
            if ways.is_empty() {
                self.add((place, shape, layout));
            } else {
                ways.push((shape, layout));
                ways.sort_unstable();
                *self.several.entry((place, ways)).or_default() += 1;
            }
        }
    }

    fn add(&mut self, key: Key) {
        let Some(slot) = self.recent.get_mut(key.0 % AT_HAND) else { return };
        match slot {
            Some((known, count)) if *known == key => *count += 1,
            _ => {
                if let Some((known, count)) = slot.replace((key, 1)) {
                    *self.single.entry(known).or_default() += count;
                }
            }
        }
    }

    /// Adds what was counted.
    pub(super) fn into_shown(self, shown: &mut Shown) {
        let names = |layout: u64| self.names.get(&layout).cloned().flatten();
        let recent = self.recent.iter().flatten().copied();
        let single = self.single.iter().map(|(key, count)| (*key, *count));
        for ((snapshot, shape, layout), count) in recent.chain(single) {
            *shown.entry((snapshot, vec![(shape, names(layout))])).or_default() += count;
        }
        for ((snapshot, ways), count) in &self.several {
            let ways = ways.iter().map(|(shape, layout)| (*shape, names(*layout))).collect();
            *shown.entry((*snapshot, ways)).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_ids;

    #[test]
    fn ids_are_no_part_of_a_shape() {
        assert_eq!(without_ids("users(id,displayName)"), "users(id,displayName)");
        assert_eq!(without_ids("groups('a')/members"), "groups('{id}')/members");
        assert_eq!(without_ids("groups('a"), "groups('a");
    }
}
