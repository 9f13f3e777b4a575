//! DNS probe: is a name's record as it should be?

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use bytes::Bytes;
use domain::{
    base::{Message, MessageBuilder, iana::Rcode},
    rdata::AllRecordData,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::UdpSocket, time::Instant};

use super::{Destination, errors::Failure};
use crate::{
    measurement::{
        metric::Metric,
        sample::{Readings, Reason},
    },
    model::DnsQuery,
};

/// The longest response that is read, octets.
const RESPONSE_MAX: usize = 4096;

/// Asks once over UDP; the time until the response.
pub(super) async fn probe(destination: Destination, query: &DnsQuery) -> Result<Readings, Failure> {
    let start = Instant::now();
    let socket = connect(destination)?;
    // Unlike any number that is guessed from outside.
    let id = RandomState::new().build_hasher().finish() as u16;
    let request = request(query, id);
    socket
        .send(&request)
        .await
        .map_err(|error| Failure::of_call("send", &error))?;
    let mut octets = vec![0; RESPONSE_MAX];
    loop {
        let received = socket.recv(&mut octets).await;
        let len = received.map_err(|error| Failure::of_exchange("recv", &error))?;
        let response = Message::from_octets(Bytes::copy_from_slice(&octets[..len]));
        let Ok(response) = response else { continue };
        if response.header().id() != id || !is_answer(&response, query) {
            continue;
        }
        judge(&response, query)?;
        return Ok(Readings::time(Metric::ResponseTime, start.elapsed()));
    }
}

/// A socket that gets what comes from there alone.
fn connect(destination: Destination) -> Result<UdpSocket, Failure> {
    let address = destination.address;
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))
        .map_err(|error| Failure::of_call("socket", &error))?;
    if let Some(source) = destination.source() {
        let bound = socket.bind(&source.into());
        bound.map_err(|error| Failure::of_call("bind", &error))?;
    }
    let connected = socket.connect(&address.into());
    connected.map_err(|error| Failure::of_call("connect", &error))?;
    UdpSocket::from_std(socket.into()).map_err(|error| Failure::of_call("epoll_ctl", &error))
}

fn request(query: &DnsQuery, id: u16) -> Vec<u8> {
    const FITS: &str = "a question fits in a message";
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    let mut question = message.question();
    question.push((&query.name, query.rtype)).expect(FITS);
    question.finish()
}

/// Whether it answers this very question.
fn is_answer(response: &Message<Bytes>, query: &DnsQuery) -> bool {
    response.header().qr()
        && response.sole_question().is_ok_and(|question| {
            *question.qname() == query.name && question.qtype() == query.rtype
        })
}

fn judge(response: &Message<Bytes>, query: &DnsQuery) -> Result<(), Failure> {
    let rcode = response.header().rcode();
    if rcode != Rcode::NOERROR {
        let got = rcode.to_string();
        return Err(Failure::Target(Reason::Rcode { got }));
    }
    let answer = response.answer();
    let records = answer.map_err(|error| Failure::of_exchange("DNS answer", &error))?;
    let mut got = Vec::new();
    for record in records.limit_to_in::<AllRecordData<_, _>>() {
        let record = record.map_err(|error| Failure::of_exchange("DNS answer", &error))?;
        if record.rtype() == query.rtype {
            got.push(record.data().to_string());
        }
    }
    let is_as_expected = match &query.expected {
        None => !got.is_empty(),
        Some(expected) => got.contains(expected),
    };
    if is_as_expected {
        return Ok(());
    }
    Err(Failure::Target(Reason::Records {
        rtype: query.rtype.to_string(),
        expected: query.expected.clone(),
        got,
    }))
}
