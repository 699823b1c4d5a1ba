//! Microsoft Entra Backup and Recovery, from files to tables.

mod assertions;
mod difference;
mod recoverability;
mod service;
mod verdicts;
mod verify;
