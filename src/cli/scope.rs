//! Which changes a listing shows.

use super::args::Scope;
use crate::index::canonical;
use crate::model::{Change, Lane, glob};

/// Whether the scope names no lane and takes everything else.
#[must_use]
pub(super) fn holds(scope: &Scope, change: &Change, all_lanes: bool) -> bool {
    let any = |wanted: &[String], matches: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|word| matches(word))
    };
    let in_lane = if scope.lane.is_empty() {
        all_lanes || change.lane == Lane::Change || change.is_disappearance()
    } else {
        scope.lane.contains(&change.lane)
    };
    in_lane
        && any(&scope.object_type, &|word| word.eq_ignore_ascii_case(&change.object_type))
        && any(&scope.tenant, &|word| word.eq_ignore_ascii_case(&change.tenant_id))
        && any(&scope.attribute, &|pattern| glob(pattern, &change.attribute))
        && any(&scope.id, &|id| names(change, id))
        && (scope.certainty.is_empty() || scope.certainty.contains(&change.certainty))
        && overlaps(scope, change)
}

fn names(change: &Change, id: &str) -> bool {
    let id = canonical(id);
    change.object_id == id
        || change.target.as_ref().is_some_and(|target| target.id == id)
        || change.object_id.split('|').any(|part| part == id)
}

/// Windows that overlap the asked-for time; an unknown bound excludes nothing.
fn overlaps(scope: &Scope, change: &Change) -> bool {
    let window = change.window;
    let ends_before =
        matches!((window.not_after, scope.since), (Some(end), Some(since)) if end < since);
    let begins_after =
        matches!((window.not_before, scope.until), (Some(start), Some(until)) if start > until);
    !ends_before && !begins_after
}
