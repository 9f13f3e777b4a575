//! What a person or CI types to work on veer, as a library: `cargo xtask` is a
//! thin command line over it, and tests and benchmarks call it too.

pub mod cargo;
pub mod demo;
pub mod ebpf;
pub mod fuzz;
pub mod lab;
pub mod package;
pub mod pages;
pub mod progress;
pub mod root;
pub mod setup;
