//! Queries, written octet by octet.

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const MX: u16 = 15;
pub(crate) const TXT: u16 = 16;
pub(crate) const DNAME: u16 = 39;
pub(crate) const OPT: u16 = 41;
pub(crate) const ANY: u16 = 255;

pub(crate) const IN: u16 = 1;
pub(crate) const CH: u16 = 3;

// Flags of the header (RFC 1035 section 4.1.1, RFC 4035 section 3).
pub(crate) const QR: u16 = 0x8000;
pub(crate) const AA: u16 = 0x0400;
pub(crate) const TC: u16 = 0x0200;
pub(crate) const RD: u16 = 0x0100;
pub(crate) const RA: u16 = 0x0080;
pub(crate) const Z: u16 = 0x0040;
pub(crate) const AD: u16 = 0x0020;
pub(crate) const CD: u16 = 0x0010;

// Options of EDNS.
pub(crate) const NSID: u16 = 3;
pub(crate) const CLIENT_SUBNET: u16 = 8;
pub(crate) const EXPIRE: u16 = 9;
pub(crate) const COOKIE: u16 = 10;
pub(crate) const KEEPALIVE: u16 = 11;
/// One nobody has defined.
pub(crate) const UNKNOWN: u16 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// A query by its parts; `octets` puts them together.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) transport: Transport,
    pub(crate) id: u16,
    /// Flags, opcode and RCODE.
    pub(crate) flags: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT; ARCOUNT follows from `opts`.
    pub(crate) counts: [u16; 3],
    /// QNAME, QTYPE, QCLASS, or what stands in their place.
    pub(crate) question: Vec<u8>,
    pub(crate) opts: Vec<Opt>,
    /// What follows the last record.
    pub(crate) rest: Vec<u8>,
}

/// An OPT record (RFC 6891 section 6.1.2).
#[derive(Clone, Debug)]
pub(crate) struct Opt {
    pub(crate) owner: Vec<u8>,
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    /// Code and data.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
    /// Octets after the last option.
    pub(crate) rest: Vec<u8>,
}

/// A name in wire form; a dot ends every label.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let octets = labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    octets.chain([0]).collect()
}

/// `dig +noedns +noad +norec` for that name and type.
pub(crate) fn ask(qname: &str, qtype: u16) -> Query {
    let question = [
        name(qname),
        qtype.to_be_bytes().into(),
        IN.to_be_bytes().into(),
    ]
    .concat();
    Query {
        transport: Transport::Udp,
        id: 0x8906,
        flags: 0,
        counts: [1, 0, 0],
        question,
        opts: Vec::new(),
        rest: Vec::new(),
    }
}

/// `dig +edns=0 +nocookie +noad +norec` for that name and type.
pub(crate) fn ask_edns(qname: &str, qtype: u16) -> Query {
    ask(qname, qtype).opt()
}

impl Query {
    pub(crate) fn tcp(self) -> Self {
        Self {
            transport: Transport::Tcp,
            ..self
        }
    }

    pub(crate) fn flags(self, flags: u16) -> Self {
        Self {
            flags: self.flags | flags,
            ..self
        }
    }

    pub(crate) fn opcode(self, opcode: u16) -> Self {
        self.flags(opcode << 11)
    }

    pub(crate) fn class(mut self, class: u16) -> Self {
        let at = self.question.len() - 2;
        self.question[at..].copy_from_slice(&class.to_be_bytes());
        self
    }

    /// Nothing but the header, or the OPT record behind it.
    pub(crate) fn without_question(self) -> Self {
        Self {
            counts: [0; 3],
            question: Vec::new(),
            ..self
        }
    }

    /// The question a second time.
    pub(crate) fn twice(mut self) -> Self {
        self.counts[0] = 2;
        self.question.extend_from_within(..);
        self
    }

    pub(crate) fn rest(self, octets: &[u8]) -> Self {
        Self {
            rest: octets.to_vec(),
            ..self
        }
    }

    /// One more OPT record; what follows changes the last.
    pub(crate) fn opt(mut self) -> Self {
        self.opts.push(Opt {
            owner: vec![0],
            payload: 4096,
            version: 0,
            flags: 0,
            options: Vec::new(),
            rest: Vec::new(),
        });
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Opt)) -> Self {
        change(self.opts.last_mut().expect("a query with EDNS"));
        self
    }

    pub(crate) fn version(self, version: u8) -> Self {
        self.change(|opt| opt.version = version)
    }

    pub(crate) fn edns_flags(self, flags: u16) -> Self {
        self.change(|opt| opt.flags |= flags)
    }

    pub(crate) fn dnssec_ok(self) -> Self {
        self.edns_flags(0x8000)
    }

    pub(crate) fn payload(self, octets: u16) -> Self {
        self.change(|opt| opt.payload = octets)
    }

    pub(crate) fn option(self, code: u16, data: &[u8]) -> Self {
        self.change(|opt| opt.options.push((code, data.to_vec())))
    }

    pub(crate) fn owner(self, owner: &str) -> Self {
        self.change(|opt| opt.owner = name(owner))
    }

    pub(crate) fn after_options(self, octets: &[u8]) -> Self {
        self.change(|opt| opt.rest = octets.to_vec())
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let [questions, answers, authority] = self.counts;
        let additional = self.opts.len() as u16;
        let header = [
            self.id, self.flags, questions, answers, authority, additional,
        ];
        let mut octets: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        octets.extend(&self.question);
        for opt in &self.opts {
            octets.extend(&opt.owner);
            octets.extend(OPT.to_be_bytes());
            octets.extend(opt.payload.to_be_bytes());
            octets.extend([0, opt.version]);
            octets.extend(opt.flags.to_be_bytes());
            let mut data = Vec::new();
            for (code, value) in &opt.options {
                data.extend(code.to_be_bytes());
                data.extend((value.len() as u16).to_be_bytes());
                data.extend(value);
            }
            data.extend(&opt.rest);
            octets.extend((data.len() as u16).to_be_bytes());
            octets.extend(data);
        }
        octets.extend(&self.rest);
        octets
    }
}
