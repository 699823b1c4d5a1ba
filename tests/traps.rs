//! Known traps: evidence that misleads a program which compares lists only.

mod captures;
mod coverage;
mod delta;
mod edges;
mod formats;
mod gone;
mod presence;
mod values;
