//! Instants as seconds of the epoch, and their spellings.

use jiff::Timestamp;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Midnight of 2026-11-01, the first day of every synthetic tenant.
pub(super) const FIRST_DAY: i64 = 1_793_491_200;

/// `2026-11-02T03:01:12Z`.
pub(super) fn rfc3339(at: i64) -> String {
    Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// `20261102T030112Z`.
pub(super) fn compact(at: i64) -> String {
    rfc3339(at).replace(['-', ':'], "")
}

/// `2026-11-02`.
pub(super) fn date(at: i64) -> String {
    rfc3339(at).split_once('T').map_or_else(String::new, |(date, _)| date.to_owned())
}

/// `2026-11-02T03-00-00Z`, a stamp for folder names.
pub(super) fn folder(at: i64) -> String {
    rfc3339(at).replace(':', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_day_is_the_first_of_november() {
        assert_eq!(rfc3339(FIRST_DAY), "2026-11-01T00:00:00Z");
        assert_eq!(compact(FIRST_DAY + DAY + 10_872), "20261102T030112Z");
        assert_eq!(date(FIRST_DAY), "2026-11-01");
        assert_eq!(folder(FIRST_DAY), "2026-11-01T00-00-00Z");
    }
}
