use super::*;
use crate::control::status::Inventory;

const NOW: u64 = 1_700_000_000_000;

#[test]
fn generations_are_named_with_what_differs_and_what_else_they_are_called() {
    let made = |generation, by| Made {
        generation,
        unix_ms: NOW - 60_000 * (10 - generation),
        by,
    };
    let first = Generation {
        made: made(2, By::Start),
        through: 2,
        later: vec![],
        inventory: Inventory::default(),
        files: 4,
        octets: 999,
        not_kept: vec!["zones.d/large.zone".into()],
        differs: None,
    };
    let differ = FilesDiffer {
        added: vec!["a".into(), "b".into()],
        changed: vec!["c".into()],
        removed: vec!["d".into()],
    };
    let second = Generation {
        made: made(3, By::Revert { to: 1 }),
        through: 8,
        later: (4..=8).map(|number| made(number, By::Override)).collect(),
        not_kept: vec![],
        differs: Some(differ),
        ..first.clone()
    };
    let shown = Generations {
        generations: vec![first, second],
        damaged: vec![Damaged {
            generation: 1,
            fault: "1.json: \u{1b}[2J".to_owned(),
        }],
    };
    let expected = "\
GENERATION         AGO  BY           ZONES  NAMES  SERVICES  FILES THAT DIFFER  THE SAME
         2   8 min 0 s  start            0      0         0  4 files
         3   7 min 0 s  revert to 1      0      0         0  c +a +b and 1 more  …, 5 override, 6 override, 7 override, 8 override
zones.d/large.zone was too large to be kept: without it as it was nothing goes back to 2
1 is damaged: 1.json: \u{fffd}[2J
";
    let text = generations(&shown, NOW, Paint(false));
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&text), squeezed(expected));
}
