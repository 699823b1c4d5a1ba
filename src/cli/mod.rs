//! One library call per verb: arguments to options, tables to standard output, failures to exit codes.

mod args;
mod custody;
mod diff;
mod exit;
mod interrupt;
mod progress;
mod recovery;
mod scope;
mod select;
mod sources;
mod verbs;

pub use args::Cli;
pub use exit::{Exit, Failure};

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use progress::Progress;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // A closed pipe leaves nobody to tell.
            drop(error.print());
            return exit.into();
        }
    };
    if let Some(threads) = cli.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        if pool.is_err() {
            return Exit::Internal.into();
        }
    }
    let progress = Arc::new(Progress::start(cli.quiet));
    interrupt::tell_panics();
    interrupt::watch(&progress);
    let outcome = interrupt::guarded(|| verbs::run(&cli.verb, &progress));
    progress.end();
    match outcome {
        Some(Ok(exit)) => exit.into(),
        Some(Err(Failure::Stdout(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
            Exit::Done.into()
        }
        Some(Err(failure)) => {
            say(&failure);
            failure.exit().into()
        }
        None => {
            interrupt::clear_up();
            Exit::Internal.into()
        }
    }
}

/// One line for the failure and its causes, one for what to do.
fn say(failure: &Failure) {
    let mut line = format!("entrace: {failure}");
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    let mut stderr = io::stderr().lock();
    // Nobody is left to tell if standard error is closed.
    drop(writeln!(stderr, "{}", crate::report::text::escaped(&line)));
    if let Some(hint) = failure.hint() {
        drop(writeln!(stderr, "hint: {hint}"));
    }
}
