//! The sentences about a recovery: claims, freshness, distance, times, method and limits. Numbers come from
//! [`attestation`](crate::recovery::attestation); nothing is counted here.

use jiff::SignedDuration;

use crate::model::{
    Asserted, AssertionOutcome, Completion, Freshness, FreshnessRow, Interval, Verdict,
    Verification, Window,
};
use crate::recovery::attestation::{Attestation, Claim, ClaimKind, Ratio, TimeToClean};
use crate::report::words::{capital, counted, number, time, time_or};

/// How each verdict comes about.
pub(in crate::report) const METHOD: &[&str] = &[
    "Three snapshots of one tenant are compared: good (the state to go back to), damaged, and after (read after the recovery). What differs between good and damaged is judged, one row per attribute, link and object; with a declaration of what was damaged, what differs only between damaged and after is judged too.",
    "A value is that of the last observation at or before a snapshot, except in after: what after itself does not show is `cannot tell`, never carried forward.",
    "Freshness: a row is judged only if the exhibits that show its value in after are proved to have been read after the recovery was over, by a time that the service itself set, at or after its completion, in that exhibit or in another one of the same snapshot. An exhibit equal to an earlier one, timed by file time only, or made of delta pages proves nothing, and its rows are `cannot tell`.",
    "Distance: the service restores to its own backup, not to good. Where the value in good is not known to be the value at the time of that backup, and no change list of the service settles it, a row that is not good again is `cannot tell`.",
    "`equals good`, `equals damaged` and `third value` compare by meaning: order of keys and sets, case of GUIDs and spelling of times are no difference. `missing`: its object is not there. `changed again later`: it was good after the recovery and is not any more. `not recoverable` and `out of scope`: not good, and the service does not recover it, or the job left it out.",
    "What is good again is counted as good, whoever put it back.",
    "A wanted change (on a ticket, or outside the declared damage) passes if it is still there, and fails if it was taken back.",
    "The service's own numbers and its list of failed changes are held beside the evidence; where they differ, both are shown.",
];

/// What the sheet does not say.
pub(in crate::report) const LIMITS: &[&str] = &[
    "`cannot tell` is no pass: it stands in every denominator and in no numerator. Percentages are rounded down.",
    "Good is a state that someone chose, not one that is known to be right: what was already wrong in it is listed as far as the evidence shows it, and a recovery puts it back too.",
    "What no snapshot collected is not judged beyond the rows that say so. What changed and changed back between two snapshots leaves no trace.",
    "Hashes fix what was analysed, not how it was exported.",
    "The service does not say who started a recovery, nor why.",
];

/// How the sheet can be made again.
pub(in crate::report) const REPRODUCE: &str = "Another person gets the same sheet, byte for byte, from the same evidence with the same version and options; `entrace check` verifies the files by the hashes in run.json.";

/// A duration in the two largest units that it has: `2 d 3 h`, `40 min`, `12 s`.
pub(in crate::report) fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min")];
    let shown: Vec<String> = parts
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { format!("{seconds} s") } else { shown.join(" ") }
}

/// ` (30.00 %)`, or nothing where there is nothing to share.
fn share(ratio: Ratio) -> String {
    ratio.percent().map(|percent| format!(" ({percent} %)")).unwrap_or_default()
}

fn untold(ratio: Ratio) -> String {
    match ratio.cannot_tell {
        0 => String::new(),
        1 => " 1 cannot be told and is no pass.".to_owned(),
        more => format!(" {} cannot be told and are no pass.", number(more)),
    }
}

/// What a claim says.
pub(in crate::report) fn claim(claim: &Claim, of: &Verification) -> String {
    let ratio = claim.ratio;
    let passed = number(ratio.passed);
    let is_are = |one, many| if ratio.passed == 1 { one } else { many };
    let things = counted(ratio.of, "attribute, link or object", "attributes, links and objects");
    let share = share(ratio);
    let sentence = match claim.kind {
        ClaimKind::All => format!(
            "Of {things} judged, {passed} {}: good again, or a wanted change that was kept{share}.",
            is_are("passes", "pass")
        ),
        ClaimKind::PutBack => format!(
            "Of {things} that differ between {} and {} and were to be put back, {passed} {} the good value again in {}{share}.",
            of.good,
            of.damaged,
            is_are("has", "have"),
            of.after
        ),
        ClaimKind::Kept => format!(
            "Of {}, {passed} {} kept{share}.",
            counted(ratio.of, "wanted change", "wanted changes"),
            is_are("is", "are")
        ),
        ClaimKind::Collected => format!(
            "Of {} that the service recovers and a snapshot did not collect, {passed} can be judged{share}.",
            counted(ratio.of, "property", "properties")
        ),
        ClaimKind::ReadAfter => format!(
            "Of {} of {} that verdicts rest on, {passed} {} proved to have been read after the recovery{share}.",
            counted(ratio.of, "exhibit", "exhibits"),
            of.after,
            is_are("is", "are")
        ),
        ClaimKind::Reconciled => format!(
            "Of {} that the job gives, {passed} {} the number in the evidence{share}.",
            counted(ratio.of, "number", "numbers"),
            is_are("equals", "equal")
        ),
    };
    format!("{sentence}{}", untold(ratio))
}

