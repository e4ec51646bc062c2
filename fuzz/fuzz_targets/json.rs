#![no_main]

use formix_p2p_fuzz::{run, targets::json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(json::feed, bytes));
