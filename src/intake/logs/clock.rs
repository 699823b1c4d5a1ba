//! Times of events in the spellings that services, SIEMs and spreadsheets give them. A time without zone is UTC: every
//! dialect says so of itself. What may be read in two ways is not read.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

use crate::model::{EventTime, Precision};

/// Which of two numbers of a date with slashes is the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// As in the United States.
    MonthFirst,
    /// As nearly everywhere else.
    DayFirst,
}

/// The numbers at the beginning of a text, each with the byte behind it.
struct Numbers<'t>(&'t str);

impl Numbers<'_> {
    /// The next number and how many digits it has.
    fn next(&mut self) -> Option<(i64, usize)> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        // A fraction may have more digits than a number has room for.
        Some((number.get(..digits.min(9))?.parse().ok()?, digits))
    }

    fn take(&mut self, any_of: &[char]) -> bool {
        match self.0.strip_prefix(any_of) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn small(&mut self) -> Option<i8> {
        i8::try_from(self.next()?.0).ok()
    }
}

/// Hours, minutes, seconds, nanoseconds, and how finely they are written.
type Clock = (i8, i8, i8, i32, Precision);

fn clock(numbers: &mut Numbers<'_>) -> Option<Clock> {
    let hour = numbers.small()?;
    if !numbers.take(&[':', '.']) {
        return None;
    }
    let minute = numbers.small()?;
    if !numbers.take(&[':', '.']) {
        return Some((hour, minute, 0, 0, Precision::Minute));
    }
    let second = numbers.small()?;
    if !numbers.take(&['.', ',']) {
        return Some((hour, minute, second, 0, Precision::Second));
    }
    let (fraction, digits) = numbers.next()?;
    let kept = u32::try_from(digits.min(9)).ok()?;
    let nanosecond = fraction.checked_mul(10_i64.checked_pow(9_u32.checked_sub(kept)?)?)?;
    let precision = u8::try_from(kept).map(Precision::Digits).ok()?;
    Some((hour, minute, second, i32::try_from(nanosecond).ok()?, precision))
}

/// `AM` and `PM`, and what stands for a zone behind the clock, in minutes east of UTC.
fn ending(numbers: &mut Numbers<'_>, hour: i8) -> Option<(i8, i64)> {
    numbers.0 = numbers.0.trim_matches([' ', '\u{a0}', '\u{202f}']);
    let mut hour = hour;
    let half = numbers.0.get(..2).map(str::to_ascii_uppercase);
    if let Some(half) = half.filter(|half| matches!(half.as_str(), "AM" | "PM")) {
        numbers.0 = numbers.0.get(2..)?.trim_start();
        hour = match (half.as_str(), hour) {
            ("AM", 12) => 0,
            ("PM", 1..=11) => hour.checked_add(12)?,
            _ => hour,
        };
    }
    match numbers.0 {
        "" | "Z" | "z" | "UTC" | "GMT" | "(UTC)" => return Some((hour, 0)),
        _ => {}
    }
    let sign = if numbers.take(&['+']) {
        1
    } else if numbers.take(&['-']) {
        -1
    } else {
        return None;
    };
    let (zone, digits) = numbers.next()?;
    let minutes = match digits {
        4 => (zone / 100).checked_mul(60)?.checked_add(zone % 100)?,
        2 if numbers.take(&[':']) => zone.checked_mul(60)?.checked_add(numbers.next()?.0)?,
        2 => zone.checked_mul(60)?,
        _ => return None,
    };
    numbers.0.is_empty().then_some((hour, minutes.checked_mul(sign)?))
}

fn instant(
    (year, month, day): (i64, i8, i8),
    (hour, minute, second, nanosecond, precision): Clock,
    minutes_east: i64,
) -> Option<EventTime> {
    let year = i16::try_from(year).ok()?;
    // A leap second is the last one of its minute: no clock here can show it.
    let second = if second == 60 { 59 } else { second };
    let civil = DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let at = at.checked_sub(jiff::SignedDuration::from_mins(minutes_east)).ok()?;
    Some(EventTime { at, precision })
}

/// The time that a text stands for; `None` for what is no time, or may be read in two ways.
pub(super) fn event_time(text: &str) -> Option<EventTime> {
    let text = text.trim();
    if let Some(millis) = text.trim_matches('/').strip_prefix("Date(") {
        let at = Timestamp::from_millisecond(millis.strip_suffix(')')?.parse().ok()?).ok()?;
        return Some(EventTime { at, precision: Precision::Digits(3) });
    }
    if slashed_date(text).is_some() {
        return slashed(text, order_of([text].into_iter())?);
    }
    let mut numbers = Numbers(text);
    let (year, digits) = numbers.next()?;
    if digits != 4 || !numbers.take(&['-']) {
        return None;
    }
    let month = numbers.small()?;
    if !numbers.take(&['-']) {
        return None;
    }
    let day = numbers.small()?;
    numbers.take(&['T', 't', ' ']);
    let read = clock(&mut numbers)?;
    let (hour, east) = ending(&mut numbers, read.0)?;
    instant((year, month, day), (hour, read.1, read.2, read.3, read.4), east)
}

