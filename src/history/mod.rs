//! From sorted runs to history: objects, their changes with windows, lanes and certainty; the state of an object at a time.
//!
//! Knows nothing of audit logs, severity or output formats.

mod attributes;
mod between;
mod census;
mod coverage;
mod draft;
mod engine;
mod fold;
mod leaves;
mod links;
mod lists;
mod lives;
mod logs;
mod lost;
mod names;
mod observed;
mod path_rows;
mod presence;
mod series;
mod shown;
mod state;
mod tables;
mod timeline;
mod times;
mod value;

pub use between::net;
pub use fold::change_id;
pub use leaves::{Paired, paired};
pub use observed::{EVERY, ObservedObject, ObservedType, Shown, Wanted, objects_in, observe};
pub use state::{
    AttributeState, LinkState, ObjectState, ValueAt, WantedStates, state_of, states_as_of,
};
pub use value::{Attributes, Json, Speller, quote};

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

use engine::Engine;
use names::ObjectKey;

use crate::directory::Catalogue;
use crate::index::{Index, OpenError};
use crate::meter::{Meter, Stage};
use crate::model::{Analysis, Lane};

/// What stops the comparison.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// A record could not be opened again.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What was found takes more memory than the run may.
    #[error(transparent)]
    Memory(#[from] crate::budget::Exceeded),
}

/// How the history is told.
#[derive(Debug, Clone, Default)]
pub struct HistoryOptions {
    /// Lanes whose rows stand one by one.
    pub unfolded: Vec<Lane>,
    /// Whether every object gets its row, or changed ones only.
    pub all_objects: bool,
    /// The clock, if not the end of the last capture.
    pub as_of: Option<Timestamp>,
    /// Moved as objects are compared.
    pub meter: Arc<Meter>,
}

/// Compares all snapshots of all tenants.
///
/// # Errors
/// [`HistoryError::Open`] if evidence cannot be read again or is not what was indexed.
pub fn analyse(
    index: &Index,
    catalogue: &Catalogue,
    options: &HistoryOptions,
) -> Result<Analysis, HistoryError> {
    options.meter.stage(Stage::Comparing);
    let engine = Engine::new(index, catalogue, &options.unfolded)?;
    let (mut drafts, mut aside, mut names) = engine.drafts(&options.meter)?;
    engine.mark_rebirths(&mut drafts)?;
    let mut wanted: BTreeSet<ObjectKey> =
        drafts.iter().flat_map(|draft| engine.unnamed(draft, &names)).collect();
    if options.all_objects {
        wanted.extend(tables::all_objects(index));
    }
    tables::soonest_first(&mut aside.bin);
    wanted.extend(tables::soonest(&aside.bin));
    options.meter.stage(Stage::Opening);
    names.read(index, catalogue, wanted)?;
    for draft in &mut drafts {
        engine.name(draft, &names);
    }
    let changes = fold::finish(drafts, &options.unfolded);
    Ok(tables::analysis(&engine, changes, &names, (aside, options)))
}
