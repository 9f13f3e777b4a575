//! Steered names that a decision may hand over to another DNS.

use domain::base::Rtype;

use super::{Node, Zone};
use crate::model::Name;

/// How a decision may hand a steered name over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandsOver {
    /// Not at all.
    #[default]
    Never,
    /// By CNAME.
    Itself,
    /// By NS, with every name below it.
    WithAllBelow,
}

impl Node {
    /// Whether a decision may hand it over.
    pub(in crate::authority) fn hands_over(&self) -> bool {
        self.hands_over != HandsOver::Never
    }
}

impl Zone {
    /// Marks the steered `name` as one that a decision may hand over.
    ///
    /// The error says why it cannot.
    pub fn hand_over(&mut self, name: &Name, how: HandsOver) -> Result<(), String> {
        let shown = name.fmt_with_dot();
        if *name == self.apex {
            return Err(format!(
                "{shown} is the apex of its zone, where no CNAME can stand and resolvers take NS for \
                 an answer, not for a referral; valid with a hand-over: a name below the apex, or \
                 addresses_of in place of cname or ns"
            ));
        }
        self.require_reachable(name)?;
        if !self.rrset(name.for_slice(), Rtype::DNAME).is_empty() {
            return Err(format!(
                "{shown} has a DNAME, beside which neither CNAME nor NS can stand (RFC 6672 section \
                 2.3); remove it"
            ));
        }
        let mut names = self.nodes.keys();
        if how == HandsOver::WithAllBelow
            && let Some(below) = names.find(|other| *other != name && other.ends_with(name))
        {
            return Err(format!(
                "{} is in the zone, below {shown}, which a hand-over by ns gives away with all below \
                 it; remove it, or hand over by cname",
                below.fmt_with_dot()
            ));
        }
        self.node(name).hands_over = how;
        Ok(())
    }
}
