//! Microsoft Entra Backup and Recovery, from files to tables.

mod verdicts;
