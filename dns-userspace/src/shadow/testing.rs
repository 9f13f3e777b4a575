//! Replies for the tests of this module.

use domain::base::{Message, MessageBuilder, iana::Rcode};

use super::{Question, Reply, Side};
use crate::{authority::testing::records, model::Name};

/// What a server says, in words: sections in master-file form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) rcode: Rcode,
    pub(super) aa: bool,
    pub(super) answer: &'static str,
    pub(super) authority: &'static str,
    pub(super) additional: &'static str,
}

/// Authoritatively nothing at all.
pub(super) const SAID: Said = Said {
    rcode: Rcode::NOERROR,
    aa: true,
    answer: "",
    authority: "",
    additional: "",
};

/// The question of somebody.
pub(super) fn question(name: &str, rtype: &str) -> Question {
    Question::of(name, rtype, [192, 0, 2, 7].into()).expect("a question")
}

impl Said {
    /// With this answer.
    pub(super) const fn answer(answer: &'static str) -> Self {
        Self { answer, ..SAID }
    }

    /// The message that replies to `query`.
    pub(super) fn message(self, query: &[u8]) -> Vec<u8> {
        let query = Message::from_octets(query).expect("a header");
        let question = query.sole_question().expect("one question");
        let mut message = MessageBuilder::new_vec();
        let header = message.header_mut();
        header.set_id(query.header().id());
        header.set_qr(true);
        header.set_aa(self.aa);
        header.set_rcode(self.rcode);
        let mut message = message.question();
        let asked: Name = domain::base::name::ToName::to_name(question.qname());
        message.push((asked, question.qtype())).expect("room");
        let mut message = message.answer();
        for record in records(self.answer) {
            message.push(record).expect("room");
        }
        let mut message = message.authority();
        for record in records(self.authority) {
            message.push(record).expect("room");
        }
        let mut message = message.additional();
        for record in records(self.additional) {
            message.push(record).expect("room");
        }
        message.opt(|_| Ok(())).expect("room");
        message.finish()
    }

    /// It as one side of a comparison of replies to `question`.
    pub(super) fn side(self, question: &Question) -> Side {
        Side {
            reply: Reply::read(&self.message(&question.query(false))),
            is_truncated: false,
        }
    }
}
