//! The JSON Schema of a question's fields. The first byte chooses how many there are.

use formix_p2p::domain::{Decimal, Query, Schema};
use formix_p2p::wire::{from_bytes, to_bytes};

/// Reads a schema.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(body) else { return };
    let names: Vec<String> =
        if kind.is_multiple_of(2) { vec!["x".into()] } else { vec!["x".into(), "y".into()] };
    match Query::fields(&names, Some(text)) {
        Ok(fields) => {
            assert_eq!(fields.len(), names.len());
            fields.iter().for_each(|field| check(&field.schema));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Asserts that what a person may write is what others accept, and that its numbers survive.
fn check(schema: &Schema) {
    assert_eq!(schema.check(), Ok(()), "{schema}");
    assert_eq!(from_bytes::<Schema>(&to_bytes(schema)).as_ref(), Ok(schema));
    let Some(number) = schema.number() else { return };
    let (low, high) = number.bounds();
    let values = [Some(Decimal::ONE), Some(number.step()), low, high];
    for value in values.into_iter().flatten() {
        if let Ok(steps) = number.encode(value) {
            let steps = steps.checked_add(number.offset_steps()).expect("what was taken away can be added");
            assert_eq!(number.value_of(steps), Some(value), "{schema}");
        }
        if let Some(near) = number.nearest(value) {
            assert!(number.encode(near).is_ok(), "{near} is nearest to {value}, and does not fit {schema}");
        }
    }
}
