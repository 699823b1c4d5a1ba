//! stub
use super::{ReportError, RunInfo};
use crate::model::Analysis;
use std::io::Write;
/// x
pub fn render(_a: &Analysis, _r: &RunInfo, _to: &mut dyn Write) -> Result<(), ReportError> {
    Ok(())
}
