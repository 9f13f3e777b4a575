//! Tells the crate which XDP objects to embed.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The objects, and the variables that tell the crate where they are.
const OBJECTS: [(&str, &str); 2] = [
    ("veer.o", "VEER_EBPF_OBJECT_PATH"),
    ("veer-arrays.o", "VEER_EBPF_ARRAYS_OBJECT_PATH"),
];

fn main() {
    println!("cargo::rerun-if-env-changed=VEER_EBPF_OBJECTS");
    let directory = env::var_os("VEER_EBPF_OBJECTS")
        .filter(|path| !path.is_empty())
        .map_or_else(built_objects, PathBuf::from);
    for (object, variable) in OBJECTS {
        embed(&directory.join(object), variable);
    }
}

fn embed(object: &Path, variable: &str) {
    let exists = object.is_file();
    let object = object.display();
    println!("cargo::rerun-if-changed={object}");
    if exists {
        println!("cargo::rustc-env={variable}={object}");
    } else {
        println!(
            "cargo::error={object}: no such file; run `cargo xtask build`, which makes the XDP objects"
        );
    }
}

/// Where `cargo xtask build` puts them: `ebpf` in the target directory.
fn built_objects() -> PathBuf {
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
    target.join("ebpf")
}
