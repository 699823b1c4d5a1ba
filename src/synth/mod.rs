//! Synthetic tenants, exports and answer keys written from the operations.
