//! `entrace recovery compare`: our difference beside the service's change lists.

use crate::cli::args::{CompareArgs, VerdictFormat};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::verbs;
use crate::directory::catalogue;
use crate::recovery::opinion::opinions;
use crate::report::opinion;

pub(super) fn run(args: &CompareArgs, progress: &Progress) -> Result<Exit, Failure> {
    let (index, analysis) = verbs::compared(&args.evidence, &[], progress)?;
    let mut found = opinions(&index, catalogue(), &analysis)?;
    verbs::told(index, progress);
    let wanted = |job: &str| args.job.iter().any(|id| id.eq_ignore_ascii_case(job));
    if !args.job.is_empty() {
        let known: Vec<String> = found.iter().map(|opinion| opinion.job_id.clone()).collect();
        found.retain(|opinion| wanted(&opinion.job_id));
        if found.is_empty() {
            return Err(Failure::Usage {
                message: "no list of such a difference report is in the evidence".to_owned(),
                hint: match known.as_slice() {
                    [] => "export getChanges of the report, following every @odata.nextLink"
                        .to_owned(),
                    known => format!("known are {}", known.join(", ")),
                },
            });
        }
    }
    match args.format {
        VerdictFormat::Table => verbs::out(&opinion::opinions_text(&found, verbs::style()))?,
        VerdictFormat::Csv => verbs::to_stdout(|out| opinion::write(&found, out))?,
        VerdictFormat::Json => verbs::to_stdout(|out| opinion::write_json(&found, out))?,
    }
    Ok(verbs::verdict(&analysis))
}
