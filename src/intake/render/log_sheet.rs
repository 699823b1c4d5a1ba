//! CSV with a row per record of a log: the portal's downloads, Log Analytics, Purview, `Search-UnifiedAuditLog | Export-Csv`.
//!
//! Recognised by headings that only logs have. Habits: an empty cell says nothing, `[UTC]` behind a heading is part of how
//! the portal shows it, a heading may stand twice, cells hold JSON texts. The portal writes headings in the language of its
//! reader: those of the first columns are then taken by position, and `Target1…` names stay English. Dates are those of
//! some locale: which number is the month is read from all rows together, and where no row tells, the time is not known.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::super::Sink;
use super::super::logs::{DateOrder, order_of, slashed};
use super::super::request::Subject;
use super::table::{Head, State, each_row, reader};
use super::{Defect, Format, Ledger, Rendering, quote};
use crate::directory::{Catalogue, LogDialect, LogField};
use crate::model::Precision;

/// Beginning of a text whose rows tell the order of dates.
const HEAD_BYTES: usize = 1024 * 1024;

/// Columns that the portal's list of sign-ins has at least.
const SIGN_IN_COLUMNS: usize = 40;

/// What the headings of a CSV of a log say: enough to render a row of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSheet {
    /// Byte between cells.
    pub delimiter: u8,
    /// Names of the columns, each once.
    pub headings: Vec<String>,
    /// Positions of columns with dates.
    pub dates: Vec<u32>,
    /// How their dates are written, where the rows tell.
    pub order: Option<DateOrder>,
}

/// The rows of a CSV of a log, as they come.
#[derive(Debug)]
pub(super) struct LogRows {
    sheet: Arc<LogSheet>,
    /// Headings in another language that stand for nothing that is known.
    unknown: Vec<String>,
    /// Whether dates may be read in two ways.
    ambiguous: bool,
    state: State,
}

impl LogRows {
    /// Recognises a CSV of a log by its headings.
    pub(super) fn recognise(head: &Head<'_>, catalogue: &Catalogue) -> Option<Self> {
        let Head { body, delimiter, headings, .. } = head;
        let delimiter = *delimiter;
        let plain = |heading: &String| heading.trim_end_matches("[UTC]").trim().to_owned();
        let mut named: Vec<String> = headings.iter().map(plain).collect();
        let has = |name: &str| named.iter().any(|heading| heading.eq_ignore_ascii_case(name));
        let told = catalogue.log_dialect_of(&has);
        let number = told.or_else(|| foreign_sign_ins(&named, catalogue))?;
        let dialect = catalogue.log_dialect(number)?;
        let mut unknown = Vec::new();
        if dialect.headings.first().is_some_and(|first| !has(first)) {
            unknown = by_position(&mut named, dialect);
        }
        tell_apart(&mut named);
        let dates = date_columns(&named, dialect, catalogue);
        let body = body.get(..HEAD_BYTES).unwrap_or(body);
        let (order, ambiguous) = order(delimiter, body, &dates);
        let sheet = Arc::new(LogSheet { delimiter, headings: named, dates, order });
        Some(Self { sheet, unknown, ambiguous, state: State::Headings })
    }

