//! RFC 8906, section 8: what every server should be tested for.

use super::{cases, query::*, reply::*};

const ZONE: &str = "example.";

cases! {
    // 8.1: basic DNS.
    rfc8906_8_1_1_the_zone_is_served: ask(ZONE, SOA) => answer(&[SOA]);
    rfc8906_8_1_2_an_unknown_type_is_nodata: ask(ZONE, 1000) => nothing(NOERROR);
    rfc8906_8_1_3_1_cd: ask(ZONE, SOA).flags(CD) => answer(&[SOA]);
    rfc8906_8_1_3_2_ad: ask(ZONE, SOA).flags(AD) => answer(&[SOA]);
    rfc8906_8_1_3_3_the_reserved_flag_does_not_come_back: ask(ZONE, SOA).flags(Z) => answer(&[SOA]);
    rfc8906_8_1_3_4_recursion_desired: ask(ZONE, SOA).flags(RD) => answer(&[SOA]);
    rfc8906_8_1_4_an_unknown_opcode_with_a_header_alone:
        ask(ZONE, SOA).opcode(15).without_question() => reply(NOTIMP).without_question();
    rfc8906_8_1_5_tcp: ask(ZONE, SOA).tcp() => answer(&[SOA]);

    // 8.2: EDNS.
    rfc8906_8_2_1_minimal: ask_edns(ZONE, SOA) => answer(&[SOA]).opt();
    rfc8906_8_2_2_version_negotiation: ask_edns(ZONE, SOA).version(1) => reply(BADVERS).opt();
    rfc8906_8_2_3_an_unknown_option:
        ask_edns(ZONE, SOA).option(UNKNOWN, b"") => answer(&[SOA]).opt().without(UNKNOWN);
    rfc8906_8_2_4_unknown_flags: ask_edns(ZONE, SOA).edns_flags(0x40) => answer(&[SOA]).opt();
    rfc8906_8_2_5_version_negotiation_with_unknown_flags:
        ask_edns(ZONE, SOA).version(1).edns_flags(0x40) => reply(BADVERS).opt();
    rfc8906_8_2_6_version_negotiation_with_an_unknown_option:
        ask_edns(ZONE, SOA).version(1).option(UNKNOWN, b"")
        => reply(BADVERS).opt().without(UNKNOWN);
    // It asks for DNSKEY with +bufsize=512; what does not fit here is a TXT.
    rfc8906_8_2_7_a_truncated_response:
        ask_edns("big.example.", TXT).payload(512).dnssec_ok()
        => answer(&[]).truncated().dnssec_ok();
    rfc8906_8_2_8_do: ask_edns(ZONE, SOA).dnssec_ok() => answer(&[SOA]).dnssec_ok();
    rfc8906_8_2_9_version_negotiation_with_do:
        ask_edns(ZONE, SOA).version(1).dnssec_ok() => reply(BADVERS).dnssec_ok();
    rfc8906_8_2_10_several_defined_options:
        ask_edns(ZONE, SOA)
            .option(COOKIE, b"8 octets")
            .option(NSID, b"")
            .option(EXPIRE, b"")
            .option(CLIENT_SUBNET, &[0, 1, 0, 0])
        => answer(&[SOA]).opt();

    // The same of a name whose answer is known ahead, not the apex alone.
    rfc8906_8_1_2_an_unknown_type_at_a_known_name: ask("www.example.", 1000) => nothing(NOERROR);
    rfc8906_8_1_3_1_cd_at_a_known_name: ask("www.example.", A).flags(CD) => answer(&[A]);
    rfc8906_8_1_3_2_ad_at_a_known_name: ask("www.example.", A).flags(AD) => answer(&[A]);
    rfc8906_8_1_3_3_the_reserved_flag_at_a_known_name:
        ask("www.example.", A).flags(Z) => answer(&[A]);
    rfc8906_8_1_3_4_recursion_desired_at_a_known_name:
        ask("www.example.", A).flags(RD) => answer(&[A]);
    rfc8906_8_1_5_tcp_at_a_known_name: ask("www.example.", A).tcp() => answer(&[A]);
    rfc8906_8_2_1_minimal_at_a_known_name: ask_edns("www.example.", A) => answer(&[A]).opt();
    rfc8906_8_2_2_version_negotiation_at_a_known_name:
        ask_edns("www.example.", A).version(1) => reply(BADVERS).opt();
    rfc8906_8_2_3_an_unknown_option_at_a_known_name:
        ask_edns("www.example.", A).option(UNKNOWN, b"any") => answer(&[A]).opt().without(UNKNOWN);
    rfc8906_8_2_4_unknown_flags_at_a_known_name:
        ask_edns("www.example.", A).edns_flags(0x7fff) => answer(&[A]).opt();
    rfc8906_8_2_5_version_negotiation_with_unknown_flags_at_a_known_name:
        ask_edns("www.example.", A).version(255).edns_flags(0x7fff) => reply(BADVERS).opt();
    rfc8906_8_2_6_version_negotiation_with_an_unknown_option_at_a_known_name:
        ask_edns("www.example.", A).version(1).option(UNKNOWN, b"any")
        => reply(BADVERS).opt().without(UNKNOWN);
    rfc8906_8_2_8_do_at_a_known_name:
        ask_edns("www.example.", A).dnssec_ok() => answer(&[A]).dnssec_ok();
    rfc8906_8_2_9_version_negotiation_with_do_at_a_known_name:
        ask_edns("www.example.", A).version(1).dnssec_ok() => reply(BADVERS).dnssec_ok();
    rfc8906_8_2_10_several_defined_options_at_a_known_name:
        ask_edns("www.example.", A)
            .option(COOKIE, b"8 octets")
            .option(NSID, b"")
            .option(EXPIRE, b"")
            .option(CLIENT_SUBNET, &[0, 1, 0, 0])
        => answer(&[A]).opt();
}
