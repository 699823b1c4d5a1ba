//! Everyday changes of all kinds.

mod apps;
mod groups;
mod policies;
mod users;

use super::SynthOptions;
use super::clock::DAY;
use super::export::{SECOND_PART, start_of};
use super::sim::Sim;

type Kind = fn(&mut Sim, i64);

/// Kinds of change, each with its weight.
const KINDS: &[(u64, Kind)] = &[
    (30, users::edit),
    (6, users::clear),
    (6, users::fill),
    (8, users::lists),
    (4, users::licence),
    (3, users::there_and_back),
    (2, users::blink),
    (4, users::enabled),
    (2, users::to_member),
    (5, users::create),
    (2, users::short_lived),
    (4, users::delete),
    (3, users::restore),
    (2, users::purge),
    (2, users::delete_and_purge),
    (2, users::rebirth),
    (2, users::manager),
    (2, users::sessions),
    (2, users::requirement),
    (5, groups::edit),
    (12, groups::members),
    (3, groups::owners),
    (2, groups::create),
    (2, groups::delete),
    (1, groups::restore),
    (3, groups::unit_members),
    (3, groups::device),
    (2, groups::device_gone),
    (5, apps::secret),
    (4, apps::addresses),
    (3, apps::permissions),
    (3, apps::federated),
    (2, apps::owners),
    (2, apps::create),
    (2, apps::delete),
    (1, apps::restore),
    (3, apps::principal),
    (4, apps::scope),
    (3, apps::grant),
    (3, apps::role_grant),
    (6, policies::conditional),
    (2, policies::session),
    (2, policies::create),
    (2, policies::delete),
    (2, policies::restore),
    (3, policies::location),
    (2, policies::authorization),
    (2, policies::methods),
    (1, policies::strength),
    (1, policies::trust),
    (2, policies::partner),
    (1, policies::federation),
    (1, policies::security_defaults),
    (2, policies::custom_role),
    (4, policies::assignment),
    (2, policies::widen),
    (2, policies::assign_again),
    (2, policies::eligibility),
];

/// Plans the everyday changes of all days.
pub(super) fn plan(sim: &mut Sim, options: &SynthOptions, per_day: u32) {
    let total: u64 = KINDS.iter().map(|(weight, _)| weight).sum();
    let days = usize::try_from(options.snapshots).unwrap_or(0);
    for day in 0..days {
        let between = if day + 1 < days { per_day } else { 0 };
        let gap = if options.users < super::LARGE { (per_day / 12).max(1) } else { 0 };
        for number in 0..between + gap {
            let at = if number < between {
                let span = u64::try_from(DAY - 4 * 3_600).unwrap_or(0);
                start_of(day) + 2 * 3_600 + i64::try_from(sim.rng.below(span)).unwrap_or(0)
            } else {
                start_of(day) + SECOND_PART - 600 + i64::from(number % 240)
            };
            let mut left = sim.rng.below(total);
            let kind = KINDS.iter().find(|(weight, _)| {
                let found = left < *weight;
                left = left.saturating_sub(*weight);
                found
            });
            if let Some((_, kind)) = kind.copied() {
                sim.later(at, kind);
            }
        }
    }
}

/// The same time some days on.
pub(super) fn days_on(at: i64, days: i64) -> i64 {
    at + days * DAY
}
