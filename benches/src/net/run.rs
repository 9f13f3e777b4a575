//! One run of one program at one rate, and the rates that are tried.

use anyhow::Result;
use serde::Serialize;

use super::turns::Subject;
use crate::load::{self, ENOUGH_TO_CLIMB, Step, ratio_of};

/// The lowest rate, queries per second.
const START_RATE: f64 = 400_000.0;

/// From one rate to the next.
const STEP: f64 = 1.25;

/// What one program made of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Run {
    pub(super) subject: Subject,
    /// Queries per second asked of the generator.
    pub(super) offered: f64,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

/// What is measured, per second where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Figures {
    /// Queries sent.
    pub(super) sent: f64,
    /// Frames that the server's side took from the link. What is neither lost
    /// there nor answered was lost on its way back: the generator fills a core,
    /// and a veth's ring holds 256 replies while it is at it.
    pub(super) received: f64,
    /// Queries answered.
    pub(super) answered: f64,
    /// Share of queries sent without answer, 0 to 1.
    pub(super) loss: f64,
    /// Processor time of the server's receiving, the program included,
    /// nanoseconds an answer.
    pub(super) cpu_ns: f64,
    /// Share of its core that this is, 0 to 1.
    pub(super) busy: f64,
}

impl Run {
    pub(super) fn of(subject: Subject, step: &Step) -> Self {
        let answered = subject.answered(step);
        let sent = step.sent.hot + step.sent.flood;
        let seconds = step.sent.seconds;
        let cpu_ns = step.cpu_ns * ratio_of(step.received);
        let figures = Figures {
            sent: step.sent.rate(),
            received: ratio_of(step.received) / seconds,
            answered: ratio_of(answered) / seconds,
            loss: 1.0 - ratio_of(answered) / ratio_of(sent.max(1)),
            cpu_ns: cpu_ns / ratio_of(answered.max(1)),
            busy: cpu_ns / 1e9 / seconds,
        };
        Self {
            subject,
            offered: step.offered,
            figures,
        }
    }

    /// Whether the generator had more to give.
    fn was_sent(&self) -> bool {
        load::was_sent(self.offered, self.figures.sent, ENOUGH_TO_CLIMB)
    }

    /// For a reader.
    pub(super) fn line(&self) -> String {
        let Figures {
            sent,
            answered,
            loss,
            cpu_ns,
            busy,
            ..
        } = self.figures;
        format!(
            "{:>7}: {:>8.0}/s offered, {sent:>8.0}/s sent, {answered:>8.0}/s answered, \
             {:>6.2} % lost, {cpu_ns:>5.0} ns an answer, {:>3.0} % busy",
            self.subject.name(),
            self.offered,
            100.0 * loss,
            100.0 * busy
        )
    }
}

/// Measures rate after rate until the generator can send no more. `measure`
/// gives all runs at a rate.
pub(super) fn climb(mut measure: impl FnMut(f64) -> Result<Vec<Run>>) -> Result<Vec<Run>> {
    let mut all = Vec::new();
    let mut rate = START_RATE;
    loop {
        let runs = measure(rate)?;
        // One run that falls short may have been disturbed.
        let had_more = runs.iter().any(Run::was_sent);
        all.extend(runs);
        if !had_more {
            return Ok(all);
        }
        rate *= STEP;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::load::{Replies, Sent};
    use dns_ebpf::load::Fate;

    /// A run in which everything is as offered but what is given.
    pub(in crate::net) fn run(subject: Subject, offered: f64, answered: f64, cpu_ns: f64) -> Run {
        let figures = Figures {
            sent: offered,
            received: offered,
            answered,
            loss: 1.0 - answered / offered,
            cpu_ns,
            busy: answered * cpu_ns / 1e9,
        };
        Run {
            subject,
            offered,
            figures,
        }
    }

    #[test]
    fn processor_time_is_shared_by_the_answers_and_not_by_what_was_lost() {
        let step = Step {
            offered: 1000.0,
            sent: Sent {
                hot: 2000,
                flood: 0,
                seconds: 2.0,
            },
            received: 1600,
            replies: Replies::of_hot(&[(Fate::Answer, 800), (Fate::Empty, 400)]),
            cpu_ns: 100.0,
        };
        for (subject, answered, cpu_ns) in [
            (Subject::Veer, 400.0, 200.0),
            (Subject::Reflect, 600.0, 100.0 * 1600.0 / 1200.0),
        ] {
            let figures = Run::of(subject, &step).figures;
            assert!((figures.sent - 1000.0).abs() < 1e-6, "{figures:?}");
            assert!((figures.received - 800.0).abs() < 1e-6, "{figures:?}");
            assert!((figures.answered - answered).abs() < 1e-6, "{figures:?}");
            assert!((figures.loss - (1.0 - answered / 1000.0)).abs() < 1e-6);
            assert!((figures.cpu_ns - cpu_ns).abs() < 1e-6, "{figures:?}");
            assert!((figures.busy - 1600.0 * 100.0 / 2e9).abs() < 1e-9);
        }
    }

    /// Both subjects at `offered` before a generator that sends up to `limit`.
    fn sent_up_to(limit: f64, offered: f64) -> Vec<Run> {
        let runs = Subject::ALL.map(|subject| run(subject, offered, offered, 100.0));
        let short = |mut run: Run| {
            run.figures.sent = run.offered.min(limit);
            run
        };
        runs.map(short).into()
    }

    #[test]
    fn it_climbs_until_the_generator_can_send_no_more() {
        let runs = climb(|offered| Ok(sent_up_to(1e6, offered))).expect("it is measured");
        let offers: Vec<f64> = runs.iter().map(|run| run.offered).collect();
        assert!((offers[0] - START_RATE).abs() < 1e-6);
        let last = offers[offers.len() - 1];
        assert!((1e6..1.5e6).contains(&last), "{last}");
        assert!(
            offers[..offers.len() - 2]
                .iter()
                .all(|offer| load::was_sent(*offer, 1e6, ENOUGH_TO_CLIMB))
        );
    }

    #[test]
    fn a_disturbed_run_does_not_end_it() {
        let mut disturbed = false;
        let runs = climb(|offered| {
            let mut runs = sent_up_to(1e6, offered);
            if !disturbed && offered > 3e5 {
                disturbed = true;
                runs[0].figures.sent /= 2.0;
            }
            Ok(runs)
        });
        let runs = runs.expect("it is measured");
        assert!(runs[runs.len() - 1].offered > 1e6);
    }
}