/// Which rows of `recovery.csv` a claim is counted from.
pub(in crate::report) fn rows_of(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::All => "recovery.csv: all rows, by `objects`",
        ClaimKind::PutBack => {
            "recovery.csv: `intent` is not `legitimate`, `verdict` is not `collateral`, and `object_id` is not empty where the verdict is `cannot tell`"
        }
        ClaimKind::Kept => "recovery.csv: `intent` is `legitimate`",
        ClaimKind::Collected => {
            "recovery.csv: `object_id` is empty and the verdict is `cannot tell`, by `objects`"
        }
        ClaimKind::ReadAfter => "the table of freshness: exhibits with verdicts",
        ClaimKind::Reconciled => "the table of the job's numbers",
    }
}

/// The first sentence: what became of the recovery as a whole.
pub(in crate::report) fn lead(of: &Attestation<'_>) -> String {
    let (good, damaged) = (&of.of.good, &of.of.damaged);
    let (known, open) = (of.known, of.known.of - of.known.passed);
    let first = match (known.of, open) {
        (0, _) if of.uncollected == 0 => format!(
            "Nothing differs between {good} and {damaged} that could be judged: this verification claims nothing."
        ),
        (0, _) => format!("No difference between {good} and {damaged} is known."),
        (1, 0) => "The one difference that is known passed.".to_owned(),
        (_, 0) => format!("All of {} differences that are known passed.", number(known.of)),
        (_, open) => format!(
            "Not everything is as it was in {good}, or can be told: {} of {} did not pass{}.",
            number(open),
            counted(known.of, "known difference", "known differences"),
            match known.cannot_tell {
                0 => String::new(),
                some => format!(", {} of them because the evidence does not tell", number(some)),
            }
        ),
    };
    match of.uncollected {
        0 => first,
        some => format!(
            "{first} Beside them, {} that the service recovers {} not collected: whether they are as they were cannot be told.",
            counted(some, "property", "properties"),
            if some == 1 { "was" } else { "were" }
        ),
    }
}

/// Changes that nothing speaks for or against.
pub(in crate::report) fn not_judged(of: &Verification) -> String {
    match of.not_judged {
        0 => String::new(),
        some => format!(
            "{} between {} and {} that {} nothing that was damaged, and of which nothing is declared: not judged.",
            counted(some, "change", "changes"),
            of.damaged,
            of.after,
            if some == 1 { "touches" } else { "touch" }
        ),
    }
}

/// When the recovery was over, and who says so.
pub(in crate::report) fn completion(completion: Option<&Completion>) -> String {
    match completion {
        Some(Completion { at, declared: false }) => format!("{}, as the job says", time(*at)),
        Some(Completion { at, declared: true }) => {
            format!("{}, as declared; no job in the evidence says so", time(*at))
        }
        None => "not known: no verdict can stand on it".to_owned(),
    }
}

/// How far good lies from the time that the service restored to.
pub(in crate::report) fn distance(
    of: &Verification,
    good: Option<Interval>,
    undecided: u64,
) -> String {
    let Some(target) = of.target else {
        return "The time that the service restored to is not known.".to_owned();
    };
    let to = format!("The service restored to {}", time(target));
    let lies = match good {
        None => format!("{to}; when {} was captured is not known", of.good),
        Some(good) if good.start <= target && target <= good.end => {
            format!("{to}, while {} was captured", of.good)
        }
        Some(good) if target < good.start => format!(
            "{to}, {} before {} was captured",
            duration(good.start.duration_since(target)),
            of.good
        ),
        Some(good) => format!(
            "{to}, {} after {} was captured",
            duration(target.duration_since(good.end)),
            of.good
        ),
    };
    match undecided {
        0 => format!("{lies}. No verdict is open for it."),
        1 => format!("{lies}. 1 verdict is `cannot tell` for it."),
        more => format!("{lies}. {} verdicts are `cannot tell` for it.", number(more)),
    }
}

