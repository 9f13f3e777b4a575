//! Load at a given rate, and what comes back of it: hot queries for names that
//! exist, mixed with a flood of queries for random ones.
//!
//! A [`query`] becomes a template; the [`generator`] sends from templates on the
//! client's core; [`replies`] are counted where they arrive, and their
//! [`latency`] is taken. [`Load`] is the three together on a [rig](crate::rig), one step at a time;
//! [`runs`] says how many.

mod generator;
mod latency;
mod query;
mod replies;
mod runs;

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::Path as FilePath,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aya::programs::links::FdLink;
use serde::Serialize;
use serde_json::Value;
use xtask::lab::veth::End;

use self::{generator::Generator, replies::Counter};
pub(crate) use self::{
    generator::{Mix, Sent},
    latency::Latencies,
    query::Edns,
    replies::Replies,
    runs::Runs,
};
use crate::{
    frame::{Mac, Path},
    rig::{CLIENT_ADDRESS, Rig, SERVER_ADDRESS},
};

/// The resolvers that ask: all addresses of this network, so that they are of
/// many prefixes.
pub(crate) const SOURCES: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 0);
/// Its prefix length.
pub(crate) const SOURCES_PREFIX: u8 = 16;

/// How long replies may stay away until no more are waited for.
const SILENCE: Duration = Duration::from_millis(100);
/// How long they may come at most after the last query.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Questions<'n> {
    /// Names with A records, of usual length.
    pub(crate) hot: &'n [String],
    /// The zone below which the random names lie.
    pub(crate) flood_zone: &'n str,
    /// What queries say in EDNS.
    pub(crate) edns: Edns,
}

/// A load generator on the client's side of a rig.
pub(crate) struct Load<'r> {
    rig: &'r Rig,
    generator: Generator,
    counter: Counter,
    _counting: FdLink,
}

/// What came of one run at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// Queries per second asked of the generator.
    pub(crate) offered: f64,
    /// Queries sent.
    pub(crate) sent: Sent,
    /// Frames that the server's side took from the link.
    pub(crate) received: u64,
    /// Replies.
    pub(crate) replies: Replies,
    /// Processor time of the server's receiving, its XDP program included,
    /// nanoseconds for each frame received.
    pub(crate) cpu_ns: f64,
}

impl Step {
    /// Whether the generator had more to give: it sent this `share` of what it was asked to.
    pub(crate) fn was_sent(&self, share: f64) -> bool {
        was_sent(self.offered, self.sent.rate(), share)
    }
}

/// The share of what it was asked to that a generator sends whose core is its own.
pub(crate) const NEARLY_ALL: f64 = 0.95;

/// The share that ends no climb. What else runs on the generator's core may take some,
/// five in a hundred where the kernel keeps as much for threads without priority.
pub(crate) const ENOUGH_TO_CLIMB: f64 = 0.85;

/// Whether of `offered` queries per second this `share` was sent.
pub(crate) fn was_sent(offered: f64, sent: f64, share: f64) -> bool {
    sent >= share * offered
}

impl<'r> Load<'r> {
    /// Prepares both ends for queries from [`SOURCES`]. Nothing else must be
    /// attached to the client's.
    pub(crate) fn new(rig: &'r Rig, questions: Questions) -> Result<Self> {
        let [client, server] = [interface(rig.client())?, interface(rig.server())?];
        quieten(rig, client.mac)?;
        rig.prefer_server()?;
        let path = Path {
            macs: [client.mac, server.mac],
            addresses: [
                // Filled in by the generator.
                SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
                SocketAddrV4::new(SERVER_ADDRESS, dns_ebpf::load::SERVER_PORT),
            ],
        };
        let templates = query::templates(path, questions)?;
        let mut counter = Counter::load()?;
        Ok(Self {
            rig,
            generator: Generator::new(client.index, &templates)?,
            _counting: counter.attach(rig.client())?,
            counter,
        })
    }

