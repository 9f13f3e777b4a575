//! Where tunables are read; only a daemon's are set.

use super::super::{Cli, PATIENCE};
use crate::{
    config::{
        diagnostic::Diagnostics,
        source,
        values::{self, Values},
    },
    control::{
        client::{Client, ClientError},
        tunable::Tunable,
    },
};

/// Where tunables are read.
pub(super) enum Source {
    /// The running daemon.
    Daemon(Client),
    /// The files it would read.
    Files {
        values: Values,
        /// Whether they hold mistakes.
        faulty: bool,
    },
}

impl Source {
    /// The running daemon; the files where none runs.
    pub(super) fn open(cli: &Cli) -> Result<Self, ClientError> {
        match cli.connect(PATIENCE) {
            Err(error @ ClientError::NotRunning { .. }) => {
                eprintln!("veerctl: {error}; these are the values in its files");
                Ok(Self::files(cli))
            }
            connected => Ok(Self::Daemon(connected?)),
        }
    }

    /// The files, with what is wrong in them told.
    fn files(cli: &Cli) -> Self {
        let mut found = Diagnostics::default();
        let values = Values::read(&source::Source::on_disk(&cli.config), &mut found);
        let faulty = !found.0.is_empty();
        if faulty {
            eprintln!("{found}");
        }
        Self::Files { values, faulty }
    }

    pub(super) fn is_faulty(&self) -> bool {
        matches!(self, Self::Files { faulty: true, .. })
    }

    pub(super) fn all(&mut self) -> Result<Vec<Tunable>, ClientError> {
        match self {
            Self::Daemon(client) => client.tunables(),
            Self::Files { values, .. } => Ok(Tunable::all(values)),
        }
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Tunable, ClientError> {
        match self {
            Self::Daemon(client) => client.tunable(key),
            Self::Files { values, .. } => Ok(Tunable::of(values, key)?),
        }
    }

    /// All tunables whose keys begin with the parts of `key`, as sysctl(8) shows what is
    /// in a directory.
    pub(super) fn below(&mut self, key: &str) -> Result<Vec<Tunable>, ClientError> {
        let dotted = values::dotted(key);
        let beginning = format!("{}.", dotted.trim_end_matches('.'));
        let mut all = self.all()?;
        all.retain(|tunable| tunable.key.starts_with(&beginning));
        Ok(all)
    }
}
