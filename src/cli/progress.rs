//! Progress on standard error: one line, ten times a second, on a terminal only, gone at the end.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, FormattedDuration, HumanCount, ProgressBar, ProgressStyle};

use crate::meter::{Meter, Standing};

/// From one look at the meter to the next.
const TICK: Duration = Duration::from_millis(100);
/// A rate over less time than this would say nothing.
const SHORTEST_FOR_A_RATE: Duration = Duration::from_millis(500);

/// The meter of the run, and the line that shows it.
#[derive(Debug)]
pub(super) struct Progress {
    meter: Arc<Meter>,
    line: Mutex<Option<Line>>,
}

#[derive(Debug)]
struct Line {
    bar: ProgressBar,
    over: Arc<AtomicBool>,
    drawing: JoinHandle<()>,
}

impl Progress {
    /// Starts to draw, if standard error is a terminal that can take a line back and nobody wants quiet.
    pub(super) fn start(quiet: bool) -> Self {
        let meter = Arc::new(Meter::default());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let shown = !quiet && !dumb && io::stderr().is_terminal();
        let line = shown.then(|| Line::draw(Arc::clone(&meter))).flatten();
        Self { meter, line: Mutex::new(line) }
    }

    /// What the rooms move.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Takes the line away, so that there is room to speak; from then on nothing is drawn.
    pub(super) fn end(&self) {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Line { bar, over, drawing }) = line {
            over.store(true, Ordering::Relaxed);
            drawing.thread().unpark();
            // A line that failed to be drawn is no loss.
            drop(drawing.join());
            bar.finish_and_clear();
        }
    }
}

impl Line {
    fn draw(meter: Arc<Meter>) -> Option<Self> {
        // Without a length, and drawn to standard error.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        let over = Arc::new(AtomicBool::new(false));
        let (shown, ended) = (bar.clone(), Arc::clone(&over));
        let draw = move || {
            let began = Instant::now();
            let (mut stage, mut stage_began) = (meter.standing().stage, began);
            loop {
                thread::park_timeout(TICK);
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let standing = meter.standing();
                if standing.stage != stage {
                    (stage, stage_began) = (standing.stage, Instant::now());
                }
                shown.set_message(text(&standing, stage_began.elapsed(), began.elapsed()));
            }
        };
        let drawing = thread::Builder::new().name("progress".to_owned()).spawn(draw).ok()?;
        Some(Self { bar, over, drawing })
    }
}

/// The line: stage, bytes of bytes known, objects, bytes a second in this stage, time since the start.
fn text(standing: &Standing, in_stage: Duration, in_all: Duration) -> String {
    let done = standing.bytes_done;
    let mut words = vec![standing.stage.as_str().to_owned()];
    match standing.bytes_in_all {
        0 if done == 0 => {}
        0 => words.push(DecimalBytes(done).to_string()),
        known => words.push(format!("{} of {}", DecimalBytes(done), DecimalBytes(known))),
    }
    if standing.objects > 0 {
        words.push(format!("{} objects", HumanCount(standing.objects)));
    }
    if done > 0 && in_stage >= SHORTEST_FOR_A_RATE {
        let rate = u128::from(done) * 1_000 / in_stage.as_millis().max(1);
        words.push(format!("{}/s", DecimalBytes(u64::try_from(rate).unwrap_or(u64::MAX))));
    }
    words.push(FormattedDuration(in_all).to_string());
    words.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Stage;

    #[test]
    fn the_line_says_what_is_known() {
        let standing = Standing {
            stage: Stage::Reading,
            bytes_done: 1_500_000_000,
            bytes_in_all: 8_000_000_000,
            objects: 1_234_567,
        };
        let seconds = Duration::from_secs;
        assert_eq!(
            text(&standing, seconds(3), seconds(4)),
            "reading  1.50 GB of 8.00 GB  1,234,567 objects  500.00 MB/s  00:00:04"
        );
        let writing = Standing { stage: Stage::Writing, bytes_done: 2_000, ..Standing::default() };
        assert_eq!(
            text(&writing, Duration::from_millis(100), seconds(61)),
            "writing  2.00 kB  00:01:01"
        );
        assert_eq!(text(&Standing::default(), seconds(0), seconds(0)), "reading  00:00:00");
    }

    #[test]
    fn nothing_is_drawn_where_nobody_wants_it() {
        let progress = Progress::start(true);
        assert!(progress.line.lock().unwrap().is_none());
        progress.meter().add_bytes(1);
        progress.end();
    }
}
