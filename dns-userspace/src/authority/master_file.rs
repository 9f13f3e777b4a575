//! Reading a master file (RFC 1035 section 5) into a zone. The file is cut
//! into entries here, and each entry is read by itself, so that every mistake
//! in a file is found at once and each has its line.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    str::FromStr,
};

use domain::{
    base::{Record, Rtype, Serial, Ttl, iana::Class, name::FlattenInto},
    rdata::{Soa, ZoneRecordData},
    zonefile::inplace::{Entry, Zonefile},
};

use super::{StoredRecord, zone::Zone};
use crate::{
    config::{diagnostic::Diagnostics, source::Source},
    model::Name,
};

mod entries;

use entries::{RawEntry, entries};

/// The ending of a zone file's name; what stands before it is the zone's name.
pub const EXTENSION: &str = ".zone";

/// The TTL of records in a file that gives none at all, seconds.
const TTL_DEFAULT: u32 = 3600;

/// The longest TTL, seconds (RFC 2181 section 8).
const TTL_MAX: u32 = i32::MAX as u32;

/// Reads the zone in `file`, named `<zone>.zone`: `example.com.zone` holds
/// `example.com.`, which is also the file's first origin.
///
/// The error is everything that is wrong with the file and those it includes.
pub fn parse(file: &Path) -> Result<Zone, Diagnostics> {
    parse_of(&Source::on_disk(Path::new("")), file)
}

/// As [`parse`], of a configuration that is read from `source`.
pub fn parse_of(source: &Source, file: &Path) -> Result<Zone, Diagnostics> {
    let mut found = Diagnostics::default();
    let apex = match apex(file) {
        Ok(apex) => apex,
        Err(message) => {
            found.push(file, 0, "", message);
            return Err(found);
        }
    };
    let mut reader = Reader {
        source,
        records: Vec::new(),
        signed: false,
        open: Vec::new(),
        found,
    };
    if let Err(message) = reader.file(file, apex.clone()) {
        reader.found.push(file, 0, "", message);
        return Err(reader.found);
    }
    let (zone, mut found) = assemble(file, &apex, reader);
    found
        .0
        .sort_by_key(|finding| (finding.file != file, finding.file.clone(), finding.line));
    found.into_result(zone)
}

fn apex(file: &Path) -> Result<Name, String> {
    let named = "valid is the zone's name and \".zone\", such as example.com.zone";
    let name = file.file_name().and_then(|name| name.to_str());
    let stem = name
        .and_then(|name| name.strip_suffix(EXTENSION))
        .filter(|stem| !stem.is_empty())
        .ok_or_else(|| format!("not a zone file's name; {named}"))?;
    Name::from_str(stem).map_err(|error| format!("{stem} is not a domain name: {error}; {named}"))
}

/// A record and where it was read.
struct Located {
    record: StoredRecord,
    file: Rc<Path>,
    line: usize,
}

/// Puts the records into a zone, in file order except that DNAMEs come first,
/// so that whatever is below one is found wherever it stands in the file.
fn assemble(file: &Path, apex: &Name, reader: Reader<'_>) -> (Zone, Diagnostics) {
    let Reader {
        mut records,
        mut found,
        ..
    } = reader;
    let is_soa =
        |located: &Located| located.record.rtype() == Rtype::SOA && located.record.owner() == apex;
    let shown = apex.fmt_with_dot();
    let soa = if let Some(position) = records.iter().position(is_soa) {
        records.remove(position).record
    } else {
        let message = format!("no SOA record at the apex {shown}; valid is exactly one");
        found.push(file, 0, "", message);
        placeholder_soa(apex)
    };
    let mut zone = Zone::new(soa);
    records.sort_by_key(|located| located.record.rtype() != Rtype::DNAME);
    for located in records {
        let (owner, rtype) = (located.record.owner().clone(), located.record.rtype());
        if let Err(message) = zone.insert(located.record) {
            let key = format!("{} {rtype}", owner.fmt_with_dot());
            found.push(&*located.file, located.line, key, message);
        }
    }
    if zone.rrset(apex.for_slice(), Rtype::NS).is_empty() {
        let message = format!("no NS record at the apex {shown}; valid is one or more");
        found.push(file, 0, "", message);
    }
    (zone, found)
}

/// Stands in for a missing SOA, so that the rest of the file is checked too.
fn placeholder_soa(apex: &Name) -> StoredRecord {
    let zero = Ttl::ZERO;
    let serial = Serial::from(0);
    let data = Soa::new(apex.clone(), apex.clone(), serial, zero, zero, zero, zero);
    Record::new(apex.clone(), Class::IN, zero, ZoneRecordData::Soa(data))
}

/// Gathers the records and the mistakes of a file and those it includes.
struct Reader<'s> {
    source: &'s Source,
    records: Vec<Located>,
    /// A DNSSEC record was seen, and reported.
    signed: bool,
    /// The files being read, each included by the one before it.
    open: Vec<PathBuf>,
    found: Diagnostics,
}

