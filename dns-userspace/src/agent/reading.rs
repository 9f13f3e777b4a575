//! One reading of all sources, and what two of them say.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{
    fetch,
    figures::Figures,
    host,
    prometheus::{self, NoSum, Selector},
    report::Report,
    settings::{Prometheus, Settings, Url},
    stub_status,
};

/// What sources said at a time. What is not configured is absent, and what could
/// not be read is so with a problem.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    at: SystemTime,
    busy: Option<Count>,
    ticks: Option<Count>,
    received: Option<Count>,
    sent: Option<Count>,
    requests: Option<Count>,
    errors: Option<Count>,
    bytes: Option<Count>,
    memory_share: Option<f64>,
    nic_bits_per_s: Option<f64>,
    connections: Option<f64>,
    problems: Vec<String>,
}

/// How a counter stood, and when: pages take their time.
#[derive(Clone, Copy, Debug)]
struct Count {
    value: f64,
    read: Instant,
}

impl Count {
    fn now(value: f64) -> Self {
        let read = Instant::now();
        Self { value, read }
    }
}

/// A page, when it came, or why there is none.
type Page = Result<(String, Instant), String>;

impl Reading {
    /// Asks every source that `settings` name, at the same time.
    pub(super) async fn take(settings: &Settings) -> Self {
        // Longer than this, and the next reading would be late.
        let limit = settings.interval / 2;
        let of_host = {
            let settings = settings.clone();
            // The list of connections can be long.
            tokio::task::spawn_blocking(move || Self::of_host(&settings))
        };
        let (of_host, stub_status, prometheus) = tokio::join!(
            of_host,
            page(settings.stub_status.as_ref(), limit),
            page(
                settings.prometheus.as_ref().map(|source| &source.url),
                limit
            ),
        );
        let mut reading = of_host.expect("reading the host does not panic");
        reading.add_stub_status(settings.stub_status.as_ref(), stub_status);
        reading.add_prometheus(settings.prometheus.as_ref(), prometheus);
        reading
    }

    /// What the kernel tells.
    fn of_host(settings: &Settings) -> Self {
        let mut problems = Vec::new();
        let mut problem = |error| problems.push(error);
        let cpu = host::cpu().map_err(&mut problem).ok();
        let memory_share = host::memory_share().map_err(&mut problem).ok();
        let interface = settings.interface.as_ref();
        let traffic = interface.and_then(|interface| {
            let traffic = host::traffic(&interface.name);
            traffic.map_err(&mut problem).ok()
        });
        let nic_bits_per_s = interface.and_then(|interface| {
            interface.capacity_bits_per_s.or_else(|| {
                let speed = host::link_bits_per_s(&interface.name);
                speed.map_err(&mut problem).ok()
            })
        });
        let ports = &settings.connection_ports;
        let connections = (!ports.is_empty()).then(|| host::connections(ports));
        let connections = connections.and_then(|counted| counted.map_err(&mut problem).ok());
        let count = |value: u64| Count::now(number(value));
        Self {
            at: SystemTime::now(),
            busy: cpu.map(|cpu| count(cpu.busy)),
            ticks: cpu.map(|cpu| count(cpu.total)),
            received: traffic.map(|traffic| count(traffic.received)),
            sent: traffic.map(|traffic| count(traffic.sent)),
            requests: None,
            errors: None,
            bytes: None,
            memory_share,
            nic_bits_per_s,
            connections: connections.map(number),
            problems,
        }
    }

    /// Its connections count where no ports are configured.
    fn add_stub_status(&mut self, url: Option<&Url>, page: Option<Page>) {
        let Some((url, page)) = url.zip(page) else {
            return;
        };
        let read = page.and_then(|(page, read)| {
            let status = stub_status::parse(&page);
            let status = status.ok_or_else(|| format!("{url}: no stub_status page"))?;
            Ok((status, read))
        });
        match read {
            Ok((status, read)) => {
                let value = number(status.requests);
                self.requests = Some(Count { value, read });
                self.connections.get_or_insert(number(status.connections));
            }
            Err(error) => self.problems.push(error),
        }
    }

