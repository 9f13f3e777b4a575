//! Queries without a pause, each of which must be answered, and rightly.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use domain::base::Rtype;
use xtask::lab::dns::Client;

use super::{
    eventually,
    world::{Family, Resolver, World},
};

/// Pause between two queries: some thousands a second, on half a core.
const PACE: Duration = Duration::from_micros(200);

/// A question and the sets of addresses of which it gets one, each sorted as
/// text.
pub(crate) type Question = (
    Resolver,
    &'static str,
    Rtype,
    &'static [&'static [&'static str]],
);

/// What is asked for where only the standard zone and services are served, and
/// every origin is well. All of it is hot.
pub(crate) const HOT: &[Question] = &[
    (Resolver::A, "www.example.", Rtype::A, &[&["10.8.0.1"]]),
    (Resolver::B, "www.example.", Rtype::A, &[&["10.8.0.2"]]),
    (Resolver::A, "www.example.", Rtype::AAAA, &[&["fd08::1"]]),
    (Resolver::B, "cdn.example.", Rtype::A, &[&["10.8.0.2"]]),
    (
        Resolver::Other,
        "multi.example.",
        Rtype::A,
        &[&["192.0.2.21", "192.0.2.22", "192.0.2.23"]],
    ),
    (
        Resolver::A,
        "multi.example.",
        Rtype::AAAA,
        &[&["2001:db8::21", "2001:db8::22"]],
    ),
    (Resolver::B, "static.example.", Rtype::A, &[&["192.0.2.11"]]),
];

/// A client that asks over both families in turn until it is told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    thread: JoinHandle<Vec<String>>,
}

impl Load {
    /// Starts asking [`HOT`]; returns after the first answers.
    pub(crate) fn start(world: &World) -> Self {
        Self::of(world, HOT)
    }

    /// As [`Load::start`], with other questions.
    pub(crate) fn of(world: &World, questions: &'static [Question]) -> Self {
        let mut clients: Vec<_> = questions
            .iter()
            .flat_map(|question| Family::ALL.map(|family| (family, question)))
            .map(|(family, question)| (world.client(question.0, family), question))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicU64::new(0));
        let thread = thread::spawn({
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            move || {
                let mut faults = Vec::new();
                while !stop.load(Relaxed) {
                    for (client, question) in &mut clients {
                        faults.extend(ask(client, question).err());
                        asked.fetch_add(1, Relaxed);
                        thread::sleep(PACE);
                    }
                }
                faults
            }
        });
        let load = Self {
            stop,
            asked,
            thread,
        };
        load.goes_on();
        load
    }

    /// Waits until some hundred more have been asked.
    #[track_caller]
    pub(crate) fn goes_on(&self) {
        let enough = self.asked.load(Relaxed) + 500;
        eventually("500 more queries", || {
            (self.asked.load(Relaxed) >= enough).then_some(())
        });
    }

    /// Stops; returns how many were asked. Fails if any of them got no answer,
    /// or a wrong one.
    #[track_caller]
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Relaxed);
        let faults = self.thread.join().expect("it does not panic");
        let asked = self.asked.load(Relaxed);
        assert!(
            faults.is_empty(),
            "{} of {asked} queries: {:#?}",
            faults.len(),
            &faults[..faults.len().min(10)]
        );
        asked
    }
}

/// Fails unless every question of [`HOT`] is answered, and rightly.
#[track_caller]
pub(crate) fn assert_answers(world: &World) {
    for (resolver, name, rtype, right) in HOT {
        let addresses = world.addresses(*resolver, name, *rtype);
        let found: Vec<_> = addresses.iter().flatten().map(String::as_str).collect();
        assert_eq!(found, right[0], "{resolver:?} {name} {rtype}");
    }
}

fn ask(client: &mut Client, (resolver, name, rtype, right): &Question) -> Result<(), String> {
    let fault = |what: String| format!("{resolver:?} {name} {rtype}: {what}");
    let reply = client
        .ask(name, *rtype)
        .map_err(|error| fault(error.to_string()))?;
    let mut found: Vec<_> = reply
        .addresses()
        .map_err(|error| fault(error.to_string()))?
        .iter()
        .map(ToString::to_string)
        .collect();
    found.sort();
    if right.iter().any(|right| found == *right) {
        Ok(())
    } else {
        Err(fault(format!("{found:?}")))
    }
}
