//! Formats that need more than the shapes of Graph itself: one file each, with what it is recognised by and its habits.

pub(super) mod answers;
pub(super) mod azure_ad_graph;
pub(super) mod azurehound;
pub(super) mod dsc;
pub(super) mod intune;
pub(super) mod nameless;
pub(super) mod powershell;
pub(super) mod scubagear;
pub(super) mod suites;
pub(super) mod utcm;
