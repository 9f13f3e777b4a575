//! The script that announces while the daemon is healthy.

use std::{path::Path, process::Command};

use crate::{
    SERVICES,
    support::{eventually, world::World},
};

const ANNOUNCE: &str = "announce route 192.0.2.53/32 next-hop self";
const WITHDRAW: &str = "withdraw route 192.0.2.53/32 next-hop self";

#[test]
fn routes_follow_health() {
    let world = World::new();
    let config = world.config("veer", SERVICES);
    let control = config.control.command();
    let words = [control.get_program()]
        .into_iter()
        .chain(control.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/announce.sh");
    let mut command = Command::new("sh");
    command.arg(script).args(["exabgp", "192.0.2.53/32"]);
    command
        .env("VEERCTL", words.join(" "))
        .env("INTERVAL_S", "0.1");
    let mut speaker = world.lab.spawn(command).expect("it starts");
    let mut expected = Vec::new();
    let mut says = |line: &'static str| {
        expected.push(line);
        eventually(line, || {
            let said = speaker.stdout();
            said.lines().eq(expected.iter().copied()).then_some(())
        });
    };

    says(WITHDRAW);
    let _origins = world.origins(3);
    let daemon = world.start(&config);
    says(ANNOUNCE);
    config.veerctl(&["detach"]);
    says(WITHDRAW);
    daemon.sigterm().expect("it stops");
    let daemon = world.start(&config);
    says(ANNOUNCE);
    daemon.sigkill().expect("it is killed");
    says(WITHDRAW);
    speaker.signal(libc::SIGTERM).expect("a signal");
}
