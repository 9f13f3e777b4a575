//! What a resolver gets to a query that nobody sent, for whoever compares.
//!
//! Nothing is counted for it, no rate is spent, and the daemon's task is not asked.

use domain::base::{Message, iana::Class};

use super::{answers::steering_service, view::View};
use crate::{
    authority::respond::Transport,
    control::{
        answered::Answered,
        explained::ExplainQuery,
        protocol::{AnswerRequest, Failure},
    },
    model::{ALL_SERVERS, Name, Service, Shape},
    shadow::{Question, Reply, Steering},
};

/// The longest that a message can be, octets (RFC 1035 section 4.2.2).
const QUERY_MAX: usize = 65_535;

impl View {
    /// The reply to a query, and what made it.
    pub(super) fn answered(&self, request: &AnswerRequest) -> Result<Answered, Failure> {
        let AnswerRequest { query, from } = request;
        let (from, octets) = (*from, query.len());
        if octets > QUERY_MAX {
            let line = format!("a query of {octets} octets; valid: {QUERY_MAX} at most");
            return Err(line.into());
        }
        let (_, reply) = self.plane.answer(query, from);
        let mut datagram = Vec::new();
        let plane = &self.plane;
        plane.authority(query, from, Transport::Udp, &mut datagram);
        let datagram = Message::from_octets(datagram);
        let is_truncated = datagram.is_ok_and(|datagram| datagram.header().tc());
        let question = question(request);
        let live = self.live.load();
        let zone = question
            .as_ref()
            .and_then(|question| live.zones.find(&question.name));
        let services = &live.plan.services;
        let said = question.as_ref().zip(Reply::read(&reply).ok());
        let steering = said.and_then(|(question, reply)| steering(services, question, &reply));
        Ok(Answered {
            is_truncated,
            zone: zone.map(|zone| zone.apex().fmt_with_dot().to_string()),
            steering,
            reply,
        })
    }
}

/// What is asked, if it is of class IN.
fn question(request: &AnswerRequest) -> Option<Question> {
    let message = Message::from_octets(request.query.as_slice()).ok()?;
    let question = message.sole_question().ok()?;
    let name = domain::base::name::ToName::to_name(question.qname());
    (question.qclass() == Class::IN).then(|| Question {
        name,
        rtype: question.qtype(),
        from: request.from,
    })
}

/// The service whose decision is anywhere along the aliases of `reply`.
fn steering(services: &[(Service, u16)], question: &Question, reply: &Reply) -> Option<Steering> {
    let made = services
        .iter()
        .find(|(service, _)| makes(service, &question.name));
    if let Some((service, _)) = made {
        return Some(Steering::of(service, true));
    }
    let decides = |name| {
        let query = ExplainQuery {
            name,
            rtype: question.rtype,
            from: question.from,
        };
        steering_service(services, &query)
    };
    let (service, _) = reply.chain(question).into_iter().find_map(decides)?;
    Some(Steering::of(service, false))
}

/// Whether `name` is one that stands for servers of `service` alone.
fn makes(service: &Service, name: &Name) -> bool {
    if service.shape != Shape::Cname
        || name.label_count() != service.name.label_count() + 1
        || !name.ends_with(&service.name)
    {
        return false;
    }
    let label = name.first().as_slice();
    let mut names = service.pool.candidates().chain([ALL_SERVERS]);
    names.any(|known| label.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn the_question_is_that_of_class_in() {
        let from = IpAddr::from([192, 0, 2, 1]);
        let asked = Question::of("www.example.", "AAAA", from).expect("a question");
        let mut query = asked.query(false);
        let read = |query: &[u8]| {
            question(&AnswerRequest {
                query: query.to_vec(),
                from,
            })
        };
        assert_eq!(read(&query), Some(asked));
        assert_eq!(read(&query[..20]), None);
        assert_eq!(read(&[]), None);
        // Behind the header, the name and the type.
        query[12 + 13 + 3] = 3;
        assert_eq!(read(&query), None);
    }
}
