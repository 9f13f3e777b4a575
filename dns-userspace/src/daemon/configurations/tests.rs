use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::control::generations::{By, FilesDiffer};

/// Where configurations of the directory `/etc/veer` are kept.
struct Scene {
    state: TempDir,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let state = TempDir::new().unwrap();
        let store = Store::new(state.path(), Path::new("/etc/veer"));
        Self { state, store }
    }

    /// Keeps `files`, of which 3 are kept at most.
    fn keep(&mut self, generation: u64, by: By, files: &[(&str, &str)]) -> Vec<PathBuf> {
        let files = contents(files);
        let kept = self
            .store
            .keep(made(generation, by), Inventory::default(), &files, 3);
        kept.unwrap()
    }

    fn restart(&mut self) -> Before {
        self.store = Store::new(self.state.path(), Path::new("/etc/veer"));
        self.store.recall().unwrap()
    }

    fn path(&self, of: &str) -> PathBuf {
        self.state.path().join("generations").join(of)
    }

    fn contents_kept(&self) -> usize {
        fs::read_dir(self.path("files")).unwrap().count()
    }

    fn numbers(&self) -> Vec<(u64, u64)> {
        let list = self.store.list().unwrap().generations;
        list.iter()
            .map(|it| (it.made.generation, it.through))
            .collect()
    }
}

fn made(generation: u64, by: By) -> Made {
    Made {
        generation,
        unix_ms: 1_700_000_000_000 + generation,
        by,
    }
}

fn contents(files: &[(&str, &str)]) -> Files {
    let files = files.iter();
    let files = files.map(|(path, text)| {
        let path = Path::new("/etc/veer").join(path);
        (path, text.to_string().into())
    });
    files.collect()
}

const A: &[(&str, &str)] = &[("veer.conf", "a"), ("zones.d/x.zone", "x")];
const B: &[(&str, &str)] = &[("veer.conf", "b"), ("zones.d/x.zone", "x"), ("/srv/g", "x")];
const C: &[(&str, &str)] = &[("veer.conf", "c")];

#[test]
fn what_was_read_comes_back_and_is_there_once() {
    let mut scene = Scene::new();
    scene.keep(1, By::Start, A);
    scene.keep(2, By::Reload, B);
    assert_eq!(scene.contents_kept(), 3);
    assert_eq!(scene.store.open(1), Ok((1, contents(A))));
    assert_eq!(scene.store.open(2), Ok((2, contents(B))));
    let list = scene.store.list().unwrap();
    assert_eq!(list.generations[0].differs, None);
    let differs = FilesDiffer {
        added: vec!["/srv/g".into()],
        changed: vec!["veer.conf".into()],
        removed: vec![],
    };
    assert_eq!(list.generations[1].differs, Some(differs));
    let octets: Vec<_> = list.generations.iter().map(|it| it.octets).collect();
    assert_eq!(octets, [2, 3]);
}

#[test]
fn no_more_are_kept_than_may_be_and_no_content_without_them() {
    let mut scene = Scene::new();
    for (number, files) in [(1, A), (2, B), (3, A), (4, C)] {
        scene.keep(number, By::Reload, files);
    }
    assert_eq!(scene.numbers(), [(2, 2), (3, 3), (4, 4)]);
    let refused = scene.store.open(1).unwrap_err().to_string();
    assert_eq!(refused, "generation 1 is not kept; valid: 2, 3, 4");
    scene.keep(5, By::Reload, A);
    scene.keep(6, By::Reload, C);
    // a, x and c: nobody has b any more.
    assert_eq!(scene.contents_kept(), 3);

    let none = Inventory::default();
    let kept = scene.store.keep(made(7, By::Reload), none, &contents(A), 0);
    assert_eq!(kept, Ok(vec![]));
    assert_eq!((scene.numbers(), scene.contents_kept()), (vec![], 0));
    let refused = scene.store.open(7).unwrap_err().to_string();
    assert!(refused.contains("state.generations_max"), "{refused}");
}

#[test]
fn generations_of_one_configuration_are_one_over_restarts_too() {
    let mut scene = Scene::new();
    scene.keep(1, By::Start, A);
    scene.keep(2, By::Reload, B);
    scene.store.made_again(made(3, By::Override)).unwrap();
    scene.keep(4, By::Reload, B);
    assert_eq!(scene.restart().generation, 4);
    scene.keep(5, By::Start, B);
    assert_eq!(scene.numbers(), [(1, 1), (2, 5)]);
    let of: Vec<_> = (1..=5).map(|it| scene.store.open(it).unwrap().0).collect();
    assert_eq!(of, [1, 2, 2, 2, 2]);
    let later: Vec<_> = scene.store.list().unwrap().generations[1]
        .later
        .iter()
        .map(|made| (made.generation, made.by))
        .collect();
    assert_eq!(later, [(3, By::Override), (4, By::Reload), (5, By::Start)]);
}

