//! What the demo's veerd is told.

use std::fmt::Write as _;

use anyhow::Result;

use super::{DNS, DOWN_AFTER, GROUPS, PROBE_INTERVAL_MS, SERVICE, SITES, Site};
use crate::lab::ConfigDir;

/// One in so many queries is told, for the rates by resolver and by group.
const SAMPLE: u32 = 100;

/// Writes every file of it.
pub(super) fn write(config: &ConfigDir) -> Result<()> {
    config.write(
        "veer.conf",
        &format!(
            "server.addresses = {}\nxdp.interface = eth0\nlog.queries_sample = {SAMPLE}\n",
            DNS.ip()
        ),
    )?;
    let groups = GROUPS
        .each_ref()
        .map(|group| format!("{} {}\n", group.prefix, group.name));
    config.write("groups.conf", &groups.concat())?;
    config.write("services.d/www.toml", &service())?;
    config.write("zones.d/example.com.zone", ZONE)
}

fn service() -> String {
    let timeout_ms = PROBE_INTERVAL_MS / 2;
    let mut text = format!(
        r#"[[service]]
name = "{SERVICE}"
customer = "example"
ttl_s = 5
[service.policy]
kind = "failover"
order = ["s1", "s2", "s3"]
[service.policy.groups]
isp-b = ["s2", "s3", "s1"]
[service.probe]
kind = "http"
interval_ms = {PROBE_INTERVAL_MS}
timeout_ms = {timeout_ms}
up_after = 2
down_after = {DOWN_AFTER}
"#
    );
    for Site { name, v4, v6 } in &SITES {
        let _ = writeln!(
            text,
            "[[service.server]]\nname = \"{name}\"\naddresses = [\"{v4}\", \"{v6}\"]"
        );
    }
    text
}

const ZONE: &str = "\
$ORIGIN example.com.
$TTL 300
@      SOA  ns1 hostmaster 1 3600 600 86400 5
@      NS   ns1
@      A    198.51.100.1
@      AAAA 2001:db8:1::1
ns1    A    10.53.0.1
mail   A    198.51.100.25
mail   AAAA 2001:db8:1::25
static A    198.51.100.80
static A    198.51.100.81
static AAAA 2001:db8:1::80
";
