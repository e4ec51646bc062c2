//! Certificates, as anybody checks them offline.

use formix_p2p::protocol::verify_certificate;
use formix_p2p::wire::{Certificate, from_bytes, to_bytes};

use super::{is_short, questions};

/// Reads a certificate and checks it.
pub fn feed(bytes: &[u8]) {
    match from_bytes::<Certificate>(bytes) {
        Ok(certificate) => {
            assert_eq!(to_bytes(&certificate), bytes, "it is read, and written otherwise");
            questions::check(certificate.computation.get());
            match verify_certificate(bytes) {
                Ok(verified) => {
                    let terms = &verified.computation;
                    let participants = verified.answer.participants();
                    assert!(participants >= terms.min_participants, "a result of {participants}");
                    assert!(!verified.assurance.signed_by.is_empty());
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        Err(error) => {
            is_short(&error);
            assert!(verify_certificate(bytes).is_err());
        }
    }
}
