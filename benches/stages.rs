//! The stages of a run, one by one, on a synthetic tenant in a temporary folder.
//!
//! ```console
//! cargo bench --bench stages
//! ```
//!
//! For finding out which stage a change made slower; the figures that the project quotes are of whole processes and come
//! from `compare.py`.

use std::hint::black_box;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use entrace::directory::catalogue;
use entrace::evidence::{Walk, Watched, hash, walk};
use entrace::history::{HistoryOptions, analyse};
use entrace::index::{IndexOptions, build};
use entrace::report::write_changes;
use entrace::synth::{SynthOptions, SynthSummary, write_tenant};

/// From this many users on, a synthetic export is plain.
const USERS: u32 = 20_000;

fn tenant(below: &Path) -> (PathBuf, SynthSummary) {
    let evidence = below.join("tenant");
    let options = SynthOptions { users: USERS, snapshots: 3, ..SynthOptions::default() };
    #[expect(clippy::expect_used, reason = "without a tenant there is nothing to measure")]
    let summary = write_tenant(&options, &evidence).expect("the temporary folder takes a tenant");
    (evidence, summary)
}

fn read_and_hash(found: &Walk) -> usize {
    let (mut bytes, mut read) = (Vec::new(), 0);
    for file in &found.files {
        bytes.clear();
        let whole = Watched::open(&file.path).is_ok_and(|mut watched| {
            watched.read_to_end(&mut bytes).is_ok() && watched.finish().is_ok()
        });
        if whole {
            black_box(hash(&bytes));
            read += 1;
        }
    }
    read
}

#[expect(clippy::expect_used, reason = "a stage that fails has no speed")]
fn stages(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (evidence, summary) = tenant(folder.path());
    let arguments = [evidence];
    let found = walk(&arguments).expect("the tenant can be listed");
    let index = build(&found, &IndexOptions::default(), catalogue()).expect("it can be indexed");
    let options = HistoryOptions::default();
    let analysis = analyse(&index, catalogue(), &options).expect("it can be compared");

    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10).throughput(Throughput::Bytes(summary.bytes));
    group.bench_function("walk", |bench| bench.iter(|| walk(&arguments)));
    group.bench_function("read and hash", |bench| bench.iter(|| read_and_hash(&found)));
    group.bench_function("index", |bench| {
        bench.iter(|| build(&found, &IndexOptions::default(), catalogue()));
    });
    group.bench_function("history", |bench| {
        bench.iter(|| analyse(&index, catalogue(), &options));
    });
    group.bench_function("changes.csv", |bench| {
        bench.iter(|| write_changes(&analysis.changes, io::sink()));
    });
    group.finish();
}

criterion_group!(all, stages);
criterion_main!(all);
