//! From facts to findings: nothing here looks at the host.

mod driver;
mod firewall;
mod hook;
mod interface;
mod iptables;
mod kernel;
mod nftables;
mod offloads;
mod port;
mod privileges;
mod queues;

use std::path::Path;

use super::{
    Finding, Severity,
    facts::{Facts, Named, wanted::Wanted},
};
use crate::config::{tunables::XdpMode, values::LAST_FILE};

/// What all checks find, in an order from the host to what comes to it.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let in_kernel = facts.wanted.mode != XdpMode::Off;
    let mut found = Vec::new();
    if in_kernel {
        found.extend(kernel::judge(&facts.host));
    }
    found.extend(privileges::judge(facts));
    found.push(interface::configuration(&facts.wanted));
    found.extend(interface::judge(facts));
    // On others nothing that was found would help.
    if let (Named::Found(interface), true) = (&facts.interface, in_kernel)
        && interface.link.is_ethernet
    {
        found.extend(hook::judge(interface, &facts.wanted));
        found.extend(driver::judge(interface, facts));
        found.extend(queues::judge(interface, facts.host.cpus));
        found.extend(offloads::judge(interface, &facts.wanted));
    }
    found.extend(port::judge(facts));
    if in_kernel {
        found.extend(firewall::judge(&facts.listings, facts.wanted.port));
    }
    found
}

impl Finding {
    fn of(severity: Severity, check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            severity,
            found: found.into(),
            means: String::new(),
            command: None,
        }
    }

    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::of(Severity::Ok, check, found)
    }

    fn note(check: &'static str, found: impl Into<String>) -> Self {
        Self::of(Severity::Note, check, found)
    }

    fn warn(check: &'static str, found: impl Into<String>) -> Self {
        Self::of(Severity::Warn, check, found)
    }

    fn error(check: &'static str, found: impl Into<String>) -> Self {
        Self::of(Severity::Error, check, found)
    }

    fn means(mut self, means: impl Into<String>) -> Self {
        self.means = means.into();
        self
    }

    fn mend(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// `word` as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-/:@%+,=".contains(&octet);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// The command that sets a tunable; the file is read last, and the last line wins.
fn set(wanted: &Wanted, key: &str, value: &str) -> String {
    let file = quoted_path(&wanted.directory.join(LAST_FILE));
    format!(r"printf '\n{key} = {value}\n' >> {file}")
}

#[cfg(test)]
mod tests;
