//! One tree gives one object, wherever it lies and wherever it is built.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use xtask::{cargo, ebpf, setup};

#[test]
fn two_copies_of_the_tree_give_the_same_bytes() {
    let toolchain = setup::toolchain().expect("the eBPF toolchain is installed");
    let scratch = cargo::target_dir()
        .expect("cargo knows its target directory")
        .join("reproducible");
    // Of different depth, so that a path that shows would also change a length.
    let builds = [scratch.join("a"), scratch.join("another/checkout")].map(|dir| {
        if dir.exists() {
            fs::remove_dir_all(&dir).expect("the last run's copy can be removed");
        }
        let tree = dir.join("tree");
        copy_sources(cargo::root(), &tree).expect("the tree can be copied");
        let target_dir = dir.join("target");
        ebpf::build_in(&toolchain, &tree, &target_dir).expect("the copy builds");
        target_dir.join("ebpf")
    });
    for object in ["veer.o", "rig.o"] {
        let [first, second] = builds
            .each_ref()
            .map(|dir| fs::read(dir.join(object)).expect("the build made the object"));
        assert!(first.starts_with(b"\x7fELF"), "{object} is not an ELF file");
        assert!(first == second, "{object} depends on where it is built");
    }
    fs::remove_dir_all(&scratch).expect("the copies can be removed");
}

/// Copies the members of the workspace and what cargo reads beside them.
fn copy_sources(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in [".cargo", "Cargo.toml", "Cargo.lock"] {
        copy(&from.join(name), &to.join(name))?;
    }
    for entry in fs::read_dir(from)? {
        let member = entry?;
        if member.path().join("Cargo.toml").is_file() {
            copy(&member.path(), &to.join(member.file_name()))?;
        }
    }
    Ok(())
}

fn copy(from: &PathBuf, to: &PathBuf) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(drop)
}
