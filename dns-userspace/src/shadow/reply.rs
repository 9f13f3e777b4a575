//! A reply as it is compared: without the order of its records, and without letters' case.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{
    base::{
        Message, Record, Rtype,
        iana::OptRcode,
        message::RecordSection,
        name::{FlattenInto as _, ToName as _},
        rdata::ComposeRecordData as _,
        wire::ParseError,
    },
    rdata::ZoneRecordData,
};

use super::Question;
use crate::{
    authority::{StoredRecord, lookup::CHAIN_MAX},
    model::Name,
};

/// What a reply says.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) rcode: OptRcode,
    pub(super) aa: bool,
    pub(super) answer: Section,
    pub(super) authority: Section,
    pub(super) additional: Section,
    /// Whether any of it is signed; signatures are in no section.
    pub(super) is_signed: bool,
}

/// Records of class IN.
#[derive(Clone, Debug, Default)]
pub(super) struct Section(BTreeMap<Key, StoredRecord>);

/// What makes a record that record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) owner: Name,
    pub(super) rtype: u16,
    /// The data in canonical form (RFC 4034 section 6.2).
    pub(super) data: Vec<u8>,
}

impl Reply {
    /// What `octets` say, from wherever they are.
    pub fn read(octets: &[u8]) -> Result<Self, String> {
        let message = Message::from_octets(Bytes::copy_from_slice(octets));
        let message = message.map_err(|_| "a reply shorter than its header".to_owned())?;
        Self::parsed(&message).map_err(|error| format!("a malformed reply: {error}"))
    }

    fn parsed(message: &Message<Bytes>) -> Result<Self, ParseError> {
        let (_, answer, authority, additional) = message.sections()?;
        let mut is_signed = false;
        let (answer, authority, additional) = (
            Section::read(answer, &mut is_signed)?,
            Section::read(authority, &mut is_signed)?,
            Section::read(additional, &mut is_signed)?,
        );
        Ok(Self {
            rcode: message.opt_rcode(),
            aa: message.header().aa(),
            answer,
            authority,
            additional,
            is_signed,
        })
    }

    /// The names that `question` leads over, its own first: along aliases to their end, or
    /// until they go round.
    pub fn chain(&self, question: &Question) -> Vec<Name> {
        let mut chain = vec![question.name.clone()];
        while question.rtype != Rtype::CNAME
            && chain.len() <= CHAIN_MAX
            && let Some(target) = self.answer.alias(&chain[chain.len() - 1])
            && !chain.contains(&target)
        {
            chain.push(target);
        }
        chain
    }
}

impl Section {
    fn read(section: RecordSection<'_, Bytes>, is_signed: &mut bool) -> Result<Self, ParseError> {
        let mut records = BTreeMap::new();
        for record in section.limit_to_in::<ZoneRecordData<_, _>>() {
            let record = record?;
            match record.rtype() {
                Rtype::OPT => continue,
                Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 => {
                    *is_signed = true;
                    continue;
                }
                _ => {}
            }
            let data = record.data().clone().try_flatten_into();
            let data: ZoneRecordData<Bytes, Name> =
                data.map_err(|_| ParseError::form_error("a name"))?;
            let owner: Name = record.owner().to_name();
            let key = Key {
                owner: owner.clone(),
                rtype: record.rtype().to_int(),
                data: canonical(&data),
            };
            records.insert(key, Record::new(owner, record.class(), record.ttl(), data));
        }
        Ok(Self(records))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &StoredRecord)> {
        self.0.iter()
    }

    /// Those that `keep` says.
    #[must_use]
    pub(super) fn only(&self, keep: impl Fn(&StoredRecord) -> bool) -> Self {
        let kept = self.iter().filter(|(_, record)| keep(record));
        let kept = kept.map(|(key, record)| (key.clone(), record.clone()));
        Self(kept.collect())
    }

    /// The records that `other` has not, whatever their TTL.
    pub(super) fn without<'s>(&'s self, other: &'s Self) -> Vec<(&'s Key, &'s StoredRecord)> {
        let missing = |(key, _): &(&Key, &StoredRecord)| !other.0.contains_key(*key);
        self.iter().filter(missing).collect()
    }

    /// The first record that both have with another TTL: ours, and theirs.
    pub(super) fn other_ttl<'s>(&'s self, other: &'s Self) -> Option<[&'s StoredRecord; 2]> {
        let mut both = self.iter().filter_map(|(key, own)| {
            let other = other.0.get(key)?;
            Some([own, other])
        });
        both.find(|[own, other]| own.ttl() != other.ttl())
    }

    pub(super) fn has(&self, rtype: Rtype) -> bool {
        self.iter().any(|(_, record)| record.rtype() == rtype)
    }

    /// Where the alias at `name` leads.
    fn alias(&self, name: &Name) -> Option<Name> {
        self.iter().find_map(|(key, record)| match record.data() {
            ZoneRecordData::Cname(cname) if key.owner == *name => Some(cname.cname().clone()),
            _ => None,
        })
    }
}

/// Data whose octets are the same where it is, letters' case aside.
fn canonical(data: &ZoneRecordData<Bytes, Name>) -> Vec<u8> {
    match data {
        // Their canonical form keeps the case of the name in it.
        ZoneRecordData::Svcb(_) | ZoneRecordData::Https(_) => {
            data.to_string().to_ascii_lowercase().into_bytes()
        }
        _ => {
            let mut octets = Vec::new();
            let Ok(()) = data.compose_canonical_rdata(&mut octets);
            octets
        }
    }
}
