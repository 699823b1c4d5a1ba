//! `ScubaGear`'s `ProviderSettingsExport.json`: one object with a section per command, of several services.
//!
//! Recognised by `baseline_version` and `tenant_details`. Habits: the sections of Entra hold PowerShell objects (see
//! [`powershell`](super::powershell)); one item stands without its list; the time is in `timestamp_zulu`, before version 1.2
//! in `date` with a zone as Windows names it; the tenant is in `tenant_details`. A command in `aad_unsuccessful_commands` is a refusal, never an empty list.
//! Loses: what the tables do not name (other services, users and roles by display name) is counted and set aside.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::directory::{Catalogue, ScubaSection};
use crate::intake::scan::{ScanError, Scanner, Skipped};
use crate::intake::{Format, Kind, Place, Reader, Record, Request, Spelling, is_guid};

impl Reader<'_> {
    /// Reads the export; false if the envelope is none.
    pub(in crate::intake) fn scubagear(&mut self, envelope: &Record) -> Result<bool, ScanError> {
        let has = |name: &str| envelope.member(self.text, name).is_some();
        if !has("baseline_version") || !has("tenant_details") {
            return Ok(false);
        }
        let at = envelope.string(self.text, "timestamp_zulu").and_then(|at| at.parse().ok());
        let local = || {
            let date = envelope.string(self.text, "date")?;
            windows_time(&date, self.catalogue)
        };
        self.intake.made_at = at.or_else(local);
        self.name_tenant(envelope);
        let failed = envelope
            .member(self.text, "aad_unsuccessful_commands")
            .and_then(|member| self.text.get(member.value.span.clone()))
            .map(|written| String::from_utf8_lossy(written).into_owned())
            .unwrap_or_default();
        let catalogue = self.catalogue;
        let mut read = BTreeSet::new();
        let mut sections: Vec<(&ScubaSection, Skipped)> = Vec::new();
        for row in catalogue.scubagear_sections() {
            let (section, below) = row.section.split_once('/').unwrap_or((&row.section, ""));
            let Some(member) = envelope.member(self.text, section) else { continue };
            read.insert(section);
            sections.extend(self.below(&member.value, below).map(|value| (row, value)));
        }
        // Places in the source are told going forward only.
        sections.sort_by_key(|(_, value)| value.span.start);
        for (row, value) in sections {
            let place = Place {
                parent: None,
                collection: Some(row.collection.clone()),
                tree_folder: None,
                ..self.place.clone()
            };
            let mut request = Request::new(Format::ScubaGear, None, &place, self.catalogue);
            request.spelling = Spelling::PowerShell;
            request.keeps_nulls = Some(false);
            request.context = Some(format!("ScubaGear {}", row.section).into());
            if failed.contains(&row.command) {
                request.refused = Some("command failed".to_owned());
            }
            self.intake.requests.push(request);
            let position = self.intake.requests.len() - 1;
            let behind =
                std::mem::replace(&mut self.scanner, Scanner::new(self.text, value.span.start));
            let done = match value.kind {
                Kind::Array => self.items(position),
                Kind::Object => {
                    let mut record = std::mem::take(&mut self.record);
                    let scanned = record.scan(self.text, &mut self.scanner);
                    self.record = record;
                    scanned.map(|()| self.deliver(position))
                }
                Kind::Null
                | Kind::Bool
                | Kind::Number
                | Kind::String
                | Kind::EmptyArray
                | Kind::EmptyObject => Ok(()),
            };
            self.scanner = behind;
            done?;
        }
        for _ in read.len()..envelope.members.len() {
            self.count_aside("not-an-object-of-entra");
        }
        self.intake.format = Some(Format::ScubaGear);
        Ok(true)
    }

    /// The member of an object, or of the one object of a list; the value itself if no name is given.
    fn below(&self, value: &Skipped, name: &str) -> Option<Skipped> {
        if name.is_empty() {
            return Some(value.clone());
        }
        let holder = self.first_object(value)?;
        Some(holder.member(self.text, name)?.value.clone())
    }

    /// An object, or the first one of a list.
    fn first_object(&self, value: &Skipped) -> Option<Record> {
        let mut scanner = Scanner::new(self.text, value.span.start);
        if value.kind == Kind::Array {
            scanner.take(b'[');
            scanner.skip_blanks();
        }
        let mut record = Record::default();
        record.scan(self.text, &mut scanner).ok()?;
        Some(record)
    }

    fn name_tenant(&mut self, envelope: &Record) {
        let details = envelope.member(self.text, "tenant_details");
        let tenant = details.and_then(|details| self.first_object(&details.value));
        let id = tenant.and_then(|tenant| tenant.string(self.text, "TenantId"));
        if let Some(id) = id.filter(|id| is_guid(id)) {
            self.intake.tenants.push(id.to_ascii_lowercase());
        }
    }
}

/// `12/09/2022 13:26:11 Eastern Standard Time`. Of the hour that comes twice a year, the name says which is meant.
fn windows_time(text: &str, catalogue: &Catalogue) -> Option<Timestamp> {
    let (date, rest) = text.split_once(' ')?;
    let (time, name) = rest.split_once(' ')?;
    let at = DateTime::strptime("%m/%d/%Y %H:%M:%S", format!("{date} {time}")).ok()?;
    let zone = TimeZone::get(catalogue.windows_zone(name)?).ok()?;
    let ambiguous = zone.to_ambiguous_zoned(at);
    let daylight = name.contains(" Daylight ");
    let at = if daylight { ambiguous.earlier() } else { ambiguous.later() };
    Some(at.ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    #[test]
    fn zones_as_windows_names_them() {
        let time = |text: &str| Some(windows_time(text, catalogue())?.to_string());
        let is = |text: &str, expected: &str| assert_eq!(time(text).as_deref(), Some(expected));
        is("12/09/2022 13:26:11 Eastern Standard Time", "2022-12-09T18:26:11Z");
        is("06/05/2024 14:50:13 Central Daylight Time", "2024-06-05T19:50:13Z");
        is("05/04/2026 17:15:48 Coordinated Universal Time", "2026-05-04T17:15:48Z");
        is("11/03/2024 01:30:00 Eastern Daylight Time", "2024-11-03T05:30:00Z");
        is("11/03/2024 01:30:00 Eastern Standard Time", "2024-11-03T06:30:00Z");
        for text in ["13/09/2022 13:26:11 Eastern Standard Time", "12/09/2022 13:26:11 Oz Time", ""]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
