//! Asking the loaded program by `BPF_PROG_TEST_RUN`.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Context as _, Result, bail};
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

    /// The address that `program` answers with; an answer must be a reply of one A
    /// record and nothing behind it.
    pub(super) fn ask(&self, program: &Xdp) -> Result<Ipv4Addr> {
        let mut reply = [0; REPLY_MAX];
        let result = program.test_run(TestRunOptions {
            data_in: Some(&self.frame),
            data_out: Some(&mut reply),
            ..TestRunOptions::new()
        });
        let result = result.context("BPF_PROG_TEST_RUN")?;
        if result.return_value != XDP_TX {
            bail!(
                "the program did not answer: verdict {}",
                result.return_value
            );
        }
        let reply = &reply[..result.data_size_out as usize];
        last_address(reply, self.frame.len())
    }
}

/// The last four octets of a reply that is one A record longer than its query.
fn last_address(reply: &[u8], query_len: usize) -> Result<Ipv4Addr> {
    /// A pointer to the name, type, class, TTL, length, address.
    const A_RECORD: usize = 2 + 2 + 2 + 4 + 2 + 4;
    match reply.last_chunk() {
        Some(octets) if reply.len() == query_len + A_RECORD => Ok(Ipv4Addr::from_octets(*octets)),
        _ => bail!(
            "a reply of {} octets to a query of {query_len} is not one A record",
            reply.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reply_of_one_record_has_an_address() {
        let reply = [&[0; 72][..], &[192, 0, 2, 7]].concat();
        let address = last_address(&reply, 60).expect("one record");
        assert_eq!(address, Ipv4Addr::new(192, 0, 2, 7));
        assert!(last_address(&reply, 61).is_err());
        assert!(last_address(&[], 60).is_err());
    }
}
