//! Control: looking at a running daemon, and steering it, over a unix socket.
//!
//! One JSON [`Request`](protocol::Request) a line goes in, one JSON
//! [`Response`](protocol::Response) a line comes back, in order, as many as the
//! caller wants on one connection. The daemon side is a [`server::Listener`]
//! over a [`server::Backend`]; `veerctl` ([`cli`]) is a [`client::Client`] and
//! the way its replies are shown.

pub mod answered;
pub mod checked;
pub mod cli;
pub mod client;
pub mod explained;
pub mod generations;
pub mod groups;
pub mod health;
pub mod overridden;
pub mod protocol;
pub mod server;
pub mod stats;
pub mod status;
pub mod tunable;

mod change;
mod render;
