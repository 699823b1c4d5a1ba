//! Words of Microsoft Entra Backup and Recovery: the statuses of its jobs, and which words a request must ask for
//! (`data/recovery_words.csv`). Its words for types stand in `data/recoverability_types.csv`.

use serde::Deserialize;

use super::Catalogue;
use crate::model::JobOutcome;

const WORDS: &str = include_str!("data/recovery_words.csv");

/// What the service sends in place of a word that the request did not ask for.
pub const HIDDEN_WORD: &str = "unknownFutureValue";

/// A status of a job (`recoveryStatus`).
#[derive(Debug, Clone)]
pub struct RecoveryStatus {
    /// As the API writes it.
    pub status: String,
    /// How the job stands.
    pub outcome: JobOutcome,
    /// Whether it stays so.
    pub is_final: bool,
}

#[derive(Deserialize)]
struct WordRow {
    enumeration: String,
    word: String,
    hidden: String,
    outcome: String,
    #[serde(rename = "final")]
    is_final: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_recovery_words(&mut self) {
        for row in self.rows::<WordRow>("recovery_words", WORDS) {
            self.sound("recovery_words", &row.word, &row.source, "");
            let is_hidden = self.flag("recovery_words", &row.word, &row.hidden);
            let is_final = self.flag("recovery_words", &row.word, &row.is_final);
            match (row.enumeration.as_str(), JobOutcome::from_word(&row.outcome)) {
                ("recoveryStatus", Some(outcome)) => {
                    let status = row.word;
                    self.recovery_statuses.push(RecoveryStatus { status, outcome, is_final });
                }
                ("resourceTypeName", None) if is_hidden => self.hidden_types.push(row.word),
                _ => self.fault("recovery_words", format_args!("{}: no such row", row.word)),
            }
        }
    }

    /// The types that a word of the service stands for, the first where nothing else tells; the word's case does not count.
    pub fn of_entity_type<'c>(&'c self, entity_type: &str) -> impl Iterator<Item = &'c str> {
        self.recovery_types
            .iter()
            .filter(move |known| known.entity.eq_ignore_ascii_case(entity_type))
            .map(|known| known.name.as_str())
    }

    /// The service's word for a type; `None` for types that it does not know.
    #[must_use]
    pub fn entity_type_of(&self, object_type: &str) -> Option<&str> {
        self.recovery_type(object_type).map(|known| known.entity.as_str())
    }

    /// Whether a request that does not ask for it gets [`HIDDEN_WORD`] in place of the word for this type.
    #[must_use]
    pub fn is_hidden_type(&self, object_type: &str) -> bool {
        let word = self.entity_type_of(object_type);
        word.is_some_and(|word| self.hidden_types.iter().any(|hidden| hidden == word))
    }

    /// What a status of a job means.
    #[must_use]
    pub fn recovery_status(&self, status: &str) -> Option<&RecoveryStatus> {
        self.recovery_statuses.iter().find(|known| known.status.eq_ignore_ascii_case(status))
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::catalogue;

    #[test]
    fn a_word_of_the_service_leads_to_types_and_back() {
        let catalogue = catalogue();
        let of = |word: &str| catalogue.of_entity_type(word).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of("namedLocationPolicy"), ["namedLocation"]);
        assert_eq!(of("OAuth2PermissionGrant"), ["oAuth2PermissionGrant"]);
        assert!(of(super::HIDDEN_WORD).is_empty());
        assert_eq!(of("user")[0], "user");
        assert_eq!(catalogue.entity_type_of("namedLocation"), Some("namedLocationPolicy"));
        assert_eq!(catalogue.entity_type_of("device"), None);
        assert!(catalogue.is_hidden_type("organization") && !catalogue.is_hidden_type("user"));
        assert_eq!(catalogue.hidden_types.iter().filter(|w| of(w).is_empty()).count(), 0);
    }

    #[test]
    fn statuses_are_read_in_any_case() {
        let over = |word: &str| catalogue().recovery_status(word).map(|known| known.is_final);
        assert_eq!((over("Successful"), over("loadingData")), (Some(true), Some(false)));
        assert_eq!(over(super::HIDDEN_WORD), None);
    }
}
