#![no_main]

use formix_p2p_fuzz::{run, targets::log};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(log::feed, bytes));
