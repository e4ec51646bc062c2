#![no_main]

use formix_p2p_fuzz::{run, targets::messages};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(messages::feed, bytes));
