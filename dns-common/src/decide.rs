//! From a question and a resolver to one reply: name → row; resolver or client
//! subnet → group; pool × group → ranking; first eligible candidate, of those that take
//! the slot where a pool is divided → answer;
//! then what limits it: its size, its rate, the requester's cookie.
//!
//! Every word is loaded once. What a word points to is complete before the word
//! is published and stays as it is until no reader can hold the word any more.

use crate::{
    ask::{Ask, Cookie, Subnet},
    cookie::{self, Validity},
    decision::{
        ALL_CANDIDATES, Eligible, Family, Ranking, SLOTS_PER_WORD, best, block, pick, slot,
        slot_of_query,
    },
    find,
    host::{Class, ClientSubnet, Host},
    octets::{Octets, Records},
    outcome::{OrStop as _, Outcome, stop},
    reply::{Opt, Reply, UDP_MAX},
    tables::{AnswerHead, Below, By, Control, Entry, Generation, Row, Source, Tables, TypeEntry},
};

/// The answer one resolver gets to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The answer's first cell.
    pub cell: u32,
    /// Its length, counts, flags and sum.
    pub head: AnswerHead,
    /// The service's number, for its counter; [`Row::NO_SERVICE`] for a static name.
    pub service: u32,
    /// The zone's number.
    pub zone: u32,
    /// SCOPE PREFIX-LENGTH: bits of the client subnet that a positive answer holds for.
    pub scope: u8,
    /// The first word of its list of moving pointers, if it has any.
    pub moving: u64,
}

