//! Whether this host is fit to be announced: whatever an anycast route hangs on.
//!
//! Nothing here asks the daemon's task: a reload may keep that for as long as it likes.

mod frame;

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use domain::base::{Message, Rtype, iana::Rcode};
use tokio::{
    net::UdpSocket,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::view::View;
use crate::{
    config::{settings::Settings, tunables::XdpReply},
    control::{
        health::{Check, Health, Subject},
        status::XdpState,
    },
    kernel::{Observer, Verdict},
    measurement::{director::census::Census, publish::BEAT_EVERY},
    model::Name,
    plane::question,
};

/// How often a query is asked again that got another answer than the right one, or none:
/// it may have been lost, been over its rate, or met a decision that was just being stored.
const TRIES: usize = 3;

/// How long an answer of our own sockets may take.
const REPLY_WITHIN: Duration = Duration::from_millis(300);

/// Time from one look at the generations to the next: between the two planes' turns lies
/// what a reload changes of resolvers' prefixes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOKS: usize = 10;

/// How long the publisher thread may not have shown that it is alive.
pub(super) const PUBLISHER_AGE_MAX: Duration = BEAT_EVERY.saturating_mul(3);

/// How long the daemon's task, which says something of itself each second, may say nothing.
const DECISIONS_AGE_MAX: Duration = Duration::from_secs(10);

/// Longest reply over UDP to a query without EDNS, octets.
const REPLY_MAX: usize = 512;

/// The query that is asked: what every zone has.
const RTYPE: Rtype = Rtype::SOA;

impl View {
    /// Whether this host is fit to be announced, and why.
    pub(super) async fn health(&self) -> Health {
        let percent = self.configured.load().settings.health_fresh_percent;
        let checks: Vec<Check> = vec![
            Subject::Userspace.check(self.ask_userspace().await),
            Subject::Kernel.check(self.ask_kernel()),
            Subject::Generation.check(self.compare_generations().await),
            Subject::Publisher.check(publisher(self.publisher.age())),
            Subject::Decisions.check(decisions(self.seen.load().at.elapsed())),
            Subject::Probes.check(probes(&self.seen.load().census, percent)),
        ];
        checks.into()
    }

    /// The name of a zone that is served.
    fn zone(&self) -> Result<Name, String> {
        let live = self.live.load();
        let zone = live.zones.iter().next();
        let zone = zone.ok_or("no zone is served, so nothing can be asked for")?;
        Ok(zone.apex().clone())
    }

    /// Asks each of the daemon's addresses over UDP.
    async fn ask_userspace(&self) -> Result<String, String> {
        let zone = self.zone()?;
        let (addresses, port) = {
            let configured = self.configured.load();
            let settings = &configured.settings;
            (settings.addresses.clone(), settings.port)
        };
        let asked = addresses.len();
        let mut exchanges = JoinSet::new();
        for address in addresses {
            let query = question(&zone, RTYPE, random() as u16);
            let (_, right) = self.plane.answer(&query, address);
            if !is_positive(&right) {
                return Err(format!("{} {RTYPE} is not answered", zone.fmt_with_dot()));
            }
            exchanges.spawn(async move {
                let server = SocketAddr::new(address, port);
                let replied = exchange(server, &query, &right).await;
                replied.map_err(|error| format!("{server}: {error}"))
            });
        }
        for answered in exchanges.join_all().await {
            answered?;
        }
        let zone = zone.fmt_with_dot();
        Ok(format!("{zone} {RTYPE} is right at {asked} addresses"))
    }

    /// Runs the program on a query, where one is to answer.
    fn ask_kernel(&self) -> Result<String, String> {
        let xdp = self.xdp();
        match (xdp.state, &self.kernel) {
            (XdpState::Off, _) => Ok(format!("not wanted: {}", xdp.reason)),
            (XdpState::Attached | XdpState::Adopted, Some(kernel)) => self.run(kernel),
            _ => Err(format!("no program answers: {}", xdp.reason)),
        }
    }

    fn run(&self, kernel: &Observer) -> Result<String, String> {
        let zone = self.zone()?;
        let configured = self.configured.load();
        let settings = &configured.settings;
        let Some(server) = settings.addresses.first() else {
            return Err("there is no address to ask".to_owned());
        };
        let mut found = Err(String::new());
        for _ in 0..TRIES {
            let source = somebody(*server, random());
            let query = question(&zone, RTYPE, random() as u16);
            let asked = frame::around(&query, source, *server, settings.port);
            let ran = kernel.run(&asked).map_err(|error| error.to_string())?;
            let (_, right) = self.plane.answer(&query, source);
            found = judge(ran.0, (&asked, &ran.1), source, &right, goes_up(settings));
            if found.is_ok() {
                break;
            }
        }
        let found = found?;
        Ok(format!("{} {RTYPE} {found}", zone.fmt_with_dot()))
    }

    /// Whether both planes have the same generation in use.
    async fn compare_generations(&self) -> Result<String, String> {
        let mut found = Err(String::new());
        for _ in 0..LOOKS {
            found = generations(
                self.publisher.tables().generation_number(),
                self.live.load().number,
            );
            if found.is_ok() {
                return Ok(format!("{} is in use", self.generation()));
            }
            sleep(LOOK_AGAIN).await;
        }
        found.map(|()| String::new())
    }
}

/// Asks `server` until it answers `right`.
async fn exchange(server: SocketAddr, query: &[u8], right: &[u8]) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let socket = UdpSocket::bind((server.ip(), 0)).await.map_err(failed)?;
    socket.connect(server).await.map_err(failed)?;
    let mut reply = [0; REPLY_MAX];
    let mut found = Err(String::new());
    for _ in 0..TRIES {
        let asked = async {
            socket.send(query).await?;
            socket.recv(&mut reply).await
        };
        found = match timeout(REPLY_WITHIN, asked).await {
            Ok(Ok(octets)) if reply[..octets] == *right => return Ok(()),
            Ok(Ok(_)) => Err("the answer is not the right one".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} ms", REPLY_WITHIN.as_millis())),
        };
    }
    found
}

