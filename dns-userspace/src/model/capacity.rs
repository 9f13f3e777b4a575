//! How much candidates can take.

use std::time::Duration;

use super::Quantity;

/// What of a pool's candidates is filled, and how far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capacity {
    /// By candidate number, above 0, in a unit that all share; who has none takes whatever
    /// comes.
    pub by_candidate: Vec<Option<Quantity>>,
    /// Part of it up to which resolvers are sent there while others have room, 1 to 100.
    pub fill_percent: u8,
    /// After this long what is reported is of after a movement, by all candidates.
    pub settle: Duration,
}
