//! Messages put together octet by octet.

/// IN, the class of nearly everything.
pub(crate) const IN: u16 = 1;

/// The ones' complement sum of `octets` as RFC 1071 section 1 defines it, in
/// network order, octet by octet.
pub(crate) fn rfc1071(octets: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum as u16
}

/// A query in class IN: header with RD, one question, nothing else.
pub(crate) fn query(name: &[u8], rtype: u16) -> Vec<u8> {
    query_in(name, rtype, IN)
}

/// The same in any class.
pub(crate) fn query_in(name: &[u8], rtype: u16, class: u16) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(name);
    message.extend(rtype.to_be_bytes());
    message.extend(class.to_be_bytes());
    message
}

/// A record whose owner is the name in the question.
pub(crate) fn record(rtype: u16, rdata: &[u8]) -> Vec<u8> {
    owned_record(&[0xc0, 12], rtype, rdata)
}

/// A record in class IN with a TTL of five minutes.
pub(crate) fn owned_record(owner: &[u8], rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let mut record = owner.to_vec();
    record.extend(rtype.to_be_bytes());
    record.extend([0, 1, 0, 0, 1, 44]);
    record.extend((rdata.len() as u16).to_be_bytes());
    record.extend(rdata);
    record
}

/// An OPT record (RFC 6891 section 6.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) payload: u16,
    pub(crate) rcode_high: u8,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

/// DO in [`Opt::flags`].
pub(crate) const DNSSEC_OK: u16 = 0x8000;
// Option codes.
pub(crate) const NSID: u16 = 3;
pub(crate) const SUBNET: u16 = 8;
pub(crate) const COOKIE: u16 = 10;
pub(crate) const KEEPALIVE: u16 = 11;

impl Default for Opt {
    /// What most resolvers send, and what replies announce by default.
    fn default() -> Self {
        Self {
            payload: 1232,
            rcode_high: 0,
            version: 0,
            flags: 0,
            options: Vec::new(),
        }
    }
}

impl Opt {
    /// The same with one more option.
    pub(crate) fn with(mut self, code: u16, data: &[u8]) -> Self {
        self.options.push((code, data.to_vec()));
        self
    }

    /// The record's octets.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut options = Vec::new();
        for (code, data) in &self.options {
            options.extend(code.to_be_bytes());
            options.extend((data.len() as u16).to_be_bytes());
            options.extend(data);
        }
        let mut octets = vec![0, 0, 41];
        octets.extend(self.payload.to_be_bytes());
        octets.extend([self.rcode_high, self.version]);
        octets.extend(self.flags.to_be_bytes());
        octets.extend((options.len() as u16).to_be_bytes());
        octets.extend(options);
        octets
    }
}

/// `message` with `opt` after it, and counted.
pub(crate) fn with_opt(message: &[u8], opt: &Opt) -> Vec<u8> {
    let mut message = message.to_vec();
    let additionals = u16::from_be_bytes([message[10], message[11]]) + 1;
    message[10..12].copy_from_slice(&additionals.to_be_bytes());
    message.extend(opt.octets());
    message
}

/// A CLIENT-SUBNET option's data (RFC 7871 section 6), as much of `address` as
/// the prefix needs.
pub(crate) fn subnet(family: u16, source_len: u8, scope: u8, address: &[u8]) -> Vec<u8> {
    let mut data = family.to_be_bytes().to_vec();
    data.extend([source_len, scope]);
    data.extend(&address[..usize::from(source_len).div_ceil(8)]);
    data
}

/// The reply to `query` (RFC 1035 section 4.1.1): its ID, RD and question, `flags`
/// as the header's third and fourth octets, `counts` of the records that follow,
/// and an OPT record that is counted here.
pub(crate) fn reply(
    query: &[u8],
    flags: [u8; 2],
    counts: [u16; 3],
    records: &[u8],
    opt: Option<&Opt>,
) -> Vec<u8> {
    let end = question_end(query).expect("a query with one question");
    let mut reply = query[..2].to_vec();
    reply.extend([flags[0] | query[2] & 0x01, flags[1], 0, 1]);
    reply.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    reply.extend(&query[12..end]);
    reply.extend(records);
    match opt {
        Some(opt) => with_opt(&reply, opt),
        None => reply,
    }
}

/// Where the question ends, by walking its labels; `None` where it does not.
pub(crate) fn question_end(message: &[u8]) -> Option<usize> {
    let end = 12 + name_len(message.get(12..)?)? + 4;
    (end <= message.len()).then_some(end)
}

/// The length of the name that `octets` start with, by walking its labels; `None`
/// where it is not one without compression of 255 octets or less.
pub(crate) fn name_len(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let len = usize::from(*octets.get(at)?);
        if len > 63 {
            return None;
        }
        at += 1 + len;
        if len == 0 {
            return (at <= 255).then_some(at);
        }
    }
}
