//! `check`: whether a file is valid before it is put in its place, and what it would change.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Cli, Error, RELOAD_PATIENCE, settings};
use crate::{
    config::{
        diagnostic::Diagnostics,
        settings::Settings,
        source::Source,
        values::{DROP_INS, LAST_FILE},
    },
    control::{
        checked::{Checked, Holds},
        client::ClientError,
        protocol::{Failure, Proposed},
        render::{self, Paint},
    },
    daemon::load::{self, Loaded},
};

/// Checks `file`, or the configuration as it is.
pub(super) fn run(cli: &Cli, file: Option<&Path>, paint: Paint) -> Result<ExitCode, Error> {
    let proposed = match file.map(|file| proposed(file, &cli.config)).transpose() {
        Ok(proposed) => proposed,
        Err(found) => return Ok(refused(&found)),
    };
    let source = Source::on_disk(&cli.config);
    let source = match &proposed {
        Some(Proposed { path, text }) => source.with(path.clone(), text.clone()),
        None => source,
    };
    let loaded = match load::load(&source) {
        Ok(loaded) => loaded,
        Err(mut found) => {
            // What is read is what is to be mended.
            if let (Some(file), Some(Proposed { path, .. })) = (file, &proposed) {
                found.renamed(path, file);
            }
            return Ok(refused(&found));
        }
    };
    let mut repeated = loaded.config.values.repeated().clone();
    if let (Some(file), Some(Proposed { path, .. })) = (file, &proposed) {
        repeated.renamed(path, file);
    }
    for repeated in &repeated.0 {
        eprintln!("veerctl: {repeated}");
    }
    let difference = match cli.connect(RELOAD_PATIENCE) {
        Ok(mut client) => match client.differ(proposed) {
            Err(ClientError::Failure(Failure::Refused(lines))) => {
                eprintln!("veerctl: valid here, and refused by the running veerd");
                for line in lines {
                    eprintln!("{line}");
                }
                return Ok(ExitCode::FAILURE);
            }
            difference => Some(difference?),
        },
        Err(ClientError::NotRunning { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let checked = Checked {
        file: file.map(Path::to_owned),
        holds: holds(&loaded),
        difference,
    };
    cli.show(&checked, |checked| render::checked(checked, paint))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn refused(found: &Diagnostics) -> ExitCode {
    eprintln!("veerctl: not valid");
    eprintln!("{found}");
    ExitCode::FAILURE
}

fn holds(loaded: &Loaded) -> Holds {
    Holds {
        zones: loaded.zones.iter().count(),
        services: loaded.plan.services.len(),
        pools: loaded.plan.pools.len(),
        groups: loaded.plan.groups.names.len(),
        prefixes: loaded.plan.groups.prefixes.len(),
    }
}

const VALID: &str = "a file of services or groups (*.toml), a zone (*.zone), or tunables (*.conf)";

/// The `file`, to be put where those of its kind are in the configuration of `dir`.
pub(super) fn proposed(file: &Path, dir: &Path) -> Result<Proposed, Diagnostics> {
    let wrong = |message: String| {
        let mut found = Diagnostics::default();
        found.push(file, 0, "", message);
        found
    };
    let text = fs::read_to_string(file)
        .map_err(|error| wrong(format!("cannot be read: {error}; valid: {VALID}")))?;
    let path = place(file, &text, dir, &settings(dir));
    let path = path.ok_or_else(|| wrong(format!("is of no known kind; valid: {VALID}")))?;
    Ok(Proposed { path, text })
}

/// Where a file like `file`, which says `text`, is in the configuration of `dir`.
fn place(file: &Path, text: &str, dir: &Path, settings: &Settings) -> Option<PathBuf> {
    let name = file.file_name()?;
    let directory = match file.extension()?.to_str()? {
        "toml" if says(text, "group") => &settings.groups_directory,
        "toml" => &settings.services_directory,
        "zone" => &settings.zones_directory,
        "conf" if settings.groups_file.file_name() == Some(name) => {
            return Some(settings.groups_file.clone());
        }
        "conf" if name == LAST_FILE => return Some(dir.join(LAST_FILE)),
        "conf" => &dir.join(DROP_INS),
        _ => return None,
    };
    Some(directory.join(name))
}

/// Whether `text` is TOML with `[[key]]` in it.
fn says(text: &str, key: &str) -> bool {
    text.parse::<toml::Table>()
        .is_ok_and(|table| table.contains_key(key))
}
