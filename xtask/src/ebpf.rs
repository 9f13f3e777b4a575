//! Builds the XDP programs: one tree, one toolchain, one sequence of bytes.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    cargo,
    setup::{self, Toolchain},
};

/// Names a directory whose objects are used instead of the built ones; then nothing
/// is built.
pub const OBJECTS_VARIABLE: &str = "VEER_EBPF_OBJECTS";

const TARGET: &str = "bpfel-unknown-none";
const PROFILE: &str = "ebpf";

/// A program of the eBPF crate; each is one object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The responder, embedded in `veerd`.
    Veer,
    /// The same for kernels without arenas, embedded beside it.
    VeerArrays,
    /// What test rigs and benchmarks load beside it.
    Rig,
}

impl Program {
    const ALL: [Self; 3] = [Self::Veer, Self::VeerArrays, Self::Rig];

    fn name(self) -> &'static str {
        match self {
            Self::Veer => "veer",
            Self::VeerArrays => "veer-arrays",
            Self::Rig => "rig",
        }
    }

    /// The program's object file. The build makes it; an error says how.
    pub fn object(self) -> Result<PathBuf> {
        let object = match (self, given_objects()?) {
            (Self::Veer | Self::VeerArrays, Some(given)) => self.object_of(&given),
            _ => self.object_in(&cargo::target_dir()?),
        };
        if !object.is_file() {
            bail!(
                "{}: no such object file: run `cargo xtask build`",
                object.display()
            );
        }
        Ok(object)
    }

    fn object_in(self, target_dir: &Path) -> PathBuf {
        self.object_of(&target_dir.join("ebpf"))
    }

    fn object_of(self, directory: &Path) -> PathBuf {
        directory.join(self.name()).with_extension("o")
    }

    /// What cargo is told to build, and the name it has for it.
    const fn target(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Veer => (&["--bin", "veer"], "veer"),
            Self::VeerArrays => (&["--bin", "veer", "--features", "arrays"], "veer"),
            Self::Rig => (&["--bin", "rig"], "rig"),
        }
    }
}

/// Builds the workspace's programs, unless `VEER_EBPF_OBJECTS` gives them.
pub fn build() -> Result<()> {
    if let Some(given) = given_objects()? {
        eprintln!(
            "eBPF objects: {} (from {OBJECTS_VARIABLE})",
            given.display()
        );
        return Ok(());
    }
    build_in(&setup::toolchain()?, cargo::root(), &cargo::target_dir()?)
}

/// Builds the programs of the tree at `root` into `target_dir/ebpf/*.o`, which are
/// replaced whole, and only when their bytes change.
pub fn build_in(toolchain: &Toolchain, root: &Path, target_dir: &Path) -> Result<()> {
    let build_dir = target_dir.join("ebpf");
    let _alone = lock(&build_dir)?;
    let flags = rustflags(toolchain, root)?;
    for program in Program::ALL {
        let (arguments, name) = program.target();
        let status = cargo::foreign(&toolchain.cargo(), &toolchain.rustc())
            .current_dir(root)
            .args(["build", "--locked", "--package", "dns-ebpf"])
            .args(arguments)
            .args([
                "--target",
                TARGET,
                "--profile",
                PROFILE,
                "-Z",
                "build-std=core",
            ])
            .arg("--target-dir")
            .arg(&build_dir)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", &flags)
            .status()
            .with_context(|| format!("run {}", toolchain.cargo().display()))?;
        if !status.success() {
            bail!("the eBPF build failed: {status}");
        }
        // Of two programs with one name the last one built stands there.
        let built = build_dir.join(TARGET).join(PROFILE).join(name);
        replace_if_changed(&built, &program.object_in(target_dir))?;
    }
    Ok(())
}

