//! Cookies (RFC 7873) and secrets: what a client sends, and what a server of our
//! fleet makes of it (RFC 9018).

use std::{
    fs,
    net::IpAddr,
    os::unix::fs::PermissionsExt as _,
    time::{SystemTime, UNIX_EPOCH},
};

use dns_common::{
    cookie::{self, Secret, Validity},
    tables::Source,
};
use domain::base::{Message, Rtype, opt};

use super::{
    config::Config,
    query::{COOKIE, Edns, query},
};

/// Secrets of a fleet, as files have them.
pub(crate) const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
pub(crate) const SECOND: &str = "445536bcd2513298075a5d379663c962";

/// A server cookie, of the only length that RFC 9018 has.
pub(crate) type Cookie = [u8; 16];

/// The client cookie.
pub(crate) const CLIENT: [u8; 8] = *b"a client";

/// Where [`write_secrets`] writes, as `veer.conf` has it.
pub(crate) const SETTING: &str = "cookie.secret_file = cookies.secret";
const FILE: &str = "cookies.secret";

/// Writes the file of secrets; its path, as messages have it.
pub(crate) fn write_secrets(config: &Config, text: &str, mode: u32) -> String {
    config.write(FILE, text);
    let path = config.path(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
    path
}

/// A query for a name that does not exist, by [`CLIENT`], who has the server
/// cookie `known`, if any.
pub(crate) fn asked_with(known: &[u8]) -> Vec<u8> {
    let edns = Edns::new().with(COOKIE, &[&CLIENT, known].concat());
    query(0x1234, 0, "absent.example.", Rtype::A, Some(&edns))
}

/// The server cookie for [`CLIENT`] in a reply.
#[track_caller]
pub(crate) fn server_cookie(reply: &[u8]) -> Cookie {
    let message = Message::from_octets(reply).expect("a header");
    let cookie = message.opt().and_then(|record| record.opt().cookie());
    let cookie = cookie.unwrap_or_else(|| panic!("no cookie in {reply:02x?}"));
    assert_eq!(cookie.client().into_octets(), CLIENT, "{reply:02x?}");
    let server = cookie.server().map(opt::cookie::ServerCookie::as_ref);
    let server = server.and_then(|octets: &[u8]| octets.try_into().ok());
    server.unwrap_or_else(|| panic!("no cookie of RFC 9018 in {reply:02x?}"))
}

/// What the secret of these digits made for [`CLIENT`] at `source` so many
/// seconds ago.
pub(crate) fn made(digits: &str, source: IpAddr, age_s: u32) -> Cookie {
    let client = u64::from_le_bytes(CLIENT);
    let (first, hash) = cookie::make(secret(digits), client, source.into(), now_s() - age_s);
    let octets = [first.to_le_bytes(), hash.to_le_bytes()];
    octets.concat().try_into().expect("two words")
}

/// Whether `server` was made by the secret of these digits for [`CLIENT`] at
/// `source`, within the hour.
pub(crate) fn is_by(digits: &str, server: Cookie, source: IpAddr) -> bool {
    let server = (word(&server[..8]), word(&server[8..]));
    let client = u64::from_le_bytes(CLIENT);
    let source = Source::from(source);
    cookie::check(secret(digits), client, server, source, now_s()) != Validity::Invalid
}

/// The time that cookies are stamped with.
pub(crate) fn now_s() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs() as u32
}

fn secret(digits: &str) -> Secret {
    let octets = u128::from_str_radix(digits, 16).expect("digits");
    let octets = octets.to_be_bytes();
    Secret(word(&octets[..8]), word(&octets[8..]))
}

fn word(octets: &[u8]) -> u64 {
    u64::from_le_bytes(octets.try_into().expect("eight octets"))
}
