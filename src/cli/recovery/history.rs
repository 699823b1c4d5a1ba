//! `recovery history`: the jobs of the service.

use crate::cli::args::{HistoryArgs, HistoryFormat};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::verbs;
use crate::recovery::service;
use crate::report::service::{json, table, text};
use crate::report::tables;

/// Lists them.
pub(super) fn run(args: &HistoryArgs, progress: &Progress) -> Result<Exit, Failure> {
    let (index, analysis) = verbs::compared(&args.evidence, &[], progress)?;
    let lists = service::job_lists(&index);
    verbs::told(index, progress);
    match if args.json { HistoryFormat::Json } else { args.format } {
        HistoryFormat::Table => verbs::out(&text::history(&analysis, lists, verbs::style()))?,
        HistoryFormat::Csv => {
            verbs::to_stdout(|stdout| tables::write_csv(&mut table::jobs(&analysis)?, stdout))?;
        }
        HistoryFormat::Json => verbs::out(&json::jobs(&analysis)?)?,
    }
    Ok(verbs::verdict(&analysis))
}
