//! Whether the kernel's receiving comes before the server's processes on their core.

use anyhow::Result;
use serde::Serialize;

use crate::rig::Rig;

/// How both get their time. Below its limit a server answers the most where packets
/// never wait, so that none overflows the ring; above it, where receiving cannot starve
/// it. A rate is tried in both ways, and the better one counts: to the good of
/// servers on sockets, since XDP programs run in the receiving itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Receiving {
    /// Receiving comes first, as in interrupts.
    First,
    /// Even shares, as with `ksoftirqd`, which takes over from interrupts under load.
    Shared,
}

impl Receiving {
    /// Both, in the order they are tried.
    pub(crate) const WAYS: [Self; 2] = [Self::First, Self::Shared];

    /// Has the server's side of `rig` work so from now on.
    pub(crate) fn set(self, rig: &Rig) -> Result<()> {
        match self {
            Self::First => rig.prefer_server(),
            Self::Shared => rig.share_server(),
        }
    }
}
