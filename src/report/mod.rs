//! Output: CSV, HTML, JSON and terminal tables from the analysis; knows nothing of how they were computed.
