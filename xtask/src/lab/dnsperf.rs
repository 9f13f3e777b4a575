//! What dnsperf says at its end.

/// What became of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those sent.
    pub sent: u64,
    /// Those answered.
    pub completed: u64,
    /// Those answered with NOERROR.
    pub noerror: u64,
    /// Those answered with NXDOMAIN.
    pub nxdomain: u64,
    /// Those never answered.
    pub lost: u64,
}

impl Totals {
    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.completed += other.completed;
        self.noerror += other.noerror;
        self.nxdomain += other.nxdomain;
        self.lost += other.lost;
    }

    /// Reads the statistics that dnsperf ends with; `None` where there are none.
    pub fn read(output: &str) -> Option<Self> {
        let value = |label: &str| value(output, label)?.parse().ok();
        let codes = output
            .lines()
            .find_map(|line| line.trim().strip_prefix("Response codes:"))?;
        let code = |name: &str| {
            let mut words = codes.split([' ', ',']);
            words.find(|word| *word == name)?;
            words.next()?.parse().ok()
        };
        Some(Self {
            sent: value("Queries sent:")?,
            completed: value("Queries completed:")?,
            lost: value("Queries lost:")?,
            noerror: code("NOERROR").unwrap_or(0),
            nxdomain: code("NXDOMAIN").unwrap_or(0),
        })
    }
}

/// How fast queries were answered, with as many on their way as dnsperf was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Answers per second.
    pub rate: f64,
    /// From a query to its answer on average, seconds.
    pub latency: f64,
}

impl Pace {
    /// Reads it from the same statistics.
    pub fn read(output: &str) -> Option<Self> {
        let value = |label: &str| value(output, label)?.parse().ok();
        Some(Self {
            rate: value("Queries per second:")?,
            latency: value("Average Latency (s):")?,
        })
    }
}

/// The first word behind `label`.
fn value<'o>(output: &'o str, label: &str) -> Option<&'o str> {
    let mut lines = output.lines();
    let line = lines.find_map(|line| line.trim().strip_prefix(label))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
[Status] Sending queries (to 10.53.0.1:53)
1795215948.490724: 61234.500000
[Timeout] Query timed out: msg id 0
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         140
  Queries completed:    139 (99.29%)
  Queries lost:         1 (0.71%)

  Response codes:       NOERROR 130 (93.53%), SERVFAIL 2 (1.44%), NXDOMAIN 7 (5.04%)
  Average packet size:  request 27, response 60
  Run time (s):         2.000300
  Queries per second:   69.489577

  Average Latency (s):  0.000374 (min 0.000012, max 0.006043)
  Latency StdDev (s):   0.000214
";

    #[test]
    fn statistics_are_read() {
        let expected = Totals {
            sent: 140,
            completed: 139,
            noerror: 130,
            nxdomain: 7,
            lost: 1,
        };
        assert_eq!(Totals::read(OUTPUT), Some(expected));
    }

    #[test]
    fn the_pace_is_read() {
        let expected = Pace {
            rate: 69.489_577,
            latency: 0.000_374,
        };
        assert_eq!(Pace::read(OUTPUT), Some(expected));
        assert_eq!(Pace::read("Queries per second: many\n"), None);
    }

    #[test]
    fn without_an_answer_there_is_no_code() {
        let codes = "NOERROR 130 (93.53%), SERVFAIL 2 (1.44%), NXDOMAIN 7 (5.04%)";
        let totals = Totals::read(&OUTPUT.replace(codes, ""));
        assert_eq!(
            totals.map(|totals| (totals.noerror, totals.nxdomain)),
            Some((0, 0))
        );
    }

    #[test]
    fn output_without_statistics_is_no_result() {
        assert_eq!(Totals::read("[Status] Sending queries\n"), None);
    }
}
