//! As much of netlink(7) as is asked here: requests that read, and attributes.

use std::{
    io::{self, Read as _},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};

/// How long the kernel may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Room for one datagram of answers: the kernel sends 32 KiB at most.
const OCTETS: usize = 64 * 1024;

/// Octets of `struct nlmsghdr`.
const HEADER: usize = 16;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_MULTI: u16 = 2;
/// `NLM_F_ROOT | NLM_F_MATCH`: everything there is.
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// One thing.
    One,
    /// All there are.
    All,
}

/// A socket to one family of the kernel.
pub(super) struct Netlink(Socket);

impl Netlink {
    /// To the family, e.g. `NETLINK_ROUTE`.
    pub(super) fn open(family: libc::c_int) -> io::Result<Self> {
        let (domain, protocol) = (Domain::from(libc::AF_NETLINK), Protocol::from(family));
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Sends a request of type `kind`; the payloads of what answers it.
    pub(super) fn ask(&self, kind: u16, ask: Ask, payload: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.0.send(&request(kind, ask, payload))?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; OCTETS];
        loop {
            let len = (&self.0).read(&mut buffer)?;
            if take(&buffer[..len], &mut answers)? {
                return Ok(answers);
            }
        }
    }
}

fn request(kind: u16, ask: Ask, payload: &[u8]) -> Vec<u8> {
    let flags = match ask {
        Ask::One => NLM_F_REQUEST,
        Ask::All => NLM_F_REQUEST | NLM_F_DUMP,
    };
    let mut message = Vec::with_capacity(HEADER + payload.len());
    message.extend(((HEADER + payload.len()) as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]); // a sequence of one, from whoever the kernel knows we are
    message.extend(payload);
    message
}

/// Adds the payloads in a datagram to `answers`; whether they are all by now.
fn take(mut datagram: &[u8], answers: &mut Vec<Vec<u8>>) -> io::Result<bool> {
    while let (Some(len), Some(kind), Some(flags)) = (
        u32_at(datagram, 0),
        u16_at(datagram, 4),
        u16_at(datagram, 6),
    ) {
        let payload = datagram.get(HEADER..len as usize);
        let payload = payload.ok_or(io::ErrorKind::InvalidData)?;
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let code = u32_at(payload, 0).unwrap_or(0).cast_signed();
                return match code {
                    0 => Ok(true),
                    code => Err(io::Error::from_raw_os_error(-code)),
                };
            }
            _ => answers.push(payload.to_vec()),
        }
        if flags & NLM_F_MULTI == 0 {
            return Ok(true);
        }
        datagram = datagram.get(aligned(len as usize)..).unwrap_or_default();
    }
    Ok(false)
}

/// The attributes in `octets`: type and value of each.
pub(super) fn attributes(mut octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    /// The bits of a type that say what it is; the others, how it is written.
    const TYPE: u16 = 0x3fff;
    std::iter::from_fn(move || {
        let (len, kind) = (u16_at(octets, 0)?, u16_at(octets, 2)?);
        let value = octets.get(4..usize::from(len))?;
        octets = octets.get(aligned(len.into())..).unwrap_or_default();
        Some((kind & TYPE, value))
    })
}

/// The value of the attribute of type `kind`.
pub(super) fn attribute(octets: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(octets).find_map(|(found, value)| (found == kind).then_some(value))
}

/// An attribute, written.
pub(super) fn written(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    octets.extend(((4 + value.len()) as u16).to_ne_bytes());
    octets.extend(kind.to_ne_bytes());
    octets.extend(value);
    octets.resize(aligned(octets.len()), 0);
    octets
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(4)
}

pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    let octets = octets.get(at..at + 2)?;
    octets.try_into().ok().map(u16::from_ne_bytes)
}

pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    let octets = octets.get(at..at + 4)?;
    octets.try_into().ok().map(u32::from_ne_bytes)
}

pub(super) fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    let octets = octets.get(at..at + 8)?;
    octets.try_into().ok().map(u64::from_ne_bytes)
}

/// Text that ends with a zero octet.
pub(super) fn text(octets: &[u8]) -> String {
    let len = octets.iter().position(|octet| *octet == 0);
    String::from_utf8_lossy(&octets[..len.unwrap_or(octets.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut message = request(kind, Ask::One, payload);
        message[6..8].copy_from_slice(&flags.to_ne_bytes());
        message.resize(aligned(message.len()), 0);
        message
    }

    #[test]
    fn answers_are_all_after_the_last_of_several() {
        let mut answers = Vec::new();
        let mut datagram = message(16, NLM_F_MULTI, b"abcde");
        datagram.extend(message(16, NLM_F_MULTI, b"f"));
        assert!(!take(&datagram, &mut answers).expect("sound"));
        let done = message(NLMSG_DONE, NLM_F_MULTI, &[0; 4]);
        assert!(take(&done, &mut answers).expect("sound"));
        assert_eq!(answers, [b"abcde".to_vec(), b"f".to_vec()]);
        assert!(take(&message(16, 0, b"one"), &mut answers).expect("sound"));
    }

    #[test]
    fn an_error_is_the_kernels_own() {
        let refused = message(NLMSG_ERROR, 0, &(-libc::ENODEV).to_ne_bytes());
        let error = take(&refused, &mut Vec::new()).expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        let mut cut = message(16, 0, b"abcdefgh");
        cut.truncate(20);
        assert!(take(&cut, &mut Vec::new()).is_err());
    }

    #[test]
    fn attributes_are_read_as_they_are_written() {
        const NESTED: u16 = 0x8000;
        const XDP: u16 = 0x2b;
        let mut octets = written(3, b"eth0\0");
        octets.extend(written(NESTED | XDP, &written(2, &[1])));
        octets.extend(written(4, &1500u32.to_ne_bytes()));
        assert_eq!(attribute(&octets, 3).map(text).as_deref(), Some("eth0"));
        assert_eq!(
            attribute(&octets, 4).and_then(|mtu| u32_at(mtu, 0)),
            Some(1500)
        );
        let nested = attribute(&octets, XDP).and_then(|nested| attribute(nested, 2));
        assert_eq!(nested, Some([1].as_slice()));
        assert_eq!(attribute(&octets, 5), None);
        // One that is longer than what there is ends it.
        assert_eq!(attributes(&[9, 0, 1, 0, 7]).count(), 0);
        assert_eq!(attributes(&[0, 0, 1, 0, 7]).count(), 0);
    }
}
