#![no_main]

use formix_p2p_fuzz::{run, targets::machine};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(machine::feed, bytes));
