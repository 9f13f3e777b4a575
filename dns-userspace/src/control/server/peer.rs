//! Who is at the other end of a control connection.

use nix::unistd::{Uid, User};
use tokio::task::spawn_blocking;

/// The name of the user `uid`, which the kernel says is the one that connected
/// (`SO_PEERCRED`); its number where it has none.
pub(super) async fn name(uid: u32) -> String {
    // Names may be asked of a directory on the network.
    let found = spawn_blocking(move || User::from_uid(Uid::from_raw(uid))).await;
    let user = found.ok().and_then(Result::ok).flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}
