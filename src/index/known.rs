//! Records that were read before: consecutive snapshots are almost the same bytes, and bytes that are the same need not be
//! taken apart again.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use highway::{HighwayHash, HighwayHasher, Key};
use rayon::prelude::*;
use siphasher::sip128::Hasher128;

use crate::budget::Budget;

use super::fingerprint::{FingerprintKey, low};
use super::layout::{NameSet, Prints};

/// Bytes that a record is looked up by: enough to hold an `@odata.type` and an id, with which records begin.
const LEAD_BYTES: usize = 96;

/// Records that are remembered. Each takes about 150 bytes; a directory that holds more is read all the same, only slower.
const MOST_RECORDS: usize = 1 << 20;

const SHARDS: usize = 64;

/// What a record takes that is remembered.
const RECORD_BYTES: usize = size_of::<Memo>() + 2 * size_of::<(u64, Place)>();

/// A volatile value of this length fits into a memo: a time stamp with its quotes does.
pub(super) const VALUE_BYTES: usize = 24;

/// What is known of a record whose bytes are met again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memo {
    /// Fingerprint of its bytes as they stand in the text, but for the value of its one volatile member.
    pub(super) raw: u128,
    pub(super) id: [u8; 16],
    pub(super) prints: Prints,
    /// The value of its one volatile member, if it fits.
    pub(super) value: [u8; VALUE_BYTES],
    pub(super) length: u32,
    /// Position of its set of names among those that are known.
    pub(super) set: u32,
    pub(super) deleted: bool,
}

/// Where a memo is kept: among those of one exhibit, in the order of its text.
type Place = (u32, u32);

type Page = Arc<Mutex<Vec<Memo>>>;

/// What was worked out while a record was looked for, and serves to remember it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    lead: u64,
    place: Option<Place>,
}

/// A key that is a fingerprint is its own hash.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

type Shard = HashMap<u64, Place, BuildHasherDefault<Itself>>;

/// What all threads that read evidence remember together.
#[derive(Debug)]
pub(super) struct Known {
    budget: Arc<Budget>,
    key: FingerprintKey,
    raw_key: [u64; 4],
    /// Where the record is that begins in a way.
    shards: Vec<Mutex<Shard>>,
    pages: RwLock<Vec<Page>>,
    sets: RwLock<Vec<Arc<NameSet>>>,
}

/// Where one reader stands: records come in the order in which they came before.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// The memo that the next record is expected to have.
    next: Option<(u32, Page, u32)>,
    /// Where records go that are new.
    own: Option<(u32, Page)>,
}

/// What the bytes of a record say against a memo.
enum Likeness {
    Same,
    /// All but the value of the one volatile member, which stands here.
    ButVolatile,
    Other,
}

