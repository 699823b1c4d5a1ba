//! Records that were read before: consecutive snapshots are almost the same bytes, and bytes that are the same need not be
//! taken apart again.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use siphasher::sip128::Hasher128;

use super::fingerprint::{FingerprintKey, low};
use super::layout::{Layout, Prints};

/// Bytes that a record is looked up by: enough to hold an `@odata.type` and an id, with which records begin.
const LEAD_BYTES: usize = 96;

/// Records that are remembered. Each takes about 150 bytes; a directory that holds more is read all the same, only slower.
const MOST_RECORDS: usize = 1 << 20;

const SHARDS: usize = 64;

/// What is known of a record whose bytes are met again.
#[derive(Debug, Clone)]
pub(super) struct Memo {
    /// Fingerprint of its bytes as they stand in the text.
    pub(super) raw: u128,
    pub(super) length: u32,
    pub(super) id: [u8; 16],
    pub(super) prints: Prints,
    pub(super) deleted: bool,
    pub(super) layout: Arc<Layout>,
}

/// What all threads that read evidence remember together.
#[derive(Debug)]
pub(super) struct Known {
    key: FingerprintKey,
    shards: Vec<Mutex<HashMap<u64, Memo>>>,
}

impl Known {
    pub(super) fn new(key: &FingerprintKey) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect();
        Self { key: key.clone(), shards }
    }

    /// Remembers what an earlier run read, by what it is looked up by.
    pub(super) fn fill(&mut self, memos: impl Iterator<Item = (u64, Memo)>) {
        for (lead, memo) in memos {
            let number = usize::try_from(lead % SHARDS as u64).ok();
            let shard = number.and_then(|number| self.shards.get_mut(number));
            if let Some(shard) = shard.map(|s| s.get_mut().unwrap_or_else(PoisonError::into_inner))
            {
                shard.insert(lead, memo);
            }
        }
    }

    /// Everything that it remembers, in the order of what it is looked up by.
    pub(super) fn into_memos(self) -> Vec<(u64, Memo)> {
        let shards = self.shards.into_iter();
        let maps = shards.map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut memos: Vec<(u64, Memo)> = maps.flatten().collect();
        memos.par_sort_unstable_by_key(|(lead, _)| *lead);
        memos
    }

    /// What a record is looked up by: how it begins, in answers to this request.
    fn lead(&self, subject: &str, bin: bool, record: &[u8]) -> u64 {
        let mut hasher = self.key.member(subject.as_bytes());
        hasher.write_u8(u8::from(bin));
        hasher.write(record.get(..LEAD_BYTES).unwrap_or(record));
        low(hasher.finish128().as_u128())
    }

    fn raw(&self, record: &[u8]) -> u128 {
        let mut hasher = self.key.member(b"raw");
        hasher.write(record);
        hasher.finish128().as_u128()
    }

    fn shard(&self, lead: u64) -> Option<&Mutex<HashMap<u64, Memo>>> {
        let number = usize::try_from(lead % SHARDS as u64).ok()?;
        self.shards.get(number)
    }

    /// The record that `rest` begins with, if the same bytes were read before in answer to the same request.
    pub(super) fn recall(&self, subject: &str, bin: bool, rest: &[u8]) -> Option<Memo> {
        let lead = self.lead(subject, bin, rest);
        let shard = self.shard(lead)?;
        let memo = shard.lock().unwrap_or_else(PoisonError::into_inner).get(&lead).cloned()?;
        let record = rest.get(..memo.length as usize)?;
        (self.raw(record) == memo.raw).then_some(memo)
    }

    /// Remembers a record; of several that begin alike, the last.
    pub(super) fn learn(
        &self,
        (subject, bin): (&str, bool),
        record: &[u8],
        id: [u8; 16],
        (prints, deleted): (Prints, bool),
        layout: &Arc<Layout>,
    ) {
        let Ok(length) = u32::try_from(record.len()) else { return };
        let lead = self.lead(subject, bin, record);
        let Some(shard) = self.shard(lead) else { return };
        let memo =
            Memo { raw: self.raw(record), length, id, prints, deleted, layout: Arc::clone(layout) };
        let mut known = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_RECORDS / SHARDS || known.contains_key(&lead) {
            known.insert(lead, memo);
        }
    }
}
