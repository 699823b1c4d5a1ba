//! Exports of other tools: what they carry of the directory, in their own spelling.

mod azurehound;
mod clixml;
mod portal;
mod powershell;
pub(super) mod roadrecon;

use serde_json::{Map, Value, json};

use super::super::capture::{LinkCapture, Reading, Whole};
use super::super::clock;
use super::super::kinds::{Obj, Ty};
use super::super::tenant::Relation;
use super::super::{ExportFormat, SynthError};
use super::carried::{self, Carried};
use super::object::Manner;
use super::{Exporter, ListRequest, utf16};
use roadrecon::Road;

/// Sections of `ScubaGear` that hold objects.
const SECTIONS: [(Ty, &str); 3] = [
    (Ty::CaPolicy, "conditional_access_policies"),
    (Ty::Authorization, "authorization_policies"),
    (Ty::Domain, "domain_settings"),
];

/// What goes into one file at the end of a day.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Items of `AzureHound`.
    items: Vec<Value>,
    /// The database of `ROADrecon`.
    road: Option<Road>,
    /// Sections of `ScubaGear`.
    sections: Map<String, Value>,
}

/// An object as a format carries it, in Graph's names.
type Object = (Obj, Map<String, Value>);

impl Exporter<'_> {
    /// Whether the format is that of another tool.
    pub(super) fn is_foreign(&self) -> bool {
        self.options.format.is_foreign()
    }

    /// Writes a list as the tool does, as far as it carries it.
    pub(super) fn foreign_list(
        &mut self,
        request: &ListRequest,
        members: &[Obj],
    ) -> Result<(), SynthError> {
        let Some(carried) = carried::of(self.options.format, request.ty) else { return Ok(()) };
        if members.is_empty() {
            return Ok(());
        }
        let mut capture = self.capture(request, members);
        capture.carried = Some(carried);
        if request.ty.is_singleton() && request.ty != Ty::Organization {
            capture.present = Self::only(Obj { ty: request.ty, ix: 0 });
            capture.reading = Reading::Entity;
        }
        let objects: Vec<Object> =
            members.iter().map(|obj| (*obj, self.foreign_object(*obj, request, carried))).collect();
        for (_, map) in &objects {
            capture.shown.extend(carried.shown(map));
        }
        self.written.captures.push(capture);
        match self.options.format {
            ExportFormat::AzureHound => {
                self.hound_objects(request.ty, &objects);
                Ok(())
            }
            ExportFormat::PowerShell => self.powershell_file(request, &objects),
            ExportFormat::Clixml => self.clixml_file(request, &objects),
            ExportFormat::Roadrecon => self.road_objects(request.ty, &objects),
            ExportFormat::PortalCsv => self.portal_file(&objects),
            ExportFormat::ScubaGear => {
                self.scuba_section(request.ty, &objects);
                Ok(())
            }
            ExportFormat::Graph
            | ExportFormat::EntraExporter
            | ExportFormat::Arrays
            | ExportFormat::Ndjson => Ok(()),
        }
    }

    fn foreign_object(
        &self,
        obj: Obj,
        request: &ListRequest,
        carried: &Carried,
    ) -> Map<String, Value> {
        let manner = Manner {
            seq: 0,
            select: request.select,
            leaves_out: false,
            bin: false,
            manager: false,
        };
        carried.of_object(&self.members_of(obj, self.now(), manner))
    }

    /// Writes the links of an object as the tool does, as far as it carries them.
    pub(super) fn foreign_links(
        &mut self,
        relation: Relation,
        targets: &[Obj],
    ) -> Result<(), SynthError> {
        let (source, name) = relation;
        let carried = carried::of(self.options.format, source.ty);
        let at = self.now();
        if !carried.is_some_and(|carried| carried.relates(name)) {
            return Ok(());
        }
        let told = match self.options.format {
            ExportFormat::AzureHound => {
                self.hound_links(relation, targets);
                // `null` stands for no links as well as for a failure.
                !targets.is_empty()
            }
            ExportFormat::Roadrecon => {
                self.road_links(relation, targets)?;
                self.tenant
                    .live(source.ty, at)
                    .into_iter()
                    .any(|other| !self.tenant.targets(other, name, at).is_empty())
            }
            ExportFormat::PowerShell | ExportFormat::Clixml if targets.is_empty() => false,
            ExportFormat::PowerShell => self.powershell_links(relation, targets).map(|()| true)?,
            ExportFormat::Clixml => self.clixml_links(relation, targets).map(|()| true)?,
            ExportFormat::Graph
            | ExportFormat::EntraExporter
            | ExportFormat::Arrays
            | ExportFormat::Ndjson
            | ExportFormat::PortalCsv
            | ExportFormat::ScubaGear => false,
        };
        if told && source.ty != Ty::DirectoryRole {
            let (day, whole) = (self.day, Whole::Consistent);
            self.written.links.push(LinkCapture {
                day,
                start: at,
                end: at,
                relation,
                whole,
                files: Vec::new(),
            });
        }
        Ok(())
    }

    /// Writes what was gathered in a day.
    pub(super) fn close_foreign(&mut self) -> Result<(), SynthError> {
        let Gathered { items, road, sections } = std::mem::take(&mut self.gathered);
        match self.options.format {
            ExportFormat::AzureHound => self.file("azurehound.json", &azurehound::text(&items)),
            ExportFormat::Roadrecon => match road {
                Some(road) => {
                    let bytes = road.bytes().map_err(|source| self.database(source))?;
                    self.file("roadrecon.db", &bytes)
                }
                None => Ok(()),
            },
            ExportFormat::ScubaGear => {
                let text = self.scuba_text(sections);
                self.file("ProviderSettingsExport.json", &text)
            }
            ExportFormat::Graph
            | ExportFormat::EntraExporter
            | ExportFormat::Arrays
            | ExportFormat::Ndjson
            | ExportFormat::PowerShell
            | ExportFormat::Clixml
            | ExportFormat::PortalCsv => Ok(()),
        }
    }

    /// A database that could not be made.
    fn database(&self, source: rusqlite::Error) -> SynthError {
        let source = std::io::Error::other(source);
        SynthError::Write { path: self.folder.join("roadrecon.db"), source }
    }

    /// The path of a request as the name of a file.
    fn foreign_name(&self, request: &ListRequest, ending: &str) -> String {
        let path = match request.parent {
            Some(parent) => self.relation_path((parent, request.ty.spec().path)),
            None => request.ty.spec().path.to_owned(),
        };
        format!("{}.{ending}", path.replace('/', "_"))
    }

    fn scuba_section(&mut self, ty: Ty, objects: &[Object]) {
        let Some((_, section)) = SECTIONS.iter().find(|(known, _)| *known == ty) else { return };
        let items = objects.iter().map(|(obj, map)| powershell::object(obj.ty, map)).collect();
        self.gathered.sections.insert((*section).to_owned(), Value::Array(items));
    }

    fn scuba_text(&self, mut sections: Map<String, Value>) -> Vec<u8> {
        let head = json!({
            "baseline_version": "1",
            "module_version": "1.5.0",
            "timestamp_zulu": clock::rfc3339(self.now()),
            "report_uuid": super::super::rng::guid(self.options.seed, &[self.seq()]),
            "tenant_details": [{"TenantId": self.tenant.id}],
            "aad_successful_commands": [
                "Get-MgBetaIdentityConditionalAccessPolicy", "Get-MgBetaPolicyAuthorizationPolicy",
                "Get-MgBetaDomain"
            ],
            "aad_unsuccessful_commands": [],
        });
        if let Value::Object(head) = head {
            sections.extend(head);
        }
        powershell::text(&Value::Object(sections)).into_bytes()
    }

    /// A text file as Windows PowerShell writes it.
    fn wide_file(&mut self, name: &str, text: &str) -> Result<(), SynthError> {
        self.file(name, &utf16(text.as_bytes()))
    }
}