/// Waits until no other build works in `build_dir`, and keeps others out until it is
/// dropped: two programs have one name there, and cargo's own lock ends before the
/// object is read.
fn lock(build_dir: &Path) -> Result<File> {
    fs::create_dir_all(build_dir).with_context(|| format!("mkdir {}", build_dir.display()))?;
    let path = build_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let locked = file.lock();
    locked.with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// The flags for the eBPF target, as cargo encodes them.
fn rustflags(toolchain: &Toolchain, root: &Path) -> Result<OsString> {
    let mut flags: Vec<OsString> = vec![
        joined(["-Clinker=".as_ref(), toolchain.linker().as_os_str()]),
        format!("--cfg=bpf_target_arch=\"{}\"", env::consts::ARCH).into(),
        // BTF is made from full debug information.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // 32-bit registers and jumps, which kernel 5.10 has.
        "-Ctarget-cpu=v3".into(),
        // Loads from packets at any offset in one instruction. Said to the
        // linker, which makes the code: rustc would warn for every crate.
        "-Clink-arg=--cpu-features=+allows-misaligned-mem-access".into(),
    ];
    for (from, to) in remapped_paths(toolchain, root)? {
        let from = from.as_os_str();
        flags.push(joined([
            "--remap-path-prefix=".as_ref(),
            from,
            "=".as_ref(),
            to.as_ref(),
        ]));
    }
    Ok(flags.join(OsStr::new("\x1f")))
}

/// Directories whose names must not show in the object, and what stands for them.
fn remapped_paths(toolchain: &Toolchain, root: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut paths = vec![(root.to_path_buf(), "/veer")];
    let registries = cargo::home()?.join("registry/src");
    // None yet on a machine that has only vendored or never fetched crates.
    for registry in fs::read_dir(registries).into_iter().flatten() {
        paths.push((registry?.path(), "/registry"));
    }
    // Distributions link it to where the source package lies.
    let source = toolchain.source();
    if let Ok(real) = source.canonicalize() {
        paths.push((real, "/rust"));
    }
    paths.push((source, "/rust"));
    Ok(paths)
}

fn replace_if_changed(from: &Path, to: &Path) -> Result<()> {
    let built = fs::read(from).with_context(|| format!("read {}", from.display()))?;
    match fs::read(to) {
        Ok(old) if old == built => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("read {}", to.display()));
        }
        _ => {}
    }
    let new = to.with_extension(format!("o.{}", process::id()));
    fs::write(&new, built).with_context(|| format!("write {}", new.display()))?;
    fs::rename(&new, to).with_context(|| format!("rename {} to {}", new.display(), to.display()))
}

/// The directory of objects that the environment gives. Cargo runs build scripts in
/// other directories than ours, so a relative path would mean two.
fn given_objects() -> Result<Option<PathBuf>> {
    let given = env::var_os(OBJECTS_VARIABLE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(directory) = &given
        && !directory.is_absolute()
    {
        bail!(
            "{OBJECTS_VARIABLE}={}: not an absolute path",
            directory.display()
        );
    }
    Ok(given)
}

fn joined<const N: usize>(parts: [&OsStr; N]) -> OsString {
    parts.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use std::{fs::TryLockError, os::unix::fs::MetadataExt as _};

    use super::*;

    #[test]
    fn one_build_at_a_time() {
        let dir = env::temp_dir().join(format!("veer-xtask-lock-{}", process::id()));
        let alone = lock(&dir).expect("nobody else builds there");
        let other = File::open(dir.join("lock")).expect("it is there");
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(alone);
        other.try_lock().expect("the first is done");
        fs::remove_dir_all(&dir).expect("remove");
    }

    #[test]
    fn an_object_is_replaced_only_when_its_bytes_change() {
        let dir = env::temp_dir().join(format!("veer-xtask-{}", process::id()));
        fs::create_dir_all(&dir).expect("make a directory");
        let [from, to] = ["built", "veer.o"].map(|name| dir.join(name));
        let replace = |bytes: &str| {
            fs::write(&from, bytes).expect("write");
            replace_if_changed(&from, &to).expect("replace");
            assert_eq!(fs::read(&to).expect("read"), bytes.as_bytes());
            fs::metadata(&to).expect("stat").ino()
        };
        let first = replace("one");
        assert_eq!(first, replace("one"));
        assert_ne!(first, replace("two"));
        // Nothing is left of the way there.
        assert_eq!(fs::read_dir(&dir).expect("list").count(), 2);
        fs::remove_dir_all(&dir).expect("remove");
    }
}
