//! Categories: a few texts, one of which a value is.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::limits::{CATEGORIES_BYTES_MAX, CATEGORIES_MAX, CATEGORY_CHARS_MAX};
use super::{SchemaError, only_keywords};

/// The texts that a value can be, in the order in which they are counted. They are public: everybody who takes part
/// sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Categories(Vec<String>);

impl Categories {
    /// These texts, in this order.
    ///
    /// # Errors
    /// `BadCategories`.
    pub fn new(names: Vec<String>) -> Result<Self, SchemaError> {
        let categories = Self(names);
        categories.check().map(|()| categories)
    }

    pub(super) fn from_object(object: &Map<String, Value>) -> Result<Self, SchemaError> {
        only_keywords(object, &["enum"])?;
        let refused = |why: &str| SchemaError::BadCategories(why.to_owned());
        let listed =
            object.get("enum").and_then(Value::as_array).ok_or_else(|| refused("there is no `enum`"))?;
        let texts = listed.iter().map(|value| value.as_str().map(str::to_owned));
        Self::new(texts.collect::<Option<_>>().ok_or_else(|| refused("one of them is no text"))?)
    }

    /// Checks categories that came from elsewhere.
    ///
    /// # Errors
    /// `BadCategories`.
    pub fn check(&self) -> Result<(), SchemaError> {
        let refused = |why: String| Err(SchemaError::BadCategories(why));
        if !(2..=CATEGORIES_MAX).contains(&self.0.len()) {
            return refused(format!("there are {}", self.0.len()));
        }
        let mut seen = BTreeSet::new();
        for name in &self.0 {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(CATEGORY_CHARS_MAX).collect();
            let fits = (1..=CATEGORY_CHARS_MAX).contains(&name.chars().count());
            if !fits || name.chars().any(char::is_control) || name.trim() != name {
                return refused(format!(
                    "`{shown}` is empty, too long, or has blanks around it or control characters"
                ));
            }
            if !seen.insert(name) {
                return refused(format!("`{shown}` is named twice"));
            }
        }
        // Each is announced with its length.
        let bytes: usize = self.0.iter().map(|name| name.len() + 2).sum();
        if bytes > CATEGORIES_BYTES_MAX {
            return refused(format!(
                "together they have {bytes} bytes; {CATEGORIES_BYTES_MAX} can be announced"
            ));
        }
        Ok(())
    }

    /// The texts.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The place of a text among them. Blanks around it do not count.
    pub fn place_of(&self, text: &str) -> Option<usize> {
        let text = text.trim();
        self.0.iter().position(|name| name == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Result<Categories, SchemaError> {
        Categories::new(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_text_has_the_place_in_which_it_is_named() {
        let categories = of(&["B", "A"]).unwrap();
        assert_eq!(
            [categories.place_of("A"), categories.place_of(" B "), categories.place_of("a")],
            [Some(1), Some(0), None]
        );
    }

    #[test]
    fn what_cannot_be_counted_or_announced_is_refused() {
        for names in [&["A"][..], &["A", "A"], &["A", ""], &["A", " B"], &["A", "B\u{7}"]] {
            assert!(of(names).is_err(), "{names:?}");
        }
        let many: Vec<_> = (0..=CATEGORIES_MAX).map(|number| number.to_string()).collect();
        assert!(Categories::new(many.clone()).is_err());
        assert!(Categories::new(many[1..].to_vec()).is_ok());
        let long: Vec<_> = (0..CATEGORIES_MAX).map(|number| format!("{number:060}")).collect();
        assert!(Categories::new(long).is_err());
    }
}
