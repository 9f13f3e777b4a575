//! Pages and completions of commands, from their command lines.

use std::{fs, io, path::Path};

use clap::{Command, CommandFactory as _, builder::PossibleValuesParser};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use veer::{arguments::Arguments, config::tunables::reference, control::cli::Cli};

/// Writes a page for `command` into `directory`, and one for each of its own commands.
pub(crate) fn man(command: Command, directory: &Path) -> io::Result<()> {
    let source = format!("veer {}", command.get_version().unwrap_or_default());
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    for command in subcommands.into_iter().chain([command]) {
        let page = Man::new(command).section("8").source(&source);
        page.generate_to(directory)?;
    }
    Ok(())
}

/// Writes completions of both commands, for each shell, into `directory`.
pub(crate) fn completions(directory: &Path) -> io::Result<()> {
    let keys = reference::sorted().into_iter().map(|tunable| tunable.key);
    let keys: Vec<_> = keys.collect();
    let words = PossibleValuesParser::new(&keys);
    // Only for completing: assignments and files are no such words.
    let veerctl = Cli::command().mut_arg("keys", |arg| arg.value_parser(words));
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let directory = directory.join(shell.to_string());
        fs::create_dir_all(&directory)?;
        generate_to(shell, &mut Arguments::command(), "veerd", &directory)?;
        let file = generate_to(shell, &mut veerctl.clone(), "veerctl", &directory)?;
        if shell == Shell::Fish {
            // It completes no operands of its own accord.
            let text = fs::read_to_string(&file)?;
            let keys = keys.join(" ");
            fs::write(
                &file,
                format!("{text}complete -c veerctl -f -a \"{keys}\"\n"),
            )?;
        }
    }
    Ok(())
}
