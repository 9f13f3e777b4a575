//! What both are asked.

use std::net::IpAddr;

use dns_common::decision::{BLOCK_V4, BLOCK_V6};
use domain::base::{MessageBuilder, Rtype, iana::OptionCode};
use ipnet::IpNet;

use crate::{flattening::subnet, model::Name};

/// How a question is written.
const VALID: &str = "NAME TYPE or NAME TYPE ADDRESS, e.g. www.example.com A 198.51.100.7";

/// What most resolvers take over UDP, octets: fits an IPv6 packet of the smallest MTU.
const PAYLOAD: u16 = 1232;

/// Types that are no records of a zone, transfers among them (RFC 6895 section 3.1), but ANY.
const META: std::ops::RangeInclusive<u16> = 128..=254;

/// A question, and who asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: Rtype,
    /// The resolver's address.
    pub from: IpAddr,
}

impl Question {
    /// What a line says: a name, a type and maybe an address, which is `from` otherwise;
    /// `None` of one that is empty or a comment. The error says what is wrong.
    pub fn of_line(line: &str, from: IpAddr) -> Result<Option<Self>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            return Ok(None);
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let (name, rtype, address) = match words[..] {
            [name, rtype] => (name, rtype, None),
            [name, rtype, address] => (name, rtype, Some(address)),
            _ => return Err(format!("`{line}` is no question; valid: {VALID}")),
        };
        let from = match address.map(str::parse) {
            None => from,
            Some(Ok(from)) => from,
            Some(Err(_)) => {
                let address = words[2];
                return Err(format!("`{address}` is no IP address; valid: {VALID}"));
            }
        };
        Self::of(name, rtype, from).map(Some)
    }

    /// The question for `name` and `rtype`, as people write them.
    pub fn of(name: &str, rtype: &str, from: IpAddr) -> Result<Self, String> {
        let name = Name::bytes_from_str(name)
            .map_err(|error| format!("`{name}` is not a domain name: {error}; valid: {VALID}"))?;
        let rtype = rtype
            .parse()
            .map_err(|_| format!("`{rtype}` is not a record type; valid: {VALID}"))?;
        Ok(Self { name, rtype, from })
    }

    /// Whether two servers may be expected to say the same: not to a transfer or another
    /// meta type, nor to ANY, to which each says what it likes (RFC 8482).
    pub fn is_comparable(&self) -> bool {
        let number = self.rtype.to_int();
        !META.contains(&number) && !matches!(self.rtype, Rtype::ANY | Rtype::OPT)
    }

    /// The query as resolvers send it: with EDNS, and wanting signatures, so that a signed
    /// zone is seen to be one. With `ecs` it tells the resolver's network (RFC 7871).
    ///
    /// # Panics
    /// Never: it fits in a message.
    pub fn query(&self, ecs: bool) -> Vec<u8> {
        const FITS: &str = "a question and an option fit in a message";
        let mut message = MessageBuilder::new_vec().question();
        message.push((&self.name, self.rtype)).expect(FITS);
        let mut message = message.additional();
        let option = ecs.then(|| subnet::option(self.network()));
        let pushed = message.opt(|opt| {
            opt.set_udp_payload_size(PAYLOAD);
            opt.set_dnssec_ok(true);
            let Some(option) = &option else { return Ok(()) };
            opt.push_raw_option(OptionCode::CLIENT_SUBNET, option.len() as u16, |target| {
                use domain::dep::octseq::OctetsBuilder as _;
                target.append_slice(option)
            })
        });
        pushed.expect(FITS);
        message.finish()
    }

    /// The resolver's block, as resolvers tell those of their clients.
    fn network(&self) -> Option<IpNet> {
        let from = self.from.to_canonical();
        let bits = if from.is_ipv4() { BLOCK_V4 } else { BLOCK_V6 };
        IpNet::new(from, bits).ok().map(|network| network.trunc())
    }
}

#[cfg(test)]
mod tests {
    use domain::base::{Message, opt::UnknownOptData};

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_line_is_a_name_a_type_and_maybe_an_address() {
        let read = |line| Question::of_line(line, HERE);
        for line in ["", "  ", "; dnsperf's", "# ours"] {
            assert_eq!(read(line), Ok(None), "{line}");
        }
        let question = read("www.example.com aaaa\n").unwrap().unwrap();
        assert_eq!(question.name.to_string(), "www.example.com");
        assert_eq!((question.rtype, question.from), (Rtype::AAAA, HERE));
        let question = read(" a.\tTYPE65  2001:db8::1 ").unwrap().unwrap();
        assert_eq!(question.rtype, Rtype::HTTPS);
        assert_eq!(question.from.to_string(), "2001:db8::1");
        for (line, wrong) in [
            ("www.example.com", "`www.example.com` is no question"),
            ("a A ::1 x", "`a A ::1 x` is no question"),
            ("a..b A", "`a..b` is not a domain name"),
            ("a NONSENSE", "`NONSENSE` is not a record type"),
            ("a A 192.0.2.256", "`192.0.2.256` is no IP address"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.starts_with(wrong), "{error}");
            assert!(error.contains("; valid: NAME TYPE"), "{error}");
        }
    }

    #[test]
    fn transfers_and_any_are_not_compared() {
        let is_comparable = |rtype| Question::of("a", rtype, HERE).unwrap().is_comparable();
        for rtype in ["A", "HTTPS", "CNAME", "SOA", "TYPE65280", "CAA"] {
            assert!(is_comparable(rtype), "{rtype}");
        }
        for rtype in ["AXFR", "IXFR", "ANY", "OPT", "TSIG", "TYPE128"] {
            assert!(!is_comparable(rtype), "{rtype}");
        }
    }

    #[test]
    fn the_query_tells_the_network_only_where_it_is_to() {
        let options = |from: &str, ecs| {
            let question = Question::of("www.example", "A", from.parse().unwrap()).unwrap();
            let message = question.query(ecs);
            let message = Message::from_octets(message.as_slice()).unwrap();
            assert!(!message.header().rd() && !message.header().qr());
            let opt = message.opt().expect("EDNS");
            assert!(opt.dnssec_ok() && opt.udp_payload_size() == PAYLOAD);
            let options = opt.opt().iter::<UnknownOptData<_>>();
            let option = |it: UnknownOptData<&[u8]>| (it.code().to_int(), it.as_slice().to_vec());
            options.map(|it| option(it.unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(options("198.51.100.7", false), []);
        let v4 = [(8, vec![0, 1, 24, 0, 198, 51, 100])];
        assert_eq!(options("198.51.100.7", true), v4);
        assert_eq!(options("::ffff:198.51.100.7", true), v4);
        let v6 = [(8, vec![0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0])];
        assert_eq!(options("2001:db8::7", true), v6);
    }
}
