//! Words of Microsoft Entra Backup and Recovery: its names of types and the statuses of its jobs.

use serde::Deserialize;

use super::Catalogue;
use crate::model::JobOutcome;

const TYPES: &str = include_str!("data/recovery_types.csv");
const STATUSES: &str = include_str!("data/recovery_statuses.csv");

/// What the service sends in place of a word that came later than the request's sender may know.
pub const HIDDEN_WORD: &str = "unknownFutureValue";

/// A type as the service names it (`resourceTypeName`).
#[derive(Debug, Clone)]
pub struct RecoveryType {
    /// As its API names it.
    pub entity_type: String,
    /// Graph resource name.
    pub object_type: String,
    /// As the portal names it.
    pub portal_name: String,
    /// Whether a request that does not ask for it gets [`HIDDEN_WORD`] instead.
    pub is_hidden: bool,
}

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
struct TypeRow {
    entity_type: String,
    #[serde(rename = "type")]
    object_type: String,
    portal_name: String,
    hidden: String,
    source: String,
}

#[derive(Deserialize)]
struct StatusRow {
    status: String,
    outcome: String,
    #[serde(rename = "final")]
    is_final: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_recovery(&mut self) {
        for row in self.rows::<TypeRow>("recovery_types", TYPES) {
            let is_hidden = self.flag("recovery_types", &row.entity_type, &row.hidden);
            if self.sound("recovery_types", &row.entity_type, &row.source, &row.object_type) {
                let TypeRow { entity_type, object_type, portal_name, .. } = row;
                let known = RecoveryType { entity_type, object_type, portal_name, is_hidden };
                self.recovery_types.push(known);
            }
        }
        for row in self.rows::<StatusRow>("recovery_statuses", STATUSES) {
            let is_final = self.flag("recovery_statuses", &row.status, &row.is_final);
            self.sound("recovery_statuses", &row.status, &row.source, "");
            match JobOutcome::from_word(&row.outcome) {
                Some(outcome) => self.recovery_statuses.push(RecoveryStatus {
                    status: row.status,
                    outcome,
                    is_final,
                }),
                None => self.fault("recovery_statuses", format_args!("outcome {}", row.outcome)),
            }
        }
    }

    /// The types of the service, in the order of its enumeration.
    #[must_use]
    pub fn recovery_types(&self) -> &[RecoveryType] {
        &self.recovery_types
    }

    /// The types that a word of the service stands for, the first where nothing else tells; the word's case does not count.
    pub fn of_entity_type<'c>(&'c self, entity_type: &str) -> impl Iterator<Item = &'c str> {
        self.recovery_types
            .iter()
            .filter(move |known| known.entity_type.eq_ignore_ascii_case(entity_type))
            .map(|known| known.object_type.as_str())
    }

    /// The service's word for a type; `None` for types that it does not know.
    #[must_use]
    pub fn entity_type_of(&self, object_type: &str) -> Option<&str> {
        let known = self.recovery_types.iter().find(|known| known.object_type == object_type);
        known.map(|known| known.entity_type.as_str())
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
        for known in catalogue.recovery_types() {
            assert_eq!(catalogue.entity_type_of(&known.object_type), Some(&*known.entity_type));
        }
        assert_eq!(catalogue.entity_type_of("device"), None);
    }
}