    fn add_prometheus(&mut self, source: Option<&Prometheus>, page: Option<Page>) {
        let Some((source, page)) = source.zip(page) else {
            return;
        };
        let (page, read) = match page {
            Ok(page) => page,
            Err(error) => return self.problems.push(error),
        };
        let mut sum = |selectors: &[Selector], before_the_first: Option<f64>| {
            if selectors.is_empty() {
                return None;
            }
            match (prometheus::sum(&page, selectors), before_the_first) {
                (Ok(sum), _) => Some(sum),
                (Err(NoSum::NotYet(_)), Some(none)) => Some(none),
                (Err(error), _) => {
                    self.problems.push(format!("{}: {error}", source.url));
                    None
                }
            }
        };
        let count = |value| Count { value, read };
        let requests = sum(&source.requests, None).map(count);
        // A status has no series before the first response that has it.
        self.errors = sum(&source.errors, Some(0.0)).map(count);
        self.bytes = sum(&source.bytes, None).map(count);
        let connections = sum(&source.connections, None);
        self.requests = requests.or(self.requests);
        self.connections = connections.or(self.connections);
    }

    /// The report of what happened since the reading `before`.
    pub(super) fn report(&self, before: Option<&Self>, settings: &Settings) -> Report {
        let mut problems = self.problems.clone();
        let mut growth = |counter, part: fn(&Self) -> Option<Count>| {
            let growth = Growth::between(before.and_then(part), part(self)?);
            growth
                .map_err(|fault| problems.push(format!("{counter}: {fault}")))
                .ok()
        };
        let busy = growth("busy processor time", |reading| reading.busy);
        let ticks = growth("processor time", |reading| reading.ticks);
        let received = growth("octets received", |reading| reading.received);
        let sent = growth("octets sent", |reading| reading.sent);
        let requests = growth("requests", |reading| reading.requests);
        let errors = growth("errors", |reading| reading.errors);
        let bytes = growth("bytes", |reading| reading.bytes);
        // Where nothing counts the responses' octets, those that the interface
        // sent are taken for them.
        let has_bytes = |source: &Prometheus| !source.bytes.is_empty();
        let bytes = if settings.prometheus.as_ref().is_some_and(has_bytes) {
            bytes
        } else {
            sent
        };
        let rate = |growth: Option<Growth>| growth.map(Growth::per_s);
        let bits_per_s = |growth: Option<Growth>| rate(growth).map(|octets| octets * 8.0);
        let mut figures = Figures {
            cpu_share: share(busy, ticks),
            memory_share: self.memory_share,
            requests_per_s: rate(requests),
            capacity_requests_per_s: settings.capacity_requests_per_s,
            bytes_per_s: rate(bytes),
            capacity_bytes_per_s: settings.capacity_bytes_per_s,
            traffic_load: None,
            error_share: share(errors, requests),
            connections: self.connections,
            nic_receive_bits_per_s: bits_per_s(received),
            nic_transmit_bits_per_s: bits_per_s(sent),
            capacity_nic_bits_per_s: self.nic_bits_per_s,
            available_bits_per_s: None,
        };
        figures.traffic_load = figures.traffic_load();
        figures.available_bits_per_s = figures.available_bits_per_s();
        Report::of_server(self.at, figures, problems)
    }
}

/// By how much a counter grew in some time.
#[derive(Clone, Copy)]
struct Growth {
    by: f64,
    elapsed: Duration,
}

impl Growth {
    /// Between two readings. A counter that went back was started anew, and how
    /// far it had come is not known.
    fn between(before: Option<Count>, now: Count) -> Result<Self, String> {
        let Some(before) = before else {
            return Err("was not read the time before".to_owned());
        };
        if now.value < before.value {
            let (was, is) = (before.value, now.value);
            return Err(format!("went back from {was} to {is}"));
        }
        Ok(Self {
            by: now.value - before.value,
            elapsed: now.read - before.read,
        })
    }

    fn per_s(self) -> f64 {
        self.by / self.elapsed.as_secs_f64()
    }
}

/// A page, and when it came; else why not, which names it.
async fn page(url: Option<&Url>, limit: Duration) -> Option<Page> {
    let url = url?;
    let page = fetch::page(url, limit).await;
    let page = page.map(|page| (page, Instant::now()));
    Some(page.map_err(|error| format!("{url}: {error}")))
}

/// The share of `part` in `whole`; of nothing there is no share.
fn share(part: Option<Growth>, whole: Option<Growth>) -> Option<f64> {
    let whole = whole.filter(|whole| whole.by > 0.0)?;
    Some(part?.by / whole.by)
}

/// A counter as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 2^53 a rate's error is far below a count a second"
)]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
