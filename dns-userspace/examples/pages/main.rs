//! Makes what people and shells read of veer: manual pages, completions, and the table of
//! tunables in README.md. `cargo xtask pages` runs it.
//!
//! ```text
//! pages DIRECTORY README [--check]
//! ```

mod commands;
mod conf;
mod services;

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use clap::CommandFactory as _;
use clap_mangen::roff::{Roff, roman};
use veer::{arguments::Arguments, config::tunables::reference, control::cli::Cli};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (directory, readme, is_check) = match arguments.as_slice() {
        [directory, readme] => (directory, readme, false),
        [directory, readme, check] if check == "--check" => (directory, readme, true),
        _ => return Err("usage: pages DIRECTORY README [--check]".into()),
    };
    let directory = Path::new(directory);
    let man = directory.join("man");
    fs::create_dir_all(&man)?;
    commands::man(Arguments::command(), &man)?;
    commands::man(Cli::command(), &man)?;
    fs::write(man.join("veer.conf.5"), conf::page())?;
    fs::write(man.join("veer.services.5"), services::page())?;
    commands::completions(&directory.join("completions"))?;

    let text = fs::read_to_string(readme)?;
    let renewed = reference::renewed(&text).ok_or("README.md has no table of tunables")?;
    if renewed == text {
        return Ok(ExitCode::SUCCESS);
    }
    if is_check {
        eprintln!("the table of tunables in {readme} is not that of the code");
        return Ok(ExitCode::FAILURE);
    }
    fs::write(readme, renewed)?;
    println!("{readme}: the table of tunables is made anew");
    Ok(ExitCode::SUCCESS)
}

/// The head of a page of files, named `name`: what it is `about`.
fn head(name: &str, about: &str) -> Roff {
    let mut page = Roff::new();
    let source = concat!("veer ", env!("CARGO_PKG_VERSION"));
    page.control("TH", [name, "5", "", source, ""]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - {about}"))]);
    page
}

/// Where else to read.
fn see_also(page: &mut Roff, others: &str) {
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(others)]);
}
