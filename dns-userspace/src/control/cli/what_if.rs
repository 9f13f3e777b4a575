//! `veerctl what-if`.

use std::net::IpAddr;

use crate::{
    control::protocol::WhatIfRequest,
    measurement::{
        director::what_if::{StateIs, UpOrDown, ValueIs, WhatIf},
        metric::Metric,
    },
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The services' names.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// A server, or a hand-over, that is up or down at all of its addresses.
    #[arg(long = "server", value_name = "SERVER=up|down", value_parser = state)]
    states: Vec<StateIs>,
    /// A value that is measured of a server.
    #[arg(long = "metric", value_name = "SERVER.METRIC=VALUE", value_parser = value)]
    values: Vec<ValueIs>,
    /// Only for a resolver at this address.
    #[arg(long, value_name = "ADDR")]
    from: Option<IpAddr>,
}

impl Args {
    /// What the daemon is asked.
    pub(super) fn request(&self) -> WhatIfRequest {
        WhatIfRequest {
            names: self.names.clone(),
            from: self.from,
            what: WhatIf {
                states: self.states.clone(),
                values: self.values.clone(),
            },
        }
    }
}

fn state(text: &str) -> Result<StateIs, String> {
    let (server, state) = text
        .split_once('=')
        .ok_or("valid: SERVER=up, SERVER=down")?;
    let state = match state {
        "up" => UpOrDown::Up,
        "down" => UpOrDown::Down,
        _ => return Err(format!("`{state}` is no state; valid: up, down")),
    };
    let server = server.to_owned();
    Ok(StateIs { server, state })
}

fn value(text: &str) -> Result<ValueIs, String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(what, value)| Some((what.split_once('.')?, value)));
    let ((server, name), value) = parts.ok_or("valid: SERVER.METRIC=VALUE")?;
    let metric = Metric::ALL.iter().find(|(known, _)| *known == name);
    let metric = metric.map(|(_, metric)| *metric).ok_or_else(|| {
        let valid = Metric::ALL.map(|(known, _)| known).join(", ");
        format!("`{name}` is no metric; valid: {valid}")
    })?;
    let value = value
        .parse()
        .map_err(|_| format!("`{value}` is no number"))?;
    let server = server.to_owned();
    Ok(ValueIs {
        server,
        metric,
        value,
    })
}
