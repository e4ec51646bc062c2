//! What heavy nodes have opened, as the certificate shows it: partial sums that mean nothing alone.

use crate::cli::problem::{Exit, Problem};
use crate::cli::table::{self, Look};
use crate::domain::Sharing;
use crate::sharing::additive;
use crate::wire::{Certificate, from_bytes};

/// What one heavy node has opened: (slots) of the statistic, here records and sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartialSum {
    /// UID.
    heavy: String,
    /// Residues.
    slots: Vec<u128>,
}

/// The partial sums of an encoded certificate.
pub(super) fn partial_sums(certificate: &[u8]) -> Result<Vec<PartialSum>, Problem> {
    let damaged = |message: String| {
        Problem::new(Exit::Refused, "certificate_invalid", message, "please report this: it must never happen")
    };
    let certificate: Certificate =
        from_bytes(certificate).map_err(|error| damaged(format!("the certificate is damaged: {error}")))?;
    let Sharing::Additive { modulus } = certificate.computation.get().sharing;
    let opened = certificate.openings.iter().map(|opening| {
        let mut slots = vec![0; opening.get().partial_sum.len() / modulus.bytes()];
        additive::accumulate(&mut slots, &opening.get().partial_sum, modulus)
            .map_err(|error| damaged(format!("a partial sum has a wrong shape: {error}")))?;
        Ok(PartialSum { heavy: opening.get().heavy.uid().to_string(), slots })
    });
    opened.collect()
}

/// One line a heavy node, and their sum.
pub(super) fn table(look: Look, partial_sums: &[PartialSum], shares: u32) -> String {
    let header = ["Heavy Node", "Shares Seen", "Its Part Of The Records", "Its Part Of The Sum"];
    let slot =
        |partial: &PartialSum, at: usize| partial.slots.get(at).map_or_else(String::new, u128::to_string);
    let rows = partial_sums
        .iter()
        .map(|partial| vec![partial.heavy.clone(), shares.to_string(), slot(partial, 0), slot(partial, 1)]);
    let table = table::render(look, &header, rows.collect());
    format!("{table}\nTogether, modulo 2^64, they are the result.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert_eq!(partial_sums(b"no").unwrap_err().code, "certificate_invalid");
    }

    #[test]
    fn every_heavy_node_has_its_line() {
        let partial = PartialSum { heavy: "ABCDEFGH".to_owned(), slots: vec![18, 7] };
        let text = table(Look::Plain, &[partial.clone(), partial], 5);
        assert_eq!(text.lines().filter(|line| line.contains("ABCDEFGH")).count(), 2);
    }
}