/// Why the program may pass up what it could answer, if it may.
fn goes_up(settings: &Settings) -> Option<&'static str> {
    if settings.xdp_dry_run {
        Some("goes up: xdp.dry_run is on")
    } else if settings.xdp_reply == XdpReply::Fib {
        Some("goes up: with xdp.reply = fib there is no route to who asks")
    } else {
        None
    }
}

/// What it means that the program left a frame `out` of `asked` by `source`, when the reply
/// that is `right` is known; `goes_up` is said where it may be passed up.
fn judge(
    verdict: Verdict,
    (asked, out): (&[u8], &[u8]),
    source: IpAddr,
    right: &[u8],
    goes_up: Option<&'static str>,
) -> Result<&'static str, String> {
    match verdict {
        Verdict::Reply if frame::within(out, source) == Some(right) => Ok("is right"),
        Verdict::Reply => Err("the answer is not the one that userspace has".to_owned()),
        Verdict::Pass => match goes_up {
            Some(why) if asked == out => Ok(why),
            _ => Err("it is passed up".to_owned()),
        },
        Verdict::Drop => Err("it is dropped".to_owned()),
        Verdict::Other(number) => Err(format!("the program returns {number}")),
    }
}

fn generations(kernel: u64, daemon: u64) -> Result<(), String> {
    if daemon == 0 {
        return Err("nothing was published yet".to_owned());
    }
    if kernel == daemon {
        return Ok(());
    }
    Err(format!(
        "the tables are at {kernel}, userspace is at {daemon}, counted from the start"
    ))
}

fn publisher(age: Duration) -> Result<String, String> {
    let seen = format!("seen {} s ago", age.as_secs());
    if age <= PUBLISHER_AGE_MAX {
        return Ok(seen);
    }
    Err(format!("{seen}; valid: {} s", PUBLISHER_AGE_MAX.as_secs()))
}

