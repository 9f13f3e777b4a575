//! The control command of veer; everything is in [`veer::control::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    veer::control::cli::main()
}
