//! Writing a reply within its size limit. Names are compressed against all
//! that stands before them without regard to case, so that an owner equal to
//! the question is a pointer to the question as asked.

use domain::base::{
    MessageBuilder, Question, Rtype,
    header::Header,
    iana::{Class, OptRcode},
    message_builder::{
        AdditionalBuilder, AnswerBuilder, PushError, RecordSectionBuilder, StaticCompressor,
    },
    name::ToName,
    wire::Composer,
};

use super::{
    StoredRecord,
    edns::OwnOpt,
    lookup::{Records, Response},
    query::{HEADER_LEN, Query},
};
use crate::model::Name;

/// What every reply to one query shares.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'q> {
    /// The query's header: ID, opcode and RD are copied from it.
    pub header: &'q Header,
    /// Octets the reply may have, 512 to 65 535.
    pub limit: usize,
    /// Our OPT record, for a requester that sent one.
    pub opt: Option<OwnOpt<'q>>,
}

type Target<'o> = StaticCompressor<&'o mut Vec<u8>>;

impl Frame<'_> {
    /// Writes a reply with no records: an error, with the question or without.
    pub fn error<N: ToName>(
        &self,
        question: Option<Question<N>>,
        rcode: OptRcode,
        out: &mut Vec<u8>,
    ) {
        let message = self.start(question, out).additional();
        self.finish(message, rcode);
    }

    /// Writes the reply that `response` makes to `query`.
    ///
    /// Answer, authority and glue are there whole, else the reply has TC set
    /// and no records (RFC 2181 section 9, RFC 9471 section 3); additional
    /// records that do not fit are left out, a whole set at a time.
    pub fn reply(&self, query: &Query, response: &Response<'_>, out: &mut Vec<u8>) {
        let rcode = OptRcode::from_rcode(response.rcode);
        let message = self.start(Some(query.question()), out);
        let (mut message, whole) = match sections(message, response) {
            Ok(message) => (message, true),
            Err(message) => (message.additional(), false),
        };
        let header = message.header_mut();
        header.set_aa(response.authoritative);
        header.set_tc(!whole);
        if whole {
            push_additional(&mut message, response);
        }
        self.finish(message, rcode);
    }

    fn start<'o, N: ToName>(
        &self,
        question: Option<Question<N>>,
        out: &'o mut Vec<u8>,
    ) -> AnswerBuilder<Target<'o>> {
        let mut message = new_message(out);
        let opt_octets = self.opt.as_ref().map_or(0, OwnOpt::octets);
        // The builder refuses what reaches its limit.
        message.set_push_limit(self.limit - opt_octets + 1);
        let header = message.header_mut();
        header.set_id(self.header.id());
        header.set_qr(true);
        header.set_opcode(self.header.opcode());
        header.set_rd(self.header.rd());
        let mut message = message.question();
        if let Some(question) = question {
            // 12 octets of header, at most 259 of question and 151 of OPT: within
            // every limit.
            let fits = message.push(question);
            debug_assert!(fits.is_ok(), "question past the limit");
        }
        message.answer()
    }

    fn finish(&self, mut message: AdditionalBuilder<Target<'_>>, rcode: OptRcode) {
        message.header_mut().set_rcode(rcode.rcode());
        if let Some(opt) = &self.opt {
            message.clear_push_limit();
            let fits = opt.push(&mut message, rcode);
            debug_assert!(fits.is_ok(), "its octets were set aside");
        }
    }
}

/// The octets of the answer section as they stand in a reply to the question
/// for `question` and `rtype`, class IN: what follows the header and the
/// question. `None` where no message could hold them.
pub fn encode_answer(question: &Name, rtype: Rtype, records: &[StoredRecord]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    let mut message = new_message(&mut out);
    message.set_push_limit(usize::from(u16::MAX) + 1);
    let mut message = message.question();
    message.push((question, rtype, Class::IN)).ok()?;
    let mut message = message.answer();
    for record in records {
        message.push(record).ok()?;
    }
    let question_len = question.len() + size_of::<[u16; 2]>();
    Some(out.split_off(HEADER_LEN + question_len))
}

/// The records of a reply as they stand after the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// Their wire form.
    pub octets: Vec<u8>,
    /// How many are in answer, authority and additional section.
    pub counts: [u16; 3],
}

/// Writes what [`Frame::reply`] writes between question and OPT, in reply to the
/// question for `question` and `rtype`, class IN: with answer, authority and
/// glue of at most `whole_max` octets, else `None`; with additional records as
/// long as all of it has at most `all_max`.
pub fn encode_sections(
    question: &Name,
    rtype: Rtype,
    response: &Response<'_>,
    whole_max: usize,
    all_max: usize,
) -> Option<Sections> {
    let start = HEADER_LEN + question.len() + size_of::<[u16; 2]>();
    let mut out = Vec::with_capacity(512);
    let mut message = new_message(&mut out);
    // The builder refuses what reaches its limit.
    message.set_push_limit(start + whole_max + 1);
    let mut message = message.question();
    message.push((question, rtype, Class::IN)).ok()?;
    let mut message = sections(message.answer(), response).ok()?;
    if message.as_slice().len() <= start + all_max {
        message.set_push_limit(start + all_max + 1);
        push_additional(&mut message, response);
    }
    let counts = message.counts();
    let counts = [counts.ancount(), counts.nscount(), counts.arcount()];
    Some(Sections {
        octets: out.split_off(start),
        counts,
    })
}

fn new_message(out: &mut Vec<u8>) -> MessageBuilder<Target<'_>> {
    match MessageBuilder::from_target(StaticCompressor::new(out)) {
        Ok(message) => message,
        Err(infallible) => match infallible {},
    }
}

/// The sections that must be whole; the empty answer section when they don't fit.
fn sections<'o>(
    mut message: AnswerBuilder<Target<'o>>,
    response: &Response<'_>,
) -> Result<AdditionalBuilder<Target<'o>>, AnswerBuilder<Target<'o>>> {
    for group in &response.answer {
        if push_group(&mut message, group).is_err() {
            return Err(message.rewind_into());
        }
    }
    let mut message = message.authority();
    for group in &response.authority {
        if push_group(&mut message, group).is_err() {
            return Err(message.answer().rewind_into());
        }
    }
    let mut message = message.additional();
    for group in &response.glue {
        if push_group(&mut message, group).is_err() {
            return Err(message.answer().rewind_into());
        }
    }
    Ok(message)
}

/// Adds the additional records that fit, each set whole or not at all.
fn push_additional(message: &mut AdditionalBuilder<Target<'_>>, response: &Response<'_>) {
    let additional = &response.additional;
    let pushed = additional
        .iter()
        .take_while(|group| push_group(message, group).is_ok());
    let fitting = pushed.count();
    if fitting < additional.len() {
        // The set that did not fit may have gone in by half.
        message.rewind();
        for group in response.glue.iter().chain(&additional[..fitting]) {
            let fits = push_group(message, group);
            debug_assert!(fits.is_ok(), "it fitted before");
        }
    }
}

fn push_group<T: Composer>(
    section: &mut impl RecordSectionBuilder<T>,
    group: &Records<'_>,
) -> Result<(), PushError> {
    for record in group.records.iter() {
        let owner = group.owner.as_ref().unwrap_or(record.owner());
        section.push((owner, record.class(), record.ttl(), record.data()))?;
    }
    Ok(())
}
