//! Who may do what over the control socket.

use nix::unistd::{Group as SystemGroup, Uid};

use super::{BindError, peer::Peer};

/// What a caller may do; each more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    /// Not even look.
    Nothing,
    /// Look at everything, and change nothing.
    Look,
    /// Everything.
    Change,
}

/// The groups whose members may look, and may change something. With neither, whoever the
/// socket's file lets in may do everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    readers: Option<Group>,
    writers: Option<Group>,
    /// The user who may do everything, beside root.
    own: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    gid: u32,
}

impl Access {
    /// By these groups of the host (`control.readers_group`, `control.writers_group`), and for
    /// the user that this process runs as.
    pub fn of(readers: Option<&str>, writers: Option<&str>) -> Result<Self, BindError> {
        let group = |key, name: Option<&str>| name.map(|name| found(key, name)).transpose();
        Ok(Self {
            readers: group("control.readers_group", readers)?,
            writers: group("control.writers_group", writers)?,
            own: Uid::effective().as_raw(),
        })
    }

    /// Whether groups say who may, rather than the socket's file.
    pub(super) fn is_by_group(&self) -> bool {
        self.readers.is_some() || self.writers.is_some()
    }

    /// What `peer` may do.
    pub(super) fn right(&self, peer: &Peer) -> Right {
        let is_in = |group: &Option<Group>| {
            let group = group.as_ref();
            group.is_some_and(|group| peer.groups.contains(&group.gid))
        };
        if !self.is_by_group() || [0, self.own].contains(&peer.uid) || is_in(&self.writers) {
            Right::Change
        } else if is_in(&self.readers) {
            Right::Look
        } else {
            Right::Nothing
        }
    }

    /// Why someone without any right is told nothing.
    pub(super) fn stranger(&self) -> String {
        let groups = [&self.readers, &self.writers];
        let names: Vec<_> = groups
            .into_iter()
            .flatten()
            .map(|group| group.name.as_str())
            .collect();
        format!(
            "only root and members of the group {} may use this socket \
             (control.readers_group, control.writers_group)",
            names.join(" or ")
        )
    }

    /// Why someone who may only look changes nothing.
    pub(super) fn reader(&self) -> String {
        let members = self.writers.as_ref();
        let members = members.map(|group| format!(" and members of the group {}", group.name));
        format!(
            "only root{} may do this (control.writers_group); you may look",
            members.unwrap_or_default()
        )
    }
}

fn found(key: &'static str, name: &str) -> Result<Group, BindError> {
    let no_group = |error: Option<nix::Error>| BindError::NoGroup {
        key,
        name: name.to_owned(),
        error: error.map_or_else(String::new, |error| format!(" ({error})")),
    };
    let group = SystemGroup::from_name(name).map_err(|error| no_group(Some(error)))?;
    let group = group.ok_or_else(|| no_group(None))?;
    Ok(Group {
        name: group.name,
        gid: group.gid.as_raw(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u32 = 990;

    fn access(readers: Option<u32>, writers: Option<u32>) -> Access {
        let group = |name: &str, gid: Option<u32>| {
            gid.map(|gid| Group {
                name: name.to_owned(),
                gid,
            })
        };
        Access {
            readers: group("veer", readers),
            writers: group("veer-admin", writers),
            own: OWN,
        }
    }

    fn right(access: &Access, uid: u32, groups: &[u32]) -> Right {
        access.right(&Peer {
            uid,
            groups: groups.to_vec(),
        })
    }

    #[test]
    fn groups_say_who_may_look_and_who_may_change() {
        let both = access(Some(10), Some(20));
        for (uid, groups, expected) in [
            (1000, [5, 6], Right::Nothing),
            (1000, [5, 10], Right::Look),
            (1000, [20, 6], Right::Change),
            (1000, [10, 20], Right::Change),
            (0, [5, 6], Right::Change),
            (OWN, [5, 6], Right::Change),
        ] {
            assert_eq!(right(&both, uid, &groups), expected, "{uid} {groups:?}");
        }
    }

    #[test]
    fn with_one_group_alone_nobody_has_the_other_right_by_it() {
        let readers = access(Some(10), None);
        assert_eq!(right(&readers, 1000, &[10]), Right::Look);
        assert_eq!(right(&readers, 0, &[]), Right::Change);
        assert_eq!(
            readers.reader(),
            "only root may do this (control.writers_group); you may look"
        );
        let writers = access(None, Some(20));
        assert_eq!(right(&writers, 1000, &[10]), Right::Nothing);
        assert_eq!(right(&writers, 1000, &[20]), Right::Change);
    }

    #[test]
    fn without_groups_the_file_has_said_who_may() {
        assert_eq!(right(&Access::default(), 1000, &[]), Right::Change);
    }

    #[test]
    fn a_group_that_is_not_there_is_named_with_its_tunable() {
        assert!(Access::of(Some("root"), None).is_ok());
        let error = Access::of(None, Some("no-such-group")).expect_err("there is none");
        let said = error.to_string();
        assert!(
            said.starts_with("control.writers_group: there is no group no-such-group"),
            "{said}"
        );
    }
}
