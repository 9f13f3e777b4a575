//! The zone every server serves, and the names that are asked for.

use std::{
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use xtask::lab::Lab;

/// The zone's name.
pub(crate) const ORIGIN: &str = "bench.example.";

/// A name of it that is not asked for in the measurement.
pub(crate) const PROBE: &str = "ns1.bench.example.";

/// Names that are asked for, one A record each.
const NAMES: usize = 1000;

/// The address of the name of that number.
pub(crate) fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, (number % 254 + 1) as u8)
}

/// A master file.
#[derive(Debug)]
pub(crate) struct Zone {
    file: PathBuf,
    text: String,
    names: Vec<String>,
}

impl Zone {
    /// Written into the lab's directory.
    pub(crate) fn write(lab: &Lab) -> Result<Self> {
        let names: Vec<String> = (0..NAMES)
            .map(|number| format!("host-{number}.{ORIGIN}"))
            .collect();
        let mut text = format!(
            "{ORIGIN} 3600 IN SOA ns1.{ORIGIN} hostmaster.{ORIGIN} 1 3600 600 86400 60\n\
             {ORIGIN} 3600 IN NS ns1.{ORIGIN}\n\
             ns1.{ORIGIN} 3600 IN A 192.0.2.53\n"
        );
        for (number, name) in names.iter().enumerate() {
            writeln!(text, "{name} 300 IN A {}", address(number)).context("format a record")?;
        }
        let file = lab.dir().join("bench.zone");
        fs::write(&file, &text).with_context(|| format!("write {}", file.display()))?;
        Ok(Self { file, text, names })
    }

    /// Its master file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// What stands in the file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The names to ask for.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}
