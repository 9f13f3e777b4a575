//! What both planes' shared code has frozen while the daemon runs.

use std::time::Duration;

use dns_common::host::{self, Constants};

use super::{
    settings::Settings,
    tunables::{ClientSubnet, StaleAction, XdpReply},
};

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;

impl Settings {
    /// The constants of the shared code, as the kernel has them.
    pub fn constants(&self) -> Constants {
        let client_subnet = match self.client_subnet {
            ClientSubnet::Off => host::ClientSubnet::Off,
            ClientSubnet::On => host::ClientSubnet::On,
            ClientSubnet::Trusted => host::ClientSubnet::Trusted,
        };
        Constants {
            payload: self.edns_payload_bytes.into(),
            client_subnet: client_subnet as u64,
            cookies: self.cookies.into(),
            nsid: u64::from(!self.nsid.is_empty()),
            rates: self.rates_per_second.iter().any(|rate| *rate != 0).into(),
            rate_intervals_ns: self.rates_per_second.map(interval_ns),
            rate_mask: u64::from(self.tables.rate_buckets) - 1,
            rate_ipv4_shift: 32 - u64::from(self.rate_ipv4_prefix_bits),
            rate_ipv6_shift: 64 - u64::from(self.rate_ipv6_prefix_bits),
            slip: self.rate_slip.into(),
            cookie_required_over_limit: self.cookie_required_over_limit.into(),
            up_interval_ns: interval_ns(self.up_queries_per_second_max),
            reply_by_fib: (self.xdp_reply == XdpReply::Fib).into(),
            group_sample: Constants::one_in(self.count_group_sample.into()),
            told_sample: Constants::one_in(self.log_queries_sample.into()),
            expires: 0,
            dry_run: 0,
        }
    }

    /// The constants of the program in the kernel.
    pub fn kernel_constants(&self) -> Constants {
        let constants = Constants {
            expires: self.vouched_for().is_some().into(),
            dry_run: self.xdp_dry_run.into(),
            ..self.constants()
        };
        if !self.xdp_dry_run {
            return constants;
        }
        // Userspace answers all of it, and takes from the same buckets.
        Constants {
            rates: 0,
            up_interval_ns: 0,
            ..constants
        }
    }

    /// How long after the daemon's last sign of life the kernel goes on answering; `None` for
    /// ever.
    pub fn vouched_for(&self) -> Option<Duration> {
        let longest = (!self.stale_keep_max.is_zero()).then_some(self.stale_keep_max);
        match self.stale_action {
            StaleAction::Keep => longest,
            StaleAction::Up => {
                Some(longest.map_or(self.stale_after, |max| max.min(self.stale_after)))
            }
        }
    }
}

/// Nanoseconds from one to the next at `per_second`; 0 for 0, which is no limit.
fn interval_ns(per_second: u32) -> u64 {
    SECOND_NS.checked_div(per_second.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load_files;

    fn constants(conf: &str) -> Constants {
        let config = load_files(&[("veer.conf", conf)]).expect("a valid configuration");
        config.settings.constants()
    }

    #[test]
    fn defaults_limit_what_amplifies_or_denies() {
        let expected = Constants {
            payload: 1232,
            client_subnet: host::ClientSubnet::On as u64,
            cookies: 1,
            nsid: 0,
            rates: 1,
            rate_intervals_ns: [0, 5_000_000, 5_000_000, 5_000_000, 5_000_000],
            rate_mask: 65_535,
            rate_ipv4_shift: 8,
            rate_ipv6_shift: 8,
            slip: 2,
            cookie_required_over_limit: 0,
            up_interval_ns: 100_000,
            reply_by_fib: 0,
            group_sample: u64::MAX / 64,
            told_sample: 0,
            expires: 0,
            dry_run: 0,
        };
        assert_eq!(constants(""), expected);
    }

    #[test]
    fn each_setting_reaches_its_constant() {
        let conf = "edns.payload_bytes = 4096\nedns.client_subnet = trusted\n\
                    cookie.enabled = off\ncookie.required_over_limit = on\n\
                    rrl.positive_per_second = 1\nrrl.large_per_second = 2\n\
                    rrl.negative_per_second = 4\nrrl.referral_per_second = 1000000\n\
                    rrl.error_per_second = 0\nrrl.slip = 0\n\
                    rrl.ipv4_prefix_bits = 1\nrrl.ipv6_prefix_bits = 64\n\
                    tables.rate_buckets = 1\nup.queries_per_second_max = 1\nxdp.reply = fib\n\
                    server.nsid = here\ncount.group_sample = 0\nlog.queries_sample = 3\n";
        let expected = Constants {
            payload: 4096,
            client_subnet: host::ClientSubnet::Trusted as u64,
            cookies: 0,
            nsid: 1,
            rates: 1,
            rate_intervals_ns: [1_000_000_000, 500_000_000, 250_000_000, 1000, 0],
            rate_mask: 0,
            rate_ipv4_shift: 31,
            rate_ipv6_shift: 0,
            slip: 0,
            cookie_required_over_limit: 1,
            up_interval_ns: 1_000_000_000,
            reply_by_fib: 1,
            group_sample: 0,
            told_sample: u64::MAX / 3,
            expires: 0,
            dry_run: 0,
        };
        assert_eq!(constants(conf), expected);
    }

    #[test]
    fn the_kernel_expires_as_is_said_and_a_dry_run_takes_from_no_rate() {
        let settings = |conf: &str| {
            let config = load_files(&[("veer.conf", conf)]).expect("a valid configuration");
            config.settings
        };
        let seconds = |conf: &str| {
            let settings = settings(conf);
            let vouched_for = settings.vouched_for();
            let expires = settings.kernel_constants().expires != 0;
            assert_eq!(expires, vouched_for.is_some(), "{conf}");
            vouched_for.map(|time| time.as_secs())
        };
        assert_eq!(seconds(""), Some(86_400));
        assert_eq!(seconds("stale.keep_max_s = 0\n"), None);
        assert_eq!(seconds("stale.action = up\n"), Some(10));
        let both = "stale.action = up\nstale.after_ms = 5000\nstale.keep_max_s = ";
        assert_eq!(seconds(&format!("{both}3\n")), Some(3));
        assert_eq!(seconds(&format!("{both}0\n")), Some(5));

        let dry = settings("xdp.dry_run = on\n").kernel_constants();
        let rates = (dry.rates, dry.up_interval_ns);
        assert_eq!((dry.dry_run, rates), (1, (0, 0)));
        let settings = settings("");
        let (wet, userspace) = (settings.kernel_constants(), settings.constants());
        assert_eq!(Constants { expires: 0, ..wet }, userspace);
    }

    #[test]
    fn without_any_rate_none_is_looked_up() {
        let conf = "rrl.large_per_second = 0\nrrl.negative_per_second = 0\n\
                    rrl.referral_per_second = 0\nrrl.error_per_second = 0\n\
                    edns.client_subnet = off\nup.queries_per_second_max = 0\n";
        let constants = constants(conf);
        assert_eq!((constants.rates, constants.up_interval_ns), (0, 0));
        assert_eq!(constants.client_subnet, host::ClientSubnet::Off as u64);
    }
}