/// The date of `6/15/2026, 3:50:30.492 PM` or `15.06.2026 15:50`, its numbers in the order in which they stand.
fn slashed_date(text: &str) -> Option<(i8, i8, i64, Numbers<'_>)> {
    let mut numbers = Numbers(text.trim());
    let first = numbers.small()?;
    if !numbers.take(&['/', '.']) {
        return None;
    }
    let second = numbers.small()?;
    if !numbers.take(&['/', '.']) {
        return None;
    }
    let (year, digits) = numbers.next()?;
    if digits != 4 {
        return None;
    }
    numbers.0 = numbers.0.trim_start_matches([',', ' ', 'T']);
    Some((first, second, year, numbers))
}

/// The time of a date with slashes or points whose order is known.
pub(in crate::intake) fn slashed(text: &str, order: DateOrder) -> Option<EventTime> {
    let (first, second, year, mut numbers) = slashed_date(text)?;
    let (month, day) = match order {
        DateOrder::MonthFirst => (first, second),
        DateOrder::DayFirst => (second, first),
    };
    let read = clock(&mut numbers)?;
    let (hour, east) = ending(&mut numbers, read.0)?;
    instant((year, month, day), (hour, read.1, read.2, read.3, read.4), east)
}

/// The order that dates show: one of them has a day that is no month, or a point between its numbers. `None` where none
/// does, or where they contradict each other.
pub(in crate::intake) fn order_of<'t>(texts: impl Iterator<Item = &'t str>) -> Option<DateOrder> {
    let mut found = None;
    for text in texts {
        let Some((first, second, _, _)) = slashed_date(text) else { continue };
        let order = if first > 12 || (!text.contains('/') && text.contains('.')) {
            DateOrder::DayFirst
        } else if second > 12 {
            DateOrder::MonthFirst
        } else {
            continue;
        };
        if found.is_some_and(|known| known != order) {
            return None;
        }
        found = Some(order);
    }
    found
}

/// The time that the id of a snapshot of the backup service holds: base64 of an RFC 3339 text, or of Unix seconds.
#[must_use]
pub fn of_snapshot_id(id: &str) -> Option<EventTime> {
    let text = String::from_utf8(base64(id)?).ok()?;
    if let Some(time) = event_time(&text) {
        return Some(time);
    }
    let at = Timestamp::from_second(text.trim().parse().ok()?).ok()?;
    // Anything else that decodes to digits is no time of a backup.
    let sane = at >= date(2015, 1, 1).to_zoned(TimeZone::UTC).ok()?.timestamp();
    sane.then_some(EventTime { at, precision: Precision::Second })
}

/// Base64 of either alphabet, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    const MOST: usize = 128;
    const FORGIVING: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    if text.is_empty() || text.len() > MOST {
        return None;
    }
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, FORGIVING).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let Some(EventTime { at, precision }) = event_time(text) else { return "none".to_owned() };
        format!("{at} {precision:?}")
    }

    #[test]
    fn one_instant_in_many_spellings() {
        for (text, expected) in [
            ("2026-01-24T06:54:24.0000000Z ", "2026-01-24T06:54:24Z Digits(7)"),
            ("2026-01-24T06:54:24Z", "2026-01-24T06:54:24Z Second"),
            ("2026-01-24 06:54:24.25", "2026-01-24T06:54:24.25Z Digits(2)"),
            ("2026-01-24 06:54:24 +0000", "2026-01-24T06:54:24Z Second"),
            ("2026-01-24T07:54:24+01:00", "2026-01-24T06:54:24Z Second"),
            ("2026-01-24T06:54", "2026-01-24T06:54:00Z Minute"),
            ("2026-01-24T06:54:24.123456789123Z", "2026-01-24T06:54:24.123456789Z Digits(9)"),
            ("1/24/2026 6:54:24 AM", "2026-01-24T06:54:24Z Second"),
            ("24/01/2026 06:54:24", "2026-01-24T06:54:24Z Second"),
            ("24.1.2026, 6:54", "2026-01-24T06:54:00Z Minute"),
            ("6/15/2026, 3:50:30.492 PM", "2026-06-15T15:50:30.492Z Digits(3)"),
            ("/Date(1769237664000)/", "2026-01-24T06:54:24Z Digits(3)"),
            ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59Z Second"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_not_read() {
        for text in
            ["1/2/2026 6:54:24 AM", "yesterday", "", "2026", "13/13/2026 1:00", "2026-01-24", "é"]
        {
            assert_eq!(read(text), "none", "{text}");
        }
        assert_eq!(
            order_of(["1/2/2026 1:00", "1/13/2026 1:00"].into_iter()).unwrap(),
            DateOrder::MonthFirst
        );
        assert_eq!(order_of(["13/2/2026 1:00", "1/13/2026 1:00"].into_iter()), None);
    }

    #[test]
    fn ids_of_backups_hold_their_time_in_two_encodings() {
        for (id, expected) in [
            ("MjAyNC0wOC0yNlQwMjozMDowMFo=", Some("2024-08-26T02:30:00Z")),
            ("MjAyNC0wOC0yNlQwMjozMDowMFo", Some("2024-08-26T02:30:00Z")),
            ("MTc4NTE4OTYwMA==", Some("2026-07-27T22:00:00Z")),
            ("MTIz", None),
            ("d3f8e7e8-7e87-4a7f-9d2c-c1c2d7e8e1f1", None),
        ] {
            let found = of_snapshot_id(id).map(|time| time.at.to_string());
            assert_eq!(found.as_deref(), expected, "{id}");
        }
    }
}
