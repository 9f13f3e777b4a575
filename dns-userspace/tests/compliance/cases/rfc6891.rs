//! RFC 6891: EDNS.

use super::{cases, query::*, reply::*};

cases! {
    rfc6891_6_1_1_two_opt_records_are_formerr:
        ask_edns("www.example.", A).opt() => reply(FORMERR).opt();
    rfc6891_6_1_1_opt_belongs_to_the_additional_section: {
        let mut query = ask("www.example.", A);
        query.counts[2] = 1;
        query.rest(&[0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0])
    } => reply(FORMERR);
    rfc6891_6_1_1_opt_comes_with_nxdomain:
        ask_edns("no.example.", A) => nothing(NXDOMAIN).opt();
    rfc6891_6_1_1_opt_comes_with_nodata: ask_edns("www.example.", MX) => nothing(NOERROR).opt();
    rfc6891_6_1_1_opt_comes_with_refused: ask_edns("www.test.", A) => reply(REFUSED).opt();
    rfc6891_6_1_1_opt_comes_with_a_referral:
        ask_edns("www.sub.example.", A) => referral(&[NS], 1).opt();
    rfc6891_6_1_1_opt_comes_with_notimp:
        ask_edns("www.example.", A).opcode(15) => reply(NOTIMP).without_question().opt();

    rfc6891_6_1_2_opt_is_at_the_root: ask_edns("www.example.", A).owner("x.") => reply(FORMERR).opt();
    rfc6891_6_1_2_an_option_past_its_record_is_formerr:
        ask_edns("www.example.", A).after_options(&[0, UNKNOWN as u8, 0, 4, 1, 2, 3])
        => reply(FORMERR).opt();
    rfc6891_6_1_2_half_an_option_header_is_formerr:
        ask_edns("www.example.", A).after_options(&[0, UNKNOWN as u8, 0]) => reply(FORMERR).opt();
    rfc6891_6_1_2_unknown_options_of_any_length_are_ignored:
        ask_edns("www.example.", A)
            .option(UNKNOWN, &[0; 600])
            .option(65_001, b"")
            .option(0, b"x")
            .option(UNKNOWN, b"again")
        => answer(&[A]).opt().without(UNKNOWN).without(65_001).without(0);

    rfc6891_6_1_3_every_other_version_is_badvers:
        ask_edns("www.example.", A).version(2) => reply(BADVERS).opt();
    rfc6891_6_1_3_badvers_over_tcp:
        ask_edns("www.example.", A).version(1).tcp() => reply(BADVERS).opt();
    rfc6891_6_1_3_badvers_whatever_is_asked:
        ask_edns("no.such.test.", TXT).version(1) => reply(BADVERS).opt();

    rfc6891_6_1_4_flags_other_than_do_do_not_come_back:
        ask_edns("www.example.", A).edns_flags(0xffff) => answer(&[A]).dnssec_ok();

    rfc6891_6_2_3_less_than_512_means_512:
        ask_edns("www.example.", A).payload(0) => answer(&[A]).opt();
    rfc6891_6_2_3_less_than_512_truncates_at_512:
        ask_edns("big.example.", TXT).payload(100) => answer(&[]).truncated().opt();
    rfc6891_6_2_5_a_larger_size_is_used:
        ask_edns("big.example.", TXT).payload(1232) => answer(&[TXT]).opt();
    rfc6891_6_2_5_but_none_above_our_own:
        ask_edns("huge.example.", TXT).payload(65_535) => answer(&[]).truncated().opt();
    rfc6891_6_2_5_the_size_says_nothing_over_tcp:
        ask_edns("huge.example.", TXT).payload(512).tcp() => answer(&[TXT]).opt();

    rfc6891_7_no_opt_for_who_sends_none: ask("www.example.", A) => answer(&[A]);
    rfc6891_7_no_opt_when_truncated_either: ask("big.example.", TXT) => answer(&[]).truncated();
    rfc6891_7_opt_when_truncated:
        ask_edns("big.example.", TXT).payload(512) => answer(&[]).truncated().opt();
    rfc6891_7_opt_with_formerr:
        ask_edns("www.example.", A).rest(&[0]) => reply(FORMERR).opt();
}
