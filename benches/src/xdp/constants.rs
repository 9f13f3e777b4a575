//! The sets of constants that programs are loaded with: each is one feature
//! on and everything else off, but for what the defaults have on together.

use std::path::Path;

use dns_common::host::{Class, ClientSubnet, Constants};
use serde::Serialize;
use veer::config::{settings::Settings, values::Values};

use crate::fixture::RATE_BUCKETS;

/// A set of constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Off,
    Cookies,
    Subnets,
    SubnetsTrusted,
    Rates,
    OverRates,
    UpBudget,
    OverUpBudget,
    ReplyByFib,
    GroupSample,
    AllGroups,
    Told,
    Expires,
    Defaults,
}

/// The shortest interval: a rate that is never reached.
const NEVER_OVER_NS: u64 = 1;
/// Half a century: a rate that is over from the second response on.
const ALWAYS_OVER_NS: u64 = 1 << 60;

impl Set {
    pub(super) const ALL: [Self; 14] = [
        Self::Off,
        Self::Cookies,
        Self::Subnets,
        Self::SubnetsTrusted,
        Self::Rates,
        Self::OverRates,
        Self::UpBudget,
        Self::OverUpBudget,
        Self::ReplyByFib,
        Self::GroupSample,
        Self::AllGroups,
        Self::Told,
        Self::Expires,
        Self::Defaults,
    ];

    /// What is on, in the words of the settings.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Off => "all off",
            Self::Cookies => "cookie.enabled = on",
            Self::Subnets => "edns.client_subnet = on",
            Self::SubnetsTrusted => "edns.client_subnet = trusted",
            Self::Rates => "rrl.* for all classes",
            Self::OverRates => "rrl.* for all classes, over",
            Self::UpBudget => "up.queries_per_second_max",
            Self::OverUpBudget => "up.queries_per_second_max, over",
            Self::ReplyByFib => "xdp.reply = fib",
            Self::GroupSample => "count.group_sample = 64",
            Self::AllGroups => "count.group_sample = 1",
            Self::Told => "log.queries_sample = 1, nobody watching",
            Self::Expires => "stale.keep_max_s",
            Self::Defaults => "defaults",
        }
    }

    pub(super) fn constants(self) -> Constants {
        match self {
            Self::Off => OFF,
            Self::Cookies => Constants { cookies: 1, ..OFF },
            Self::Subnets => Constants {
                client_subnet: ClientSubnet::On as u64,
                ..OFF
            },
            Self::SubnetsTrusted => Constants {
                client_subnet: ClientSubnet::Trusted as u64,
                ..OFF
            },
            Self::Rates => rates(NEVER_OVER_NS),
            Self::OverRates => rates(ALWAYS_OVER_NS),
            Self::UpBudget => up_budget(NEVER_OVER_NS),
            Self::OverUpBudget => up_budget(ALWAYS_OVER_NS),
            Self::ReplyByFib => Constants {
                reply_by_fib: 1,
                ..OFF
            },
            Self::GroupSample => Constants {
                group_sample: Constants::one_in(64),
                ..OFF
            },
            Self::AllGroups => Constants {
                group_sample: Constants::one_in(1),
                ..OFF
            },
            Self::Told => Constants {
                told_sample: Constants::one_in(1),
                ..OFF
            },
            Self::Expires => Constants { expires: 1, ..OFF },
            Self::Defaults => Constants {
                rate_mask: RATE_MASK,
                ..Settings::new(&Values::defaults(Path::new("."))).kernel_constants()
            },
        }
    }
}

/// All off; the payload size is the default's.
const OFF: Constants = Constants {
    payload: 1232,
    ..Constants::OFF
};

const RATE_MASK: u64 = RATE_BUCKETS as u64 - 1;

/// Every class limited.
fn rates(interval_ns: u64) -> Constants {
    Constants {
        rates: 1,
        rate_intervals_ns: [interval_ns; Class::ALL.len()],
        rate_mask: RATE_MASK,
        rate_ipv4_shift: 8,
        rate_ipv6_shift: 8,
        ..OFF
    }
}

fn up_budget(interval_ns: u64) -> Constants {
    Constants {
        up_interval_ns: interval_ns,
        rate_mask: RATE_MASK,
        ..OFF
    }
}

/// [`Constants`] for reports.
#[derive(Serialize)]
#[serde(remote = "Constants")]
pub(super) struct ReportedConstants {
    payload: u64,
    client_subnet: u64,
    cookies: u64,
    nsid: u64,
    rates: u64,
    rate_intervals_ns: [u64; Class::ALL.len()],
    rate_mask: u64,
    rate_ipv4_shift: u64,
    rate_ipv6_shift: u64,
    slip: u64,
    cookie_required_over_limit: u64,
    up_interval_ns: u64,
    reply_by_fib: u64,
    group_sample: u64,
    told_sample: u64,
    expires: u64,
    dry_run: u64,
}
