//! Microsoft Entra Backup and Recovery, offline.

mod recoverability;
