//! Microsoft Entra Backup and Recovery, from files to tables.

mod assertions;
mod recoverability;
mod verdicts;
