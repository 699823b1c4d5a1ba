//! `recovery history`: the jobs of the service.

use super::super::args::{HistoryArgs, HistoryFormat};
use super::super::progress::Progress;
use super::super::sources;
use super::super::verbs::{self, Outcome, out, pretty, to_stdout};
use crate::directory::catalogue;
use crate::history::analyse;
use crate::index::Checks;
use crate::recovery::service;
use crate::report::{self, tables};

/// Lists them.
pub(super) fn run(args: &HistoryArgs, progress: &Progress) -> Outcome {
    let index = sources::prepare(&args.evidence, Checks::All)?.index(progress)?;
    let options = verbs::history(&args.evidence, progress);
    let mut analysis = analyse(&index, catalogue(), &options)?;
    service::fill(&index, catalogue(), &mut analysis)?;
    progress.end();
    sources::tell(&index);
    let lists = service::job_lists(&index);
    // The program is about to end: giving back an index piece by piece would only take time.
    std::mem::forget(index);
    match if args.json { HistoryFormat::Json } else { args.format } {
        HistoryFormat::Table => {
            out(&report::service::text::history(&analysis, lists, verbs::style()))?;
        }
        HistoryFormat::Csv => to_stdout(|stdout| {
            tables::write_csv(&mut report::service::table::jobs(&analysis)?, stdout)
        })?,
        HistoryFormat::Json => pretty(&report::service::json::jobs(&analysis))?,
    }
    Ok(verbs::verdict(&analysis))
}
