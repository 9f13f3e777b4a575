//! Reading a query: header, question and OPT, nothing else of it is used.

use dns_common::ask::Wanted;
use domain::{
    base::{
        ParsedRecord, Question, Rtype,
        header::{Header, HeaderCounts, HeaderSection},
        iana::Class,
        name::ToName,
        wire::ParseError,
    },
    dep::octseq::Parser,
};

use super::edns::Edns;
use crate::model::Name;

/// Octets of a DNS header (RFC 1035 section 4.1.1).
pub const HEADER_LEN: usize = size_of::<HeaderSection>();

/// What a query of opcode QUERY asks.
#[derive(Clone, Debug)]
pub struct Query {
    /// The name asked for, case as asked.
    pub name: Name,
    /// QTYPE.
    pub rtype: Rtype,
    /// QCLASS.
    pub class: Class,
    /// What the OPT record says, if there is one.
    pub edns: Option<Edns>,
}

/// Why a query cannot be answered: FORMERR, with the question and EDNS where
/// that much could be read.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// The question to echo. A query without one may still have EDNS: it could
    /// ask for a cookie alone (RFC 7873 section 5.4).
    pub question: Option<Question<Name>>,
    /// What the first OPT record says, if there is one.
    pub edns: Option<Edns>,
}

impl Query {
    /// Reads `message`, which is at least [`HEADER_LEN`] long, with the options
    /// that are `wanted`.
    ///
    /// It must be exactly one question, uncompressed, and whatever records its
    /// counts promise, at most one of them an OPT, an additional one (RFC 6891
    /// section 6.1.1), and end there.
    pub fn parse(message: &[u8], wanted: Wanted) -> Result<Self, Malformed> {
        let mut question = None;
        let mut edns = None;
        let read = read(message, wanted, &mut question, &mut edns);
        match (read, question) {
            (Ok(()), Some(question)) => Ok(Self {
                rtype: question.qtype(),
                class: question.qclass(),
                name: question.into_qname(),
                edns,
            }),
            (_, question) => Err(Malformed { question, edns }),
        }
    }

    /// The question as it stands in the reply.
    pub fn question(&self) -> Question<&Name> {
        Question::new(&self.name, self.rtype, self.class)
    }
}

/// The header of `message`, which is at least [`HEADER_LEN`] long.
pub fn header(message: &[u8]) -> &Header {
    Header::for_message_slice(message)
}

/// Whether `message`, which is at least [`HEADER_LEN`] long, has no question.
pub fn asks_nothing(message: &[u8]) -> bool {
    HeaderCounts::for_message_slice(message).qdcount() == 0
}

/// Reads `message` as far as it can be: into `question` the only one, into
/// `edns` the first OPT record.
fn read(
    message: &[u8],
    wanted: Wanted,
    question: &mut Option<Question<Name>>,
    edns: &mut Option<Edns>,
) -> Result<(), ParseError> {
    let counts = HeaderCounts::for_message_slice(message);
    let mut parser = Parser::from_ref(message);
    parser.advance(HEADER_LEN)?;
    for number in 0..counts.qdcount() {
        let read = read_question(&mut parser)?;
        *question = Some(read).filter(|_| number == 0);
    }
    for _ in 0..usize::from(counts.ancount()) + usize::from(counts.nscount()) {
        if ParsedRecord::parse(&mut parser)?.rtype() == Rtype::OPT {
            return Err(ParseError::form_error("an OPT record out of its section"));
        }
    }
    for _ in 0..counts.arcount() {
        let record = ParsedRecord::parse(&mut parser)?;
        if record.rtype() == Rtype::OPT {
            if edns.is_some() {
                return Err(ParseError::form_error("a second OPT record"));
            }
            edns.insert(Edns::of(&record))
                .read_options(&record, wanted)?;
        }
    }
    if parser.remaining() != 0 {
        return Err(ParseError::form_error("octets after the last record"));
    }
    Ok(())
}

fn read_question(parser: &mut Parser<'_, [u8]>) -> Result<Question<Name>, ParseError> {
    let name = domain::base::Name::parse(parser)?.to_bytes();
    let rtype = Rtype::parse(parser)?;
    let class = Class::parse(parser)?;
    Ok(Question::new(name, rtype, class))
}
