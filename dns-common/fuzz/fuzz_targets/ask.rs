//! See [`dns_common_fuzz::targets::ask`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dns_common_fuzz::targets::ask(input));
