//! Microsoft Entra Backup and Recovery, from files to tables.

mod recoverability;
mod service;
mod verdicts;
