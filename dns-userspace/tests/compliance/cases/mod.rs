//! Queries and what RFCs say of the reply, named by RFC and section.

pub(crate) mod query;
pub(crate) mod reply;
pub(crate) mod world;

mod message;

mod rfc6891;
mod rfc8906;

mod messages;
mod names;
mod options;

/// A test for each case: `name: query => expected;`.
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: $query:expr => $expected:expr;)+) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                super::super::runner::run(stringify!($name), &$query, &$expected);
            }
        )+
    };
}
use cases;
