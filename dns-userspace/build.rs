//! Tells the crate which XDP object to embed.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=VEER_EBPF_OBJECT");
    let object = env::var_os("VEER_EBPF_OBJECT")
        .filter(|path| !path.is_empty())
        .map_or_else(built_object, PathBuf::from);
    println!("cargo::rerun-if-changed={}", object.display());
    if object.is_file() {
        println!(
            "cargo::rustc-env=VEER_EBPF_OBJECT_PATH={}",
            object.display()
        );
    } else {
        println!(
            "cargo::error={}: no such file; run `cargo xtask build`, which makes the XDP object",
            object.display()
        );
    }
}

/// Where `cargo xtask build` puts it: `ebpf/veer.o` in the target directory.
fn built_object() -> PathBuf {
    // <target>/[<triple>/]<profile>/build/<package>/out
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut target = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR is in the target directory");
    if target.file_name() == env::var_os("TARGET").as_deref() {
        target = target
            .parent()
            .expect("a triple's directory is in the target directory");
    }
    target.join("ebpf/veer.o")
}
