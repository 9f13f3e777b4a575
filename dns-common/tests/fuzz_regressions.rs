//! Every input that a fuzz target once failed on, and those that it starts from,
//! through the same function: the files of `fuzz_regressions/TARGET/`.

use std::{fs, path::Path};

#[expect(unreachable_pub, reason = "the fuzz crate's targets reach it")]
#[path = "../fuzz/src/targets.rs"]
mod targets;
mod world;

/// What is done with an input.
type Target = fn(&[u8]);

#[test]
fn inputs_that_are_kept_pass() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz_regressions");
    let targets: [(&str, Target); 4] = [
        ("ask", targets::ask),
        ("edns", targets::edns),
        ("respond", targets::respond),
        ("cookie", targets::cookie),
    ];
    let mut found = 0;
    for (name, target) in targets {
        let directory = directory.join(name);
        let files = fs::read_dir(&directory).expect("a directory for each target");
        for file in files {
            let path = file.expect("an entry").path();
            let input = fs::read(&path).expect("a file");
            println!("{}", path.display());
            target(&input);
            found += 1;
        }
    }
    let all = fs::read_dir(&directory).expect("the directory").count();
    assert_eq!(all, targets.len(), "directories of targets");
    assert!(found >= targets.len(), "each target has an input at least");
}
