//! What an answer leads to.

use domain::base::Rtype;

use crate::{
    authority::StoredRecord,
    model::Name,
    shadow::{
        Question, Reply,
        reply::{Key, Section},
    },
};

/// An answer, and where it ends.
pub(super) struct Answer<'r> {
    pub(super) reply: &'r Reply,
    pub(super) chain: Vec<Name>,
    /// The records of the type that are at the end of the chain.
    pub(super) end: Vec<(&'r Key, &'r StoredRecord)>,
}

impl<'r> Answer<'r> {
    pub(super) fn of(question: &Question, reply: &'r Reply) -> Self {
        let chain = reply.chain(question);
        let last = &chain[chain.len() - 1];
        let records = reply.answer.iter();
        let end = records
            .filter(|(key, record)| key.owner == *last && record.rtype() == question.rtype)
            .collect();
        Self { reply, chain, end }
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.end.is_empty()
    }

    /// Whether what is behind the last alias is left for others to say.
    pub(super) fn stops(&self) -> bool {
        let authority = &self.reply.authority;
        self.chain.len() > 1
            && !self.is_positive()
            && !authority.has(Rtype::SOA)
            && !authority.has(Rtype::NS)
    }

    /// Whether nobody could tell them apart.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = |own: &Section, other: &Section| {
            own.without(other).is_empty()
                && other.without(own).is_empty()
                && own.other_ttl(other).is_none()
        };
        let (own, others) = (self.reply, other.reply);
        same(&own.answer, &others.answer)
            && (self.is_positive() || same(&own.authority, &others.authority))
    }

    /// Whether the same data stands at the end of both, under whatever name.
    pub(super) fn ends_as(&self, other: &Self) -> bool {
        let data = |answer: &Self| {
            let mut data: Vec<_> = answer.end.iter().map(|(key, _)| key.data.clone()).collect();
            data.sort();
            data
        };
        data(self) == data(other)
    }

    /// The names on the way.
    pub(super) fn way(&self) -> String {
        let names = self
            .chain
            .iter()
            .map(|name| name.fmt_with_dot().to_string());
        let mut way = names.collect::<Vec<_>>().join(" → ");
        if self.stops() {
            way.push_str(", and no further");
        }
        way
    }

    /// The answer, or what is in its place.
    pub(super) fn text(&self) -> String {
        let records: Vec<_> = self.reply.answer.iter().collect();
        if records.is_empty() {
            let referral = self
                .reply
                .authority
                .only(|record| record.rtype() == Rtype::NS);
            return texts(referral.iter());
        }
        let ttls = records.iter().map(|(_, record)| record.ttl().as_secs());
        let ttl = ttls.min().unwrap_or(0);
        format!("{} (TTL {ttl})", texts(records))
    }
}

/// Records one after the other.
pub(super) fn texts<'r>(records: impl IntoIterator<Item = (&'r Key, &'r StoredRecord)>) -> String {
    let text = |(_, record): (&Key, &StoredRecord)| {
        let owner = record.owner().fmt_with_dot();
        format!("{owner} {} {}", record.rtype(), record.data())
    };
    let texts: Vec<_> = records.into_iter().map(text).collect();
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    texts.join(", ")
}
