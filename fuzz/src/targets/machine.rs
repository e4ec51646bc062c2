//! The protocol machine: nodes in the simulator, and bytes that choose what happens next. See `formix_p2p::sim::drive`.

/// Drives a run; whatever breaks an invariant is a finding.
pub fn feed(bytes: &[u8]) {
    if let Err(violation) = formix_p2p::sim::drive(bytes) {
        panic!("{violation}");
    }
}
