//! Who is at the other end of a control connection.

use std::{io, os::fd::AsRawFd as _};

use nix::unistd::{Uid, User};
use tokio::{net::UnixStream, task::spawn_blocking};

/// Room for the groups of most users.
const GROUPS: usize = 32;

/// Who connected, as the kernel says (`SO_PEERCRED`, `SO_PEERGROUPS`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) uid: u32,
    /// Those that it was in then.
    pub(super) groups: Vec<u32>,
}

impl Peer {
    /// Who connected by `stream`.
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let mut groups = supplementary_groups(stream)?;
        groups.push(credentials.gid());
        Ok(Self {
            uid: credentials.uid(),
            groups,
        })
    }

    /// The user's name; its number where it has none.
    pub(super) async fn name(&self) -> String {
        let uid = self.uid;
        // Names may be asked of a directory on the network.
        let found = spawn_blocking(move || User::from_uid(Uid::from_raw(uid))).await;
        let user = found.ok().and_then(Result::ok).flatten();
        user.map_or_else(|| format!("uid {uid}"), |user| user.name)
    }
}

fn supplementary_groups(stream: &UnixStream) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; GROUPS];
    loop {
        let mut octets = size_of_val(groups.as_slice()) as libc::socklen_t;
        // SAFETY: the descriptor is open, and the kernel writes no more than `octets` octets,
        // which is the size of `groups`, and a number to `octets`.
        let failed = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut octets,
            )
        };
        // What it wrote, or would have.
        groups.resize(octets as usize / size_of::<libc::gid_t>(), 0);
        if failed == 0 {
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::{getgid, getuid};

    use super::*;

    #[tokio::test]
    async fn the_kernel_says_who_it_is() {
        let (one, _other) = UnixStream::pair().expect("a pair");
        let peer = Peer::of(&one).expect("it is known");
        assert_eq!(peer.uid, getuid().as_raw());
        assert!(peer.groups.contains(&getgid().as_raw()), "{peer:?}");
        assert!(!peer.name().await.is_empty());
    }
}
