//! Every code that warnings, quarantine, set-aside rules and reasons carry, with its meaning and what to do about it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What is known of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Stable name.
    pub code: String,
    /// Whether it means that input was damaged, refused or quarantined (exit code 3), or not read.
    pub damage: bool,
    /// Whether it means that a limit was reached and something was not read (exit code 6).
    pub limit: bool,
    /// What it means.
    pub meaning: String,
    /// What to do now.
    pub advice: String,
}

static CODES: LazyLock<BTreeMap<String, Code>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("codes.csv").as_bytes());
    reader
        .records()
        .filter_map(Result::ok)
        .filter_map(|row| {
            let cell = |at: usize| row.get(at).map(str::to_owned);
            let code = Code {
                code: cell(0)?,
                damage: matches!(cell(1)?.as_str(), "yes" | "limit"),
                limit: cell(1)? == "limit",
                meaning: cell(2)?,
                advice: cell(3)?,
            };
            Some((code.code.clone(), code))
        })
        .collect()
});

/// What is known of a code, if it is one.
#[must_use]
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.get(name)
}

/// All codes, by name.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    CODES.values()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AssertionOutcome, Freshness, Intent, Reason, Recoverability, Verdict, VerdictReason,
    };

    #[test]
    fn every_row_is_read_and_every_reason_is_explained() {
        let rows = include_str!("codes.csv").lines().count() - 1;
        assert_eq!(codes().count(), rows);
        for reason in Reason::ALL {
            assert!(code(reason.as_str()).is_some(), "{reason} has no row in codes.csv");
        }
        for word in Recoverability::ALL {
            assert!(code(word.as_str()).is_some(), "{word} has no row in codes.csv");
        }
        assert!(codes().all(|code| !code.meaning.is_empty() && !code.advice.is_empty()));
    }
    #[test]
    fn every_word_of_a_verification_is_explained() {
        let words = (Verdict::ALL.iter().map(|word| word.as_str()))
            .chain(VerdictReason::ALL.iter().map(|word| word.as_str()))
            .chain(Freshness::ALL.iter().map(|word| word.as_str()))
            .chain(Intent::ALL.iter().map(|word| word.as_str()))
            .chain(AssertionOutcome::ALL.iter().map(|word| word.as_str()));
        for word in words {
            assert!(code(word).is_some(), "{word} has no row in codes.csv");
        }
    }
}