fn decisions(age: Duration) -> Result<String, String> {
    let seen = format!("the daemon's loop turned {} s ago", age.as_secs());
    if age <= DECISIONS_AGE_MAX {
        return Ok(seen);
    }
    Err(format!("{seen}; valid: {} s", DECISIONS_AGE_MAX.as_secs()))
}

fn probes(census: &Census, percent: u8) -> Result<String, String> {
    let (fresh, all) = (census.fresh, census.all());
    let found = format!("{fresh} of {all} targets were measured of late");
    if fresh * 100 >= all * usize::from(percent) {
        return Ok(found);
    }
    Err(format!(
        "{found}; valid: {percent} % (health.fresh_percent)"
    ))
}

/// Whether `reply` has records and no error.
fn is_positive(reply: &[u8]) -> bool {
    Message::from_octets(reply).is_ok_and(|reply| {
        reply.header().rcode() == Rcode::NOERROR && reply.header_counts().ancount() != 0
    })
}

/// An address for nobody of the family of `server`, by chance: of the network for benchmarks
/// (RFC 2544), or the one for documentation (RFC 3849). Who could guess it could have it be
/// over its rate.
fn somebody(server: IpAddr, chance: u64) -> IpAddr {
    match server {
        IpAddr::V4(_) => Ipv4Addr::from(0xc612_0000 | chance as u32 & 0x0001_ffff).into(),
        IpAddr::V6(_) => Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(chance) << 32 | 1).into(),
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_targets_must_be_fresh_as_are_asked_for() {
        let census = |fresh| Census {
            up: 2,
            down: 1,
            unknown: 1,
            fresh,
            is_suspected: false,
        };
        for (fresh, percent, is_well) in [
            (4, 100, true),
            (3, 100, false),
            (2, 50, true),
            (1, 50, false),
            (0, 1, false),
            (0, 0, true),
        ] {
            let found = probes(&census(fresh), percent);
            assert_eq!(found.is_ok(), is_well, "{fresh} {percent}: {found:?}");
        }
        assert!(probes(&Census::default(), 100).is_ok(), "nothing is probed");
    }

    #[test]
    fn what_has_not_shown_for_long_is_not_well() {
        for (found, is_well) in [
            (publisher(BEAT_EVERY), true),
            (publisher(PUBLISHER_AGE_MAX * 2), false),
            (decisions(Duration::from_secs(1)), true),
            (decisions(DECISIONS_AGE_MAX * 2), false),
            (generations(7, 7).map(|()| String::new()), true),
            (generations(7, 8).map(|()| String::new()), false),
            (generations(0, 0).map(|()| String::new()), false),
        ] {
            assert_eq!(found.is_ok(), is_well, "{found:?}");
        }
    }

    #[test]
    fn only_the_right_answer_is_right() {
        let source = IpAddr::from([198, 18, 0, 1]);
        let server = IpAddr::from([192, 0, 2, 53]);
        let asked = frame::around(b"query", source, server, 53);
        let replied = frame::around(b"reply", server, source, 53);
        let judged = |verdict: Verdict, out: &[u8], may_go_up: bool| {
            let goes_up = may_go_up.then_some("goes up");
            judge(verdict, (&asked, out), source, b"reply", goes_up).is_ok()
        };
        assert!(judged(Verdict::Reply, &replied, false));
        assert!(!judged(Verdict::Reply, &asked, false));
        assert!(!judged(Verdict::Pass, &asked, false));
        assert!(judged(Verdict::Pass, &asked, true));
        assert!(!judged(Verdict::Pass, &replied, true));
        assert!(!judged(Verdict::Drop, &asked, true));
    }

    #[test]
    fn whoever_asks_is_nobody() {
        for chance in [0, u64::MAX, random()] {
            let v4 = somebody(IpAddr::from([192, 0, 2, 53]), chance);
            assert!(v4.to_string().starts_with("198.1"), "{v4}");
            let v6 = somebody(IpAddr::from(Ipv6Addr::LOCALHOST), chance);
            assert!(v6.to_string().starts_with("2001:db8:"), "{v6}");
        }
    }
}
