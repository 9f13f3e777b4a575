//! Candidates that hand the resolver over to another DNS.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use super::{Name, Pool, Quantity, Server, Service};

/// A candidate that answers by itself: whoever gets it asks another DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HandOver {
    /// Unique among all candidates of its pool; a valid DNS label.
    pub name: String,
    /// What sends the resolver there.
    pub to: Way,
    /// Addresses measured in its stead: it is fit while all of them are, and so
    /// where there are none.
    pub probe_addresses: Vec<IpAddr>,
    /// As [`Server::cost`].
    pub cost: Quantity,
}

/// What hands a resolver over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// A CNAME to a name of the other DNS, neither at nor below the service's own.
    Cname(Name),
    /// A referral at the service's name to these name servers, 1 or more.
    Ns(Vec<NameServer>),
    /// The addresses that a name of the other DNS has for the resolver: we ask in its
    /// stead.
    Flattened(Flattening),
}

/// A name of another DNS that is resolved here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flattening {
    /// The name, in none of our zones.
    pub name: Name,
    /// Who is asked, each once; where there are none, those of the host.
    pub resolvers: Vec<SocketAddr>,
}

/// A name server of another DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameServer {
    /// Its name.
    pub name: Name,
    /// Its addresses, told as glue; there are some where its name is at or below
    /// the service's.
    pub addresses: Vec<IpAddr>,
}

impl HandOver {
    /// Whether it is one by NS.
    pub fn is_referral(&self) -> bool {
        matches!(self.to, Way::Ns(_))
    }

    /// What is resolved here, where that hands over.
    pub fn flattening(&self) -> Option<&Flattening> {
        match &self.to {
            Way::Flattened(flattening) => Some(flattening),
            Way::Cname(_) | Way::Ns(_) => None,
        }
    }
}

impl fmt::Display for HandOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            Way::Cname(target) => write!(f, "CNAME {}", target.fmt_with_dot()),
            Way::Ns(servers) => {
                f.write_str("NS")?;
                let mut names = servers.iter().map(|server| server.name.fmt_with_dot());
                names.try_for_each(|name| write!(f, " {name}"))
            }
            Way::Flattened(Flattening { name, .. }) => {
                write!(f, "addresses of {}", name.fmt_with_dot())
            }
        }
    }
}

impl Pool {
    /// The names of all candidates, by number.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        let servers = self.servers.iter().map(|server| server.name.as_str());
        servers.chain(self.hand_overs.iter().map(|over| over.name.as_str()))
    }

    /// The hand-over that is candidate `number`, if that is one.
    pub fn hand_over(&self, number: u8) -> Option<&HandOver> {
        let after = usize::from(number).checked_sub(self.servers.len())?;
        self.hand_overs.get(after)
    }

    /// The addresses that are measured for candidate `number`, where nothing says of
    /// others.
    pub fn addresses(&self, number: u8) -> impl Iterator<Item = IpAddr> {
        let server = self.servers.get(usize::from(number));
        let over = self.hand_over(number);
        let own = server.into_iter().flat_map(Server::addresses);
        own.chain(
            over.into_iter()
                .flat_map(|over| over.probe_addresses.iter().copied()),
        )
    }

    /// What sending traffic to candidate `number` costs.
    pub fn cost(&self, number: u8) -> Quantity {
        let server = self.servers.get(usize::from(number));
        let cost = server.map(|server| server.cost);
        cost.or_else(|| Some(self.hand_over(number)?.cost))
            .unwrap_or_default()
    }
}

impl Service {
    /// Whether one of the candidates is a hand-over by NS.
    pub fn refers(&self) -> bool {
        self.pool.hand_overs.iter().any(HandOver::is_referral)
    }

    /// Whether one of the candidates answers for every type.
    pub fn hands_over_all(&self) -> bool {
        let mut overs = self.pool.hand_overs.iter();
        overs.any(|over| over.flattening().is_none())
    }
}
