//! `veerctl health`: what announces an address goes by its exit status.

use std::{process::ExitCode, time::Duration};

use super::{Cli, Error};
use crate::control::{
    client::{Client, ClientError},
    render::{self, Paint},
};

/// How long the daemon may take: its checks end sooner, and who announces does not wait long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exit status where nobody can be asked.
const UNREACHABLE: u8 = 2;

/// Shows what the daemon says of itself.
pub(super) fn run(cli: &Cli, paint: Paint) -> Result<ExitCode, Error> {
    let connected: Result<Client, _> = cli.connect(PATIENCE);
    let health = match connected.and_then(|mut client| client.health()) {
        Ok(health) => health,
        // It is there, and does not say that it is well.
        Err(error @ (ClientError::Failure(_) | ClientError::Protocol { .. })) => {
            return Err(error.into());
        }
        Err(error) => {
            eprintln!("veerctl: {error}");
            return Ok(ExitCode::from(UNREACHABLE));
        }
    };
    cli.show(&health, |health| render::health(health, paint))?;
    Ok(if health.healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
