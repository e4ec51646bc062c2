#![no_main]

use formix_p2p_fuzz::{run, targets::csv};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(csv::feed, bytes));