impl Known {
    pub(super) fn new(key: &FingerprintKey, budget: &Arc<Budget>) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let word = |name: &[u8]| low(key.member(name).finish128().as_u128());
        let raw_key = [word(b"0"), word(b"1"), word(b"2"), word(b"3")];
        Self {
            budget: Arc::clone(budget),
            key: key.clone(),
            raw_key,
            shards,
            pages: RwLock::default(),
            sets: RwLock::default(),
        }
    }

    /// Remembers what an earlier run read, by what it is looked up by, in the order in which it was read.
    pub(super) fn fill(&mut self, sets: Vec<Arc<NameSet>>, memos: Vec<(u64, Memo)>) {
        for (set, number) in sets.iter().zip(0_u32..) {
            set.number(|| number);
        }
        self.sets = RwLock::new(sets);
        let mut page = Vec::with_capacity(memos.len());
        for ((lead, memo), place) in memos.into_iter().zip(0_u32..) {
            if let Some(shard) = self.shard(lead) {
                shard.lock().unwrap_or_else(PoisonError::into_inner).insert(lead, (0, place));
            }
            page.push(memo);
        }
        self.pages = RwLock::new(vec![Arc::new(Mutex::new(page))]);
    }

    /// Everything that it remembers: sets of names by their number, and records with what they are looked up by, in the
    /// order in which they were read.
    pub(super) fn into_memos(self) -> (Vec<Arc<NameSet>>, Vec<(u64, Memo)>) {
        let mut places: Vec<(Place, u64)> = Vec::new();
        for shard in self.shards {
            let shard = shard.into_inner().unwrap_or_else(PoisonError::into_inner);
            places.extend(shard.into_iter().map(|(lead, place)| (place, lead)));
        }
        places.par_sort_unstable();
        let pages = self.pages.into_inner().unwrap_or_else(PoisonError::into_inner);
        let memos = places.into_iter().filter_map(|((page, place), lead)| {
            let page = pages.get(page as usize)?.lock().unwrap_or_else(PoisonError::into_inner);
            Some((lead, *page.get(place as usize)?))
        });
        let memos = memos.collect();
        (self.sets.into_inner().unwrap_or_else(PoisonError::into_inner), memos)
    }

    /// What a record is looked up by: how it begins, in answers to this request.
    fn lead(&self, subject: &str, bin: bool, record: &[u8]) -> u64 {
        let mut hasher = self.key.member(subject.as_bytes());
        hasher.write_u8(u8::from(bin));
        hasher.write(record.get(..LEAD_BYTES).unwrap_or(record));
        low(hasher.finish128().as_u128())
    }

    /// The fingerprint of a record's bytes but for those in `value`.
    fn raw(&self, subject: &str, bin: bool, record: &[u8], value: &Range<usize>) -> u128 {
        let mut hasher = HighwayHasher::new(Key(self.raw_key));
        hasher.append(record.get(..value.start).unwrap_or_default());
        hasher.append(record.get(value.end..).unwrap_or_default());
        hasher.append(subject.as_bytes());
        hasher.append(&[u8::from(bin)]);
        let [low, high] = hasher.finalize128();
        u128::from(high) << 64 | u128::from(low)
    }

    fn shard(&self, lead: u64) -> Option<&Mutex<Shard>> {
        let number = usize::try_from(lead >> 48).ok()? % SHARDS;
        self.shards.get(number)
    }

    fn page(&self, number: u32) -> Option<Page> {
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        pages.get(number as usize).cloned()
    }

    fn compare(&self, memo: &Memo, (subject, bin): (&str, bool), rest: &[u8]) -> Likeness {
        let value = memo.prints.volatile_value();
        let record = rest.get(..memo.length as usize).filter(|record| record.ends_with(b"}"));
        let Some(record) = record else { return Likeness::Other };
        if self.raw(subject, bin, record, &value) != memo.raw {
            return Likeness::Other;
        }
        let here = record.get(value).unwrap_or_default();
        if memo.value.get(..here.len()) == Some(here) {
            Likeness::Same
        } else if is_plain_string(here) {
            Likeness::ButVolatile
        } else {
            Likeness::Other
        }
    }

    /// The record that `rest` begins with, if the same bytes, but for the value of the one volatile member, were read
    /// before in answer to the same request, and whether that value is another one; else what it was looked up by.
    pub(super) fn recall(
        &self,
        cursor: &mut Cursor,
        asked: (&str, bool),
        rest: &[u8],
    ) -> Result<(Memo, bool), Sought> {
        let expected = cursor.next.as_ref().and_then(|(page, memos, place)| {
            let memos = memos.lock().unwrap_or_else(PoisonError::into_inner);
            Some((*memos.get(*place as usize)?, (*page, *place)))
        });
        if let Some((memo, _)) = &expected {
            let likeness = self.compare(memo, asked, rest);
            if !matches!(likeness, Likeness::Other) {
                cursor.step();
                return Ok((*memo, matches!(likeness, Likeness::ButVolatile)));
            }
        }
        let lead = self.lead(asked.0, asked.1, rest);
        let find = || {
            let shard = self.shard(lead)?;
            shard.lock().unwrap_or_else(PoisonError::into_inner).get(&lead).copied()
        };
        let Some(place) = find() else { return Err(Sought { lead, place: None }) };
        let sought = Sought { lead, place: Some(place) };
        if expected.is_some_and(|(_, expected)| expected == place) {
            cursor.step();
            return Err(sought);
        }
        let Some(page) = self.page(place.0) else { return Err(sought) };
        let memo = {
            let memos = page.lock().unwrap_or_else(PoisonError::into_inner);
            memos.get(place.1 as usize).copied()
        };
        cursor.next = Some((place.0, page, place.1.saturating_add(1)));
        match memo.map(|memo| (memo, self.compare(&memo, asked, rest))) {
            Some((memo, Likeness::Same)) => Ok((memo, false)),
            Some((memo, Likeness::ButVolatile)) => Ok((memo, true)),
            Some((_, Likeness::Other)) | None => Err(sought),
        }
    }

    /// Remembers a record that was looked for in vain; of several that begin alike, the last.
    pub(super) fn learn(
        &self,
        cursor: &mut Cursor,
        sought: Sought,
        asked: (&str, bool),
        record: &[u8],
        mut memo: Memo,
    ) {
        let value = memo.prints.volatile_value();
        memo.raw = self.raw(asked.0, asked.1, record, &value);
        if let (Some(here), Some(kept)) =
            (record.get(value.clone()), memo.value.get_mut(..value.len()))
        {
            kept.copy_from_slice(here);
        }
        if let Some((page, place)) = sought.place {
            if let Some(page) = self.page(page) {
                let mut memos = page.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = memos.get_mut(place as usize) {
                    *known = memo;
                }
            }
            return;
        }
        let (page, memos) = cursor.own.get_or_insert_with(|| {
            let mut pages = self.pages.write().unwrap_or_else(PoisonError::into_inner);
            let own = Page::default();
            pages.push(Arc::clone(&own));
            (u32::try_from(pages.len() - 1).unwrap_or(u32::MAX), own)
        });
        let Some(shard) = self.shard(sought.lead) else { return };
        let mut known = shard.lock().unwrap_or_else(PoisonError::into_inner);
        // Memory is for the index first; what is remembered only saves time.
        if known.len() >= MOST_RECORDS / SHARDS || !self.budget.has_room(50) {
            return;
        }
        let mut memos = memos.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(place) = u32::try_from(memos.len()) {
            memos.push(memo);
            known.insert(sought.lead, (*page, place));
            if self.budget.charge(RECORD_BYTES, "what was read before").is_err() {
                self.budget.release(RECORD_BYTES);
            }
        }
    }

    /// Gives back what was taken from the budget, before it is dropped.
    pub(super) fn give_back(&self) {
        let count =
            |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.budget.release(self.shards.iter().map(count).sum::<usize>() * RECORD_BYTES);
    }

    /// The position of a set of names among those that are known.
    pub(super) fn number(&self, set: &Arc<NameSet>) -> u32 {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        sets.push(Arc::clone(set));
        u32::try_from(sets.len() - 1).unwrap_or(u32::MAX)
    }

    /// The set of names of this position.
    pub(super) fn set(&self, number: u32) -> Option<Arc<NameSet>> {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        sets.get(number as usize).cloned()
    }

    /// The secret key of the run.
    pub(super) fn key(&self) -> &FingerprintKey {
        &self.key
    }
}

impl Memo {
    /// What is known of a record of this length.
    pub(super) fn new(id: [u8; 16], prints: Prints, length: u32, set: u32, deleted: bool) -> Self {
        let mut prints = prints;
        if prints.volatile_value().len() > VALUE_BYTES {
            prints.forget_volatile_value();
        }
        Self { raw: 0, id, prints, value: [0; VALUE_BYTES], length, set, deleted }
    }
}

impl Cursor {
    fn step(&mut self) {
        if let Some((_, _, place)) = &mut self.next {
            *place = place.saturating_add(1);
        }
    }
}

/// Whether these bytes are a string of ASCII without escapes.
fn is_plain_string(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inner.is_some_and(|inner| {
        inner.iter().all(|byte| matches!(byte, 0x20..=0x7E) && !matches!(byte, b'"' | b'\\'))
    })
}
