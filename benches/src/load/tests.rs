//! The two programs by test run, and both on a link.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use aya::programs::{TestRun as _, TestRunOptions};
use dns_ebpf::load::{Fate, KIND_BIT, Kind, TEMPLATE_OCTETS};
use domain::base::{Message, Rtype, iana::OptionCode};

use super::*;
use crate::{
    frame::{self, ETHERNET_HEADER, IPV4_HEADER},
    load::replies::Counter,
    programs,
};

// As in `linux/bpf.h`.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

const CLIENT_MAC: Mac = [2, 0, 0, 0, 0, 1];
const SERVER_MAC: Mac = [2, 0, 0, 0, 0, 2];
const UDP: usize = ETHERNET_HEADER + IPV4_HEADER;

/// Any interface: what a program redirects outside live frames goes nowhere.
const LOOPBACK: u32 = 1;

/// A rate at which every frame is due.
const ALWAYS_DUE: f64 = 1e9;

fn questions(hot: &[String], edns: Edns) -> Questions<'_> {
    Questions {
        hot,
        flood_zone: "bench.example.",
        edns,
    }
}

fn hot_names() -> Vec<String> {
    // Of even and odd length.
    ["a.bench.example.", "wWw.Bench.example.", "far.away.test."]
        .map(str::to_owned)
        .to_vec()
}

fn generator(edns: Edns) -> Generator {
    let path = Path {
        macs: [CLIENT_MAC, SERVER_MAC],
        addresses: [
            SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            SocketAddrV4::new(SERVER_ADDRESS, 53),
        ],
    };
    let templates = query::templates(path, questions(&hot_names(), edns)).expect("templates");
    Generator::new(LOOPBACK, &templates).expect("the generator loads; run this as root")
}

/// What `program` makes of `frame`, and its verdict.
fn run(rig: &aya::Ebpf, program: &str, frame: &[u8]) -> (u32, Vec<u8>) {
    let mut out = vec![0; 2 * TEMPLATE_OCTETS];
    let program = programs::loaded(rig, program).expect("it is loaded");
    let result = program.test_run(TestRunOptions {
        data_in: Some(frame),
        data_out: Some(&mut out),
        ..TestRunOptions::new()
    });
    let result = result.expect("BPF_PROG_TEST_RUN");
    out.truncate(result.data_size_out as usize);
    (result.return_value, out)
}

/// A frame as a receiver may have left it.
fn used_frame() -> Vec<u8> {
    vec![0xa5; TEMPLATE_OCTETS]
}

/// The query's kind, source and message, all sums and lengths checked.
fn read(frame: &[u8]) -> (Kind, Ipv4Addr, Message<Vec<u8>>) {
    assert_eq!(frame[..6], SERVER_MAC);
    assert_eq!(frame[6..12], CLIENT_MAC);
    let (ip, udp) = (&frame[ETHERNET_HEADER..UDP], &frame[UDP..]);
    assert_eq!(frame::checksum(ip), 0, "IPv4 header checksum");
    assert_eq!(usize::from(pair(ip, 2)), ip.len() + udp.len());
    assert_eq!(usize::from(pair(udp, 4)), udp.len());
    assert_ne!(pair(udp, 6), 0, "no UDP checksum");
    let pseudo_header = [&ip[12..], &[0, 17], &udp[4..6]].concat();
    let sum = frame::checksum(&[&pseudo_header, udp].concat());
    assert_eq!(sum, 0, "UDP checksum");
    assert_eq!(pair(udp, 2), 53);
    let port = pair(udp, 0);
    assert!(port >= 0x8000, "{port}");
    let kind = if port & KIND_BIT == 0 {
        Kind::Hot
    } else {
        Kind::Flood
    };
    let source: [u8; 4] = ip[12..16].try_into().expect("four octets");
    let message = Message::from_octets(udp[8..].to_vec()).expect("a header");
    (kind, source.into(), message)
}

