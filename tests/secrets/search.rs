//! Looking for secrets in every form that a careless line would give them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// Something that must not be found, and the files where it may be.
pub struct Canary {
    pub what: String,
    pub forms: Vec<Vec<u8>>,
    pub at_home: Vec<PathBuf>,
}

impl Canary {
    /// A number as text and as a residue of 64 bits.
    pub fn number(text: &str, at_home: &[PathBuf]) -> Self {
        let digits = text.trim_start_matches('-').trim_end_matches('x');
        let residue = text.trim_end_matches('x').parse::<i64>().unwrap().cast_unsigned();
        let mut forms = forms_of(&residue.to_le_bytes());
        forms.extend(forms_of(&residue.to_be_bytes()));
        forms.extend([digits.into(), residue.to_string().into_bytes()]);
        Self { what: format!("the value {text}"), forms, at_home: at_home.to_vec() }
    }

    pub fn bytes(what: String, bytes: &[u8], at_home: &[PathBuf]) -> Self {
        Self { what, forms: forms_of(bytes), at_home: at_home.to_vec() }
    }
}

/// Raw, hexadecimal, base64, and what `Debug` makes of bytes.
pub fn forms_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let listed = format!("{bytes:?}");
    let escaped: String = bytes.iter().map(|byte| std::ascii::escape_default(*byte).to_string()).collect();
    let texts = [
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        BASE64.encode(bytes).trim_end_matches('=').to_owned(),
        BASE64URL_NOPAD.encode(bytes),
        listed.trim_matches(['[', ']']).to_owned(),
        escaped,
    ];
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec()]).collect()
}

/// Looks for every form of every canary in one pass: logs at `trace` are long.
pub struct Search<'a> {
    /// Whether a form begins with these three bytes.
    begins: Vec<bool>,
    forms: BTreeMap<[u8; 3], Vec<(usize, &'a [u8])>>,
}

impl<'a> Search<'a> {
    pub fn new(canaries: &'a [Canary]) -> Self {
        let mut search = Self { begins: vec![false; 1 << 24], forms: BTreeMap::new() };
        for (number, canary) in canaries.iter().enumerate() {
            for form in &canary.forms {
                let first = *form.first_chunk().unwrap();
                search.begins[place(first)] = true;
                search.forms.entry(first).or_default().push((number, form));
            }
        }
        search
    }

    /// The numbers of the canaries that are in these bytes.
    pub fn found_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(3).enumerate() {
            let first = [window[0], window[1], window[2]];
            if self.begins[place(first)] {
                let here = self.forms[&first].iter().filter(|(_, form)| bytes[at..].starts_with(form));
                found.extend(here.map(|(number, _)| *number));
            }
        }
        found
    }
}

fn place([first, second, third]: [u8; 3]) -> usize {
    usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third)
}
