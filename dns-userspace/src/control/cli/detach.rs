//! `veerctl detach`: through the daemon where there is one, else by hand.

use std::{path::Path, time::Duration};

use super::{Cli, Error, settings};
use crate::{
    control::{
        client::{Client, ClientError},
        status::Detached,
    },
    kernel,
};

/// How long a daemon may take before it is done without.
const PATIENCE: Duration = Duration::from_millis(500);

/// Takes off what is pinned at `pin_path`; without one, what the daemon runs,
/// else what the configuration names.
pub(super) fn detach(cli: &Cli, pin_path: Option<&Path>) -> Result<Detached, Error> {
    match through_the_daemon(cli, pin_path) {
        Ok(Some(detached)) => return Ok(detached),
        Ok(None) | Err(ClientError::NotRunning { .. }) => {}
        Err(error) => eprintln!("veerctl: {error}; detaching without it"),
    }
    let pin_path = pin_path.map_or_else(|| settings(&cli.config).xdp_pin_path, Path::to_owned);
    let found = kernel::detach(&pin_path)?;
    Ok(Detached {
        was_attached: found == kernel::Detached::Done,
        pin_path,
    })
}

/// Has the daemon do it, which keeps its status true; `None` when it runs
/// another pin path than the one meant.
fn through_the_daemon(cli: &Cli, pin_path: Option<&Path>) -> Result<Option<Detached>, ClientError> {
    let mut client: Client = cli.connect(PATIENCE)?;
    if let Some(wanted) = pin_path
        && client.status()?.xdp.pin_path != wanted
    {
        return Ok(None);
    }
    client.detach().map(Some)
}
