//! How long the steps of a load took.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// The steps so far, in order.
#[derive(Clone, Debug)]
pub struct Phases {
    since: Instant,
    steps: Vec<(&'static str, Duration)>,
}

impl Phases {
    /// The first step begins.
    pub fn start() -> Self {
        Self {
            since: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// The step `name` ends, and the next one begins.
    pub fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        self.steps.push((name, now - self.since));
        self.since = now;
    }
}

/// `configuration 12 ms, zones 34 ms`
impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, took)) in self.steps.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{name} {} ms", took.as_millis())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shown_in_order() {
        let mut phases = Phases::start();
        assert_eq!(phases.to_string(), "");
        phases.steps = vec![
            ("zones", Duration::from_micros(12_900)),
            ("tables", Duration::ZERO),
        ];
        assert_eq!(phases.to_string(), "zones 12 ms, tables 0 ms");
        phases.end("flip");
        assert!(
            phases
                .to_string()
                .starts_with("zones 12 ms, tables 0 ms, flip ")
        );
    }
}
