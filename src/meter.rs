//! How far a run is: counters that the rooms move and that whoever wants to may look at, at any time, from any thread.
//!
//! Nothing here knows of terminals, clocks or output, and no output depends on it. Counters are moved once per exhibit,
//! per type or per some megabytes, never per object: relaxed additions that no one waits for.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Evidence is read, hashed and indexed.
    #[default]
    Reading,
    /// Observations of the same object are compared.
    Comparing,
    /// Records are opened again for their content.
    Opening,
    /// Output is written.
    Writing,
}

impl Stage {
    /// The stage in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Comparing => "comparing",
            Self::Opening => "opening",
            Self::Writing => "writing",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Reading => 0,
            Self::Comparing => 1,
            Self::Opening => 2,
            Self::Writing => 3,
        }
    }

    fn numbered(number: u8) -> Self {
        match number {
            1 => Self::Comparing,
            2 => Self::Opening,
            3 => Self::Writing,
            _ => Self::Reading,
        }
    }
}

/// The counters of one run.
#[derive(Debug, Default)]
pub struct Meter {
    stage: AtomicU8,
    bytes_done: AtomicU64,
    bytes_in_all: AtomicU64,
    objects: AtomicU64,
}

/// What a [`Meter`] shows at one moment. The counters are read one after the other, so they need not fit together to
/// the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// What is being done.
    pub stage: Stage,
    /// Bytes done in this stage.
    pub bytes_done: u64,
    /// Bytes that this stage is known to have; 0 where nobody knows.
    pub bytes_in_all: u64,
    /// Objects done in this stage.
    pub objects: u64,
}

impl Meter {
    /// A stage begins: its counters start at nothing, and nothing is known of its size.
    pub fn stage(&self, stage: Stage) {
        for counter in [&self.bytes_done, &self.bytes_in_all, &self.objects] {
            counter.store(0, Ordering::Relaxed);
        }
        self.stage.store(stage.number(), Ordering::Relaxed);
    }

    /// So many bytes more are to be done in this stage.
    pub fn expect_bytes(&self, bytes: u64) {
        self.bytes_in_all.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes more are done.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many objects more are done.
    pub fn add_objects(&self, objects: u64) {
        self.objects.fetch_add(objects, Ordering::Relaxed);
    }

    /// What the counters show now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            stage: Stage::numbered(self.stage.load(Ordering::Relaxed)),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_in_all: self.bytes_in_all.load(Ordering::Relaxed),
            objects: self.objects.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_stage_begins_at_nothing() {
        let meter = Meter::default();
        meter.expect_bytes(9);
        meter.add_bytes(4);
        meter.add_objects(2);
        let reading =
            Standing { stage: Stage::Reading, bytes_done: 4, bytes_in_all: 9, objects: 2 };
        assert_eq!(meter.standing(), reading);
        for stage in [Stage::Comparing, Stage::Opening, Stage::Writing, Stage::Reading] {
            meter.stage(stage);
            assert_eq!(meter.standing(), Standing { stage, ..Standing::default() });
        }
    }

    #[test]
    fn nothing_that_threads_add_is_lost() {
        let meter = Meter::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        meter.add_bytes(3);
                        meter.add_objects(1);
                    }
                });
            }
        });
        assert_eq!((meter.standing().bytes_done, meter.standing().objects), (12_000, 4_000));
    }
}
