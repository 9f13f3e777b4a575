//! Frames that are not for the fast path, whatever message they hold.

use dns_common::outcome::Outcome;

use super::{Frames, ask, ways_here};
use crate::wire::Datagram;

/// The query's frame changed by `change`, which gets the offset of the IP
/// header, over IPv4 or IPv6.
fn with_frame(
    what: &'static str,
    way: &Datagram,
    change: impl Fn(&mut Vec<u8>, usize),
) -> (&'static str, Vec<u8>) {
    let mut frame = way.frame(&ask().query());
    change(&mut frame, way.network());
    (what, frame)
}

/// Frames that go up for `outcome`; `None` where the message decides.
#[expect(clippy::too_many_lines, reason = "the table of all frames")]
pub(super) fn frames(outcome: Outcome) -> Option<Frames> {
    let [v4, v6] = ways_here();
    Some(match outcome {
        Outcome::UpNotIp => {
            let tagged = |tags: &[(u16, u16)]| Datagram {
                tags: tags.to_vec(),
                ..v4.clone()
            };
            vec![
                ("ARP", [&[0xff; 12][..], &[8, 6], &[0; 46]].concat()),
                (
                    "an Ethernet header alone",
                    [&[2; 12][..], &[0x88, 0xb5]].concat(),
                ),
                with_frame("MPLS", &v4, |frame, _| {
                    frame[12..14].copy_from_slice(&[0x88, 0x47]);
                }),
                with_frame(
                    "three tags",
                    &tagged(&[(0x88a8, 5), (0x8100, 6), (0x8100, 7)]),
                    |_, _| {},
                ),
                with_frame("ARP in a tag", &tagged(&[(0x8100, 6)]), |frame, _| {
                    frame[16..18].copy_from_slice(&[8, 6]);
                }),
                with_frame("a tag cut short", &tagged(&[(0x8100, 6)]), |frame, _| {
                    frame.truncate(17);
                }),
            ]
        }
        Outcome::UpNotUdp => [1, 6, 41, 58, 132, 255]
            .into_iter()
            .flat_map(|protocol| {
                let next = |at| move |frame: &mut Vec<u8>, ip: usize| frame[ip + at] = protocol;
                [
                    with_frame("another protocol", &v4, next(9)),
                    with_frame("another next header", &v6, next(6)),
                ]
            })
            .collect(),
        Outcome::UpOtherAddress => {
            let mut frames = Vec::new();
            for (way, others) in [
                (
                    &v4,
                    ["192.0.2.54", "192.0.3.53", "0.0.0.0", "255.255.255.255"],
                ),
                (&v6, ["2001:db8::54", "::ffff:192.0.2.53", "::", "ff02::fb"]),
            ] {
                for other in others {
                    let destination = (other.parse().expect("an address"), 53);
                    let way = Datagram {
                        destination,
                        ..way.clone()
                    };
                    frames.push(with_frame(other, &way, |_, _| {}));
                }
            }
            for (what, mac) in [
                ("broadcast on the link", [0xff; 6]),
                ("multicast on the link", [0x01, 0, 0x5e, 0, 0, 0xfb]),
            ] {
                frames.push(with_frame(what, &v4, |frame, _| {
                    frame[..6].copy_from_slice(&mac);
                }));
            }
            frames
        }
        Outcome::UpOtherPort => [52, 54, 5353, 0, 53 << 8]
            .into_iter()
            .flat_map(|port| {
                let to = |way: &Datagram| Datagram {
                    destination: (way.destination.0, port),
                    ..way.clone()
                };
                [&v4, &v6].map(|way| with_frame("another port", &to(way), |_, _| {}))
            })
            .collect(),
        Outcome::UpFragment => [0x2000, 0x2001, 0x0001, 0x1fff, 0x3fff, 0x00b9]
            .into_iter()
            .map(|fragment| {
                let way = Datagram {
                    fragment,
                    ..v4.clone()
                };
                with_frame("a fragment", &way, |_, _| {})
            })
            .collect(),
        Outcome::UpIpv4Options => (6..=15)
            .map(|words| {
                with_frame("options", &v4, |frame, ip| {
                    frame[ip] = 0x40 | words;
                    let options = 4 * usize::from(words - 5);
                    frame.splice(ip + 20..ip + 20, std::iter::repeat_n(1, options));
                    let total = (frame.len() - ip) as u16;
                    frame[ip + 2..ip + 4].copy_from_slice(&total.to_be_bytes());
                })
            })
            .collect(),
        Outcome::UpIpv6Extension => [0, 43, 44, 50, 51, 59, 60, 135, 139, 140]
            .into_iter()
            .map(|header| {
                with_frame("an extension header", &v6, |frame, ip| {
                    frame[ip + 6] = header;
                })
            })
            .collect(),
        Outcome::UpLength => lengths(&v4, &v6),
        Outcome::UpSource => sources(&v4, &v6),
        Outcome::UpChecksum => {
            // What else these octets say would not keep it from being answered.
            let mut frames: Vec<_> = [1, 4, 5, 8, 10, 11, 12, 15]
                .map(|at| {
                    with_frame(
                        "an octet of the IPv4 header off by one",
                        &v4,
                        |frame, ip| {
                            frame[ip + at] ^= 1;
                        },
                    )
                })
                .to_vec();
            let way = Datagram {
                with_checksum: false,
                ..v6.clone()
            };
            frames.push(with_frame(
                "UDP over IPv6 without a checksum",
                &way,
                |_, _| {},
            ));
            frames
        }
        _ => return None,
    })
}

