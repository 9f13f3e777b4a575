//! Headers, opcodes, types, classes, sizes.

use super::{cases, query::*, reply::*};

cases! {
    rfc1035_4_1_1_flags_of_responses_mean_nothing_in_queries:
        ask("www.example.", A).flags(AA | RA | Z | AD | CD) => answer(&[A]);
    rfc1035_4_1_1_an_rcode_in_a_query_means_nothing: ask("www.example.", A).flags(0xf) => answer(&[A]);
    rfc1035_4_1_1_tc_in_a_query_means_nothing: ask("www.example.", A).flags(TC) => answer(&[A]);
    rfc1035_7_3_a_response_is_not_answered: ask("www.example.", A).flags(QR) => silence();

    rfc1035_4_1_2_no_question_is_formerr:
        ask("www.example.", A).without_question() => reply(FORMERR).without_question();
    rfc1035_4_1_2_no_question_but_edns_is_formerr:
        ask_edns("www.example.", A).without_question() => reply(FORMERR).without_question().opt();
    rfc9619_4_two_questions_are_formerr:
        ask("www.example.", A).twice() => reply(FORMERR).without_question();
    rfc1035_4_1_octets_after_the_message_are_formerr:
        ask("www.example.", A).rest(&[0]) => reply(FORMERR);

    rfc2181_9_what_does_not_fit_is_truncated: ask("big.example.", TXT) => answer(&[]).truncated();
    rfc7766_5_what_does_not_fit_comes_over_tcp: ask("huge.example.", TXT).tcp() => answer(&[TXT]);

    rfc6895_2_2_iquery_is_notimp: ask("www.example.", A).opcode(1) => reply(NOTIMP).without_question();
    rfc6895_2_2_status_is_notimp: ask("www.example.", A).opcode(2) => reply(NOTIMP).without_question();
    rfc6895_2_2_an_unassigned_opcode_is_notimp:
        ask("www.example.", A).opcode(3) => reply(NOTIMP).without_question();
    rfc1996_notify_is_notimp: ask("example.", SOA).opcode(4) => reply(NOTIMP).without_question();
    rfc2136_update_is_notimp: ask("example.", SOA).opcode(5) => reply(NOTIMP).without_question();
    rfc8490_dso_is_notimp:
        ask("example.", SOA).opcode(6).without_question().tcp() => reply(NOTIMP).without_question();

    rfc6895_3_1_an_unknown_type_is_nodata: ask("www.example.", 65_280) => nothing(NOERROR);
    rfc6895_3_1_an_unknown_type_of_no_name_is_nxdomain: ask("no.example.", 65_280) => nothing(NXDOMAIN);
    rfc6895_3_2_an_unknown_class_is_refused: ask("www.example.", A).class(257) => reply(REFUSED);
    rfc6895_3_2_class_any_is_refused: ask("www.example.", A).class(255) => reply(REFUSED);
    rfc5936_a_transfer_is_refused: ask("example.", 252).tcp() => reply(REFUSED);
    rfc1995_an_incremental_transfer_is_refused: ask("example.", 251) => reply(REFUSED);

    rfc8482_4_1_any_is_one_rrset: ask("www.example.", ANY) => answer(&[A]);
    rfc8482_4_1_any_at_an_alias_is_the_alias: ask("alias.example.", ANY) => answer(&[CNAME]);
    rfc8482_any_of_no_name_is_nxdomain: ask("no.example.", ANY) => nothing(NXDOMAIN);
}
