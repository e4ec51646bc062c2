//! What heavy nodes have opened, as the certificate shows it: partial sums that mean nothing alone.

use crate::cli::problem::{Exit, Problem};
use crate::cli::table::{self, Look};
use crate::domain::{Computation, PrimeField, Sharing};
use crate::statistics;
use crate::wire::{Certificate, from_bytes};

/// What the heavy nodes have seen of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// How shares were made.
    sharing: Sharing,
    /// The modulus of all numbers, in words.
    modulus: String,
    /// What each of them has opened.
    parts: Vec<Part>,
}

/// What one heavy node has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// UID.
    heavy: String,
    /// (slots) of the statistic: the sum, after the records where nothing is proven. Residues.
    slots: Vec<u128>,
}

/// The partial sums of an encoded certificate.
///
/// # Errors
/// `certificate_invalid`.
pub(super) fn read(certificate: &[u8]) -> Result<Seen, Problem> {
    let damaged = |message: String| {
        Problem::new(Exit::Refused, "certificate_invalid", message, "please report this: it must never happen")
    };
    let certificate: Certificate =
        from_bytes(certificate).map_err(|error| damaged(format!("the certificate is damaged: {error}")))?;
    let question = certificate.computation.get();
    let scheme = statistics::scheme(question)
        .map_err(|error| damaged(format!("its parameters make no scheme: {error}")))?;
    let bytes = (scheme.sum_bytes() / scheme.slots().max(1)).max(1);
    let residue = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, byte| (value << 8) | u128::from(*byte));
    let opened = certificate.openings.iter().map(|opening| Part {
        heavy: opening.get().heavy.uid().to_string(),
        slots: opening.get().partial_sum.chunks(bytes).map(residue).collect(),
    });
    Ok(Seen { sharing: question.sharing, modulus: modulus(question), parts: opened.collect() })
}

fn modulus(question: &Computation) -> String {
    match question.sharing {
        Sharing::Additive { modulus } => format!("2^{}", modulus.bits()),
        Sharing::Prio3 | Sharing::Threshold { .. } => {
            let small = statistics::largest_residue(question) == PrimeField::Field64.largest();
            if small { "2^64 − 2^32 + 1" } else { "2^128 − 7 · 2^66 + 1" }.to_owned()
        }
    }
}

/// One line a heavy node, and what makes the result of them.
pub(super) fn table(look: Look, seen: &Seen, shares: u32) -> String {
    let mut header = vec!["Heavy Node", "Shares Seen"];
    if !seen.sharing.is_proven() {
        header.push("Its Part Of The Records");
    }
    header.push("Its Part Of The Sum");
    let rows = seen.parts.iter().map(|part| {
        let named = [part.heavy.clone(), shares.to_string()];
        named.into_iter().chain(part.slots.iter().map(u128::to_string)).collect()
    });
    let table = table::render(look, &header, rows.collect());
    let modulus = &seen.modulus;
    let together = match seen.sharing {
        Sharing::Additive { .. } | Sharing::Prio3 => {
            format!("Together, modulo {modulus}, they are the result.")
        }
        Sharing::Threshold { k } => format!(
            "They are points of one polynomial of degree {}, modulo {modulus}: any {k} of them give the result.",
            k.saturating_sub(1)
        ),
    };
    format!("{table}\n{together}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Modulus;

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert_eq!(read(b"no").unwrap_err().code, "certificate_invalid");
    }

    fn seen(sharing: Sharing, slots: Vec<u128>) -> String {
        let part = Part { heavy: "ABCDEFGH".to_owned(), slots };
        let seen = Seen { sharing, modulus: "2^64".to_owned(), parts: vec![part.clone(), part] };
        table(Look::Plain, &seen, 5)
    }

    #[test]
    fn every_heavy_node_has_its_line() {
        let text = seen(Sharing::Additive { modulus: Modulus::Bits64 }, vec![18, 7]);
        assert_eq!(text.lines().filter(|line| line.contains("ABCDEFGH")).count(), 2);
        assert!(
            text.contains("Records") && text.ends_with("Together, modulo 2^64, they are the result."),
            "{text}"
        );
    }

    #[test]
    fn a_proven_measurement_has_one_slot() {
        let text = seen(Sharing::Prio3, vec![7]);
        assert!(!text.contains("Records") && text.contains("Its Part Of The Sum"), "{text}");
        let text = seen(Sharing::Threshold { k: 2 }, vec![7]);
        assert!(text.ends_with("of degree 1, modulo 2^64: any 2 of them give the result."), "{text}");
    }

    #[test]
    fn the_moduli_are_those_of_the_fields() {
        assert_eq!(PrimeField::Field64.largest(), u128::from(u64::MAX) - u128::from(u32::MAX));
        assert_eq!(PrimeField::Field128.largest(), u128::MAX - 7 * (1 << 66) + 1);
    }
}
