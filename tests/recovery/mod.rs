//! Microsoft Entra Backup and Recovery, from files to tables.

mod difference;
mod recoverability;
mod verdicts;
