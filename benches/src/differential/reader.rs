//! Messages read by hand, so that the reader is nobody's whose work is tried.

use std::ops::Range;

use super::query::OPT;

/// A message, read.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) flags: u16,
    pub(super) questions: u16,
    /// Where the questions stand.
    pub(super) question: Range<usize>,
    /// Answer, authority, additional.
    pub(super) sections: [Vec<Record>; 3],
}

/// A record, names in it decompressed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) owner: Vec<u8>,
    pub(super) rtype: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    pub(super) data: Vec<u8>,
}

/// Code and data.
pub(super) type EdnsOption = (u16, Vec<u8>);

impl Record {
    /// The options of an OPT record.
    pub(super) fn options(&self) -> Result<Vec<EdnsOption>, String> {
        let mut reader = Reader {
            message: &self.data,
            at: 0,
        };
        let mut options = Vec::new();
        while reader.at < self.data.len() {
            let (code, len) = (reader.pair()?, reader.pair()?);
            options.push((code, reader.take(len.into())?.to_vec()));
        }
        Ok(options)
    }
}

/// Reads `message` to its last octet.
pub(super) fn read(message: &[u8]) -> Result<Message, String> {
    let mut reader = Reader { message, at: 2 };
    let flags = reader.pair()?;
    let questions = reader.pair()?;
    let counts = [reader.pair()?, reader.pair()?, reader.pair()?];
    let start = reader.at;
    for _ in 0..questions {
        reader.name()?;
        reader.take(4)?;
    }
    let question = start..reader.at;
    let mut sections = [const { Vec::new() }; 3];
    for (section, count) in sections.iter_mut().zip(counts) {
        for _ in 0..count {
            section.push(reader.record()?);
        }
    }
    match message.len() - reader.at {
        0 => Ok(Message {
            flags,
            questions,
            question,
            sections,
        }),
        rest => Err(format!("{rest} octets after the last record")),
    }
}

/// Reads octets one after another; what is not there is an error.
struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, count: usize) -> Result<&'m [u8], String> {
        let taken = self.message.get(self.at..self.at + count);
        let taken = taken.ok_or_else(|| format!("ends before octet {}", self.at + count))?;
        self.at += count;
        Ok(taken)
    }

    fn pair(&mut self) -> Result<u16, String> {
        let octets = self.take(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    /// A name (RFC 1035 section 4.1.4); pointers lead backwards.
    fn name(&mut self) -> Result<Vec<u8>, String> {
        let mut name = Vec::new();
        let mut behind = None;
        let mut before = self.at;
        loop {
            match self.take(1)?[0] {
                0 => break,
                len @ 1..=63 => {
                    name.push(len);
                    name.extend(self.take(len.into())?.to_ascii_lowercase());
                }
                high @ 0xc0.. => {
                    let low = self.take(1)?[0];
                    behind.get_or_insert(self.at);
                    self.at = usize::from(high & 0x3f) << 8 | usize::from(low);
                    if self.at >= before || self.at < 12 {
                        return Err(format!("a pointer from {before} to {}", self.at));
                    }
                    before = self.at;
                }
                other => return Err(format!("a label of type {other:#x}")),
            }
        }
        name.push(0);
        if name.len() > 255 {
            return Err("a name of more than 255 octets".to_owned());
        }
        self.at = behind.unwrap_or(self.at);
        Ok(name)
    }

    fn record(&mut self) -> Result<Record, String> {
        let owner = self.name()?;
        let (rtype, class) = (self.pair()?, self.pair()?);
        let ttl = u32::from(self.pair()?) << 16 | u32::from(self.pair()?);
        let end = usize::from(self.pair()?) + self.at;
        // Octets before names, and names, that those types have whose names may be
        // compressed (RFC 3597 section 4), and others that have one.
        let (fixed, names) = match rtype {
            2 | 5 | 12 | 39 => (0, 1),
            6 => (0, 2),
            15 => (2, 1),
            33 => (6, 1),
            _ => (0, 0),
        };
        let mut data = self.take(fixed)?.to_vec();
        for _ in 0..names {
            data.extend(self.name()?);
        }
        let rest = end.checked_sub(self.at);
        data.extend(self.take(rest.ok_or("a name past its record")?)?);
        if rtype == OPT && owner != [0] {
            return Err("OPT below the root".to_owned());
        }
        Ok(Record {
            owner,
            rtype,
            class,
            ttl,
            data,
        })
    }
}
