use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::*;
use crate::config::{
    Config,
    tests::{ADDRESSES, directory, load_directory},
};

const CONF: &str = "cookie.secret_file = cookies.secret\n";
const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const SECOND: &str = "445536bcd2513298075a5d379663c962";

/// A configuration directory whose file of secrets holds `text`.
fn with_secrets(text: &[u8], mode: u32) -> TempDir {
    let files: [(&str, &[u8]); 3] = [
        (ADDRESSES.0, ADDRESSES.1.as_bytes()),
        ("veer.conf", CONF.as_bytes()),
        ("cookies.secret", text),
    ];
    let dir = directory(&files);
    let file = dir.path().join("cookies.secret");
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    dir
}

fn load(text: &str) -> Result<Config, Vec<String>> {
    load_directory(with_secrets(text.as_bytes(), 0o600).path())
}

/// What the findings of `text` are; none of them tells any of its digits.
fn findings(text: &str) -> Vec<String> {
    let found = load(text).expect_err("something is wrong");
    let words = text.split(['#', '\n', ' ']).filter(|word| word.len() > 6);
    for word in words {
        assert!(found.iter().all(|line| !line.contains(word)), "{found:?}");
    }
    found
}

#[test]
fn rfc_9018_appendix_a_secrets_are_their_octets_in_order() {
    let secrets = load(&format!(
        "# made today\n{FIRST}\n\n  {SECOND} # until now\n"
    ));
    let secrets = secrets.unwrap().secrets.unwrap();
    assert_eq!(
        secrets[0],
        Secret(0x3fa4_b2a6_e573_e9e5, 0xcfbf_379e_84dc_e748)
    );
    assert_eq!(
        secrets[1],
        Secret(0x9832_51d2_bc36_5544, 0x62c9_6396_375d_5a07)
    );
}

#[test]
fn one_secret_makes_and_accepts_cookies() {
    let secrets = load(&FIRST.to_uppercase()).unwrap().secrets.unwrap();
    assert_eq!(secrets, [secrets[0]; 2]);
    assert_eq!(secrets[0].0, 0x3fa4_b2a6_e573_e9e5);
}

#[test]
fn without_a_file_there_are_none() {
    let dir = directory(&[(ADDRESSES.0, ADDRESSES.1.as_bytes())]);
    assert!(load_directory(dir.path()).unwrap().secrets.is_none());
    let [made, accepted] = random().unwrap();
    assert!(made == accepted && made != random().unwrap()[0]);
}

#[test]
fn each_mistake_is_named_with_its_line_and_without_the_secret() {
    let all = "valid: 32 hexadecimal digits, one or two lines of them, # comments";
    let place = |line: usize| format!("cookies.secret:{line}: cookie.secret_file");
    let short = &FIRST[1..];
    for wrong in [
        short,
        "+e5e973e5a6b2a43f48e7dc849e37bfc",
        &format!("{FIRST}0"),
        "key: secret",
    ] {
        assert_eq!(
            findings(&format!("# first\n{FIRST}\n{wrong}\n")),
            [format!("{}: is not a secret; {all}", place(3))],
            "{wrong}"
        );
    }
    assert_eq!(
        findings(&format!(
            "{FIRST}\n{short}\n{SECOND}\n{FIRST}\n{SECOND}{FIRST}\n"
        )),
        [
            format!("{}: is not a secret; {all}", place(2)),
            format!("{}: is a third secret; {all}", place(4)),
            format!("{}: is not a secret; {all}", place(5)),
        ]
    );
    for nothing in ["", "# soon\n"] {
        assert_eq!(
            findings(nothing),
            [format!(
                "cookies.secret: cookie.secret_file: holds no secret; {all}"
            )]
        );
    }
    let dir = with_secrets(b"\xff\xfe", 0o600);
    assert_eq!(
        load_directory(dir.path()).unwrap_err(),
        ["cookies.secret:1: is not UTF-8; valid: UTF-8 text"]
    );
}

#[test]
fn a_file_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    for (mode, shown) in [
        (0o640, "0640"),
        (0o604, "0604"),
        (0o620, "0620"),
        (0o601, "0601"),
    ] {
        let dir = with_secrets(FIRST.as_bytes(), mode);
        assert_eq!(
            load_directory(dir.path()).unwrap_err(),
            [format!(
                "cookies.secret: cookie.secret_file: others than its owner may use it \
                 (mode {shown}); valid: mode 0600, as after `chmod 600 cookies.secret`"
            )]
        );
    }
    for mode in [0o600, 0o400] {
        let dir = with_secrets(FIRST.as_bytes(), mode);
        assert!(load_directory(dir.path()).unwrap().secrets.is_some());
    }
}

#[test]
fn a_file_that_was_named_must_exist() {
    let dir = directory(&[
        (ADDRESSES.0, ADDRESSES.1.as_bytes()),
        ("veer.conf", CONF.as_bytes()),
    ]);
    assert_eq!(
        load_directory(dir.path()).unwrap_err(),
        [
            "veer.conf:1: cookie.secret_file: cookies.secret does not exist; \
             valid: a readable file"
        ]
    );
}

#[test]
fn secrets_are_not_in_what_is_printed_of_a_configuration() {
    let config = load(&format!("{FIRST}\n{SECOND}\n")).unwrap();
    let printed = format!("{config:?}");
    assert!(printed.contains("cookies.secret") && printed.contains("Secret(…)"));
    let listed: Vec<_> = config
        .values
        .list(crate::config::values::Form::Assignment)
        .collect();
    for text in [printed, listed.join("\n")] {
        for secret in config.secrets.unwrap() {
            for word in [secret.0, secret.1] {
                let forms = [
                    format!("{word}"),
                    format!("{word:x}"),
                    format!("{:x}", word.swap_bytes()),
                ];
                assert!(forms.iter().all(|form| !text.contains(form)), "{text}");
            }
        }
    }
}
