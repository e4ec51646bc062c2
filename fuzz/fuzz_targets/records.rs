#![no_main]

use formix_p2p_fuzz::{run, targets::records};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(records::feed, bytes));