/// What one entry inherits from those before it (RFC 1035 section 5.1).
struct Context {
    origin: Name,
    owner: Option<Name>,
    ttl: u32,
    /// `$TTL` was given: the TTL of a record is not inherited.
    fixed_ttl: bool,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, origin: Name) -> Result<(), String> {
        let text = self
            .source
            .octets(file)
            .map_err(|error| format!("read: {error}"))?;
        let known = self.source.identity(file);
        let known = known.map_err(|error| format!("realpath: {error}"))?;
        if self.open.contains(&known) {
            return Err("the file includes itself".to_owned());
        }
        self.open.push(known);
        let mut context = Context {
            origin,
            owner: None,
            ttl: TTL_DEFAULT,
            fixed_ttl: false,
        };
        let file = Rc::from(file);
        for entry in entries(&text) {
            if let Err(message) = self.entry(&file, &entry, &mut context) {
                self.found.push(&*file, entry.line, "", message);
            }
        }
        self.open.pop();
        Ok(())
    }

    fn entry(
        &mut self,
        file: &Rc<Path>,
        entry: &RawEntry<'_>,
        context: &mut Context,
    ) -> Result<(), String> {
        if entry.unclosed {
            return Err("the parenthesis opened in this entry is never closed".to_owned());
        }
        if let Some(value) = entry.directive("$TTL") {
            context.ttl = ttl(value)?;
            context.fixed_ttl = true;
            return Ok(());
        }
        match context.read(entry)? {
            None => Ok(()),
            Some(Entry::Record(record)) => {
                let record: StoredRecord = record.flatten_into();
                context.owner = Some(record.owner().clone());
                if !context.fixed_ttl {
                    context.ttl = record.ttl().as_secs();
                }
                self.record(file, entry.line, record)
            }
            Some(Entry::Include { path, origin }) => {
                // The scanner leaves a quoted path its closing quote.
                let path = path.strip_suffix('"').unwrap_or(&path);
                let origin = origin.unwrap_or_else(|| context.origin.clone());
                let directory = file.parent().unwrap_or(Path::new(""));
                self.file(&directory.join(path), origin)
                    .map_err(|message| format!("$INCLUDE {path}: {message}"))
            }
        }
    }

    fn record(&mut self, file: &Rc<Path>, line: usize, record: StoredRecord) -> Result<(), String> {
        if record.class() != Class::IN {
            return Err(format!("class {}; valid is IN", record.class()));
        }
        if record.ttl().as_secs() > TTL_MAX {
            return Err(format!("TTL {}; {TTL_VALID}", record.ttl().as_secs()));
        }
        let rtype = record.rtype();
        if matches!(
            rtype,
            Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 | Rtype::NSEC3PARAM | Rtype::DNSKEY
        ) {
            if !self.signed {
                self.signed = true;
                return Err(format!(
                    "{rtype}: the zone is DNSSEC-signed, and signed zones are not served yet; \
                     valid is the zone without RRSIG, NSEC, NSEC3, NSEC3PARAM and DNSKEY records"
                ));
            }
            return Ok(());
        }
        // RFC 6895 section 3.1: OPT and the types of questions and transactions.
        if matches!(rtype.to_int(), 0 | 41 | 128..=255) {
            return Err(format!("{rtype} is not a type that a zone can hold"));
        }
        self.records.push(Located {
            record,
            file: Rc::clone(file),
            line,
        });
        Ok(())
    }
}

const TTL_VALID: &str = "valid is a number of seconds from 0 to 2147483647, without a unit";

fn ttl(value: &str) -> Result<u32, String> {
    let seconds = value.parse().ok().filter(|seconds| *seconds <= TTL_MAX);
    seconds.ok_or_else(|| format!("$TTL {value}; {TTL_VALID}"))
}

impl Context {
    /// Reads one entry that is not `$TTL`; `None` for `$ORIGIN`, which is kept.
    fn read(&mut self, entry: &RawEntry<'_>) -> Result<Option<Entry>, String> {
        let mut scanner = Zonefile::with_capacity(entry.text.len() + 64).allow_invalid();
        let ttl = format!("$TTL {}\n", self.ttl);
        scanner.extend_from_slice(ttl.as_bytes());
        if entry.indented {
            let owner = self.owner.as_ref();
            let owner =
                owner.ok_or("an indented record, but no record before it names an owner")?;
            scanner.extend_from_slice(owner.fmt_with_dot().to_string().as_bytes());
        }
        scanner.extend_from_slice(entry.text);
        scanner.extend_from_slice(b"\n");
        scanner.set_origin(self.origin.clone());
        scanner.set_default_class(Class::IN);
        let read = scanner.next_entry().map_err(|error| {
            // The scanner's own position is that within this entry's copy.
            let error = error.to_string();
            let reason = error.splitn(3, ':').nth(2).map_or("", str::trim);
            format!(
                "cannot be read ({reason}); valid is [OWNER] [TTL in seconds] [IN] TYPE DATA, \
                 $ORIGIN NAME, $TTL SECONDS or $INCLUDE FILE [ORIGIN]"
            )
        })?;
        if read.is_none() {
            self.origin = scanner.origin().map_err(|error| error.to_string())?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
