//! Microsoft Entra Backup and Recovery, from files to tables.

mod difference;
mod recoverability;
mod service;
mod verdicts;