    pub(super) fn rendering(self) -> Rendering {
        Rendering::LogSheet(self.sheet)
    }

    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    pub(super) fn take(
        &mut self,
        text: &[u8],
        last: bool,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> usize {
        let Some(begin) = self.state.begin(text) else { return text.len() };
        let delimiter = self.sheet.delimiter;
        each_row(delimiter, text, (begin, last), &mut |_, span, _| match self.state {
            State::Headings => self.open(text, ledger),
            State::Rows(position) => self.row(position, text, span, ledger, sink),
            State::Stopped => {}
        })
    }

    /// Passes over the headings.
    fn open(&mut self, text: &[u8], ledger: &mut Ledger<'_>) {
        let position = ledger.request(Format::LogCsv, None, false);
        if let Some(request) = ledger.intake.requests.get_mut(position) {
            request.subject = Subject::Untyped { fallback: "unknown".to_owned() };
        }
        if !self.unknown.is_empty() {
            let cause = format!("not carried: {}", self.unknown.join(", "));
            ledger.trouble("columns-not-carried", text, 0, cause);
        }
        if self.ambiguous {
            let cause = "no date has a day above 12: which number is the month cannot be told";
            ledger.trouble("log-dates-ambiguous", text, 0, cause.to_owned());
        }
        self.state = State::Rows(position);
    }

    fn row(
        &self,
        position: usize,
        text: &[u8],
        span: Range<usize>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) {
        ledger.intake.tally.seen += 1;
        match self.sheet.render(text.get(span.clone()).unwrap_or_default()) {
            Ok(json) => {
                let source = ledger.source(text, &span);
                ledger.deliver(position, &json, &source, sink);
            }
            Err(defect) => ledger.quarantine(text, &span, defect),
        }
    }
}

/// The portal's list of sign-ins in another language: a first column of dates in UTC and far more columns than anything else.
fn foreign_sign_ins(headings: &[String], catalogue: &Catalogue) -> Option<u8> {
    let is_dated = headings.first().is_some_and(|first| first.ends_with("(UTC)"));
    (is_dated && headings.len() >= SIGN_IN_COLUMNS)
        .then(|| catalogue.log_dialect_named("portal-sign-in"))
        .flatten()
}

/// Gives the first columns the names that they have in English, if they are as many as they should be; gives the headings
/// that stay as they are and stand for nothing.
fn by_position(named: &mut [String], dialect: &LogDialect) -> Vec<String> {
    let known = &dialect.headings;
    let of_audit = named.iter().position(|heading| heading.starts_with("Target1"));
    if of_audit.is_none_or(|first| first == known.len()) {
        for (heading, name) in named.iter_mut().zip(known) {
            heading.clone_from(name);
        }
    }
    let english = ["Target", "AdditionalDetail"];
    let is_known = |heading: &&String| {
        known.contains(heading) || english.iter().any(|word| heading.starts_with(word))
    };
    named.iter().filter(|heading| !is_known(heading)).cloned().collect()
}

/// A heading that stands twice gets a number.
fn tell_apart(named: &mut [String]) {
    for place in 1..named.len() {
        let (before, rest) = named.split_at_mut(place);
        let Some(heading) = rest.first_mut() else { continue };
        let plain = heading.clone();
        let mut number = 2;
        while before.contains(heading) {
            *heading = format!("{plain} ({number})");
            number += 1;
        }
    }
}

fn date_columns(named: &[String], dialect: &LogDialect, catalogue: &Catalogue) -> Vec<u32> {
    let inner = dialect.like.and_then(|like| catalogue.log_dialect(like));
    let members = || dialect.members.iter().chain(inner.into_iter().flat_map(|i| &i.members));
    let is_date = |heading: &String| {
        members().filter(|member| member.field == LogField::Time).any(
            |member| matches!(member.path.as_slice(), [name] if name.eq_ignore_ascii_case(heading)),
        )
    };
    (0_u32..).zip(named).filter(|(_, heading)| is_date(heading)).map(|(place, _)| place).collect()
}

/// The order of the dates in a text, and whether there are dates whose order nothing tells.
fn order(delimiter: u8, body: &[u8], dates: &[u32]) -> (Option<DateOrder>, bool) {
    let mut cells: Vec<String> = Vec::new();
    let mut row = csv::ByteRecord::new();
    let mut lines = reader(delimiter, body);
    // The headings come first; they are no dates.
    while let Ok(true) = lines.read_byte_record(&mut row) {
        for place in dates {
            let cell = row.get(*place as usize).and_then(|cell| std::str::from_utf8(cell).ok());
            cells.extend(cell.filter(|cell| cell.contains(['/', '.'])).map(str::to_owned));
        }
    }
    let order = order_of(cells.iter().map(String::as_str));
    let read = |cell: &String| slashed(cell, DateOrder::MonthFirst).is_some();
    (order, order.is_none() && cells.iter().any(read))
}

impl LogSheet {
    /// What it takes of memory, by and large.
    pub(super) fn bytes(&self) -> usize {
        self.headings.iter().map(|heading| heading.len() + size_of::<String>()).sum()
    }

    /// The record that a row stands for.
    pub(super) fn render(&self, row: &[u8]) -> Result<Vec<u8>, Defect> {
        let mut cells = csv::ByteRecord::new();
        match reader(self.delimiter, row).read_byte_record(&mut cells) {
            Ok(true) if cells.len() == self.headings.len() => {}
            _ => return Err(Defect::Cells),
        }
        let mut json = vec![b'{'];
        for ((cell, heading), place) in cells.iter().zip(&self.headings).zip(0_u32..) {
            let cell = std::str::from_utf8(cell).or(Err(Defect::NotUtf8))?;
            if cell.is_empty() {
                continue;
            }
            if json.len() > 1 {
                json.push(b',');
            }
            quote(heading, &mut json);
            json.push(b':');
            match self.date(cell, place) {
                Some(date) => quote(&date, &mut json),
                None => quote(cell, &mut json),
            }
        }
        json.push(b'}');
        Ok(json)
    }

    /// A date of some locale as everything else reads it.
    fn date(&self, cell: &str, place: u32) -> Option<String> {
        if !self.dates.contains(&place) || !cell.contains(['/', '.']) {
            return None;
        }
        let time = slashed(cell, self.order?)?;
        let mut text = String::new();
        let written = match time.precision {
            Precision::Digits(digits) => write!(text, "{:.*}", usize::from(digits), time.at),
            Precision::Second => write!(text, "{}", time.at),
            Precision::Minute => write!(text, "{}", time.at.strftime("%Y-%m-%dT%H:%MZ")),
        };
        written.is_ok().then_some(text)
    }
}
