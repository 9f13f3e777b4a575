//! Clients over TCP: connections that stay, each with some queries open all the
//! time. A reply makes room for the next query; what is read at a time is asked
//! again with one write. Nothing of a reply is looked at but its length, RCODE and
//! count of answers: the servers, not the clients, are to be at their limit.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use core_affinity::CoreId;
use domain::base::{MessageBuilder, Name, Rtype};

use crate::rig::{CLIENT_CPU, Rig, SERVER_ADDRESS};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long all talk before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// Octets of a frame's length field, and of a header.
const LENGTH: usize = 2;
const HEADER: usize = 12;

/// Connections.
const CONNECTIONS: usize = 16;

/// Queries open on each: from one at a time to as many as a busy recursor has.
pub(super) const OPEN: [usize; 4] = [1, 8, 32, 128];

/// What came of it, with what was read before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk<T> {
    pub(super) answered: u64,
    pub(super) seconds: f64,
    pub(super) readings: (T, T),
}

/// The clients of one rig.
pub(super) struct Clients<'r> {
    rig: &'r Rig,
    queries: Queries,
}

impl<'r> Clients<'r> {
    /// Clients that ask for the A records of `names`.
    pub(super) fn new(rig: &'r Rig, names: &[String]) -> Result<Self> {
        let queries = Queries::new(names)?;
        Ok(Self { rig, queries })
    }

    /// Keeps `open` queries open on each connection for `time`, after a warm-up;
    /// `read` is called at both ends of it.
    pub(super) fn run<T>(
        &self,
        open: usize,
        time: Duration,
        read: impl Fn() -> Result<T>,
    ) -> Result<Talk<T>> {
        let stop = AtomicBool::new(false);
        let answered = AtomicU64::new(0);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CONNECTIONS)
                .map(|number| {
                    let (stop, answered) = (&stop, &answered);
                    scope.spawn(move || {
                        let namespace = self.rig.client().namespace;
                        namespace.run(|| self.converse(number, open, stop, answered))?
                    })
                })
                .collect();
            let watch = || {
                thread::sleep(WARM_UP);
                let before = (answered.load(Relaxed), read()?);
                let begun = Instant::now();
                thread::sleep(time);
                let seconds = begun.elapsed().as_secs_f64();
                let after = (answered.load(Relaxed), read()?);
                Ok(Talk {
                    answered: after.0 - before.0,
                    seconds,
                    readings: (before.1, after.1),
                })
            };
            let talk = watch();
            stop.store(true, SeqCst);
            for client in clients {
                let ended = client.join();
                ended.unwrap_or_else(|payload| std::panic::resume_unwind(payload))?;
            }
            talk
        })
    }

    /// One connection's talk, until `stop`.
    fn converse(
        &self,
        number: usize,
        open: usize,
        stop: &AtomicBool,
        answered: &AtomicU64,
    ) -> Result<()> {
        if !core_affinity::set_for_current(CoreId { id: CLIENT_CPU }) {
            bail!("a client cannot run on CPU {CLIENT_CPU}");
        }
        let server = SocketAddr::from((SERVER_ADDRESS, 53));
        let stream = TcpStream::connect(server).with_context(|| format!("connect to {server}"))?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .context("set SO_RCVTIMEO")?;
        let mut stream = stream;
        let mut replies = Replies::default();
        // Not all ask for the same names.
        let mut next = number * 31;
        let mut room = open;
        while !stop.load(Relaxed) {
            while room > 0 {
                let (frames, count) = self.queries.from(next, room);
                stream.write_all(frames).context("write queries")?;
                next += count;
                room -= count;
            }
            room = replies.read(&mut stream)?;
            answered.fetch_add(room as u64, Relaxed);
        }
        Ok(())
    }
}

/// Queries with their length fields, one after the other.
struct Queries {
    octets: Vec<u8>,
    /// Where each starts, and the end.
    starts: Vec<usize>,
}