fn pair(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

#[test]
fn queries_are_well_formed_and_mixed_as_asked() {
    const QUERIES: usize = 2000;
    for (edns, flood_share) in [(Edns::Off, 0.5), (Edns::Cookie, 0.2)] {
        let mut generator = generator(edns);
        let rate = ALWAYS_DUE;
        let mix = Mix { rate, flood_share };
        generator.order(mix).expect("the maps can be written");
        let mut asked = BTreeMap::<String, u32>::new();
        let (mut labels, mut sources, mut ids) = (HashSet::new(), HashSet::new(), HashSet::new());
        for _ in 0..QUERIES {
            let (verdict, frame) = run(&generator.rig, "offer", &used_frame());
            assert_eq!(verdict, XDP_REDIRECT);
            let (kind, source, message) = read(&frame);
            assert_eq!(source.octets()[..2], SOURCES.octets()[..2]);
            sources.insert(source);
            ids.insert(message.header().id());
            let question = message.sole_question().expect("one question");
            assert_eq!(question.qtype(), Rtype::A);
            let name = format!("{}.", question.qname());
            match kind {
                Kind::Hot => *asked.entry(name).or_default() += 1,
                Kind::Flood => {
                    let (label, zone) = name.split_once('.').expect("labels");
                    assert_eq!(zone, "bench.example.");
                    let letters = label.bytes().all(|letter| (b'a'..=b'p').contains(&letter));
                    assert!(label.len() == 12 && letters, "{label}");
                    labels.insert(label.to_owned());
                }
            }
            check_edns(&message, edns);
        }
        let prefixes: HashSet<u8> = sources.iter().map(|source| source.octets()[2]).collect();
        assert_eq!(prefixes.len(), 256, "not all prefixes");
        assert!(
            sources.len() > QUERIES * 9 / 10,
            "{} sources",
            sources.len()
        );
        assert!(ids.len() > QUERIES * 9 / 10, "{} IDs", ids.len());
        let hot: u32 = asked.values().sum();
        assert_eq!(labels.len() + hot as usize, QUERIES, "a label came twice");
        let share = ratio_of(labels.len() as u64) / ratio_of(QUERIES as u64);
        assert!(
            (share - flood_share).abs() < 0.05,
            "{share} of {flood_share}"
        );
        let mut names = hot_names();
        names.sort();
        assert!(asked.keys().eq(&names), "{asked:?}");
        let even = hot / names.len() as u32;
        assert!(
            asked.values().all(|count| count.abs_diff(even) < even / 4),
            "{asked:?}"
        );
        let sent = generator.sent().expect("the progress can be read");
        assert_eq!((sent.hot, sent.flood), (hot.into(), labels.len() as u64));
    }
}

fn check_edns(message: &Message<Vec<u8>>, edns: Edns) {
    let opt = message.opt();
    assert_eq!(opt.is_some(), edns == Edns::Cookie);
    let Some(opt) = opt else { return };
    assert!(opt.dnssec_ok());
    assert_eq!(opt.udp_payload_size(), 1232);
    let cookie = opt.opt().iter::<domain::base::opt::AllOptData<_, _>>();
    let cookies = cookie.filter(|option| {
        let option = option.as_ref().expect("well formed");
        domain::base::opt::OptData::code(option) == OptionCode::COOKIE
    });
    assert_eq!(cookies.count(), 1);
}

#[test]
fn a_query_that_is_not_due_is_not_sent() {
    let mut generator = generator(Edns::Off);
    let mix = Mix {
        rate: 1.0,
        flood_share: 0.0,
    };
    generator.order(mix).expect("the maps can be written");
    let mut verdicts = (0..100).map(|_| run(&generator.rig, "offer", &used_frame()).0);
    assert_eq!(verdicts.next(), Some(XDP_REDIRECT));
    assert!(verdicts.all(|verdict| verdict == XDP_DROP));
}

#[test]
fn replies_are_counted_by_kind_and_by_what_they_say() {
    let counter = Counter::load().expect("it loads; run this as root");
    let reply = |kind: Kind, flags: u16, answers: u8| {
        let path = Path {
            macs: [SERVER_MAC, CLIENT_MAC],
            addresses: [
                SocketAddrV4::new(SERVER_ADDRESS, 53),
                SocketAddrV4::new(SOURCES, 0x8000 | kind as u16),
            ],
        };
        let [high, low] = flags.to_be_bytes();
        frame::of(path, &[7, 7, high, low, 0, 1, 0, answers, 0, 0, 0, 0])
    };
    let cases = [
        (Kind::Hot, 0x8400, 1, Fate::Answer),
        (Kind::Hot, 0x8000, 0, Fate::Empty),
        (Kind::Flood, 0x8403, 0, Fate::NameError),
        (Kind::Flood, 0x8600, 0, Fate::Truncated),
        (Kind::Hot, 0x8005, 0, Fate::Other),
        (Kind::Flood, 0x8402, 0, Fate::Other),
        (Kind::Flood, 0x8400, 2, Fate::Answer),
    ];
    for (kind, flags, answers, fate) in cases {
        let before = counter.replies().expect("the counters can be read");
        let (verdict, _) = run(&counter.rig, "count_replies", &reply(kind, flags, answers));
        assert_eq!(verdict, XDP_DROP);
        let counted = counter.replies().expect("as before").since(&before);
        assert_eq!(counted.of(kind, fate), 1, "{flags:x}: {counted:?}");
        assert_eq!(counted.all(Kind::Hot) + counted.all(Kind::Flood), 1);
    }

    let before = counter.replies().expect("the counters can be read");
    let query = reply(Kind::Hot, 0, 0);
    let mut other_port = reply(Kind::Hot, 0x8400, 1);
    other_port[UDP + 1] += 1;
    let mut arp = reply(Kind::Hot, 0x8400, 1);
    arp[12..14].copy_from_slice(b"\x08\x06");
    for frame in [query, other_port, arp] {
        let (verdict, left) = run(&counter.rig, "count_replies", &frame);
        assert_eq!((verdict, left), (XDP_PASS, frame));
    }
    assert_eq!(counter.replies().expect("as before"), before);
}

#[test]
fn a_stamped_query_tells_its_replys_latency() {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut generator = generator(Edns::Off);
    let counter = Counter::load().expect("it loads; run this as root");
    let mix = Mix {
        rate: ALWAYS_DUE,
        flood_share: 0.5,
    };
    for stamped in [true, false] {
        generator.stamp(stamped);
        generator.order(mix).expect("the maps can be written");
        for _ in 0..10 {
            let (_, query) = run(&generator.rig, "offer", &used_frame());
            let (kind, source, message) = read(&query);
            let port = pair(&query, UDP);
            let path = Path {
                macs: [SERVER_MAC, CLIENT_MAC],
                addresses: [
                    SocketAddrV4::new(SERVER_ADDRESS, 53),
                    SocketAddrV4::new(source, port),
                ],
            };
            let [high, low] = message.header().id().to_be_bytes();
            let reply = frame::of(path, &[high, low, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
            let before = counter.latencies().expect("they can be read");
            let replies = counter.replies().expect("as well");
            thread::sleep(PAUSE);
            run(&counter.rig, "count_replies", &reply);
            let counted = counter.replies().expect("as before").since(&replies);
            assert_eq!(counted.of(kind, Fate::Answer), 1);
            let timed = counter.latencies().expect("as before").since(&before);
            assert_eq!(timed.count(), u64::from(stamped));
            let ms = timed.percentile_us(500).map(|us| us / 1e3);
            // A busy machine may take its time, but seldom that much.
            let latency = ms.map(|ms| (5.0..250.0).contains(&ms));
            assert_eq!(latency, stamped.then_some(true), "{ms:?}");
        }
    }
}

#[test]
fn load_reaches_the_server_and_its_replies_are_counted() {
    // Far below any limit, so that hardly anything is lost on a busy machine.
    const RATE: f64 = 2000.0;
    let rig = Rig::new().expect("a rig");
    let mut programs = programs::load(&["reflect"]).expect("the rig loads");
    let reflect = programs::loaded_mut(&mut programs, "reflect").expect("it is loaded");
    let _link = xtask::lab::veth::attach(reflect, rig.server()).expect("it attaches");
    let mut load = Load::new(&rig, questions(&hot_names(), Edns::Off)).expect("a load");
    let mix = Mix {
        rate: RATE,
        flood_share: 0.25,
    };
    let step = load.run(mix, Duration::from_secs(1)).expect("it runs");
    let Sent { hot, flood, .. } = step.sent;
    assert!(
        step.sent.rate() > 0.5 * RATE && step.sent.rate() < 1.01 * RATE,
        "{step:?}"
    );
    assert!(flood > hot / 5 && flood < hot / 2, "{step:?}");
    for (kind, sent) in [(Kind::Hot, hot), (Kind::Flood, flood)] {
        // A reflected query has no answer.
        let empty = step.replies.of(kind, Fate::Empty);
        assert_eq!(empty, step.replies.all(kind), "{step:?}");
        assert!(empty <= sent && empty > sent * 9 / 10, "{step:?}");
    }
    assert!(
        step.received <= hot + flood && step.received >= step.replies.all(Kind::Hot),
        "{step:?}"
    );
    assert!(step.cpu_ns > 0.0, "{step:?}");

    let (step, latencies) = load.time(mix, Duration::from_secs(1)).expect("it runs");
    let all = step.replies.all(Kind::Hot) + step.replies.all(Kind::Flood);
    assert_eq!(latencies.count(), all, "{step:?}");
    let us = latencies.percentile_us(500).expect("there are replies");
    assert!((1.0..1e5).contains(&us), "{us}");
}

#[test]
fn an_interruption_does_not_end_a_run() {
    const TIME: Duration = Duration::from_secs(1);
    let rig = Rig::new().expect("a rig");
    let mut load = Load::new(&rig, questions(&hot_names(), Edns::Off)).expect("a load");
    let mix = Mix {
        rate: 1000.0,
        flood_share: 0.0,
    };
    let handler = signal_hook::flag::register(libc::SIGUSR2, Arc::default());
    let handler = handler.expect("a handler");
    let step = thread::scope(|scope| {
        let running = scope.spawn(|| load.run(mix, TIME));
        thread::sleep(TIME / 4);
        while !running.is_finished() && !interrupt_generators() {
            thread::sleep(TIME / 100);
        }
        running.join().expect("no panic")
    });
    signal_hook::low_level::unregister(handler);
    let sent = step.expect("it runs").sent;
    assert!(sent.hot > 600, "{sent:?}");
}

/// Sends SIGUSR2 to the threads that generate load; whether there are any.
fn interrupt_generators() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").expect("this process's threads");
    let generators = threads.flatten().filter(|thread| {
        let name = std::fs::read_to_string(thread.path().join("comm"));
        name.is_ok_and(|name| name.trim_end() == generator::THREAD)
    });
    let ids = generators.filter_map(|thread| thread.file_name().to_str()?.parse().ok());
    let ids: Vec<libc::pid_t> = ids.collect();
    for id in &ids {
        // SAFETY: the call takes numbers; the signal has a handler.
        unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), *id, libc::SIGUSR2) };
    }
    !ids.is_empty()
}
