#![no_main]

use formix_p2p_fuzz::{run, targets::config};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(config::feed, bytes));
