//! The program, run on one frame at a time by `BPF_PROG_TEST_RUN`, and the
//! userspace plane over the same tables for what it passes up.

use std::sync::{LazyLock, Mutex, PoisonError};

use aya::programs::{TestRun as _, TestRunOptions};
use veer::{
    authority::{respond::Transport, server::Handler as _},
    kernel::Kernel,
    plane::Plane,
};

use crate::{
    cases::{
        query::{self, Query},
        reply::{Expected, check},
        world,
    },
    served,
    wire::Datagram,
};

/// Cases over UDP that are for userspace; all others are answered in the kernel.
const UP: &[&str] = &[
    // Other opcodes, responses, and what is no query.
    "rfc1035_4_1_1_tc_in_a_query_means_nothing",
    "rfc1035_7_3_a_response_is_not_answered",
    "rfc1996_notify_is_notimp",
    "rfc2136_update_is_notimp",
    "rfc6891_6_1_1_opt_comes_with_notimp",
    "rfc6895_2_2_an_unassigned_opcode_is_notimp",
    "rfc6895_2_2_iquery_is_notimp",
    "rfc6895_2_2_status_is_notimp",
    "rfc8906_8_1_4_an_unknown_opcode_with_a_header_alone",
    // Malformed messages, for FORMERR.
    "rfc1035_4_1_2_no_question_but_edns_is_formerr",
    "rfc1035_4_1_2_no_question_is_formerr",
    "rfc1035_4_1_octets_after_the_message_are_formerr",
    "rfc6891_6_1_1_opt_belongs_to_the_additional_section",
    "rfc6891_6_1_1_two_opt_records_are_formerr",
    "rfc6891_6_1_2_an_option_past_its_record_is_formerr",
    "rfc6891_6_1_2_half_an_option_header_is_formerr",
    "rfc6891_6_1_2_opt_is_at_the_root",
    "rfc6891_7_opt_with_formerr",
    "rfc9619_4_two_questions_are_formerr",
    // Other classes, transfers, and names outside the zones.
    "chaos_other_names_are_refused",
    "chaos_other_types_are_nodata",
    "chaos_version_bind",
    "chaos_version_server_with_edns",
    "rfc1995_an_incremental_transfer_is_refused",
    "rfc4892_hostname_bind",
    "rfc4892_id_server",
    "rfc6891_6_1_1_opt_comes_with_refused",
    "rfc6895_3_2_an_unknown_class_is_refused",
    "rfc6895_3_2_class_any_is_refused",
    // Who answers, where that is configured.
    "rfc5001_2_2_nsid_is_told",
    "rfc5001_2_2_nsid_is_told_with_errors",
    "rfc5001_2_2_payload_in_the_query_is_ignored",
    "rfc8906_8_2_10_several_defined_options",
    "rfc8906_8_2_10_several_defined_options_at_a_known_name",
    // Below a DNAME, and an answer longer than the tables hold.
    "rfc6672_3_2_a_dname_makes_an_alias",
    "rfc6891_6_2_5_but_none_above_our_own",
];

/// Room for any frame that can come out.
const FRAME_MAX: usize = 4096;
// As in <linux/bpf.h>.
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

/// Tests run side by side, the program for one of them at a time.
static PLANES: LazyLock<Mutex<(Kernel, Plane)>> = LazyLock::new(|| {
    // SAFETY: it takes nothing, cannot fail and touches no memory.
    let root = unsafe { libc::geteuid() } == 0;
    assert!(root, "these tests load an XDP program: run them as root");
    let loaded = Kernel::load(served::CAPACITY, &served::CONSTANTS);
    let (kernel, tables) = loaded.unwrap_or_else(|error| panic!("{error}"));
    Mutex::new((kernel, served::plane(tables)))
});

/// Asks, holds what comes against what is expected, and sees who answered.
pub(crate) fn run(case: &str, query: &Query, expected: &Expected) {
    let message = query.octets();
    let way = Datagram::new(served::CLIENT, served::SERVER);
    let frame = way.frame(&message);
    // One that failed leaves nothing half done.
    let mut planes = PLANES.lock().unwrap_or_else(PoisonError::into_inner);
    let (kernel, plane) = &mut *planes;
    let userspace = |transport| {
        let mut reply = Vec::new();
        let answered = plane.handle(&message, served::CLIENT, transport, &mut reply);
        answered.is_answered().then_some(reply)
    };
    if query.transport == query::Transport::Tcp {
        let timeout = world::TIMEOUT;
        let reply = userspace(Transport::Tcp { timeout });
        hold(case, query, reply.as_deref(), expected);
        return;
    }
    let mut out = vec![0; FRAME_MAX];
    let program = kernel.program().expect("the program is loaded");
    let result = program.test_run(TestRunOptions {
        data_in: Some(&frame),
        data_out: Some(&mut out),
        ..TestRunOptions::new()
    });
    let result = result.unwrap_or_else(|error| panic!("{case}: {error:?}"));
    out.truncate(result.data_size_out as usize);

    let (answered, reply) = match result.return_value {
        XDP_TX => {
            let reply = out.split_off(way.transport() + 8);
            assert_eq!(
                [out, reply.clone()].concat(),
                way.back().frame(&reply),
                "{case}: the headers"
            );
            (true, Some(reply))
        }
        XDP_PASS => {
            assert_eq!(out, frame, "{case}: changed, and passed up");
            (false, userspace(Transport::Udp))
        }
        other => panic!("{case}: verdict {other}"),
    };
    hold(case, query, reply.as_deref(), expected);
    assert_eq!(answered, !UP.contains(&case), "{case}: in the kernel");
}

/// Holds `reply` against what is expected.
fn hold(case: &str, query: &Query, reply: Option<&[u8]>, expected: &Expected) {
    if let Err(fault) = check(query, reply, expected) {
        let query = query.octets();
        panic!("{case}: {fault}\nquery {query:02x?}\nreply {reply:02x?}");
    }
}
