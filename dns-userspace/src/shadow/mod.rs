//! Shadow mode: what veer answers, held against the server that it is to replace.
//!
//! A [`Question`] is put to both: veer says itself what the resolver that asked would get,
//! the other server is asked ([`upstream`]). What came back is read ([`Reply`]), compared
//! by pure functions ([`compare()`]), where a decision made the answer with an eye on what
//! that could have been ([`Steering`]), and each [`Kind`] of difference is counted once for
//! each question ([`Tally`]).

mod compare;
mod kind;
mod question;
mod reply;
mod steering;
mod tally;
#[cfg(test)]
mod testing;
pub mod upstream;

pub use compare::{Difference, Side, compare};
pub use kind::Kind;
pub use question::Question;
pub use reply::Reply;
pub use steering::Steering;
pub use tally::{Counted, Found, LeftOut, Summary, Tally};
