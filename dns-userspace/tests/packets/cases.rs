//! What brings each [`Outcome`] about.

mod frames;
mod messages;

use std::net::IpAddr;

use dns_common::{
    cookie::{self, Secret},
    host::{ClientSubnet, Constants},
    outcome::Outcome,
    tables::Source,
};

use crate::{
    rig::PLAIN,
    shared::plain::{COOKIE, NSID, Opt},
    wire::{A, AAAA, Body, Datagram, Question, TXT, name},
    world::{self, SECRETS, TOO_LONG, V4_ONLY, WWW},
    zone::{self, APEX, CUT},
};

/// Frames, and what each is.
pub(crate) type Frames = Vec<(&'static str, Vec<u8>)>;

/// A frame that is answered, and the answer.
pub(crate) struct Exchange {
    pub(crate) what: &'static str,
    pub(crate) query: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    pub(crate) service: Option<usize>,
}

/// How an outcome is brought about.
pub(crate) enum Way {
    /// By each of these once the world is published.
    Answered(Constants, Vec<Exchange>),
    /// By each of these frames once the world is published.
    Frames(Constants, Frames),
    /// By each of these frames when it comes again.
    Again(Constants, Frames),
    /// By each of these when it comes again.
    AnsweredAgain(Constants, Vec<Exchange>),
    /// By these frames before anything is published.
    Unpublished(Frames),
    /// By a frame in a buffer without room to grow, on a real interface: a test
    /// run's buffer is always larger than the longest reply.
    TightBuffer,
    /// By nothing, and why.
    Unreachable(&'static str),
}

/// Longer than any test: once in so many nanoseconds is once.
pub(crate) const ONCE_NS: u64 = 3600 * 1_000_000_000;

/// Options are answered.
pub(crate) const OPTIONS: Constants = Constants {
    client_subnet: ClientSubnet::On as u64,
    cookies: 1,
    nsid: 1,
    ..PLAIN
};

/// One response, to be followed by drops; one name that we do not know.
const DROPPING: Constants = Constants {
    rates: 1,
    rate_intervals_ns: [ONCE_NS; 5],
    rate_mask: world::CAPACITY.rate_buckets as u64 - 1,
    up_interval_ns: ONCE_NS,
    ..PLAIN
};

/// One response, to be followed by slips.
const SLIPPING: Constants = Constants {
    slip: 1,
    cookies: 1,
    cookie_required_over_limit: 1,
    ..DROPPING
};

/// Replies longer than a frame are announced.
const BIG: Constants = Constants {
    payload: 4096,
    ..OPTIONS
};

/// The routing tables say where replies go; a test run's frames come from the
/// loopback interface, where there is nobody to reply to.
const BY_FIB: Constants = Constants {
    reply_by_fib: 1,
    ..PLAIN
};

/// Somebody has to vouch for what is answered, and nobody does.
const UNVOUCHED: Constants = Constants {
    expires: 1,
    ..PLAIN
};

/// Nothing is answered.
const DRY: Constants = Constants {
    dry_run: 1,
    ..PLAIN
};

/// When the tests are, seconds since 1970.
pub(crate) const NOW_S: u32 = 1_600_000_000;

/// Two ways to us, by IPv4 and IPv6.
pub(crate) fn ways_here() -> [Datagram; 2] {
    ["10.1.2.3", "2001:db8:5::3"].map(|source| {
        let source: IpAddr = source.parse().expect("an address");
        Datagram::new(source, world::ours(source))
    })
}

/// The group of who asks that way.
pub(crate) fn group(way: &Datagram) -> u16 {
    if way.source.0.is_ipv4() { 1 } else { 3 }
}

pub(crate) fn ask() -> Question {
    Question::new(&name(WWW), A)
}

fn asking(what: &'static str, question: &Question) -> Frames {
    let frames = ways_here().map(|way| (what, way.frame(&question.query())));
    frames.to_vec()
}

/// `question` over both families, answered with `body` and `opt`.
fn exchange(
    what: &'static str,
    question: &Question,
    service: Option<usize>,
    reply: impl Fn(&Datagram) -> (Body, Opt),
) -> Vec<Exchange> {
    let exchanges = ways_here().map(|way| {
        let (body, opt) = reply(&way);
        Exchange {
            what,
            query: way.frame(&question.query()),
            reply: way.back().frame(&question.reply_with(&body, &opt)),
            service,
        }
    });
    exchanges.into()
}

/// The same with an OPT record without options, if with any.
fn answered(
    what: &'static str,
    question: &Question,
    service: Option<usize>,
    body: impl Fn(&Datagram) -> Body,
) -> Vec<Exchange> {
    exchange(what, question, service, |way| {
        (body(way), question.plain_opt())
    })
}

/// What [`ask`] is answered with.
fn www(way: &Datagram) -> Body {
    let answer = world::site(WWW).answer_for(A, group(way));
    answer.expect("an answer").body()
}

/// A COOKIE option with a client cookie and the server cookie that goes with it
/// now under `secret`.
pub(crate) fn cookie(secret: Secret, client: u64, from: IpAddr) -> Vec<u8> {
    let (first, second) = cookie::make(secret, client, Source::from(from), NOW_S);
    [client, first, second].map(u64::to_le_bytes).concat()
}

/// The way to `outcome`.
#[expect(clippy::too_many_lines, reason = "the table of all outcomes")]
pub(crate) fn way_to(outcome: Outcome) -> Way {
    if let Some(frames) = frames::frames(outcome).or_else(|| messages::messages(outcome)) {
        return Way::Frames(OPTIONS, frames);
    }
    let long = Question::new(&name(TOO_LONG), A);
    match outcome {
        Outcome::Answered => {
            let mut all = answered("a query", &ask(), Some(0), www);
            let opt = Opt::default();
            all.extend(answered("EDNS", &ask().with(opt.clone()), Some(0), www));
            let whole = world::site(TOO_LONG).answer_for(A, 0).expect("an answer");
            all.extend(answered("long", &long.with(opt), None, |_| whole.body()));
            Way::Answered(PLAIN, all)
        }
        Outcome::AnsweredNegative => {
            let mut all = Vec::new();
            for (what, text, rtype) in [
                ("no type", WWW, TXT),
                ("no IPv6", V4_ONLY, AAAA),
                ("the apex", APEX, A),
                ("an empty non-terminal", zone::EMPTY, A),
                ("no type at a wildcard", "x.wild.example.", 99),
            ] {
                let question = Question::new(&name(text), rtype);
                // Nobody decided on it, so no service has one answer more.
                all.extend(answered(what, &question, None, |_| {
                    zone::nodata(&question.name, APEX)
                }));
            }
            for text in [
                "x.example.",
                "leaf.leaf.empty.example.",
                "a.b.types.example.",
            ] {
                let question = Question::new(&name(text), A);
                all.extend(answered("no name", &question, None, |_| {
                    zone::nxdomain(&question.name, APEX)
                }));
            }
            Way::Answered(PLAIN, all)
        }
        Outcome::AnsweredReferral => {
            let below = [&b"\x01x\x01y"[..], &name(CUT)].concat();
            let questions = [name(CUT), below].map(|name| Question::new(&name, TXT));
            let referred = questions.iter().flat_map(|question| {
                answered("a referral", question, None, |_| {
                    zone::referral(&question.name)
                })
            });
            Way::Answered(PLAIN, referred.collect())
        }
        Outcome::AnsweredTruncated => {
            let whole = world::site(TOO_LONG).answer_for(A, 0).expect("an answer");
            let cut = answered("31 records", &long, None, |_| whole.body().truncated());
            Way::Answered(PLAIN, cut)
        }
        Outcome::AnsweredError => {
            let version = Opt {
                version: 1,
                ..Opt::default()
            };
            let question = ask().with(version);
            let bad = exchange("BADVERS", &question, None, |_| {
                let opt = Opt {
                    rcode_high: 1,
                    ..Opt::default()
                };
                (Body::empty([0x80, 0]), opt)
            });
            Way::Answered(PLAIN, bad)
        }
        Outcome::AnsweredSlip => {
            let slip = answered("over the rate", &ask(), None, |way| www(way).truncated());
            Way::AnsweredAgain(SLIPPING, slip)
        }
        Outcome::AnsweredBadCookie => {
            let client = 0x0123_4567_89ab_cdef_u64;
            let asked = Opt::default().with(COOKIE, &client.to_le_bytes());
            // Another class of responses than the one that slips.
            let question = Question::new(&name(CUT), A).with(asked);
            let bad = exchange("a client cookie", &question, None, |way| {
                let opt = Opt {
                    rcode_high: 1,
                    ..Opt::default()
                };
                let opt = opt.with(COOKIE, &cookie(SECRETS[0], client, way.source.0));
                (Body::empty([0x80, 7]), opt)
            });
            Way::AnsweredAgain(SLIPPING, bad)
        }
        Outcome::UpNsid => {
            let question = ask().with(Opt::default().with(NSID, &[]));
            Way::Frames(OPTIONS, asking("NSID", &question))
        }
        Outcome::UpTooLong => {
            let opt = Opt {
                payload: 4096,
                ..Opt::default()
            };
            let question = Question::new(&world::too_long_for_a_frame(), A).with(opt);
            Way::Frames(BIG, asking("an octet too many", &question))
        }
        Outcome::UpRoute => Way::Frames(BY_FIB, asking("no route", &ask())),
        Outcome::UpStale => Way::Frames(UNVOUCHED, asking("nobody vouched", &ask())),
        Outcome::UpDryRun => Way::Frames(DRY, asking("a dry run", &ask())),
        Outcome::UpNoRoom => Way::TightBuffer,
        Outcome::UpNotReady => Way::Unpublished(asking("a query", &ask())),
        Outcome::DropRate => Way::Again(DROPPING, asking("over the rate", &ask())),
        Outcome::DropUnknownName => {
            let question = Question::new(&name("www.example.org."), AAAA);
            Way::Again(DROPPING, asking("an unknown name", &question))
        }
        Outcome::UpKeepalive => {
            Way::Unreachable("only a TCP connection can be kept alive (RFC 7828 section 3.2.1)")
        }
        Outcome::DropBroken => Way::Unreachable(
            "it stands for checks that the verifier wants after the frame was resized, each of \
             which has been made before: the frame's length is the one asked for, and the \
             answer's cells are inside the table",
        ),
        other => unreachable!("{other:?} is brought about by frames or messages"),
    }
}
