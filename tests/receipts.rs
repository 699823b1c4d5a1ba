//! Every row has a receipt that opens again, in every container.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use entrace::directory::catalogue;
use entrace::evidence::walk;
use entrace::history::{HistoryOptions, analyse};
use entrace::index::{self, IndexOptions, open_receipt};
use entrace::model::Receipt;

use crate::archives::{files, gzip, tar, zip};

/// The bytes behind each receipt of each row; every so many of them where opening one means passing through an archive.
fn opened(evidence: &Path, step: usize) -> BTreeMap<Receipt, Vec<u8>> {
    let walk = walk(&[evidence.to_owned()]).unwrap();
    let index = index::build(&walk, &IndexOptions::default(), catalogue()).unwrap();
    let options = HistoryOptions { all_objects: true, ..HistoryOptions::default() };
    let analysis = analyse(&index, catalogue(), &options).unwrap();
    let of_changes = analysis
        .changes
        .iter()
        .flat_map(|change| change.evidence_before.iter().chain(&change.evidence_after).copied());
    let of_objects = analysis.objects.iter().filter_map(|object| object.receipt.parse().ok());
    let receipts: BTreeSet<Receipt> = of_changes.chain(of_objects).collect();
    receipts
        .into_iter()
        .step_by(step)
        .map(|receipt| {
            let named = index.exhibits_named(receipt.exhibit);
            let Some(exhibit) = named.first() else { panic!("{receipt}: no exhibit") };
            let opened =
                open_receipt(&index.exhibits[*exhibit], receipt.place, catalogue()).unwrap();
            (receipt, opened.unwrap_or_else(|| panic!("{receipt} leads nowhere")).text)
        })
        .collect()
}

#[test]
fn every_receipt_of_the_sample_opens_in_the_folder_and_in_archives() {
    let sample = Path::new("samples/woodgrove");
    let plain = opened(sample, 1);
    assert!(plain.len() > 500, "{}", plain.len());
    let records = plain.iter().filter(|(receipt, _)| receipt.place.is_some());
    for (receipt, text) in records {
        assert!(serde_json::from_slice::<serde_json::Value>(text).is_ok(), "{receipt}");
    }
    let all = files(sample);
    let place = tempfile::tempdir().unwrap();
    for (name, bytes, step) in [
        ("woodgrove.zip", zip(&all), 2),
        ("woodgrove.tar", tar(&all), 4),
        ("woodgrove.tgz", gzip(&tar(&all)), 40),
        ("outer.zip", zip(&[("woodgrove.zip".to_owned(), zip(&all))]), 40),
    ] {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        for (receipt, text) in opened(&path, step) {
            assert!(plain.get(&receipt) == Some(&text), "{name}: {receipt}");
        }
    }
}
