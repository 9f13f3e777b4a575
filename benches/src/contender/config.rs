//! How each server is configured: at its best with one core, answering from memory.
//!
//! For all of them: one worker; no rate limit, which would drop a load of one
//! kind of query; no log of queries; the answer's records and nothing more, which
//! is every server's fastest reply and the same for all.

use anyhow::Result;
use xtask::lab::ConfigDir;

use super::Contender;
use crate::{
    rig::{Rig, SERVER_ADDRESS, SERVER_CPU},
    zone::{self, Zone},
};

/// Writes what `contender` needs to serve `zone` into `directory`; returns the
/// arguments it is started with, in the foreground.
pub(super) fn write(
    contender: Contender,
    directory: &ConfigDir,
    rig: &Rig,
    zone: &Zone,
) -> Result<Vec<String>> {
    let place = directory.path().display().to_string();
    let file = |name: &str| format!("{place}/{name}");
    let arguments: Vec<String> = match contender {
        Contender::KnotUdp => {
            let listen = format!("  listen: {SERVER_ADDRESS}@53\n");
            directory.write("knot.conf", &knot(&place, zone, &listen))?;
            vec!["--config".into(), file("knot.conf")]
        }
        Contender::KnotXdp => {
            // No socket beside it: every answer is one from XDP.
            let listen = format!("xdp:\n  listen: {}@53\n", rig.server().interface);
            directory.write("knot.conf", &knot(&place, zone, &listen))?;
            vec!["--config".into(), file("knot.conf")]
        }
        Contender::Nsd => {
            directory.write("nsd.conf", &nsd(&place, zone))?;
            vec!["-d".into(), "-c".into(), file("nsd.conf")]
        }
        Contender::Gdnsd => {
            directory.write("config", &gdnsd(&place))?;
            let name = zone::ORIGIN.trim_end_matches('.');
            directory.write(&format!("zones/{name}"), zone.text())?;
            vec!["-c".into(), place, "start".into()]
        }
        Contender::Pdns => {
            directory.write("named.conf", &pdns_zones(zone))?;
            directory.write("pdns.conf", &pdns(&place))?;
            vec![format!("--config-dir={place}")]
        }
        Contender::Bind => {
            directory.write("named.conf", &bind(&place, zone))?;
            // One worker, as many as there are cores for it.
            let one = ["-f", "-n", "1", "-c"].map(str::to_owned);
            one.into_iter().chain([file("named.conf")]).collect()
        }
        Contender::Veer | Contender::VeerUser => {
            let mut settings = veer();
            if contender.is_xdp() {
                settings += &veer_xdp(rig);
            }
            directory.write("veer.conf", &settings)?;
            directory.write(&format!("zones.d/{}zone", zone::ORIGIN), zone.text())?;
            vec!["--config".into(), place]
        }
    };
    Ok(arguments)
}

/// One worker of each kind, which XDP has for each queue; more would contend for the
/// one core. No module is loaded: a query goes straight to the zone's tree, and
/// rate limits, cookies and NSID are modules. The journal and zone file are not
/// written. `listen` comes behind the section of the server.
fn knot(place: &str, zone: &Zone, listen: &str) -> String {
    format!(
        "server:
  rundir: {place}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
{listen}log:
  - target: stderr
    any: warning
database:
  storage: {place}
zone:
  - domain: {}
    file: {}
    zonefile-sync: -1
    journal-content: none
",
        zone::ORIGIN,
        zone.file().display()
    )
}

/// One server process and the transfer daemon beside it, on the core. `reuseport` is
/// for several processes; the rate limit is on unless it is 0; without `database` the
/// zone is read from its file into memory; sockets have the buffers that NSD's
/// manual has for busy servers, so that a burst is not lost; TCP has more connections
/// than clients open.
fn nsd(place: &str, zone: &Zone) -> String {
    format!(
        r#"server:
  ip-address: {SERVER_ADDRESS}
  do-ip6: no
  server-count: 1
  cpu-affinity: {SERVER_CPU}
  server-1-cpu-affinity: {SERVER_CPU}
  xfrd-cpu-affinity: {SERVER_CPU}
  reuseport: no
  receive-buffer-size: 4194304
  send-buffer-size: 4194304
  tcp-count: 1000
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  verbosity: 0
  username: ""
  chroot: ""
  database: ""
  pidfile: ""
  zonesdir: "{place}"
  zonelistfile: "{place}/zone.list"
  xfrdfile: "{place}/xfrd.state"
  xfrdir: "{place}"
remote-control:
  control-enable: no
zone:
  name: "{}"
  zonefile: "{}"
"#,
        zone::ORIGIN,
        zone.file().display()
    )
}

/// One UDP thread; TCP takes at least one. It has no rate limit and logs no query.
/// The buffers are the largest it takes, so that a burst is not lost.
fn gdnsd(place: &str) -> String {
    format!(
        "options => {{
  listen => {SERVER_ADDRESS}
  udp_threads => 1
  tcp_threads => 1
  udp_rcvbuf => 1048576
  udp_sndbuf => 1048576
  run_dir => {place}/run
  state_dir => {place}/state
}}
"
    )
}

/// One receiver that also asks the backend (one distributor is none), and a
/// packet cache that holds every answer for the whole run: with that no query but
/// the first for a name leaves the fast path. Background work is off: looks for new
/// zones and security polls.
fn pdns(place: &str) -> String {
    let text = format!(
        "launch=bind
bind-config={place}/named.conf
bind-check-interval=0
local-address={SERVER_ADDRESS}
local-port=53
socket-dir={place}
daemon=no
guardian=no
receiver-threads=1
distributor-threads=1
signing-threads=1
reuseport=no
disable-syslog=yes
loglevel=3
log-dns-queries=no
security-poll-suffix=
disable-axfr=yes
",
    );
    // A day. The zones are those it found at its start.
    let lived = [
        "cache-ttl",
        "query-cache-ttl",
        "negquery-cache-ttl",
        "zone-metadata-cache-ttl",
        "zone-cache-refresh-interval",
    ];
    text + &lived.map(|setting| format!("{setting}=86400\n")).concat()
}

/// The zone, as its BIND backend reads of it.
fn pdns_zones(zone: &Zone) -> String {
    format!(
        "zone \"{}\" {{ type master; file \"{}\"; }};\n",
        zone::ORIGIN.trim_end_matches('.'),
        zone.file().display()
    )
}

/// An authoritative server alone: no recursion, whose access lists would be looked
/// at for every query; no statistics of zones, no cookies. Record sets of one record
/// need no order.
fn bind(place: &str, zone: &Zone) -> String {
    format!(
        r#"options {{
  directory "{place}";
  listen-on {{ {SERVER_ADDRESS}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  allow-transfer {{ none; }};
  notify no;
  minimal-responses yes;
  answer-cookie no;
  zone-statistics none;
  querylog no;
  dnssec-validation no;
  empty-zones-enable no;
  rrset-order {{ order none; }};
}};
controls {{ }};
logging {{
  channel errors {{ stderr; severity error; }};
  category default {{ errors; }};
}};
zone "{}" {{ type primary; file "{}"; }};
"#,
        zone::ORIGIN,
        zone.file().display()
    )
}

/// As shipped, with one userspace worker.
fn veer() -> String {
    format!("server.addresses = {SERVER_ADDRESS}\nserver.workers = 1\n")
}

/// With its XDP program, which goes when it ends.
fn veer_xdp(rig: &Rig) -> String {
    let interface = rig.server().interface;
    format!("xdp.interface = {interface}\nxdp.on_exit = detach\n")
}
