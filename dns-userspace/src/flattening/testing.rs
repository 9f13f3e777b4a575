//! Replies of another DNS for the tests of this module.

use domain::base::{Message, MessageBuilder, Rtype, iana::OptionCode, iana::Rcode};

use super::reply::Question;
use crate::{
    authority::testing::{name, records},
    model::Name,
};

pub(super) const ID: u16 = 0x1234;

/// The question for `www.cdn.example.` of a client in 198.51.100.0/24.
pub(super) fn question(rtype: Rtype) -> Question {
    Question {
        name: name("www.cdn.example."),
        rtype,
        network: Some("198.51.100.0/24".parse().unwrap()),
    }
}

/// The reply to `query` with records in master-file form, and for a client subnet with
/// `scope`.
pub(super) fn reply(
    query: &[u8],
    rcode: Rcode,
    answer: &str,
    authority: &str,
    scope: Option<u8>,
) -> Vec<u8> {
    let query = Message::from_octets(query).unwrap();
    let question = query.sole_question().unwrap();
    let mut message = MessageBuilder::new_vec();
    *message.header_mut() = query.header();
    message.header_mut().set_qr(true);
    message.header_mut().set_rcode(rcode);
    let mut message = message.question();
    let asked: Name = domain::base::name::ToName::to_name(question.qname());
    message.push((asked, question.qtype())).unwrap();
    let mut message = message.answer();
    for record in records(answer) {
        message.push(record).unwrap();
    }
    let mut message = message.authority();
    for record in records(authority) {
        message.push(record).unwrap();
    }
    let mut message = message.additional();
    let opt = query.opt().unwrap();
    let options = opt.opt().iter::<domain::base::opt::UnknownOptData<_>>();
    let mut subnets = options.filter_map(|option| Some(option.ok()?.as_slice().to_vec()));
    if let (Some(scope), Some(mut subnet)) = (scope, subnets.next()) {
        subnet[3] = scope;
        let pushed = message.opt(|opt| {
            opt.push_raw_option(OptionCode::CLIENT_SUBNET, subnet.len() as u16, |target| {
                target.extend_from_slice(&subnet);
                Ok(())
            })
        });
        pushed.unwrap();
    }
    message.finish()
}
