//! Reading a query: header, question and OPT, nothing else of it is used.

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

/// Why a query cannot be answered: FORMERR, with the question where that much
/// could be read.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// The question to echo.
    pub question: Option<Question<Name>>,
}

impl Query {
    /// Reads `message`, which is at least [`HEADER_LEN`] long.
    ///
    /// It must be exactly one question, uncompressed, and whatever records its
    /// counts promise, at most one of them an OPT (RFC 6891 section 6.1.1), and
    /// end there.
    pub fn parse(message: &[u8]) -> Result<Self, Malformed> {
        let counts = HeaderCounts::for_message_slice(message);
        let unread = Malformed { question: None };
        if counts.qdcount() != 1 {
            return Err(unread);
        }
        let mut parser = Parser::from_ref(message);
        let question = parser
            .advance(HEADER_LEN)
            .map_err(ParseError::from)
            .and_then(|()| read_question(&mut parser))
            .map_err(|_| unread)?;
        let records = [counts.ancount(), counts.nscount(), counts.arcount()];
        match read_edns(&mut parser, records.map(usize::from).iter().sum()) {
            Ok(edns) => Ok(Self {
                rtype: question.qtype(),
                class: question.qclass(),
                name: question.into_qname(),
                edns,
            }),
            Err(_) => Err(Malformed {
                question: Some(question),
            }),
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

fn read_question(parser: &mut Parser<'_, [u8]>) -> Result<Question<Name>, ParseError> {
    let name = domain::base::Name::parse(parser)?.to_bytes();
    let rtype = Rtype::parse(parser)?;
    let class = Class::parse(parser)?;
    Ok(Question::new(name, rtype, class))
}

/// The EDNS of the `count` records that end the message.
fn read_edns(parser: &mut Parser<'_, [u8]>, count: usize) -> Result<Option<Edns>, ParseError> {
    let mut edns = None;
    for _ in 0..count {
        let record = ParsedRecord::parse(parser)?;
        if record.rtype() == Rtype::OPT && edns.replace(Edns::parse(&record)?).is_some() {
            return Err(ParseError::form_error("a second OPT record"));
        }
    }
    if parser.remaining() != 0 {
        return Err(ParseError::form_error("octets after the last record"));
    }
    Ok(edns)
}