/// Decides on the reply to `ask` from `resolver`; `Err` says why there is none
/// to be made here.
#[inline(always)]
pub fn decide<M: Octets + ?Sized>(
    message: &M,
    ask: &Ask,
    resolver: Source,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<Reply, Outcome> {
    if ask.edns.version() != 0 {
        // The question is repeated, so it has to be one.
        find::walk(message, ask.name_len, host).or_stop(Outcome::UpQuestion)?;
        let reply = Reply::bad_version(ask, host).forgotten(message);
        let within = host.within_rate(resolver, Class::Error, 0, tables, generation);
        return within.then_some(reply).or_stop(Outcome::DropRate);
    }
    if !M::IS_KNOWN && ask.edns.asks_nsid() && host.nsid() {
        return stop(Outcome::UpNsid);
    }
    if !M::IS_KNOWN && ask.edns.asks_keepalive() && host.is_stream() {
        return stop(Outcome::UpKeepalive);
    }
    let (row, answers) = find(message, ask, tables, generation, host)?;
    // From here on one state for all ways to an answer.
    let answers = TypeEntry(message.forget_word(answers.0));

    let honours_subnet = match M::RECORDS {
        Records::Option(option) => option.is_subnet(),
        Records::Any => match host.client_subnet() {
            ClientSubnet::Off => false,
            ClientSubnet::On => true,
            ClientSubnet::Trusted => {
                ask.edns.has_subnet(message) && host.resolver(resolver, tables).has(Entry::TRUSTED)
            }
        },
        Records::None | Records::EmptyOpt | Records::Ignored => false,
    };
    let mut source = resolver;
    let mut by_subnet = false;
    let mut asked_subnet = Subnet::NONE;
    if honours_subnet {
        if ask.edns.has_subnet(message) {
            asked_subnet = ask.edns.subnet(message).or_stop(Outcome::UpSubnet)?;
        }
        // A requester that keeps its clients to itself is answered for itself.
        if asked_subnet.source_len != 0 {
            source = asked_subnet.address();
            by_subnet = true;
        }
        // From here on one state for whoever asks.
        source = source.forgotten(message);
        by_subnet = message.forget_word(by_subnet.into()) != 0;
    }
    let mut chosen = choose(message, &row, answers, source, tables, generation, host)?;
    // That there is nothing holds for everyone, and so do referrals.
    if !by_subnet || chosen.head.is_empty_answer() {
        chosen.scope = 0;
    }

    let mut opt = if M::IS_BARE {
        Opt::NONE
    } else {
        Opt::new(ask, host)
    };
    if honours_subnet && ask.edns.has_subnet(message) {
        let scope = message.forget_word(chosen.scope.into()) as u8;
        opt.add_subnet(&asked_subnet, scope);
        opt = opt.forgotten(message);
    }
    let mut proved = false;
    let mut has_cookie = false;
    let reads_cookies = match M::RECORDS {
        Records::Option(_) => true,
        Records::Any => host.cookies(),
        Records::None | Records::EmptyOpt | Records::Ignored => false,
    };
    if reads_cookies && let Some(asked) = ask.edns.cookie(message) {
        // Where few ways lead here, what most come to is no function of its own.
        let by_one_hash = M::IS_KNOWN.then(|| {
            let [current, _] = Control::secrets(tables.control()?, generation);
            cookie::most(current, asked.client, asked.server, resolver, host.now_s())
        });
        let (server, validity) = by_one_hash
            .flatten()
            .unwrap_or_else(|| host.server_cookie(asked, resolver, tables, generation));
        opt.add_cookie(asked.client, server);
        opt = opt.forgotten(message);
        proved = validity != Validity::Invalid;
        has_cookie = true;
    }
    let reply = Reply::new(ask, &chosen, opt, host);
    // Every plane can send as much as that.
    if reply.len() > UDP_MAX && reply.len() > host.reply_max() {
        return stop(Outcome::UpTooLong);
    }
    // Who returns our cookie is where it says it is.
    if !host.rates() || proved {
        return Ok(reply);
    }
    let class = match chosen.head.class() {
        Class::Positive if reply.len() > 2 * message.len() => Class::Large,
        class => class,
    };
    if host.within_rate(resolver, class, chosen.zone, tables, generation) {
        return Ok(reply);
    }
    if !host.slips() {
        return stop(Outcome::DropRate);
    }
    if has_cookie && host.cookie_required_over_limit() {
        return Ok(reply.bad_cookie(ask).forgotten(message));
    }
    Ok(reply.slipped(ask).forgotten(message))
}

/// The row that answers `ask`, and the answers to its type there.
#[inline(always)]
pub fn find(
    message: &(impl Octets + ?Sized),
    ask: &Ask,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<(Row, TypeEntry), Outcome> {
    if let Some(row) = find::exact(message, ask, tables, generation, host)? {
        return Ok((row, entry(&row, ask.rtype, tables)?));
    }
    let encloser = host.closest_encloser(message, ask.name_len, tables, generation)?;
    match encloser.below() {
        Below::Up => stop(Outcome::UpNoAnswer),
        Below::Outside => stop(Outcome::UpUnknownName),
        Below::Answer(cell) => Ok((encloser, TypeEntry::new(0, cell, 0, By::Nobody))),
        Below::Wildcard(cell) => {
            let row = Row::load(tables.name(cell).or_stop(Outcome::UpNoAnswer)?);
            Ok((row, entry(&row, ask.rtype, tables)?))
        }
    }
}

/// The candidate that is chosen for `source` where the `answers` at `row` are, whether
/// it has one there or not, of those that are not in the mask `without`; and how many
/// bits of the address that holds for.
///
/// `None` where it is no single one's.
#[expect(clippy::too_many_arguments, reason = "those of `choose`, and a mask")]
pub fn candidate(
    message: &(impl Octets + ?Sized),
    row: &Row,
    answers: TypeEntry,
    without: u8,
    source: Source,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Option<(u8, u8)> {
    let picked = picked_for(
        message, row, answers, without, source, tables, generation, host,
    );
    let Picked {
        candidate, scope, ..
    } = picked.ok()?;
    let number = u8::try_from(candidate).ok();
    let number = number.filter(|number| answers.is_steered() && *number < ALL_CANDIDATES);
    Some((number?, scope))
}

/// What is chosen, whatever the answer is.
struct Picked {
    /// The candidate's number, or another answer's place behind theirs; [`NOBODY`].
    candidate: u64,
    /// How many answers stand before theirs.
    before: u32,
    /// How many bits of the address that holds for.
    scope: u8,
    /// The service's number.
    service: u32,
}

/// What is chosen for `source`, as [`candidate`].
#[expect(clippy::too_many_arguments, reason = "those of `choose`, and a mask")]
#[inline(always)]
fn picked_for(
    message: &(impl Octets + ?Sized),
    row: &Row,
    answers: TypeEntry,
    without: u8,
    source: Source,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<Picked, Outcome> {
    // What nobody decides on is no service's answer, wherever it stands.
    let (mut candidate, mut before, mut scope, mut service) = (0, 0, 0, Row::NO_SERVICE);
    if answers.is_steered() {
        let resolver = host.resolver(source, tables);
        host.set_group(resolver.group());
        host.set_service(row.service());
        let ranking = tables.ranking(generation.ranking_index(row.pool(), resolver.group()));
        let eligible = tables.eligible(u32::from(row.pool()));
        let (Some(ranking), Some(eligible)) = (ranking, eligible) else {
            return stop(Outcome::UpNoCandidate);
        };
        let ranking = Ranking(ranking.load());
        let mut eligible = Eligible(eligible.load()).without(without);
        scope = resolver.scope();
        before = eligible.answers_before();
        let mut set = None;
        if !eligible.is_plain() {
            if eligible.is_shared() && !ranking.is_undivided() {
                let slot = if eligible.is_random() {
                    let id = message.half(0).or_stop(Outcome::UpNoCandidate)? as u16;
                    slot_of_query(id, generation.seed)
                } else {
                    // Another block of the group may be another's.
                    scope = scope.max(block(source));
                    slot(source)
                };
                let word = tables
                    .share(row.pool(), slot)
                    .or_stop(Outcome::UpNoCandidate)?;
                let takers = word.load() >> (8 * (slot % SLOTS_PER_WORD as u32));
                eligible = eligible.taken_by(takers as u8);
            }
            set = several(answers, ranking, eligible);
        }
        candidate = match set {
            Some(set) => set,
            None => picked(answers.by(), ranking, eligible),
        };
        service = row.service();
    }
    Ok(Picked {
        candidate,
        before,
        scope,
        service,
    })
}

/// Chooses among the `answers` at `row` for `source`.
#[inline(always)]
pub fn choose(
    message: &(impl Octets + ?Sized),
    row: &Row,
    answers: TypeEntry,
    source: Source,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<Chosen, Outcome> {
    let Picked {
        candidate,
        before,
        scope,
        service,
    } = picked_for(message, row, answers, 0, source, tables, generation, host)?;
    let candidate = message.forget_word(candidate);
    // What stands for all may say that there is nothing to choose from.
    let nobody = candidate == NOBODY;
    let candidate = if nobody {
        u32::from(ALL_CANDIDATES)
    } else {
        candidate as u32
    };
    let Some(first) = answers.cell() else {
        return absent(row);
    };
    let place = candidate.wrapping_add(before);
    let mut cell = first.wrapping_add(place.wrapping_mul(answers.stride()));
    let mut line = tables.answer(cell).or_stop(Outcome::UpNoAnswer)?;
    let mut head = AnswerHead::load(line);
    if let Some(other) = head.stands_in() {
        if other == AnswerHead::NOWHERE {
            return absent(row);
        }
        cell = other;
        line = tables.answer(cell).or_stop(Outcome::UpNoAnswer)?;
        head = AnswerHead::load(line);
        if head.stands_in().is_some() {
            return absent(row);
        }
    }
    if nobody && !is_denial(head) {
        return stop(Outcome::UpNoCandidate);
    }
    let mut moving = 0;
    if head.moves() {
        let at = AnswerHead::moving_at(head.len());
        let line = tables.answer(cell.wrapping_add((at / 8) as u32));
        moving = line.or_stop(Outcome::UpNoAnswer)?.0[at & 7].load();
    }
    Ok(Chosen {
        cell,
        head,
        service,
        zone: row.zone(),
        scope,
        moving,
    })
}

/// Whether there is nothing of the type, or no such name.
#[inline(always)]
fn is_denial(head: AnswerHead) -> bool {
    head.class() == Class::Negative && head.is_empty_answer()
}

/// The answers to `rtype` at `row`.
#[inline(always)]
fn entry(row: &Row, rtype: u16, tables: &impl Tables) -> Result<TypeEntry, Outcome> {
    if let Some(entry) = row.addresses(rtype) {
        return Ok(entry);
    }
    let line = row.types().and_then(|cell| tables.answer(cell));
    match line {
        Some(line) => Ok(TypeEntry::find(line, rtype)),
        None => absent(row),
    }
}

/// Why there is no answer at `row`.
#[inline(always)]
fn absent<T>(row: &Row) -> Result<T, Outcome> {
    match row.below() {
        Below::Outside => stop(Outcome::UpUnknownName),
        _ => stop(Outcome::UpNoAnswer),
    }
}

/// In place of a candidate's number where there is none.
const NOBODY: u64 = u64::MAX;

/// The place of the answer with several candidates, where there is one for `answers`.
#[inline(always)]
fn several(answers: TypeEntry, ranking: Ranking, eligible: Eligible) -> Option<u64> {
    if !answers.has_sets() {
        return None;
    }
    let family = match answers.by() {
        By::V6 => Family::V6,
        _ => Family::V4,
    };
    let set = u64::from(best(ranking, eligible, family));
    // One alone has an answer of its own.
    (set & set.wrapping_sub(1) != 0).then_some(u64::from(Row::SETS_FROM) + 2 * set)
}

/// The candidate's number, or [`ALL_CANDIDATES`], for answers that are chosen
/// `by`; [`NOBODY`].
#[inline(always)]
fn picked(by: By, ranking: Ranking, eligible: Eligible) -> u64 {
    let number = |family| pick(ranking, eligible, family).map_or(NOBODY, u64::from);
    if by != By::Both {
        // No branch between the two.
        let is_v6 = by as u8 & By::V6 as u8 != 0;
        return number(if is_v6 { Family::V6 } else { Family::V4 });
    }
    // Both families have to lead to one candidate.
    match number(Family::V4) {
        first if number(Family::V6) == first => first,
        _ => u64::from(ALL_CANDIDATES),
    }
}

/// The server cookie that `asked` from `resolver` gets, and what its own is worth.
#[inline(always)]
pub fn server_cookie(
    asked: Cookie,
    resolver: Source,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> ((u64, u64), Validity) {
    let Some(control) = tables.control() else {
        return ((0, 0), Validity::Invalid);
    };
    let [current, other] = Control::secrets(control, generation);
    let now_s = host.now_s();
    let mut validity = cookie::check(current, asked.client, asked.server, resolver, now_s);
    if validity == Validity::Fresh {
        return (asked.server, validity);
    }
    if validity == Validity::Invalid && other != current {
        validity = match cookie::check(other, asked.client, asked.server, resolver, now_s) {
            Validity::Invalid => Validity::Invalid,
            // Whatever its age: the secret that makes cookies is another one.
            _ => Validity::Old,
        };
    }
    (
        cookie::make(current, asked.client, resolver, now_s),
        validity,
    )
}

#[cfg(test)]
mod tests;
