//! `veerctl` does with veer's tunables what sysctl(8) does with the kernel's: the same
//! invocations through both, one after the other, with files that say the same.
//!
//! sysctl runs in namespaces of its own, in which `/etc` and all other places of its
//! files are the test's; what it sets is of the network namespace, and gone with it.

mod side;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use side::Side;
use support::world::World;
use table::{ALIKE, FILES, OTHERWISE};
use xtask::{
    lab::{Lab, Namespace},
    setup::Tool,
};

/// sysctl in `namespace`, where it sees no files but those in `files`.
fn sysctl(namespace: &Namespace, files: &Path) -> Side {
    const ALONE: &str = r#"
set -e
for dir in /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d; do
    if [ -d "$dir" ]; then mount --bind "$0/empty" "$dir"; fi
done
mount --bind "$0/etc" /etc
exec "$@"
"#;
    let (namespace, own) = (namespace.clone(), files.to_owned());
    let command = move || {
        let mut command = namespace.command("unshare");
        command.args(["--mount", "sh", "-c", ALONE]).arg(&own);
        command.arg(Tool::Sysctl.command().get_program());
        command
    };
    Side {
        name: "sysctl",
        files: files.to_owned(),
        command: Box::new(command),
        word: |(_, sysctl, _)| sysctl,
    }
}

/// Writes what both read, as `side` says it.
fn write_files(side: &Side, place: impl Fn(&str) -> PathBuf) {
    for (name, text) in FILES {
        let path = side.files.join(place(name));
        let parent = path.parent().expect("it is in a directory");
        fs::create_dir_all(parent).expect("a directory");
        fs::write(path, side.own(text)).expect("a file");
    }
}

#[test]
fn invocations_do_what_they_do_with_sysctl() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&["xdp.mode = off"]);
    let _daemon = world.start(&config);
    let lab = Lab::new().expect("a lab");
    let namespace = lab.namespace("sysctl").expect("a namespace");

    let kernel = sysctl(&namespace, &lab.dir().join("sysctl"));
    write_files(&kernel, |name| match name {
        "last" => "etc/sysctl.conf".into(),
        name => name.replace("drop-ins/", "etc/sysctl.d/").into(),
    });
    fs::create_dir(kernel.files.join("empty")).expect("a directory");

    let files = lab.dir().join("veer");
    let (program, socket) = (env!("CARGO_BIN_EXE_veerctl"), config.socket().to_owned());
    let dir = files.clone();
    let command = move || {
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(&dir)
            .arg("--socket")
            .arg(&socket);
        command
    };
    let ours = Side {
        name: "veerctl",
        files,
        command: Box::new(command),
        word: |(_, _, veerctl)| veerctl,
    };
    write_files(&ours, |name| match name {
        "last" => "veer.conf".into(),
        name => name.replace("drop-ins/", "veer.d/").into(),
    });

    let mut unlike = Vec::new();
    for args in ALIKE {
        let (theirs, ours) = (kernel.run(args), ours.run(args));
        if theirs != ours {
            unlike.push(format!(
                "{args:?}\n  sysctl:  {theirs:?}\n  veerctl: {ours:?}"
            ));
        }
    }
    for (args, code, why) in OTHERWISE {
        let (theirs, ours) = (kernel.run(args), ours.run(args));
        if ours.code != Some(*code) || theirs == ours {
            unlike.push(format!(
                "{args:?}, otherwise because {why}\n  sysctl:  {theirs:?}\n  veerctl: {ours:?}"
            ));
        }
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}
