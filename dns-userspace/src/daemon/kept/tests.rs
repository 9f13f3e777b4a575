use tempfile::TempDir;

use super::*;
use crate::measurement::overrides::{Scope, What};

fn freeze(until_unix_ms: Option<u64>) -> Override {
    Override {
        what: What::Freeze { scope: Scope::All },
        reason: None,
        user: "ann".to_owned(),
        since_unix_ms: 1000,
        until_unix_ms,
    }
}

/// A directory that is not there yet.
fn fresh() -> (TempDir, Kept) {
    let dir = TempDir::new().unwrap();
    let kept = Kept::open(&dir.path().join("lib/veer"), 0).0;
    (dir, kept)
}

#[test]
fn what_is_kept_is_read_until_its_time_is_over() {
    let (_dir, kept) = fresh();
    assert!(kept.read(0).is_empty());
    assert!(!kept.path().exists(), "reading makes nothing");
    let overrides = Overrides::new(vec![freeze(Some(5000)), freeze(None)]);
    kept.keep(&overrides).unwrap();
    assert_eq!(kept.read(4999), overrides);
    assert!(kept.read(5000).iter().eq([&freeze(None)]));
    kept.keep(&Overrides::default()).unwrap();
    assert!(kept.read(0).is_empty());
    let files = fs::read_dir(&kept.directory).unwrap();
    assert_eq!(files.count(), 1);
}

#[test]
fn what_cannot_be_read_is_moved_aside_and_the_rest_holds() {
    let (_dir, kept) = fresh();
    fs::create_dir_all(&kept.directory).unwrap();
    let good = serde_json::to_string(&freeze(None)).unwrap();
    let half = format!(r#"{{"overrides":[{{"kind":"later"}},{good}]}}"#);
    for (text, left) in [
        ("", 0),
        ("{\"overrides\":", 0),
        ("[]", 0),
        (half.as_str(), 1),
    ] {
        fs::write(kept.path(), text).unwrap();
        assert_eq!(kept.read(0).iter().count(), left, "{text}");
        let aside = kept.directory.join("overrides.json.broken");
        assert_eq!(fs::read_to_string(aside).unwrap(), text);
        assert_eq!(kept.read(0).iter().count(), left, "{text}, read again");
    }
}

#[test]
fn a_write_that_fails_leaves_what_was_kept() {
    let (_dir, kept) = fresh();
    kept.keep(&Overrides::new(vec![freeze(None)])).unwrap();
    fs::create_dir(kept.path().with_extension("json.new")).unwrap();
    let error = kept.keep(&Overrides::default()).unwrap_err();
    assert!(
        error.starts_with("writing ") && error.contains("overrides.json"),
        "{error}"
    );
    assert_eq!(kept.read(0).iter().count(), 1);
    // A file in the way of the directory is no panic either.
    let blocked = Kept::open(&kept.path().join("veer"), 0).0;
    assert!(blocked.keep(&Overrides::default()).is_err());
    assert!(blocked.read(0).is_empty());
}
