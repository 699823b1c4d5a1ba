//! Microsoft Entra Backup and Recovery, from files to tables.

mod recoverability;
mod verdicts;
mod verify;
