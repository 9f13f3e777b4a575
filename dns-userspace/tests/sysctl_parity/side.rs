//! One of both programs, and what comes of running it.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use super::table::WORDS;

/// `GLOB` as a path of the kernel's.
const GLOB_PATH: &str = "net/ipv4/ip_def*_t?l";

/// One of both programs, with its files and what it calls things.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) files: PathBuf,
    pub(crate) command: Box<dyn Fn() -> Command>,
    pub(crate) word: fn(&(&'static str, &'static str, &'static str)) -> &'static str,
}

/// What a run came to, in words that both have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    out: String,
    err: String,
    /// `KEY` and `OTHER` after it.
    values: String,
}

impl Side {
    /// `text` with what this side calls things.
    pub(crate) fn own(&self, text: &str) -> String {
        let words = WORDS.iter().filter(|(word, ..)| *word != "LAST");
        words.fold(text.to_owned(), |text, word| {
            text.replace(word.0, (self.word)(word))
        })
    }

    fn output(&self, args: &[&str]) -> Output {
        let mut command = (self.command)();
        command.args(args.iter().map(|arg| self.own(arg)));
        let child = command
            .current_dir(&self.files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("the program runs; `cargo xtask test` installs it");
        let mut stdin = child.stdin.take().expect("it is piped");
        // Whoever reads none may be gone already.
        let _ = stdin.write_all(self.own("KEY = 66\n").as_bytes());
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.output(&["-q", "-w", "KEY=50", "OTHER=51"]);
        let output = self.output(args);
        let values = self.output(&["-n", "KEY", "OTHER"]).stdout;
        let is_help = args.contains(&"-h") || args.contains(&"-V");
        let is_long = args.contains(&"-a") && !args.iter().any(|arg| arg.contains("PATTERN"))
            || args.contains(&"WITHIN");
        let mut out = self.common(&output.stdout);
        if is_help {
            out = out.is_empty().to_string();
        } else if is_long {
            out = blurred(&out);
        }
        Ran {
            code: output.status.code(),
            out,
            // Of all that the kernel has, some may not be read.
            err: self.common(if is_long { b"" } else { &output.stderr }),
            values: String::from_utf8(values).expect("text"),
        }
    }

    /// What was printed, in words that both have: things by their names here, and reasons,
    /// which are each program's own, left out.
    fn common(&self, printed: &[u8]) -> String {
        let text = std::str::from_utf8(printed).expect("text");
        let ends = if text.ends_with('\n') { "\n" } else { "" };
        let lines = text.lines().map(|line| {
            let line = line.replace(&format!("{}/", self.files.display()), "DIR/");
            let mut line = line.replace("/proc/sys/no/such/either", "no.such.either");
            line = line.replace("/proc/sys/no/such", "no.such");
            line = line.replace("/proc/sys/", "");
            for word in WORDS {
                line = line.replace((self.word)(&word), word.0);
            }
            line = line.replace("SLASHED", "KEY").replace(GLOB_PATH, "GLOB");
            line = line
                .replace("DIR/veer.d/", "DROP-INS/")
                .replace("/etc/sysctl.d/", "DROP-INS/");
            line = line.replace(self.name, "NAME");
            without_reason(&line)
        });
        lines.collect::<Vec<_>>().join("\n") + ends
    }
}

/// A complaint without what stands behind its object.
fn without_reason(line: &str) -> String {
    for before in [
        "NAME: cannot stat ",
        "NAME: setting key ",
        "NAME: cannot open ",
    ] {
        if let Some(rest) = line.strip_prefix(before) {
            let object = rest.split(": ").next().unwrap_or_default();
            return format!("{before}{object}: REASON");
        }
    }
    let end = line.find("; valid: ").unwrap_or(line.len());
    line[..end].to_owned()
}

/// Each form of line once.
fn blurred(out: &str) -> String {
    let forms = out.lines().map(|line| match line.split_once(" =") {
        Some(_) => "KEY = VALUE",
        None => "VALUE",
    });
    let mut forms: Vec<_> = forms.collect();
    forms.dedup();
    forms.join("\n")
}
