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
        let value = |label: &str| {
            let line = output
                .lines()
                .find_map(|line| line.trim().strip_prefix(label))?;
            line.split_whitespace().next()?.parse().ok()
        };
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
