//! Messages read by hand, so that the reader is not the writer's.

/// A message, read.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) flags: u16,
    /// The octets of the question, if there is one.
    pub(super) question: Vec<u8>,
    /// Answer, authority, additional.
    pub(super) sections: [Vec<Record>; 3],
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) owner: Vec<u8>,
    pub(super) rtype: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    pub(super) data: Vec<u8>,
}

/// Reads octets one after another; what is not there is an error.
struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, octets: usize) -> Result<&'m [u8], String> {
        let taken = self.message.get(self.at..self.at + octets);
        let taken = taken.ok_or_else(|| format!("ends before octet {}", self.at + octets))?;
        self.at += octets;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u16, String> {
        let octets = self.take(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    /// A name, decompressed (RFC 1035 section 4.1.4); pointers lead backwards.
    fn name(&mut self) -> Result<Vec<u8>, String> {
        let mut name = Vec::new();
        let mut jumped = None;
        // Labels between pointers could lead round in a circle.
        while name.len() < 255 {
            let start = self.at;
            match self.take(1)?[0] {
                0 => {
                    name.push(0);
                    self.at = jumped.unwrap_or(self.at);
                    return Ok(name);
                }
                length @ 1..=63 => {
                    name.push(length);
                    name.extend(self.take(length.into())?);
                }
                pointer @ 0xc0.. => {
                    let low = self.take(1)?[0];
                    jumped.get_or_insert(self.at);
                    self.at = usize::from(u16::from_be_bytes([pointer & 0x3f, low]));
                    if self.at >= start {
                        return Err(format!("a pointer at {start} leads to {}", self.at));
                    }
                }
                other => return Err(format!("a label of type {other:#x}")),
            }
        }
        Err("a name of more than 255 octets".to_owned())
    }

    fn record(&mut self) -> Result<Record, String> {
        let owner = self.name()?;
        let (rtype, class) = (self.word()?, self.word()?);
        let ttl = u32::from(self.word()?) << 16 | u32::from(self.word()?);
        let length = self.word()?;
        let data = self.take(length.into())?.to_vec();
        Ok(Record {
            owner,
            rtype,
            class,
            ttl,
            data,
        })
    }
}

pub(super) fn read(message: &[u8]) -> Result<Message, String> {
    let mut reader = Reader { message, at: 2 };
    let flags = reader.word()?;
    let questions = reader.word()?;
    let counts = [reader.word()?, reader.word()?, reader.word()?];
    let start = reader.at;
    for _ in 0..questions {
        reader.name()?;
        reader.take(4)?;
    }
    let question = message[start..reader.at].to_vec();
    let mut sections = [Vec::new(), Vec::new(), Vec::new()];
    for (section, count) in sections.iter_mut().zip(counts) {
        for _ in 0..count {
            section.push(reader.record()?);
        }
    }
    match message.len() - reader.at {
        0 => Ok(Message {
            flags,
            question,
            sections,
        }),
        rest => Err(format!("{rest} octets after the last record")),
    }
}

/// Options by code and data.
pub(super) fn options(record: &Record) -> Result<Vec<(u16, Vec<u8>)>, String> {
    let mut reader = Reader {
        message: &record.data,
        at: 0,
    };
    let mut options = Vec::new();
    while reader.at < record.data.len() {
        let (code, length) = (reader.word()?, reader.word()?);
        options.push((code, reader.take(length.into())?.to_vec()));
    }
    Ok(options)
}
