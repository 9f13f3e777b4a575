//! Kinds of difference.

use clap::ValueEnum;
use serde::Serialize;

/// In what two replies to one question differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One of both gave no reply, or none that can be read.
    NoAnswer,
    /// The RCODE.
    Rcode,
    /// The records that the name has of the type.
    Data,
    /// The names that aliases lead over.
    Cname,
    /// A record's TTL.
    Ttl,
    /// Whether the answer is authoritative.
    Aa,
    /// What says that there is nothing (SOA), or who is to be asked (NS).
    Authority,
    /// The zone's serial number alone.
    Serial,
    /// Addresses of who is to be asked.
    Additional,
    /// Whether the reply is cut off over UDP.
    Truncated,
    /// Whether there are signatures.
    Dnssec,
    /// Where a decision sends clients, the other server's answer being one of those that the
    /// decision chooses among: no fault, and no difference for the exit status.
    Steered,
    /// Where a decision sends clients, the other server's answer being none of those.
    Elsewhere,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAnswer => "no-answer",
            Self::Rcode => "rcode",
            Self::Data => "data",
            Self::Cname => "cname",
            Self::Ttl => "ttl",
            Self::Aa => "aa",
            Self::Authority => "authority",
            Self::Serial => "serial",
            Self::Additional => "additional",
            Self::Truncated => "truncated",
            Self::Dnssec => "dnssec",
            Self::Steered => "steered",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// Whether it is what steering is for.
    pub const fn is_expected(self) -> bool {
        matches!(self, Self::Steered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_the_same_everywhere() {
        for kind in Kind::value_variants() {
            let name = kind.name();
            let value = kind.to_possible_value().expect("none is hidden");
            assert_eq!(value.get_name(), name);
            let json = serde_json::to_string(kind).expect("text");
            assert_eq!(json, format!("\"{name}\""));
        }
    }
}
