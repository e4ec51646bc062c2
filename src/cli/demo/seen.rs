//! What heavy nodes have opened, as the certificate shows it: partial sums that mean nothing alone.

use crate::cli::problem::{Exit, Problem};
use crate::cli::table::{self, Look};
use crate::statistics;
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
    let scheme = statistics::scheme(certificate.computation.get())
        .map_err(|error| damaged(format!("its parameters make no scheme: {error}")))?;
    let bytes = (scheme.sum_bytes() / scheme.slots().max(1)).max(1);
    let residue = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, byte| (value << 8) | u128::from(*byte));
    let opened = certificate.openings.iter().map(|opening| PartialSum {
        heavy: opening.get().heavy.uid().to_string(),
        slots: opening.get().partial_sum.chunks(bytes).map(residue).collect(),
    });
    Ok(opened.collect())
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
