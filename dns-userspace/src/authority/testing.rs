//! Zones and steering for the tests of this module.

use std::{fs, net::IpAddr, path::Path, str::FromStr};

use domain::{
    base::{Rtype, iana::Class, name::FlattenInto},
    zonefile::inplace::{Entry, Zonefile},
};

use super::{Steered, Steering, StoredRecord, master_file, zone::Zone};
use crate::{config::diagnostic::Diagnostics, model::Name};

/// The start of a zone that is not what a test is about.
pub(super) const HEAD: &str = "\
$TTL 300
@ 3600 SOA ns1 admin 1 7200 3600 1209600 600
@ NS ns1
ns1 A 192.0.2.53
";

pub(crate) fn name(text: &str) -> Name {
    Name::from_str(text).expect("a name")
}

/// Reads files written to one directory; the first is the zone's.
pub(super) fn parse(files: &[(&str, &str)]) -> Result<Zone, Diagnostics> {
    let directory = tempfile::tempdir().expect("a directory");
    for (file, text) in files {
        fs::write(directory.path().join(file), text).expect("a file");
    }
    let result = master_file::parse(&directory.path().join(files[0].0));
    result.map_err(|mut found| {
        for finding in &mut found.0 {
            let relative = finding.file.strip_prefix(directory.path());
            finding.file = relative.unwrap_or(Path::new("outside")).to_owned();
        }
        found
    })
}

/// A zone of [`HEAD`] and `text`.
pub(super) fn zone(apex: &str, text: &str) -> Zone {
    let file = format!("{apex}.zone");
    match parse(&[(&file, &format!("{HEAD}{text}"))]) {
        Ok(zone) => zone,
        Err(found) => panic!("{found}"),
    }
}

/// `line` of every number below `count`, together.
pub(super) fn lines(count: usize, line: impl FnMut(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// Records in master-file form, names absolute.
pub(crate) fn records(text: &str) -> Vec<StoredRecord> {
    let mut scanner = Zonefile::from(format!("{text}\n").as_str());
    scanner.set_origin(Name::root_bytes());
    scanner.set_default_class(Class::IN);
    let entries = scanner.map(|entry| match entry {
        Ok(Entry::Record(record)) => record.flatten_into(),
        other => panic!("not a record: {other:?}"),
    });
    entries.collect()
}

/// Steers nothing.
pub(super) struct Nothing;

impl Steering for Nothing {
    fn steer(&self, name: &Name, _: Rtype, _: IpAddr) -> Steered {
        panic!("{name} is not steered")
    }
}

/// Steers by a table of name, type and what is there, in master-file form;
/// `NODATA` and `FAIL` are what they say. It holds for every resolver.
pub(super) struct Table(pub(super) &'static [(&'static str, Rtype, &'static str)]);

impl Steering for Table {
    fn steer(&self, asked: &Name, rtype: Rtype, _: IpAddr) -> Steered {
        let row = self
            .0
            .iter()
            .find(|row| name(row.0) == *asked && row.1 == rtype);
        match row.expect("a row for every decision asked for").2 {
            "NODATA" => Steered::NoData,
            "FAIL" => Steered::Fail,
            text => Steered::Records(records(text)),
        }
    }
}
