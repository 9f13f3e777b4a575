//! What the server asked must serve and say.

use std::fmt::Write as _;

/// The identity that NSID tells.
pub(crate) const NSID: &str = "host-1";
/// What class CHAOS tells of the software.
pub(crate) const VERSION: &str = "veer";
/// What class CHAOS tells of the host.
pub(crate) const HOSTNAME: &str = "host-1.example";
/// The time-out of TCP connections, in units of 100 ms.
pub(crate) const TIMEOUT: u16 = 100;
/// The UDP payload size announced.
pub(crate) const UDP_PAYLOAD: u16 = 1232;
/// TTL of negative answers: the SOA's MINIMUM.
pub(crate) const NEGATIVE_TTL: u32 = 60;

/// The master file of the zone `example.`.
pub(crate) fn zone() -> String {
    let mut zone = "\
$TTL 300
@ 3600 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ NS ns1
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
www A 192.0.2.1
www AAAA 2001:db8::1
www TXT \"as it is\"
alias CNAME www
leaf.ent A 192.0.2.2
*.wild A 192.0.2.3
taken.wild TXT \"here\"
sub NS ns.sub
ns.sub A 192.0.2.54
old DNAME new
x.new A 192.0.2.4
"
    .to_owned();
    // Replies of 512 to 1232 octets, and of more.
    for (name, strings) in [("big", 4), ("huge", 8)] {
        let _ = write!(zone, "{name} TXT");
        for _ in 0..strings {
            let _ = write!(zone, " {}", "x".repeat(200));
        }
        zone.push('\n');
    }
    zone
}
