//! What one record of the service says, member by member, in the spellings that its pages come in.

use jiff::Timestamp;

use crate::history::Json;
use crate::model::instant;

/// The member of this name, whatever its letter case: scripts change it.
pub(super) fn member<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    let Json::Object(members) = json else { return None };
    let alike = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    json.member(name).or_else(|| alike.map(|(_, value)| value))
}

/// An annotation, in the long form (`@odata.type`) or in the short one of `OData` 4.01 (`@type`).
pub(super) fn annotation<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    let long = member(json, &format!("@odata.{name}"));
    long.or_else(|| member(json, &format!("@{name}")))?.as_str()
}

/// What stands behind the last dot of an `@odata.type`.
pub(super) fn own_type(json: &Json) -> Option<&str> {
    let written = annotation(json, "type")?;
    let name = written.rsplit('.').next().unwrap_or(written).trim_start_matches('#');
    (!name.is_empty()).then_some(name)
}

/// Members of one record, with what of it cannot be read.
#[derive(Debug)]
pub(super) struct Members<'j> {
    json: &'j Json,
    unread: Vec<&'static str>,
}

impl<'j> Members<'j> {
    pub(super) fn of(json: &'j Json) -> Self {
        Self { json, unread: Vec::new() }
    }

    /// Names of members that are there and cannot be read, each once.
    pub(super) fn unread(mut self) -> Vec<&'static str> {
        self.unread.dedup();
        self.unread
    }

    pub(super) fn note(&mut self, name: &'static str) {
        self.unread.push(name);
    }

    /// The first of these members that is not null.
    fn some(&self, names: &[&'static str]) -> Option<(&'static str, &'j Json)> {
        let mut found = names.iter().filter_map(|name| Some((*name, member(self.json, name)?)));
        found.find(|(_, value)| **value != Json::Null)
    }

    fn read<T>(
        &mut self,
        names: &[&'static str],
        read: impl Fn(&'j Json) -> Option<T>,
    ) -> Option<T> {
        let (name, value) = self.some(names)?;
        let found = read(value);
        if found.is_none() {
            self.note(name);
        }
        found
    }

    /// A text under the first of these names.
    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<&'j str> {
        self.read(names, Json::as_str)
    }

    /// A count. Absent and null are no zero.
    pub(super) fn count(&mut self, name: &'static str) -> Option<u64> {
        self.read(&[name], |value| match value {
            Json::Number(written) | Json::String(written) => written.parse().ok(),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        })
    }

    /// An instant. Year 1 is how .NET writes that there is none.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.read(&[name], |value| {
            value.as_str().filter(|text| text.starts_with("0001-") || instant(text).is_some())
        })?;
        instant(text).filter(|at| at.as_second() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn absent_null_and_unreadable_are_told_apart() {
        let record = json(
            r#"{"totalChangedObjects":0,"a":null,"Status":"Failed","b":-1,"c":"7","d":1.5,
                "e":"0001-01-01T00:00:00Z","f":"yesterday","g":"2026-11-03T02:00:00+02:00"}"#,
        );
        let mut members = Members::of(&record);
        assert_eq!(members.count("totalChangedObjects"), Some(0));
        assert_eq!((members.count("a"), members.count("missing")), (None, None));
        assert_eq!(members.text(&["state", "status"]), Some("Failed"));
        assert_eq!(
            (members.count("b"), members.count("c"), members.count("d")),
            (None, Some(7), None)
        );
        assert_eq!((members.time("e"), members.time("f")), (None, None));
        assert_eq!(members.time("g").unwrap().to_string(), "2026-11-03T00:00:00Z");
        assert_eq!(members.unread(), ["b", "d", "f"]);
    }

    #[test]
    fn annotations_come_in_two_forms() {
        for text in [
            r##"{"@odata.type":"#microsoft.graph.entraRecoveryServices.recoveryJob"}"##,
            r##"{"@type":"#microsoft.graph.entraRecoveryServices.recoveryJob"}"##,
            r#"{"@odata.type":"recoveryJob"}"#,
        ] {
            assert_eq!(own_type(&json(text)), Some("recoveryJob"), "{text}");
        }
        assert_eq!(own_type(&json(r#"{"@odata.type":"a."}"#)), None);
    }
}
