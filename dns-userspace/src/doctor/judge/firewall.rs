//! Rules of the firewall about our port: what the kernel answers never comes to them.

use super::{
    super::facts::firewall::{Listed, Listings},
    Finding, iptables, nftables,
};

const CHECK: &str = "firewall";

/// A rule that names our port over UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Where it is and what it does.
    pub(super) text: String,
    /// Whether it lets pass what it meets, so that nobody misses it.
    pub(super) lets_pass: bool,
    /// What takes it away.
    pub(super) removal: String,
}

pub(super) fn judge(listings: &Listings, port: u16) -> Vec<Finding> {
    let tools = [
        ("nft", &listings.nft),
        ("iptables-save", &listings.iptables),
        ("ip6tables-save", &listings.ip6tables),
    ];
    let mut found = Vec::new();
    let mut is_known = false;
    for (tool, listed) in tools {
        let rules = match listed {
            Listed::Absent => continue,
            Listed::Refused(error) => {
                found.push(unread(tool, error));
                continue;
            }
            Listed::Text(text) if tool == "nft" => match nftables::rules(text, port) {
                Ok(rules) => rules,
                Err(error) => {
                    found.push(unread(tool, &error.to_string()));
                    continue;
                }
            },
            Listed::Text(text) => iptables::rules(text, tool.trim_end_matches("-save"), port),
        };
        is_known = true;
        found.extend(rules.into_iter().map(bypassed));
    }
    if found.is_empty() {
        found.push(if is_known {
            Finding::ok(CHECK, format!("no rule names UDP port {port}"))
        } else {
            Finding::note(CHECK, "unknown: neither nft nor iptables-save is installed")
                .means("what the kernel answers comes to no rule of a firewall, if there are any")
        });
    }
    found
}

fn unread(tool: &str, error: &str) -> Finding {
    Finding::note(CHECK, format!("unknown: {tool}: {error}"))
        .means("what the kernel answers comes to no rule of a firewall")
}

fn bypassed(rule: Rule) -> Finding {
    if rule.lets_pass {
        return Finding::note(CHECK, rule.text)
            .means("holds for what goes up alone: queries answered in the kernel do not meet it");
    }
    Finding::warn(CHECK, rule.text)
        .means(
            "queries answered in the kernel do not meet it, and those that go up still do: limit \
             by rrl.* instead, and take it away",
        )
        .mend(rule.removal)
}
