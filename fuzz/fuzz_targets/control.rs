#![no_main]

use formix_p2p_fuzz::{run, targets::control};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(control::feed, bytes));
