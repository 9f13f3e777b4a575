//! Options of EDNS, and who answers.

use super::{cases, query::*, reply::*, world};

cases! {
    rfc3225_3_do_comes_back: ask_edns("no.example.", A).dnssec_ok() => nothing(NXDOMAIN).dnssec_ok();

    rfc5001_2_2_nsid_is_told:
        ask_edns("www.example.", A).option(NSID, b"")
        => answer(&[A]).opt().option(NSID, world::NSID.as_bytes());
    rfc5001_2_2_nsid_is_told_with_errors:
        ask_edns("www.test.", A).option(NSID, b"")
        => reply(REFUSED).opt().option(NSID, world::NSID.as_bytes());
    rfc5001_2_2_payload_in_the_query_is_ignored:
        ask_edns("www.example.", A).option(NSID, b"who?")
        => answer(&[A]).opt().option(NSID, world::NSID.as_bytes());
    rfc5001_2_2_nsid_is_not_told_unasked: ask_edns("www.example.", A) => answer(&[A]).opt().without(NSID);

    rfc7828_3_3_1_keepalive_is_ignored_over_udp:
        ask_edns("www.example.", A).option(KEEPALIVE, b"") => answer(&[A]).opt().without(KEEPALIVE);
    rfc7828_3_3_1_a_time_out_is_ignored_over_udp:
        ask_edns("www.example.", A).option(KEEPALIVE, &[0, 1]) => answer(&[A]).opt().without(KEEPALIVE);
    rfc7828_3_3_2_the_time_out_is_told_over_tcp:
        ask_edns("www.example.", A).option(KEEPALIVE, b"").tcp()
        => answer(&[A]).opt().option(KEEPALIVE, &world::TIMEOUT.to_be_bytes());
    rfc7828_3_2_1_a_time_out_from_a_client_is_formerr:
        ask_edns("www.example.", A).option(KEEPALIVE, &[0, 1]).tcp()
        => reply(FORMERR).opt().without(KEEPALIVE);

    rfc4892_id_server: ask("id.server.", TXT).class(CH) => answer(&[TXT]);
    rfc4892_hostname_bind: ask("HOSTNAME.bind.", TXT).class(CH) => answer(&[TXT]);
    chaos_version_bind: ask("version.bind.", TXT).class(CH) => answer(&[TXT]);
    chaos_version_server_with_edns: ask_edns("version.server.", TXT).class(CH) => answer(&[TXT]).opt();
    chaos_other_types_are_nodata: ask("version.bind.", A).class(CH) => answer(&[]);
    chaos_other_names_are_refused: ask("www.example.", TXT).class(CH) => reply(REFUSED);
}
