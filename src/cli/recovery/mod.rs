//! `entrace recovery`: what was recovered, and whether it is as it should be.

mod compare;
mod history;
mod verify;

pub(super) use verify::{Asked, outcome, say_assertions};

use super::Exit;
use super::args::RecoveryVerb;
use super::exit::Failure;
use super::progress::Progress;

/// Runs one verb of `recovery`.
pub(super) fn run(verb: &RecoveryVerb, progress: &Progress) -> Result<Exit, Failure> {
    match verb {
        RecoveryVerb::History(args) => history::run(args, progress),
        RecoveryVerb::Verify(args) => verify::run(args, progress),
        RecoveryVerb::Compare(args) => compare::run(args, progress),
    }
}
