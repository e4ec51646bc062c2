#![no_main]

use formix_p2p_fuzz::{run, targets::decrees};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(decrees::feed, bytes));