#[test]
fn a_generation_that_could_not_be_kept_is_not_taken_for_another() {
    let mut scene = Scene::new();
    scene.keep(1, By::Start, A);
    let blocked = scene.path("2.json.new");
    fs::create_dir(&blocked).unwrap();
    let files = contents(B);
    let kept = scene
        .store
        .keep(made(2, By::Reload), Inventory::default(), &files, 3);
    let error = kept.unwrap_err();
    assert!(
        error.contains("writing") && error.contains("2.json"),
        "{error}"
    );
    // Neither what is made of it, nor what was before, comes again.
    scene.store.made_again(made(3, By::Override)).unwrap();
    fs::remove_dir(&blocked).unwrap();
    scene.keep(4, By::Reload, A);
    assert_eq!(scene.numbers(), [(1, 1), (4, 4)]);
    assert!(matches!(scene.store.open(3), Err(Gone::Unknown { .. })));
}

#[test]
fn the_next_daemon_knows_that_this_one_was_reverted() {
    let mut scene = Scene::new();
    assert_eq!(scene.restart(), Before::default());
    scene.keep(1, By::Start, A);
    scene.keep(2, By::Reload, B);
    assert_eq!(scene.restart().reverted_to, None);
    scene.keep(3, By::Start, B);
    scene.keep(4, By::Revert { to: 1 }, A);
    for number in 5..99 {
        scene.store.made_again(made(number, By::Override)).unwrap();
    }
    let before = Before {
        generation: 98,
        reverted_to: Some(1),
    };
    assert_eq!(scene.restart(), before);
    scene.keep(99, By::Start, A);
    assert_eq!(scene.restart().reverted_to, None);
    let later = scene.store.list().unwrap().generations[2].later.len();
    assert_eq!(later, 32);
}

#[test]
fn damage_is_found_named_and_mended_by_what_is_read_again() {
    let mut scene = Scene::new();
    scene.keep(1, By::Start, A);
    scene.keep(2, By::Reload, C);
    let x = scene.path("files").join(record::sha256(b"x"));
    fs::write(&x, "y").unwrap();
    fs::remove_file(scene.path("files").join(record::sha256(b"a"))).unwrap();
    let Err(Gone::Damaged(faults)) = scene.store.open(1) else {
        panic!("it is damaged");
    };
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(
        faults[0].starts_with("veer.conf of generation 1: reading "),
        "{faults:#?}"
    );
    let expected = format!(
        "zones.d/x.zone of generation 1: {} is damaged: its SHA-256 is another",
        x.display()
    );
    assert_eq!(faults[1..], [expected, "valid: 1, 2".to_owned()]);
    assert!(scene.store.open(2).is_ok());
    scene.keep(3, By::Reload, A);
    assert!(scene.store.open(1).is_ok());

    // Of a record too: what it says of files, or anything.
    let record = scene.path("1.json");
    let text = fs::read_to_string(&record).unwrap();
    for text in [text.replace("x.zone", "y.zone"), text[..40].to_owned()] {
        fs::write(&record, text).unwrap();
        let Err(Gone::Damaged(faults)) = scene.store.open(1) else {
            panic!("it is damaged");
        };
        assert!(faults[0].contains("1.json: "), "{faults:#?}");
        let list = scene.store.list().unwrap();
        assert_eq!((list.generations.len(), list.damaged.len()), (2, 1));
    }
}

#[test]
fn what_is_too_large_is_said_and_taken_from_where_it_is_if_that_is_the_same() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::new(&dir.path().join("state"), dir.path());
    let large = dir.path().join("zones.d.zone");
    let octets = vec![b'x'; FILE_OCTETS_MAX + 1];
    fs::write(&large, &octets).unwrap();
    let files = Files::from([(large.clone(), octets.into())]);
    let none = Inventory::default();
    let too_large = store.keep(made(1, By::Start), none, &files, 3).unwrap();
    assert_eq!(too_large.first(), Some(&large));
    assert_eq!(store.list().unwrap().generations[0].not_kept.len(), 1);
    assert_eq!(store.open(1).map(|(_, files)| files), Ok(files));
    fs::write(&large, "other").unwrap();
    let refused = store.open(1).unwrap_err().to_string();
    assert!(
        refused.contains("was too large to be kept") && refused.contains("is another now"),
        "{refused}"
    );
}