    /// Offers `mix` for `time` and waits for the last replies.
    pub(crate) fn run(&mut self, mix: Mix, time: Duration) -> Result<Step> {
        let server = || Ok::<_, anyhow::Error>((received(self.rig)?, self.rig.server_cpu()?));
        let replies_before = self.counter.replies()?;
        let (received_before, cpu_before) = server()?;
        let sent = self.generator.run(self.rig.client(), mix, time)?;
        let replies = self.drained()?.since(&replies_before);
        let (received, cpu) = server()?;
        let received = received - received_before;
        Ok(Step {
            offered: mix.rate,
            sent,
            received,
            replies,
            cpu_ns: cpu.saturating_sub(cpu_before).as_secs_f64() * 1e9 / ratio_of(received.max(1)),
        })
    }

    /// As [`Load::run`], and takes the time from each query's making to the arrival
    /// of its reply, which costs both sides of the generator some nanoseconds.
    pub(crate) fn time(&mut self, mix: Mix, time: Duration) -> Result<(Step, Latencies)> {
        let before = self.counter.latencies()?;
        self.generator.stamp(true);
        let step = self.run(mix, time);
        self.generator.stamp(false);
        Ok((step?, self.counter.latencies()?.since(&before)))
    }

    /// The replies counted when no more come.
    fn drained(&self) -> Result<Replies> {
        let deadline = Instant::now() + DRAIN_MAX;
        let mut replies = self.counter.replies()?;
        loop {
            thread::sleep(SILENCE);
            let now = self.counter.replies()?;
            if now == replies || Instant::now() >= deadline {
                return Ok(now);
            }
            replies = now;
        }
    }
}

/// A count, as a number to divide with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of packets stay far below 2^52"
)]
pub(crate) fn ratio_of(count: u64) -> f64 {
    count as f64
}

/// What the kernel knows of one end of the link.
struct Interface {
    index: u32,
    mac: Mac,
}

fn interface(end: End) -> Result<Interface> {
    let shown = show(end)?;
    let read = || {
        let mac = shown["address"].as_str()?.split(':');
        let mac: Vec<u8> = mac
            .map(|octet| u8::from_str_radix(octet, 16).ok())
            .collect::<Option<_>>()?;
        Some(Interface {
            index: shown["ifindex"].as_u64()?.try_into().ok()?,
            mac: mac.try_into().ok()?,
        })
    };
    read().with_context(|| format!("ip link show {}: {shown}", end.interface))
}

/// Frames that the server's end has received so far, those that its XDP program
/// took included.
fn received(rig: &Rig) -> Result<u64> {
    let shown = show(rig.server())?;
    let packets = shown["stats64"]["rx"]["packets"].as_u64();
    packets.with_context(|| format!("ip -s link show: {shown}"))
}

fn show(end: End) -> Result<Value> {
    let args = ["-s", "-json", "link", "show", "dev", end.interface];
    let text = end.namespace.ip(&args)?;
    let mut links: Vec<Value> = serde_json::from_str(&text).with_context(|| text.clone())?;
    links.pop().context(text)
}

/// Leaves nothing on the link but queries and replies: what looks for
/// neighbours would be counted among what the server passes up.
fn quieten(rig: &Rig, client: Mac) -> Result<()> {
    for End {
        namespace,
        interface,
    } in [rig.client(), rig.server()]
    {
        let file = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
        let written = namespace.run(|| match std::fs::write(&file, "1") {
            Err(_) if !FilePath::new("/proc/sys/net/ipv6").exists() => Ok(()),
            written => written,
        })?;
        written.with_context(|| format!("write {file}"))?;
    }
    let (server, interface) = (rig.server().namespace, rig.server().interface);
    let client_address = CLIENT_ADDRESS.to_string();
    let mac = client.map(|octet| format!("{octet:02x}")).join(":");
    server.ip(&[
        "neighbour",
        "replace",
        &client_address,
        "lladdr",
        &mac,
        "dev",
        interface,
        "nud",
        "permanent",
    ])?;
    let sources = format!("{SOURCES}/{SOURCES_PREFIX}");
    server.ip(&["route", "replace", &sources, "via", &client_address])?;
    Ok(())
}

#[cfg(test)]
mod tests;
