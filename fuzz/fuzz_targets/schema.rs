#![no_main]

use formix_p2p_fuzz::{run, targets::schema};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(schema::feed, bytes));
