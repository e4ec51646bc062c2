#![no_main]

use formix_p2p_fuzz::{run, targets::certificates};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(certificates::feed, bytes));