impl Queries {
    fn new(names: &[String]) -> Result<Self> {
        let mut octets = Vec::new();
        let mut starts = vec![0];
        for (id, name) in (0_u16..).zip(names) {
            let query = query(id, name).with_context(|| name.clone())?;
            octets.extend_from_slice(&(query.len() as u16).to_be_bytes());
            octets.extend_from_slice(&query);
            starts.push(octets.len());
        }
        ensure!(!names.is_empty(), "no names to ask for");
        Ok(Self { octets, starts })
    }

    /// Up to `count` queries from the `number`th on, counted round and round, and
    /// how many they are: at least one.
    fn from(&self, number: usize, count: usize) -> (&[u8], usize) {
        let all = self.starts.len() - 1;
        let first = number % all;
        let end = (first + count).min(all);
        (
            &self.octets[self.starts[first]..self.starts[end]],
            end - first,
        )
    }
}

fn query(id: u16, name: &str) -> Result<Vec<u8>> {
    let name: Name<Vec<u8>> = name.parse()?;
    let mut query = MessageBuilder::new_vec();
    query.header_mut().set_id(id);
    let mut query = query.question();
    query.push((name, Rtype::A))?;
    Ok(query.finish())
}

/// Replies as they come.
struct Replies {
    octets: Box<[u8]>,
    /// How many of them are there.
    len: usize,
}

impl Default for Replies {
    fn default() -> Self {
        Self {
            octets: vec![0; 65_536].into(),
            len: 0,
        }
    }
}

impl Replies {
    /// Waits for more octets; how many replies they complete. Each must be an
    /// answer.
    fn read(&mut self, stream: &mut TcpStream) -> Result<usize> {
        let read = stream.read(&mut self.octets[self.len..]);
        let read = read.context("read replies")?;
        ensure!(read > 0, "the server closed the connection");
        self.len += read;
        let (count, end) = whole(&self.octets[..self.len])?;
        self.octets.copy_within(end..self.len, 0);
        self.len -= end;
        Ok(count)
    }
}

/// How many whole replies `octets` begin with, and where they end.
fn whole(octets: &[u8]) -> Result<(usize, usize)> {
    let (mut count, mut at) = (0, 0);
    while let Some((length, rest)) = octets[at..].split_first_chunk::<LENGTH>() {
        let Some(reply) = rest.get(..usize::from(u16::from_be_bytes(*length))) else {
            break;
        };
        let is_answer = reply.len() >= HEADER && reply[3] & 0x0f == 0 && reply[7] != 0;
        ensure!(is_answer, "a reply is no answer: {reply:02x?}");
        count += 1;
        at += LENGTH + reply.len();
    }
    Ok((count, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply with `rcode` and one answer record.
    fn reply(rcode: u8) -> Vec<u8> {
        vec![0, 13, 1, 2, 0x84, rcode, 0, 1, 0, 1, 0, 0, 0, 0, 9]
    }

    #[test]
    fn whole_replies_are_counted_and_the_rest_is_left() {
        let two = [reply(0), reply(0)].concat();
        assert_eq!(whole(&two).expect("answers"), (2, 30));
        for cut in [1, 2, 14] {
            let octets = [&two[..], &reply(0)[..cut]].concat();
            assert_eq!(whole(&octets).expect("answers"), (2, 30), "{cut}");
        }
        assert_eq!(whole(&[]).expect("nothing"), (0, 0));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let mut empty = reply(0);
        empty[9] = 0;
        for octets in [reply(2), empty, vec![0, 1, 7]] {
            whole(&octets).expect_err("not an answer");
        }
    }

    #[test]
    fn queries_come_round_in_order() {
        let names = ["a.example.", "b.example.", "c.example."].map(str::to_owned);
        let queries = Queries::new(&names).expect("names");
        let mut asked = Vec::new();
        let (mut next, mut room) = (0, 7);
        while room > 0 {
            let (frames, count) = queries.from(next, room);
            assert_eq!(frames.len(), count * (2 + 12 + 11 + 4));
            // The first letter of each name.
            asked.extend(frames.chunks(29).map(|frame| frame[15]));
            next += count;
            room -= count;
        }
        assert_eq!(asked, b"abcabca");
    }
}
