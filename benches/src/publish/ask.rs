//! Asking the loaded program by `BPF_PROG_TEST_RUN`.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Context as _, Result};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use domain::base::{MessageBuilder, Rtype};
use veer::model::Name;

use crate::{
    fixture::PORT,
    frame::{self, Path},
    rig::SERVER_ADDRESS,
};

/// `XDP_TX` of <linux/bpf.h>.
const XDP_TX: u32 = 3;

/// Room for the frame of any answer with one address.
const REPLY_MAX: usize = 512;

/// What the program made of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A reply of one A record and nothing behind it.
    Address(Ipv4Addr),
    /// Any other reply.
    Other,
    Missing,
}

/// One query, as a frame, to be asked again and again.
pub(super) struct Query {
    frame: Vec<u8>,
}

impl Query {
    /// For the A records of `name`, from `resolver`.
    pub(super) fn new(name: &str, resolver: Ipv4Addr) -> Result<Self> {
        let parsed: Name = name.parse().with_context(|| name.to_owned())?;
        let mut message = MessageBuilder::new_vec().question();
        message.push((parsed, Rtype::A)).context("a question")?;
        let path = Path {
            macs: [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]],
            addresses: [
                SocketAddrV4::new(resolver, 40_000),
                SocketAddrV4::new(SERVER_ADDRESS, PORT),
            ],
        };
        Ok(Self {
            frame: frame::of(path, &message.finish()),
        })
    }

    /// What `program` makes of it.
    pub(super) fn ask(&self, program: &Xdp) -> Result<Reply> {
        let mut reply = [0; REPLY_MAX];
        let result = program.test_run(TestRunOptions {
            data_in: Some(&self.frame),
            data_out: Some(&mut reply),
            ..TestRunOptions::new()
        });
        let result = result.context("BPF_PROG_TEST_RUN")?;
        if result.return_value != XDP_TX {
            return Ok(Reply::Missing);
        }
        let reply = &reply[..result.data_size_out as usize];
        Ok(last_address(reply, self.frame.len()).map_or(Reply::Other, Reply::Address))
    }
}

/// The last four octets of a reply that is one A record longer than its query.
fn last_address(reply: &[u8], query_len: usize) -> Option<Ipv4Addr> {
    /// A pointer to the name, type, class, TTL, length, address.
    const A_RECORD: usize = 2 + 2 + 2 + 4 + 2 + 4;
    let octets = reply.last_chunk()?;
    (reply.len() == query_len + A_RECORD).then(|| Ipv4Addr::from_octets(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reply_of_one_record_has_an_address() {
        let reply = [&[0; 72][..], &[192, 0, 2, 7]].concat();
        let address = Ipv4Addr::new(192, 0, 2, 7);
        assert_eq!(last_address(&reply, 60), Some(address));
        assert_eq!(last_address(&reply, 61), None);
        assert_eq!(last_address(&[], 60), None);
    }
}
