//! Totals for the summary, grouped from the frames of [`super::tables`].

use polars::error::PolarsResult;
use polars::prelude::{Column, DataFrame, SortMultipleOptions};

use super::ReportError;
use crate::model::SnapshotRow;

/// One group of a frame of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The values of the columns that were grouped by, in their order.
    pub key: Vec<String>,
    /// Rows.
    pub rows: u64,
    /// Sum of the column `objects`: how many objects the rows stand for, an object counted once per row.
    pub objects: u64,
    /// Distinct objects among the rows that name one.
    pub distinct: u64,
}

/// Groups a frame of changes by some of its columns, sorted by them.
///
/// # Errors
/// [`ReportError::Table`] if a column is missing.
pub fn count(changes: &DataFrame, by: &[&str]) -> Result<Vec<Count>, ReportError> {
    counts(changes, by).map_err(|source| ReportError::Table { table: "summary", source })
}

#[expect(deprecated, reason = "polars points to its lazy engine, which links an HTTP stack")]
fn counts(changes: &DataFrame, by: &[&str]) -> PolarsResult<Vec<Count>> {
    if changes.height() == 0 {
        return Ok(Vec::new());
    }
    let mut object_keys = by.to_vec();
    for key in ["tenant_id", "object_type", "object_id"] {
        if !object_keys.contains(&key) {
            object_keys.push(key);
        }
    }
    let per_object = changes.group_by(&object_keys)?.select(["objects"]);
    let mut grouped = per_object.count()?;
    grouped.with_column(per_object.sum()?.column("objects_sum")?.clone())?;
    let named: Vec<u64> = grouped
        .column("object_id")?
        .str()?
        .iter()
        .map(|id| u64::from(id.is_some_and(|id| !id.is_empty())))
        .collect();
    let rows: Vec<u64> =
        grouped.column("objects_count")?.idx()?.iter().map(|n| n.map_or(0, u64::from)).collect();
    grouped.with_column(Column::new("named".into(), named))?;
    grouped.with_column(Column::new("rows".into(), rows))?;
    let totals = grouped
        .group_by(by)?
        .select(["rows", "objects_sum", "named"])
        .sum()?
        .sort(by, SortMultipleOptions::default())?;
    let keys: Vec<_> =
        by.iter().map(|name| totals.column(name)?.str()).collect::<PolarsResult<_>>()?;
    let (rows, objects, named) = (
        totals.column("rows_sum")?.u64()?,
        totals.column("objects_sum_sum")?.u64()?,
        totals.column("named_sum")?.u64()?,
    );
    Ok((0..totals.height())
        .map(|at| Count {
            key: keys.iter().map(|key| key.get(at).unwrap_or_default().to_owned()).collect(),
            rows: rows.get(at).unwrap_or_default(),
            objects: objects.get(at).unwrap_or_default(),
            distinct: named.get(at).unwrap_or_default(),
        })
        .collect())
}

/// Objects of one type in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// Position of the snapshot among those of its tenant.
    pub position: u64,
    /// Graph resource name.
    pub object_type: String,
    /// Live objects.
    pub objects: u64,
}

/// Live objects per type and snapshot, sorted by (tenant, type, position).
///
/// # Errors
/// [`ReportError::Table`] if polars refuses the columns.
pub fn population(snapshots: &[SnapshotRow]) -> Result<Vec<Population>, ReportError> {
    populations(snapshots).map_err(|source| ReportError::Table { table: "snapshots", source })
}

#[expect(deprecated, reason = "polars points to its lazy engine, which links an HTTP stack")]
fn populations(snapshots: &[SnapshotRow]) -> PolarsResult<Vec<Population>> {
    let (mut tenants, mut positions) = (Vec::new(), Vec::new());
    let (mut types, mut objects) = (Vec::new(), Vec::new());
    for snapshot in snapshots {
        for (object_type, count) in &snapshot.objects {
            tenants.push(snapshot.tenant_id.as_str());
            positions.push(u64::try_from(snapshot.position).unwrap_or(u64::MAX));
            types.push(object_type.as_str());
            objects.push(*count);
        }
    }
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    let by = ["tenant_id", "object_type", "position"];
    let totals = DataFrame::new(
        tenants.len(),
        vec![
            Column::new("tenant_id".into(), tenants),
            Column::new("object_type".into(), types),
            Column::new("position".into(), positions),
            Column::new("objects".into(), objects),
        ],
    )?
    .group_by(by)?
    .select(["objects"])
    .sum()?
    .sort(by, SortMultipleOptions::default())?;
    let (tenants, types) =
        (totals.column("tenant_id")?.str()?, totals.column("object_type")?.str()?);
    let (positions, objects) =
        (totals.column("position")?.u64()?, totals.column("objects_sum")?.u64()?);
    Ok((0..totals.height())
        .map(|at| Population {
            tenant_id: tenants.get(at).unwrap_or_default().to_owned(),
            position: positions.get(at).unwrap_or_default(),
            object_type: types.get(at).unwrap_or_default().to_owned(),
            objects: objects.get(at).unwrap_or_default(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, tables};

    #[test]
    fn groups_add_up_to_the_rows() {
        let analysis = fixture::analysis();
        let frame = tables::changes(&analysis.changes).unwrap();
        let counts = count(&frame, &["object_type", "change", "lane", "certainty"]).unwrap();
        assert_eq!(
            counts.iter().map(|count| count.rows).sum::<u64>(),
            u64::try_from(analysis.changes.len()).unwrap()
        );
        assert_eq!(
            counts.iter().map(|count| count.objects).sum::<u64>(),
            analysis.changes.iter().map(|change| change.objects).sum::<u64>()
        );
        let sorted = counts.windows(2).all(|pair| pair[0].key < pair[1].key);
        assert!(sorted, "groups are in a fixed order");
    }

    #[test]
    fn an_object_with_two_rows_is_one_object() {
        let analysis = fixture::analysis();
        let mut row = analysis.changes[0].clone();
        row.attribute = "another".to_owned();
        let frame = tables::changes(&[analysis.changes[0].clone(), row]).unwrap();
        let counts = count(&frame, &["object_type"]).unwrap();
        assert_eq!((counts[0].rows, counts[0].distinct), (2, 1));
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(count(&tables::changes(&[]).unwrap(), &["lane"]).unwrap(), []);
        assert_eq!(population(&[]).unwrap(), []);
    }
}
