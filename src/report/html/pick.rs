//! Which rows a page shows when there are too many: rare kinds of change are kept whole, the flood is cut.

use std::collections::BTreeMap;

use crate::model::Change;

/// Chooses at most `limit` of the rows, in their order.
///
/// Rows are grouped by (disappearance, type, kind, attribute). Every group gets the same share; what a small group does
/// not need goes to the others. A single role assignment is thus shown beside a hundred thousand changed departments.
/// Disappearances get their share first.
pub(super) fn pick<'a>(rows: &[&'a Change], limit: usize) -> Vec<&'a Change> {
    if rows.len() <= limit {
        return rows.to_vec();
    }
    let (gone, rest): (Vec<_>, Vec<_>) =
        (0..rows.len()).partition(|at| rows.get(*at).is_some_and(|row| row.is_disappearance()));
    let mut chosen = share(rows, &gone, limit);
    let left = limit.saturating_sub(chosen.len());
    chosen.extend(share(rows, &rest, left));
    chosen.sort_unstable();
    chosen.into_iter().filter_map(|at| rows.get(at).copied()).collect()
}

fn share(rows: &[&Change], among: &[usize], limit: usize) -> Vec<usize> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<usize>> = BTreeMap::new();
    for at in among {
        if let Some(row) = rows.get(*at) {
            let key = (&*row.object_type, row.kind.as_str(), &*row.attribute);
            groups.entry(key).or_default().push(*at);
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    // Stable: groups of equal size keep the order of their keys.
    groups.sort_by_key(Vec::len);
    let mut chosen = Vec::new();
    let mut left = limit;
    let count = groups.len();
    for (at, group) in groups.into_iter().enumerate() {
        let part = group.len().min(left.div_ceil(count - at)).min(left);
        left -= part;
        chosen.extend(group.into_iter().take(part));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChangeKind;
    use crate::report::fixture;

    #[test]
    fn the_rare_row_survives_the_flood_and_order_is_kept() {
        let mut changes: Vec<Change> = (0..500)
            .map(|n| fixture::modified("user", &format!("u{n:03}"), "department"))
            .collect();
        changes.push(fixture::object(ChangeKind::Added, "unifiedRoleAssignment", "r"));
        changes.push(fixture::object(ChangeKind::HardDeleted, "user", "gone"));
        let rows: Vec<&Change> = changes.iter().collect();
        let picked = pick(&rows, 10);
        let ids: Vec<&str> = picked.iter().map(|row| row.object_id.as_str()).collect();
        assert_eq!(ids.len(), 10);
        assert_eq!(ids[..2], ["u000", "u001"]);
        assert_eq!(ids[8..], ["r", "gone"]);
        assert_eq!(pick(&rows, 10_000).len(), 502);
    }
}
