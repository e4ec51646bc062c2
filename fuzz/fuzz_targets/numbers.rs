#![no_main]

use formix_p2p_fuzz::{run, targets::numbers};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(numbers::feed, bytes));
