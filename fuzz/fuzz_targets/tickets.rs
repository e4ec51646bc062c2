#![no_main]

use formix_p2p_fuzz::{run, targets::tickets};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(tickets::feed, bytes));
