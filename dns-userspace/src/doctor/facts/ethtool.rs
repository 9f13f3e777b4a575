//! What the driver of an interface says of it, by the ioctl of ethtool(8).
//!
//! A few calls that fill arrays of words: the netlink family of the same name came later,
//! has no hashing of flows in kernels in use, and needs several crates to be spoken.

use std::{collections::BTreeMap, io, os::fd::AsRawFd as _};

use socket2::{Domain, Socket, Type};

const SIOCETHTOOL: libc::Ioctl = 0x8946;

// Commands (ethtool.h).
const GDRVINFO: u32 = 0x03;
const GCOALESCE: u32 = 0x0e;
const GRINGPARAM: u32 = 0x10;
const GSTRINGS: u32 = 0x1b;
const GRXFH: u32 = 0x29;
const GSSET_INFO: u32 = 0x37;
const GFEATURES: u32 = 0x3a;
const GCHANNELS: u32 = 0x3c;

/// Number of the set of strings that names features.
const ETH_SS_FEATURES: u32 = 4;
/// Octets of a string.
const STRING: usize = 32;
/// Features there can be, to tell an answer from nonsense.
const FEATURES_MAX: u32 = 1024;

/// How queries are spread: by flow type and with these fields.
pub(crate) const UDP_V4_FLOW: u32 = 0x02;
pub(crate) const UDP_V6_FLOW: u32 = 0x06;
/// Both ports of a flow, as bits of its fields.
pub(crate) const PORTS: u64 = 1 << 6 | 1 << 7;

/// Queues; a driver has combined ones, or others for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Channels {
    pub(crate) receive_max: u32,
    pub(crate) combined_max: u32,
    pub(crate) receive: u32,
    pub(crate) combined: u32,
}

/// Frames that fit the ring of a receive queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rings {
    pub(crate) receive_max: u32,
    pub(crate) receive: u32,
}

/// When the card tells of frames that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coalescing {
    pub(crate) receive_us: u32,
    pub(crate) is_adaptive: bool,
}

/// The way to one interface.
pub(crate) struct Ethtool {
    socket: Socket,
    request: libc::ifreq,
}

impl Ethtool {
    pub(crate) fn open(interface: &str) -> io::Result<Self> {
        let mut name = [0; libc::IFNAMSIZ];
        // The last octet stays zero.
        for (to, from) in name[..libc::IFNAMSIZ - 1].iter_mut().zip(interface.bytes()) {
            *to = from.cast_signed();
        }
        Ok(Self {
            socket: Socket::new(Domain::IPV4, Type::DGRAM, None)?,
            request: libc::ifreq {
                ifr_name: name,
                ifr_ifru: libc::__c_anonymous_ifr_ifru {
                    ifru_data: std::ptr::null_mut(),
                },
            },
        })
    }

    /// The driver's name.
    pub(crate) fn driver(&self) -> io::Result<String> {
        // Then 192 octets, the name in the first 32.
        let mut words = [0; 49];
        words[0] = GDRVINFO;
        self.ask(&mut words)?;
        Ok(string(&words[1..=STRING / 4]))
    }

    pub(crate) fn channels(&self) -> io::Result<Channels> {
        let [receive_max, _, _, combined_max, receive, _, _, combined] = self.get(GCHANNELS)?;
        Ok(Channels {
            receive_max,
            combined_max,
            receive,
            combined,
        })
    }

    pub(crate) fn rings(&self) -> io::Result<Rings> {
        let [receive_max, _, _, _, receive, ..]: [u32; 8] = self.get(GRINGPARAM)?;
        Ok(Rings {
            receive_max,
            receive,
        })
    }

    pub(crate) fn coalescing(&self) -> io::Result<Coalescing> {
        let words: [u32; 22] = self.get(GCOALESCE)?;
        Ok(Coalescing {
            receive_us: words[0],
            is_adaptive: words[9] != 0,
        })
    }

    /// The fields of a flow by which its frames are given to queues.
    pub(crate) fn hashed(&self, flow: u32) -> io::Result<u64> {
        // struct ethtool_rxnfc: after the flow its fields, then rules.
        let mut words = [0; 48];
        words[..2].copy_from_slice(&[GRXFH, flow]);
        self.ask(&mut words)?;
        Ok(u64::from(words[2]) | u64::from(words[3]) << 32)
    }

    /// Every feature, by the kernel's name for it, and whether it is on.
    pub(crate) fn features(&self) -> io::Result<BTreeMap<String, bool>> {
        let set = 1u64 << ETH_SS_FEATURES;
        let mut count = [GSSET_INFO, 0, set as u32, (set >> 32) as u32, 0];
        self.ask(&mut count)?;
        let count = count[4];
        if count > FEATURES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut names = vec![0; 3 + count as usize * STRING / 4];
        names[..3].copy_from_slice(&[GSTRINGS, ETH_SS_FEATURES, count]);
        self.ask(&mut names)?;
        // A block of four words for 32 features: available, wanted, active, fixed.
        let blocks = count.div_ceil(32);
        let mut states = vec![0; 2 + 4 * blocks as usize];
        states[..2].copy_from_slice(&[GFEATURES, blocks]);
        self.ask(&mut states)?;
        let names = names[3..].chunks_exact(STRING / 4).map(string);
        let states = (0..).map(|bit: usize| states[2 + bit / 32 * 4 + 2] >> (bit % 32) & 1 == 1);
        Ok(names.zip(states).collect())
    }

    /// The words that a command returns behind itself.
    fn get<const WORDS: usize>(&self, command: u32) -> io::Result<[u32; WORDS]> {
        let mut words = vec![0; 1 + WORDS];
        words[0] = command;
        self.ask(&mut words)?;
        let words: &[u32; WORDS] = words[1..].try_into().expect("as many as there are");
        Ok(*words)
    }

    /// Has the command in `words`, which begin with it, filled in.
    fn ask(&self, words: &mut [u32]) -> io::Result<()> {
        let mut request = self.request;
        request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
        // SAFETY: the request has the name, which ends with a zero, and points to words
        // that live through the call. Each caller has as many as the structure of its
        // command: those of a set of strings are of the kernel's own constant number,
        // which it was asked for.
        let failed = unsafe { libc::ioctl(self.socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        if failed < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

fn string(words: &[u32]) -> String {
    let octets: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    super::netlink::text(&octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_features_and_no_queues() {
        let lo = Ethtool::open("lo").expect("a socket");
        let features = lo.features().expect("every interface has them");
        assert_eq!(features.get("loopback"), Some(&true), "{features:?}");
        assert_eq!(features.get("rx-lro"), Some(&false), "{features:?}");
        let refused = lo.channels().expect_err("it has none");
        assert_eq!(refused.raw_os_error(), Some(libc::EOPNOTSUPP));
        let none = Ethtool::open("no-such-interface-at-all").expect("a socket");
        let refused = none.driver().expect_err("there is none");
        assert_eq!(refused.raw_os_error(), Some(libc::ENODEV));
    }
}
