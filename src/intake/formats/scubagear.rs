//! `ScubaGear`'s `ProviderSettingsExport.json`: one object with a section per command, of several services.
//!
//! Recognised by `baseline_version` and `tenant_details`. Habits: the sections of Entra hold PowerShell objects (see
//! [`powershell`](super::powershell)); one item stands without its list; the time is in `timestamp_zulu`, the tenant in
//! `tenant_details`. A command in `aad_unsuccessful_commands` is a refusal, never an empty list.
//! Loses: what the tables do not name (other services, users and roles by display name) is counted and set aside.

use crate::directory::ScubaSection;
use crate::intake::scan::{ScanError, Scanner};
use crate::intake::{Format, Kind, Member, Place, Reader, Record, Request, Spelling, is_guid};

impl Reader<'_> {
    /// Reads the export; false if the envelope is none.
    pub(in crate::intake) fn scubagear(&mut self, envelope: &Record) -> Result<bool, ScanError> {
        let has = |name: &str| envelope.member(self.text, name).is_some();
        if !has("baseline_version") || !has("tenant_details") {
            return Ok(false);
        }
        let at = envelope.string(self.text, "timestamp_zulu");
        self.intake.made_at = at.and_then(|at| at.parse().ok());
        self.name_tenant(envelope);
        let failed = envelope
            .member(self.text, "aad_unsuccessful_commands")
            .and_then(|member| self.text.get(member.value.span.clone()))
            .map(|written| String::from_utf8_lossy(written).into_owned())
            .unwrap_or_default();
        let catalogue = self.catalogue;
        let mut sections: Vec<(&ScubaSection, &Member)> = catalogue
            .scubagear_sections()
            .iter()
            .filter_map(|row| Some((row, envelope.member(self.text, &row.section)?)))
            .collect();
        // Places in the source are told going forward only.
        sections.sort_by_key(|(_, member)| member.key.start);
        let read = sections.len();
        for (row, member) in sections {
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
            let value = member.value.clone();
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
        for _ in read..envelope.members.len() {
            self.count_aside("not-an-object-of-entra");
        }
        self.intake.format = Some(Format::ScubaGear);
        Ok(true)
    }

    fn name_tenant(&mut self, envelope: &Record) {
        let Some(details) = envelope.member(self.text, "tenant_details") else { return };
        let mut scanner = Scanner::new(self.text, details.value.span.start);
        if details.value.kind == Kind::Array {
            scanner.take(b'[');
            scanner.skip_blanks();
        }
        let mut tenant = Record::default();
        if tenant.scan(self.text, &mut scanner).is_ok()
            && let Some(id) = tenant.string(self.text, "TenantId").filter(|id| is_guid(id))
        {
            self.intake.tenants.push(id.to_ascii_lowercase());
        }
    }
}
