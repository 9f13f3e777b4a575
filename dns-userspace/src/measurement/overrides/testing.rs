//! Services to be overridden.

use std::collections::BTreeMap;

use crate::model::{
    AllDown, Groups, HealthRules, Name, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
    Service, Shape, Unknown,
};

pub(in crate::measurement) fn name(text: &str) -> Name {
    Name::bytes_from_str(text).unwrap()
}

/// A failover service with these servers, each at one IPv4 address.
pub(in crate::measurement) fn service(
    of: &str,
    customer: &str,
    servers: &[(&str, &str)],
) -> Service {
    let server = |(name, address): &(&str, &str)| Server {
        name: (*name).to_owned(),
        v4: vec![address.parse().unwrap()],
        v6: vec![],
        cost: Quantity::default(),
    };
    let probe = Probe {
        up_after: 1,
        down_after: 1,
        ..Probe::new(ProbeKind::Tcp { port: 80 })
    };
    Service {
        name: name(of),
        customer: customer.to_owned(),
        ttl_s: 20,
        shape: Shape::Direct,
        pool: Pool {
            hand_overs: Vec::new(),
            servers: servers.iter().map(server).collect(),
            policy: Policy::Failover {
                order: (0..servers.len() as u8).collect(),
                by_group: BTreeMap::new(),
            },
            probes: vec![probe.into()],
            unknown: Unknown::Last,
            answers: 1,
            ttls: Vec::new(),
            all_down: AllDown::All,
            capacity: None,
            health: HealthRules::default(),
        },
    }
}

/// Groups `default`, `g1` and `g2`; `www` and `shop` of acme share a pool of `s1` and
/// `s2`, `www.other` of other has one `s1` that is another machine.
pub(in crate::measurement) fn plan() -> Plan {
    let both = [("s1", "192.0.2.1"), ("s2", "192.0.2.2")];
    let services = vec![
        service("www.example.", "acme", &both),
        service("shop.example.", "acme", &both),
        service(
            "www.other.",
            "other",
            &[("s1", "198.51.100.1"), ("b", "198.51.100.2")],
        ),
    ];
    let names = ["default", "g1", "g2"].map(str::to_owned);
    let groups = Groups {
        names: names.into(),
        ..Groups::default()
    };
    Plan::new(services, groups)
}
