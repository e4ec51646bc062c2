#![no_main]

use formix_p2p_fuzz::{run, targets::gossip};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(gossip::feed, bytes));
