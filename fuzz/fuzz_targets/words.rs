#![no_main]

use formix_p2p_fuzz::{run, targets::words};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(words::feed, bytes));
