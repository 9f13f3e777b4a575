//! Limiting the rate of what the authority answers: what kind of response it
//! is, and what is left of one that is over its rate.

use dns_common::host::Class;
use domain::base::{Message, MessageBuilder, iana::OptRcode};

/// The class of `reply`, which has `rcode`, to a query of `query_len` octets.
pub(super) fn class(reply: &[u8], rcode: OptRcode, query_len: usize) -> Class {
    let Ok(reply) = Message::from_octets(reply) else {
        return Class::Error;
    };
    let (header, counts) = (reply.header(), reply.header_counts());
    match rcode {
        OptRcode::NXDOMAIN => Class::Negative,
        OptRcode::NOERROR if counts.ancount() == 0 && !header.tc() => {
            if header.aa() || counts.nscount() == 0 {
                Class::Negative
            } else {
                Class::Referral
            }
        }
        OptRcode::NOERROR if reply.as_slice().len() > 2 * query_len => Class::Large,
        OptRcode::NOERROR => Class::Positive,
        _ => Class::Error,
    }
}

/// `reply` without its records but OPT, and with TC, so that the requester
/// proves its address by TCP; `None` where it is none.
pub(super) fn slipped(reply: &[u8]) -> Option<Vec<u8>> {
    let reply = Message::from_octets(reply).ok()?;
    let mut builder = MessageBuilder::new_vec();
    *builder.header_mut() = reply.header();
    builder.header_mut().set_tc(true);
    let mut builder = builder.question();
    for question in reply.question() {
        builder.push(question.ok()?).ok()?;
    }
    let mut builder = builder.additional();
    if let Some(opt) = reply.opt() {
        builder.opt(|builder| builder.clone_from(&opt)).ok()?;
    }
    Some(builder.finish())
}

#[cfg(test)]
mod tests;
