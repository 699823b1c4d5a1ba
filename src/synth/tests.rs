//! Tests of whole tenants.

use super::*;
