//! What stays readable where names and values are replaced by pseudonyms: `data/readable.csv`.
//!
//! | Kind | The word is |
//! |---|---|
//! | `attribute` | a property whose values are fixed words of the service |
//! | `value` | a value that means the same in every tenant |
//! | `opaque` | a property below which the tenant chooses the names |
//! | `word` | a part of file names and of messages that names no one |
//!
//! Role templates, roles by name, types and collections stay too; they are in tables of their own.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Catalogue;

const READABLE: &str = include_str!("data/readable.csv");

/// The words of the table, by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readable {
    attributes: BTreeSet<String>,
    values: BTreeSet<String>,
    opaque: BTreeSet<String>,
    words: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    word: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_readable(&mut self) {
        for Row { kind, word, source } in self.rows::<Row>("readable", READABLE) {
            self.sound("readable", &word, &source, "");
            let words = match kind.as_str() {
                "attribute" => &mut self.readable.attributes,
                "value" => &mut self.readable.values,
                "opaque" => &mut self.readable.opaque,
                "word" => &mut self.readable.words,
                _ => {
                    self.fault("readable", format_args!("{word}: kind {kind}"));
                    continue;
                }
            };
            if !words.insert(word.clone()) {
                self.fault("readable", format_args!("{kind} {word}: twice"));
            }
        }
        let roles = self.roles.iter().flat_map(|(id, role)| [id.clone(), role.name.clone()]);
        self.readable.values.extend(roles);
        let paths = self.collections.keys().chain(self.names.keys());
        let parts = paths.flat_map(|path| path.split(['/', '(', ')', '*']));
        let segments = self.relations.iter().map(|relation| relation.segment.as_str());
        let types = self.types.keys().map(String::as_str);
        let known = parts.chain(segments).chain(types).filter(|word| !word.is_empty());
        let known: Vec<String> = known.map(str::to_ascii_lowercase).collect();
        self.readable.words.extend(known);
    }

    /// Whether the values of a property are fixed words of the service.
    #[must_use]
    pub fn has_readable_values(&self, property: &str) -> bool {
        self.readable.attributes.contains(property)
    }

    /// Whether a value means the same in every tenant.
    #[must_use]
    pub fn is_readable_value(&self, value: &str) -> bool {
        self.readable.values.contains(value)
    }

    /// Whether the tenant chooses the names below a property.
    #[must_use]
    pub fn is_opaque(&self, property: &str) -> bool {
        self.readable.opaque.contains(property)
    }

    /// Whether a word, in lower case, names no one.
    #[must_use]
    pub fn is_readable_word(&self, word: &str) -> bool {
        self.readable.words.contains(word)
    }
}
