//! What stands at a name, and what does not.

use super::{cases, query::*, reply::*};

cases! {
    rfc1034_4_3_2_an_alias_is_followed: ask("alias.example.", A) => answer(&[CNAME, A]);
    rfc1034_4_3_2_an_alias_asked_for_is_the_answer: ask("alias.example.", CNAME) => answer(&[CNAME]);
    rfc1034_4_3_2_a_name_below_a_cut_is_referred: ask("www.sub.example.", A) => referral(&[NS], 1);
    rfc1034_4_3_2_the_cut_itself_is_referred: ask("sub.example.", NS) => referral(&[NS], 1);
    rfc9471_3_glue_is_referred_to_too: ask("ns.sub.example.", A) => referral(&[NS], 1);
    rfc1034_4_3_2_ns_at_the_apex_comes_with_addresses:
        ask("example.", NS) => answer(&[NS]).addresses(2);
    rfc6672_3_2_a_dname_makes_an_alias: ask("x.old.example.", A) => answer(&[DNAME, CNAME, A]);

    rfc4343_names_are_compared_without_case: ask("wWw.eXaMpLe.", A) => answer(&[A]);
    rfc4343_absence_is_told_without_case: ask("nO.eXaMpLe.", A) => nothing(NXDOMAIN);

    rfc2308_2_1_no_name: ask("no.example.", A) => nothing(NXDOMAIN);
    rfc2308_2_1_no_name_below_a_name: ask("no.www.example.", A) => nothing(NXDOMAIN);
    rfc2308_2_2_no_data: ask("www.example.", MX) => nothing(NOERROR);
    rfc2308_2_2_no_data_behind_an_alias:
        ask("alias.example.", MX) => nothing(NOERROR).behind(&[CNAME]);
    rfc2308_2_1_no_name_over_tcp: ask("no.example.", A).tcp() => nothing(NXDOMAIN);
    rfc8020_2_an_empty_non_terminal_has_no_data: ask("ent.example.", A) => nothing(NOERROR);
    rfc8020_3_1_below_it_there_may_be_a_name: ask("leaf.ent.example.", A) => answer(&[A]);

    rfc4592_2_2_1_a_wildcard_answers: ask("any.wild.example.", A) => answer(&[A]);
    rfc4592_2_2_1_at_any_depth: ask("some.other.wild.example.", A) => answer(&[A]);
    rfc4592_2_2_1_a_wildcard_has_no_such_type: ask("any.wild.example.", MX) => nothing(NOERROR);
    rfc4592_2_2_1_a_name_that_exists_is_not_made: ask("taken.wild.example.", A) => nothing(NOERROR);
    rfc4592_2_2_1_nor_one_below_it: ask("no.taken.wild.example.", A) => nothing(NXDOMAIN);
    rfc4592_2_1_1_the_wildcard_itself_can_be_asked_for: ask("*.wild.example.", A) => answer(&[A]);
    rfc4592_2_2_2_its_parent_is_an_empty_non_terminal: ask("wild.example.", A) => nothing(NOERROR);
}
