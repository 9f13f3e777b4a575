//! What the doctor found.

use std::fmt::Write as _;

use super::{
    human::counted,
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
};
use crate::doctor::{Examined, Severity};

/// A row for each check; then what deserves a look means, and what mends it.
pub(in crate::control) fn examined(examined: &Examined, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("CHECK", Align::Left),
        ("IS", Align::Left),
        ("FOUND", Align::Left),
    ]);
    for finding in &examined.findings {
        let (word, tone) = word(finding.severity);
        table.row([
            finding.check.into(),
            Cell::toned(word, tone),
            finding.found.as_str().into(),
        ]);
    }
    let mut text = table.render(paint);
    let mut telling: Vec<_> = examined.findings.iter().collect();
    telling.retain(|finding| !finding.means.is_empty() || finding.command.is_some());
    telling.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in telling {
        let (_, tone) = word(finding.severity);
        let name = paint.paint(finding.check, tone);
        let means = Cell::from(finding.means.as_str()).painted(paint);
        let _ = writeln!(text, "\n{name}: {means}");
        if let Some(command) = &finding.command {
            let _ = writeln!(text, "  {}", Cell::from(command.as_str()).painted(paint));
        }
    }
    let _ = writeln!(text, "\n{}", summary(examined));
    text
}

fn word(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Ok => ("ok", Tone::Good),
        Severity::Note => ("note", Tone::Plain),
        Severity::Warn => ("warn", Tone::Caution),
        Severity::Error => ("error", Tone::Bad),
    }
}

fn summary(examined: &Examined) -> String {
    let count = |severity| {
        let all = examined.findings.iter();
        all.filter(|finding| finding.severity == severity).count()
    };
    let of = examined.interface.as_deref().unwrap_or("this host");
    if examined.severity <= Severity::Note {
        return format!("{of}: nothing to mend");
    }
    let errors = counted(count(Severity::Error), "error", "errors");
    let warnings = counted(count(Severity::Warn), "warning", "warnings");
    format!("{of}: {errors}, {warnings}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Finding;

    fn finding(check: &'static str, severity: Severity, means: &str) -> Finding {
        Finding {
            check,
            severity,
            found: format!("{check} found"),
            means: means.to_owned(),
            command: (severity == Severity::Warn).then(|| "mend\x1b it".to_owned()),
        }
    }

    #[test]
    fn the_worst_is_told_first_with_what_mends_it() {
        let findings = vec![
            finding("kernel", Severity::Ok, ""),
            finding("queues", Severity::Warn, "one CPU answers"),
            finding("btf", Severity::Error, "no types"),
        ];
        let shown = examined(
            &Examined {
                interface: Some("eth0".to_owned()),
                severity: Severity::Error,
                findings,
            },
            Paint(false),
        );
        let expected = "\
CHECK   IS     FOUND
kernel  ok     kernel found
queues  warn   queues found
btf     error  btf found

btf: no types

queues: one CPU answers
  mend\u{fffd} it

eth0: 1 error, 1 warning
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_sound_host() {
        let all = Examined {
            interface: None,
            severity: Severity::Note,
            findings: vec![finding("driver", Severity::Note, "slow")],
        };
        let shown = examined(&all, Paint(false));
        assert!(
            shown.ends_with("\ndriver: slow\n\nthis host: nothing to mend\n"),
            "{shown}"
        );
    }
}
