//! `_no_results.json` of CISA's Untitled Goose Tool, which is no JSON: a line for each request that gave nothing, or that the
//! service refused, with the local time.
//!
//! Recognised by its name and by how its lines begin. A run adds its lines to those of earlier runs: what was written long
//! before the last line says nothing of this run and is passed over.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::super::request::{Request, Subject};
use super::{Format, Ledger};
use crate::directory::{Catalogue, Holds};
use crate::intake::Place;

const EMPTY: &str = "No output file: ";
const REFUSED: &str = "Error: ";

/// Lines that lie further apart than this are of different runs.
const RUN: SignedDuration = SignedDuration::from_hours(6);

/// Lines that are kept; the tool asks for some seventy things.
const MOST_LINES: usize = 4096;

#[derive(Debug)]
struct Line {
    name: String,
    refused: bool,
    at: DateTime,
}

/// The lines of such a file, as they come.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    stopped: bool,
}

impl Lines {
    pub(super) fn recognise(head: &[u8], place: &Place, catalogue: &Catalogue) -> Option<Self> {
        let file = catalogue.suite_file_named(place.suite.as_deref()?)?;
        let begins = |with: &str| head.starts_with(with.as_bytes());
        let is = file.holds == Holds::NoResults && (begins(EMPTY) || begins(REFUSED));
        is.then(Self::default)
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn take(&mut self, text: &[u8], last: bool, ledger: &mut Ledger<'_>) -> usize {
        let end = match memchr::memrchr(b'\n', text) {
            _ if last || self.stopped => text.len(),
            Some(at) => at + 1,
            None => 0,
        };
        for line in text.get(..end).unwrap_or_default().split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
            if line.is_empty() || self.stopped {
                continue;
            }
            ledger.intake.tally.seen += 1;
            match read(&line) {
                Some(line) if self.lines.len() < MOST_LINES => {
                    ledger.set_aside("no-result");
                    self.lines.push(line);
                }
                _ => ledger.set_aside("scalar-text"),
            }
        }
        if last {
            self.conclude(ledger);
        }
        end
    }

    /// The requests that the lines of the last run tell of.
    fn conclude(&mut self, ledger: &mut Ledger<'_>) {
        let Some(end) = self.lines.iter().map(|line| line.at).max() else { return };
        let catalogue = ledger.catalogue;
        for line in std::mem::take(&mut self.lines) {
            if end.duration_since(line.at) >= RUN {
                continue;
            }
            let relation = catalogue.suite_file(None, &line.name);
            let collection = catalogue.of_name(&line.name).map(str::to_owned);
            let place = Place {
                collection,
                parent: None,
                tree_folder: None,
                suite: None,
                ..ledger.place.clone()
            };
            let mut request = Request::new(Format::Goose, None, &place, catalogue);
            match relation {
                Some(file) if file.holds == Holds::Parents && !line.refused => {
                    request.context = Some(file.name.as_str().into());
                    request.subject = Subject::Orphan { rule: "page-without-parent" };
                }
                Some(_) => continue,
                None if place.collection.is_none() => continue,
                None => request.refused = line.refused.then(|| "400".to_owned()),
            }
            ledger.intake.requests.push(request);
        }
    }
}

/// `No output file: applications_owners - 2026-11-01 10:00:00.123456`
fn read(line: &str) -> Option<Line> {
    let (refused, rest) = match line.strip_prefix(EMPTY) {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix(REFUSED)?),
    };
    let (name, at) = rest.rsplit_once(" - ")?;
    Some(Line { name: name.to_owned(), refused, at: at.parse().ok()? })
}
