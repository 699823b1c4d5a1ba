//! Writes the exports of one tenant, day by day, and keeps the facts of each capture.

mod carried;
mod extra;
mod files;
mod foreign;
mod graph;
mod logs;
mod object;
mod sheet;
mod spell;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::capture::{Bits, Capture, LinkCapture, Reading, Sheet};
use super::clock::{self, DAY, FIRST_DAY};
use super::kinds::{Obj, Ty};
use super::plan::{self, Lost, Series, Trouble};
use super::rng::{Rng, hash, tag};
use super::tenant::{Place, Relation, Tenant};
use super::{ExportFormat, LARGE, SynthError, SynthOptions};
use crate::unfinished::undisturbed;

pub(super) use carried::Carried;
pub(super) use spell::leaves_out;

/// Links that are read, by type of their source.
const RELATIONS: &[(Ty, &str)] = &[
    (Ty::Group, "members"),
    (Ty::Group, "owners"),
    (Ty::AdminUnit, "members"),
    (Ty::Application, "owners"),
    (Ty::ServicePrincipal, "owners"),
];

/// Seconds after the start of an export at which its second part begins.
pub(super) const SECOND_PART: i64 = 3_000;

/// Everything that was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) captures: Vec<Capture>,
    pub(super) links: Vec<LinkCapture>,
    /// Who holds an activated role, by day and time of reading.
    pub(super) role_members: Vec<(usize, i64, Vec<Obj>)>,
    /// Label, start and end of each snapshot.
    pub(super) snapshots: Vec<(String, i64, i64)>,
    /// What was written, where a recovery is to be judged by it; the latest file is the last.
    pub(super) sheets: Vec<Sheet>,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// A request for a list.
#[derive(Debug, Clone)]
struct ListRequest {
    ty: Ty,
    select: Option<&'static [&'static str]>,
    bin: bool,
    parent: Option<Obj>,
    guests: bool,
    manager: bool,
    series: Option<Series>,
}

impl ListRequest {
    fn of(ty: Ty) -> Self {
        Self {
            ty,
            select: None,
            bin: false,
            parent: None,
            guests: false,
            manager: false,
            series: Some(Series::Type(ty)),
        }
    }
}

/// The exporter.
#[derive(Debug)]
pub(super) struct Exporter<'a> {
    tenant: &'a Tenant,
    options: &'a SynthOptions,
    trouble: &'a Trouble,
    root: PathBuf,
    folder: PathBuf,
    day: usize,
    clock: i64,
    buffer: Vec<u8>,
    gathered: foreign::Gathered,
    written: Written,
}

/// Writes every day below `root`, the folder of the tenant.
pub(super) fn write(
    tenant: &Tenant,
    options: &SynthOptions,
    trouble: &Trouble,
    root: &Path,
) -> Result<Written, SynthError> {
    let mut exporter = Exporter {
        tenant,
        options,
        trouble,
        root: root.to_owned(),
        folder: PathBuf::new(),
        day: 0,
        clock: FIRST_DAY,
        buffer: Vec::new(),
        gathered: foreign::Gathered::default(),
        written: Written::default(),
    };
    for day in 0..usize::try_from(options.snapshots).unwrap_or(0) {
        exporter.one_day(day)?;
    }
    Ok(exporter.written)
}

/// When the export of a day begins.
pub(super) fn start_of(day: usize) -> i64 {
    FIRST_DAY + i64::try_from(day).unwrap_or(0) * DAY + 3 * 3_600
}

