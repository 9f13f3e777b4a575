//! The tests of `packets` with the program for kernels without arenas.

#[path = "packets/main.rs"]
mod packets;

use packets::*;
use veer::kernel::TablesIn;

/// In place of the one for arenas.
pub(crate) const TABLES_IN: TablesIn = TablesIn::Arrays;