/// Frames from where no reply may go.
fn sources(v4: &Datagram, v6: &Datagram) -> Frames {
    let mut frames = Vec::new();
    for (way, addresses) in [
        (
            v4,
            &[
                "0.0.0.0",
                "0.1.2.3",
                "127.0.0.1",
                "224.0.0.1",
                "240.0.0.1",
                "255.255.255.255",
            ][..],
        ),
        (v6, &["::", "::1", "::ffff:10.1.2.3", "ff02::1"][..]),
    ] {
        for address in addresses {
            let source = (address.parse().expect("an address"), way.source.1);
            let from = Datagram {
                source,
                ..way.clone()
            };
            frames.push(with_frame(address, &from, |_, _| {}));
        }
        let portless = Datagram {
            source: (way.source.0, 0),
            ..way.clone()
        };
        frames.push(with_frame("port 0", &portless, |_, _| {}));
        frames.push(with_frame("a group's MAC address", way, |frame, _| {
            frame[6] |= 1;
        }));
    }
    frames
}

/// Frames whose lengths contradict each other.
fn lengths(v4: &Datagram, v6: &Datagram) -> Frames {
    let mut frames = vec![
        with_frame("no IPv4 header", v4, |frame, _| frame.truncate(14)),
        with_frame("IPv4 header cut short", v4, |frame, ip| {
            frame.truncate(ip + 19);
        }),
        with_frame("no IPv6 header", v6, |frame, _| frame.truncate(14)),
        with_frame("IPv6 header cut short", v6, |frame, ip| {
            frame.truncate(ip + 39);
        }),
        with_frame("IPv4 header of four words", v4, |frame, ip| {
            frame[ip] = 0x44;
        }),
        with_frame("version 6 in IPv4", v4, |frame, ip| frame[ip] = 0x65),
        with_frame("version 4 in IPv6", v6, |frame, ip| frame[ip] = 0x40),
        with_frame("IPv4 total length below its header", v4, |frame, ip| {
            frame[ip + 2..ip + 4].copy_from_slice(&[0, 19]);
        }),
    ];
    for (way, length_at) in [(v4, 2), (v6, 4)] {
        let udp = way.transport();
        for change in [1_i16, -1, 100, -20] {
            frames.push(with_frame("UDP length", way, |frame, _| {
                add(frame, udp + 4, change);
            }));
            frames.push(with_frame("IP length", way, |frame, ip| {
                add(frame, ip + length_at, change);
            }));
        }
        frames.push(with_frame(
            "both lengths past the frame",
            way,
            |frame, ip| {
                add(frame, udp + 4, 1);
                add(frame, ip + length_at, 1);
            },
        ));
        frames.push(with_frame(
            "an octet of the datagram missing",
            way,
            |frame, _| {
                frame.pop();
            },
        ));
        frames.push(with_frame("UDP header cut short", way, |frame, _| {
            frame.truncate(udp + 7);
        }));
        for length in [0_u16, 7] {
            frames.push(with_frame(
                "UDP length below its header",
                way,
                |frame, ip| {
                    let datagram = (frame.len() - udp) as u16;
                    let shorter = length.wrapping_sub(datagram).cast_signed();
                    add(frame, ip + length_at, shorter);
                    add(frame, udp + 4, shorter);
                },
            ));
        }
        // Whole datagrams, but no whole question.
        for len in [0, 1, 11, 12, 16] {
            frames.push(("a runt", way.frame(&ask().query()[..len])));
        }
    }
    frames
}

fn add(frame: &mut [u8], at: usize, change: i16) {
    let number = u16::from_be_bytes([frame[at], frame[at + 1]]).wrapping_add_signed(change);
    frame[at..at + 2].copy_from_slice(&number.to_be_bytes());
}
