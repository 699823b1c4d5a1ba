//! The admin center's download of users, as CSV: cells as they are, `True` and `False`, an empty cell for null.

use serde_json::Value;

use super::super::super::SynthError;
use super::super::Exporter;
use super::Object;

/// Headings, and the attribute below each; empty where the tenant has none or the cell is written as a locale has it.
const COLUMNS: [(&str, &str); 28] = [
    ("userPrincipalName", "userPrincipalName"),
    ("displayName", "displayName"),
    ("surname", "surname"),
    ("mail", "mail"),
    ("givenName", "givenName"),
    ("id", "id"),
    ("userType", "userType"),
    ("jobTitle", "jobTitle"),
    ("department", "department"),
    ("accountEnabled", "accountEnabled"),
    ("usageLocation", "usageLocation"),
    ("streetAddress", "streetAddress"),
    ("state", "state"),
    ("country", "country"),
    ("officeLocation", "officeLocation"),
    ("city", "city"),
    ("postalCode", "postalCode"),
    ("telephoneNumber", "businessPhones"),
    ("mobilePhone", "mobilePhone"),
    ("alternateEmailAddress", ""),
    ("ageGroup", "ageGroup"),
    ("consentProvidedForMinor", ""),
    ("legalAgeGroupClassification", "legalAgeGroupClassification"),
    ("companyName", "companyName"),
    ("creationType", "creationType"),
    ("directorySynced", ""),
    ("invitationState", ""),
    ("createdDateTime", ""),
];

impl Exporter<'_> {
    pub(super) fn portal_file(&mut self, objects: &[Object]) -> Result<(), SynthError> {
        let mut text = "\u{feff}".to_owned();
        let heads: Vec<&str> = COLUMNS.iter().map(|(head, _)| *head).collect();
        text.push_str(&heads.join(","));
        for (_, map) in objects {
            let cells =
                COLUMNS.iter().map(|(_, name)| map.get(*name).map_or_else(String::new, cell));
            let cells: Vec<String> = cells.collect();
            text.push_str("\r\n");
            text.push_str(&cells.join(","));
        }
        text.push_str("\r\n");
        self.file("exportUsers.csv", text.as_bytes())
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.first().map_or_else(String::new, cell),
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