impl Exporter<'_> {
    fn one_day(&mut self, day: usize) -> Result<(), SynthError> {
        self.day = day;
        self.clock = start_of(day);
        let label = match self.options.format {
            ExportFormat::Graph | ExportFormat::Ndjson => clock::date(self.clock),
            ExportFormat::EntraExporter
            | ExportFormat::Arrays
            | ExportFormat::AzureHound
            | ExportFormat::PowerShell
            | ExportFormat::Clixml
            | ExportFormat::Roadrecon
            | ExportFormat::PortalCsv
            | ExportFormat::ScubaGear => clock::folder(self.clock),
        };
        self.folder = self.root.join(&label);
        let (first, links) = (self.written.captures.len(), self.written.links.len());
        self.first_part()?;
        if self.options.format == ExportFormat::Graph {
            if self.is_small() {
                self.clock = self.clock.max(start_of(day) + SECOND_PART);
            }
            self.second_part()?;
        }
        if matches!(self.options.format, ExportFormat::Graph | ExportFormat::Ndjson) {
            self.bins()?;
        }
        if self.options.format == ExportFormat::Graph {
            self.extras()?;
        }
        if self.is_foreign() {
            self.close_foreign()?;
        }
        let captures = self.written.captures.iter().skip(first).map(|one| (one.start, one.end));
        let links = self.written.links.iter().skip(links).map(|one| (one.start, one.end));
        let (starts, ends): (Vec<i64>, Vec<i64>) = captures.chain(links).unzip();
        let start = starts.into_iter().min().unwrap_or(self.clock);
        let end = ends.into_iter().max().unwrap_or(self.clock);
        self.written.snapshots.push((label, start, end));
        Ok(())
    }

    fn is_small(&self) -> bool {
        self.options.users < LARGE
    }

    /// The time at which state is read.
    fn now(&self) -> i64 {
        if self.is_stamped() { self.clock } else { start_of(self.day) }
    }

    /// Whether files carry a stamp of their own.
    fn is_stamped(&self) -> bool {
        matches!(self.options.format, ExportFormat::Graph | ExportFormat::Ndjson)
    }

    fn first_part(&mut self) -> Result<(), SynthError> {
        for ty in Ty::ALL.iter().copied() {
            let spec = ty.spec();
            let key = (self.day, ty);
            if self.trouble.not_collected.contains(&key) {
                continue;
            }
            if self.trouble.denied.contains(&key) {
                self.refused(spec.path)?;
                continue;
            }
            match (ty, spec.parent) {
                (Ty::Requirements, _) => {}
                (Ty::User, _) => self.users()?,
                (Ty::AppRoleAssignment, _) if self.is_one_list() => {
                    self.list(&ListRequest::of(ty))?;
                }
                (_, Some(_)) => self.below(ty)?,
                _ if ty.is_singleton() && ty != Ty::Organization => self.singleton(ty)?,
                _ => self.list(&ListRequest::of(ty))?,
            }
        }
        for (ty, relation) in RELATIONS {
            if self.trouble.not_collected.contains(&(self.day, *ty)) {
                continue;
            }
            for source in self.tenant.live(*ty, self.now()) {
                self.links((source, relation))?;
            }
        }
        if matches!(
            self.options.format,
            ExportFormat::Graph
                | ExportFormat::Arrays
                | ExportFormat::Ndjson
                | ExportFormat::Roadrecon
        ) {
            self.role_members()?;
        }
        Ok(())
    }

    /// Whether the tool asks for everything of a type at once.
    fn is_one_list(&self) -> bool {
        matches!(self.options.format, ExportFormat::AzureHound | ExportFormat::Roadrecon)
    }

    fn users(&mut self) -> Result<(), SynthError> {
        let graph = self.options.format == ExportFormat::Graph;
        if graph && self.trouble.filtered == Some(self.day) {
            self.list(&ListRequest {
                select: Some(plan::USER_GUEST),
                guests: true,
                series: None,
                ..ListRequest::of(Ty::User)
            })?;
        }
        let select = match (graph && self.is_small(), self.trouble.grown) {
            (false, _) if self.is_small() => plan::USER_ALL,
            (false, _) => plan::USER_LARGE,
            (true, Some(grown)) if self.day >= grown => plan::USER_GROWN,
            (true, _) => plan::USER_MAIN,
        };
        self.list(&ListRequest {
            select: Some(select),
            series: Some(Series::UsersMain),
            ..ListRequest::of(Ty::User)
        })
    }

    fn below(&mut self, ty: Ty) -> Result<(), SynthError> {
        if self.options.format != ExportFormat::Graph && ty != Ty::AppRoleAssignment {
            return Ok(());
        }
        let at = self.now();
        let mut owning: Vec<Obj> =
            self.tenant.all(ty).filter_map(|obj| self.tenant.parent(obj)).collect();
        owning.sort();
        owning.dedup();
        owning.retain(|parent| self.tenant.is_live(*parent, at));
        for parent in owning {
            self.list(&ListRequest { parent: Some(parent), series: None, ..ListRequest::of(ty) })?;
        }
        Ok(())
    }

    fn second_part(&mut self) -> Result<(), SynthError> {
        if self.trouble.several && self.trouble.short != Some(self.day) {
            self.list(&ListRequest {
                select: Some(plan::USER_SECOND),
                series: Some(Series::UsersSecond),
                ..ListRequest::of(Ty::User)
            })?;
            self.list(&ListRequest {
                select: Some(plan::USER_MANAGER),
                manager: true,
                series: None,
                ..ListRequest::of(Ty::User)
            })?;
            self.details()?;
        }
        if self.is_small() {
            for obj in self.tenant.all(Ty::Requirements) {
                self.requirements(obj)?;
            }
        }
        Ok(())
    }

    fn bins(&mut self) -> Result<(), SynthError> {
        for ty in Ty::ALL.iter().copied().filter(|ty| ty.spec().bin.is_some()) {
            let graph = self.options.format == ExportFormat::Graph;
            let names = if graph { plan::USER_BIN } else { plan::USER_ALL };
            let select = (ty == Ty::User).then_some(names);
            self.list(&ListRequest { bin: true, select, series: None, ..ListRequest::of(ty) })?;
        }
        Ok(())
    }

    /// The objects of a list, in the order of writing.
    fn members(&self, request: &ListRequest) -> Vec<Obj> {
        let at = self.now();
        let wanted = if request.bin { Place::Bin } else { Place::Live };
        let mut all: Vec<Obj> = self
            .tenant
            .all(request.ty)
            .filter(|obj| self.tenant.place(*obj, at) == wanted)
            .filter(|obj| request.parent.is_none() || self.tenant.parent(*obj) == request.parent)
            .filter(|obj| !request.guests || self.tenant.word(*obj, "userType", at) == "Guest")
            .collect();
        if request.ty.spec().ascending {
            all.sort_by_cached_key(|obj| self.tenant.key(*obj));
        } else if self.trouble.spelling {
            let seq = self.seq();
            Rng::new(self.options.seed, &[tag("order"), seq]).shuffle(&mut all);
        }
        all
    }

    fn seq(&self) -> u64 {
        u64::try_from(self.written.captures.len()).unwrap_or(0)
    }

    fn list(&mut self, request: &ListRequest) -> Result<(), SynthError> {
        let members = self.members(request);
        match self.options.format {
            ExportFormat::Graph => self.pages(request, &members),
            ExportFormat::Arrays | ExportFormat::Ndjson => self.one_file(request, &members),
            ExportFormat::EntraExporter => self.tree(request, &members),
            ExportFormat::AzureHound
            | ExportFormat::PowerShell
            | ExportFormat::Clixml
            | ExportFormat::Roadrecon
            | ExportFormat::PortalCsv
            | ExportFormat::ScubaGear => self.foreign_list(request, &members),
        }
    }

    /// A capture of everything in this list, without its pages.
    fn capture(&self, request: &ListRequest, members: &[Obj]) -> Capture {
        let mut present = Bits::default();
        members.iter().for_each(|obj| present.insert(obj.ix));
        let parent = request.parent.map(|parent| self.tenant.key(parent)).unwrap_or_default();
        let filter = if request.guests { "?guests" } else { "" };
        Capture {
            seq: self.seq(),
            day: self.day,
            start: self.now(),
            end: self.now(),
            ty: request.ty,
            reading: if request.bin { Reading::Bin } else { Reading::List },
            scope: format!("{}/{parent}{filter}", request.ty.spec().path),
            filtered: request.guests,
            present,
            lost: Vec::new(),
            select: request.select,
            leaves_out: false,
            count: None,
            dangling: false,
            ranges: Vec::new(),
            parent: request.parent,
            carried: None,
            shown: BTreeSet::new(),
            files: Vec::new(),
        }
    }

    /// Position of the lost page among this many.
    fn lost_page(&self, request: &ListRequest, pages: usize) -> Option<usize> {
        let series = request.series.filter(|_| !request.bin)?;
        let lost = self.trouble.lost.get(&(self.day, series)).filter(|_| pages >= 4)?;
        Some(match lost {
            Lost::First => 0,
            Lost::Middle => pages / 2,
            Lost::Last => pages - 1,
        })
    }

    /// Name of a file for this request at this time.
    fn stamped(&self, request: &str, at: i64, suffix: &str) -> String {
        let name = request.replace('/', "_");
        let number = hash(self.options.seed, &[tag(&name), tag(&clock::rfc3339(at))]);
        format!("{name}_{}_{:08x}.{suffix}", clock::compact(at), number >> 32)
    }

    /// Writes a file below the day's folder.
    fn file(&mut self, name: &str, text: &[u8]) -> Result<(), SynthError> {
        let path = self.folder.join(name);
        let failed = |source| SynthError::Write { path: path.clone(), source };
        undisturbed(|| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, text)
        })
        .map_err(failed)?;
        let size_bytes = u64::try_from(text.len()).unwrap_or(0);
        self.options.meter.add_bytes(size_bytes);
        if self.keeps_account() {
            self.written.sheets.push(sheet::of(self.day, name, text));
        }
        self.written.files += 1;
        self.written.bytes += size_bytes;
        Ok(())
    }

    /// Whether it is kept account of what each file holds.
    fn keeps_account(&self) -> bool {
        self.tenant.recovery.is_some()
            && self.options.format == ExportFormat::Graph
            && self.is_small()
    }

    /// The number of the file that was written last.
    fn last_file(&self) -> usize {
        self.written.sheets.len().saturating_sub(1)
    }

    fn relation_path(&self, (source, relation): Relation) -> String {
        format!("{}/{}/{relation}", source.ty.spec().path, self.tenant.key(source))
    }
}

/// The text in UTF-16LE with a byte order mark.
fn utf16(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}