/// What proves that an exhibit was read after the recovery, or what stands against it.
pub(in crate::report) fn freshness(row: &FreshnessRow) -> String {
    let own = || match (row.latest, row.property.as_str()) {
        (Some(at), "") => format!(": {}", time(at)),
        (Some(at), property) => format!(": {property} {}", time(at)),
        (None, _) => String::new(),
    };
    match row.freshness {
        Freshness::Own => format!("proved by a time that the service set in it{}", own()),
        Freshness::Run => "proved by another exhibit of the same snapshot".to_owned(),
        Freshness::None => {
            format!("not proved: no time set by the service reaches the completion{}", own())
        }
        Freshness::BeforeCompletion => "captured before the recovery was over".to_owned(),
        Freshness::EqualToEarlier => match row.equal_to {
            Some(earlier) => {
                format!("not proved: the same content as {earlier} of an earlier snapshot")
            }
            None => "not proved: the same content as an exhibit of an earlier snapshot".to_owned(),
        },
        Freshness::FileTime => "not proved: only the time of the file tells when".to_owned(),
        Freshness::Delta => "a delta page: it does not show what a recovery did".to_owned(),
    }
}

/// `between … and …`.
pub(in crate::report) fn window(window: Window) -> String {
    format!(
        "between {} and {}",
        time_or(window.not_before, "an unknown time"),
        time_or(window.not_after, "an unknown time")
    )
}

/// From the damage to the recovery.
pub(in crate::report) fn time_to_clean(of: &Verification, found: Option<TimeToClean>) -> String {
    let is_known = |window: Window| window.not_before.is_some() || window.not_after.is_some();
    if !is_known(of.clean.damaged) {
        return "When the damage was done is not known.".to_owned();
    }
    let damaged = format!("First damage {}", window(of.clean.damaged));
    let Some(found) = found else {
        return match is_known(of.clean.clean) {
            true => format!(
                "{damaged}. What is good again became so {}; while anything is open, the tenant is not clean and no time to clean is given.",
                window(of.clean.clean)
            ),
            false => format!("{damaged}. Nothing is known to be good again."),
        };
    };
    let bound = |bound: Option<SignedDuration>| {
        bound.map_or_else(|| "an unknown time".to_owned(), duration)
    };
    format!(
        "{damaged}; good again {}: at least {}, at most {}.",
        window(of.clean.clean),
        bound(found.at_least),
        bound(found.at_most)
    )
}

/// What a verdict counts as.
pub(in crate::report) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::EqualsGood | Verdict::LegitimateChangeKept => "plus",
        Verdict::CannotTell => "gap",
        Verdict::EqualsDamaged
        | Verdict::ThirdValue
        | Verdict::Missing
        | Verdict::ChangedAgainLater
        | Verdict::Collateral
        | Verdict::LegitimateChangeLost => "minus",
        Verdict::NotRecoverable | Verdict::OutOfScope => "delta",
    }
}

/// How the assertions of a file came out.
pub(in crate::report) fn asserted(asserted: &Asserted) -> String {
    let count = |outcome| {
        let rows = asserted.rows.iter().filter(|row| row.outcome == outcome).count();
        u64::try_from(rows).unwrap_or(u64::MAX)
    };
    let of = u64::try_from(asserted.rows.len()).unwrap_or(u64::MAX);
    let passed = count(AssertionOutcome::Holds);
    let ratio = Ratio { passed, of, cannot_tell: count(AssertionOutcome::CannotTell) };
    if of == 0 {
        return "The file holds no assertion: nothing is claimed.".to_owned();
    }
    capital(&format!(
        "of {}, {} {}{}; {} {}.{}",
        counted(of, "assertion", "assertions"),
        number(passed),
        if passed == 1 { "holds" } else { "hold" },
        share(ratio),
        number(count(AssertionOutcome::Fails)),
        if count(AssertionOutcome::Fails) == 1 { "fails" } else { "fail" },
        untold(ratio)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_in_two_units() {
        for (seconds, words) in [
            (12, "12 s"),
            (60, "1 min"),
            (2_400, "40 min"),
            (3_600, "1 h"),
            (97_200, "1 d 3 h"),
            (86_400, "1 d"),
            (86_460, "1 d"),
        ] {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), words);
        }
    }
}
