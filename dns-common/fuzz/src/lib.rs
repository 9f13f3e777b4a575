//! Fuzz targets of what reads octets from the network: each takes any octets and
//! panics where something is wrong with what is made of them.
//!
//! With `cargo install cargo-fuzz`, in the directory above (`dns-common`), a minute of
//! target `ask`:
//!
//! ```text
//! mkdir -p fuzz/corpus/ask
//! RUSTC_BOOTSTRAP=1 cargo fuzz run ask fuzz/corpus/ask tests/fuzz_regressions/ask \
//!     -- -max_len=2048 -max_total_time=60
//! ```
//!
//! `cargo xtask fuzz --target ask --seconds 60` does the same. Targets are
//! [`targets::ask`], [`targets::edns`], [`targets::respond`] and [`targets::cookie`].
//! `RUSTC_BOOTSTRAP=1` lets a stable compiler take the flags of coverage and of the
//! address sanitizer that cargo-fuzz sets; a nightly one (`cargo +nightly fuzz …`)
//! needs it not.
//!
//! What it finds on the way stays in `corpus`, which is not committed. An input that
//! fails, in `artifacts/TARGET`, is put into `dns-common/tests/fuzz_regressions/TARGET/`
//! under a name that says what was wrong, where the crate's tests run it for good.

pub mod targets;

#[path = "../../tests/world/mod.rs"]
mod world;
