//! Ends that nobody planned: Ctrl-C and its like, and panics. Both leave no half-written output and say so.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::signal;
use signal_hook::flag;

use super::exit::Exit;
use super::progress::Progress;
use crate::report::text::escaped;
use crate::unfinished::{self, Abandoned};

/// How long a signal may stay unseen. A handler itself may do next to nothing, so it raises a flag that a thread looks
/// at; a pipe between them would bring socket functions into the program.
const LOOK: Duration = Duration::from_millis(20);

/// The signals that ask a run to end.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [signal::SIGINT, signal::SIGTERM, signal::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [signal::SIGINT, signal::SIGTERM];

/// From now on an interruption removes what is unfinished, says so and ends the process. A second Ctrl-C ends it at once.
///
/// Signals that the process was started to ignore (`nohup`) stay ignored. Where no handler can be set up, the system's
/// own way stays: the process dies, and leaves its `.partial` files.
pub(super) fn watch(progress: &Arc<Progress>) {
    let raised = Arc::new(AtomicBool::new(false));
    let (seen, progress) = (Arc::clone(&raised), Arc::clone(progress));
    let look = move || {
        while !seen.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
        }
        let abandoned = unfinished::abandon();
        progress.end();
        say("interrupted", &abandoned);
        leave(Exit::Interrupted);
    };
    let watching = thread::Builder::new().name("signals".to_owned()).spawn(look);
    let set_up = watching.and_then(|_detached| {
        for signal in SIGNALS.into_iter().filter(|signal| !is_ignored(*signal)) {
            if signal == signal::SIGINT {
                let code = i32::from(Exit::Interrupted.code());
                // Only for Ctrl-C: a terminal that closes sends SIGHUP twice.
                flag::register_conditional_shutdown(signal, code, Arc::clone(&raised))?;
            }
            flag::register(signal, Arc::clone(&raised))?;
        }
        Ok(())
    });
    if let Err(error) = set_up {
        drop(writeln!(io::stderr().lock(), "entrace: interruptions are not handled: {error}"));
    }
}

#[expect(
    clippy::exit,
    reason = "an interruption ends the process from a thread of its own, while others work"
)]
fn leave(exit: Exit) -> ! {
    std::process::exit(exit.code().into())
}

/// Whether the process was started with this signal ignored, as far as the system tells.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    ignores(&status, signal)
}

fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1));
    bit.and_then(|bit| mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
}

/// From now on a panic says that it is a bug, and where.
pub(super) fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let text = obituary(place.as_deref(), panic.payload_as_str());
        // A line of progress may stand there.
        let start = if io::stderr().is_terminal() { "\n" } else { "" };
        let trace = Backtrace::capture();
        let wanted = trace.status() == BacktraceStatus::Captured;
        let trace = if wanted { trace.to_string() } else { String::new() };
        // Nobody is left to tell if standard error is closed.
        drop(write!(io::stderr().lock(), "{start}{text}{trace}"));
    }));
}

/// Runs the work of a verb; gives nothing if it panicked, which has been told by then.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What the work leaves behind is only looked at by what removes it.
    panic::catch_unwind(panic::AssertUnwindSafe(work)).ok()
}

/// After a panic: removes what unwinding left, and says what became of the output.
pub(super) fn clear_up() {
    say("internal error", &unfinished::abandon());
}

fn obituary(place: Option<&str>, cause: Option<&str>) -> String {
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    let cause = cause.unwrap_or("no cause given");
    let line = format!("entrace: internal error{place}: {cause}");
    let version = env!("CARGO_PKG_VERSION");
    let hint = format!("this is a bug in entrace {version}; please report it with these lines");
    format!("{}\nhint: {hint}\n", escaped(&line))
}

fn say(what: &str, abandoned: &Abandoned) {
    let mut lines = Vec::new();
    for goal in &abandoned.goals {
        let path = goal.path.display();
        lines.push(if goal.complete {
            format!("entrace: {what}: `{path}` is complete")
        } else {
            format!("entrace: {what}: nothing was written to `{path}`")
        });
    }
    if lines.is_empty() {
        lines.push(format!("entrace: {what}"));
    }
    for (path, error) in &abandoned.left {
        lines.push(format!("entrace: cannot remove `{}`: {error}", path.display()));
    }
    let mut stderr = io::stderr().lock();
    for line in lines {
        drop(writeln!(stderr, "{}", escaped(&line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_were_ignored_before_are_known() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t4\n";
        assert!(ignores(status, 1), "SIGHUP under nohup");
        assert!(ignores(status, 13));
        assert!(!ignores(status, 2) && !ignores(status, 15) && !ignores("", 1));
        assert!(!ignores(status, 0) && !ignores(status, 65));
    }

    #[test]
    fn a_panic_ends_the_work_only() {
        assert_eq!(guarded(|| 7), Some(7));
        assert_eq!(guarded(|| -> u8 { panic!("as this test wants") }), None);
    }

    #[test]
    fn a_panic_is_told_as_a_bug_without_control_characters() {
        let text = obituary(Some("src/x.rs:1:2"), Some("byte \u{1b}[31m"));
        let (first, hint) = text.split_once('\n').unwrap();
        assert!(first.starts_with("entrace: internal error at src/x.rs:1:2: byte "), "{first}");
        assert!(!first.contains('\u{1b}') && hint.starts_with("hint: this is a bug in entrace "));
    }
}
