//! The control socket and `veerctl`, with a daemon that answers by rote.

mod check;
mod fake;
mod listener;
mod log;
mod overrides;
mod protocol;
mod replay;
mod shadow;
mod tunables;
mod veerctl;
mod what_if;
