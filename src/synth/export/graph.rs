//! Pages as Microsoft Graph answers them.

use std::io::Write as _;

use super::super::capture::{Bits, Capture, LinkCapture, Reading, Whole};
use super::super::kinds::{Obj, Ty};
use super::super::plan;
use super::super::rng::{hash, tag};
use super::super::tenant::Relation;
use super::super::{ExportFormat, SynthError};
use super::object::Manner;
use super::{Exporter, ListRequest, utf16};

const SERVICE: &str = "https://graph.microsoft.com/v1.0";
/// Objects on a page of links.
const LINKS_ON_PAGE: usize = 100;

impl Exporter<'_> {
    fn page_size(&self, request: &ListRequest, members: usize) -> usize {
        let long = members >= 20 && !request.bin && !request.manager && request.parent.is_none();
        match request.guests {
            true => members.div_ceil(2).max(1),
            false if self.is_small() && long => members.div_ceil(5),
            false => 999,
        }
    }

    fn request_path(&self, request: &ListRequest) -> String {
        let spec = request.ty.spec();
        match (request.parent, spec.bin.filter(|_| request.bin)) {
            (Some(parent), _) => self.relation_path((parent, spec.path)),
            (None, Some(bin)) => bin.to_owned(),
            (None, None) => spec.path.to_owned(),
        }
    }

    fn context(&self, request: &ListRequest) -> String {
        let spec = request.ty.spec();
        let fragment = match request.parent {
            Some(parent) => {
                let above = parent.ty.spec().path;
                format!("{above}('{}')/{}", self.tenant.key(parent), spec.path)
            }
            None => spec.path.to_owned(),
        };
        let mut select = match request.select {
            Some(names) if !request.bin => names.join(","),
            _ => String::new(),
        };
        if request.manager {
            select.push_str(",manager(id)");
        }
        let list = if select.is_empty() { select } else { format!("({select})") };
        format!("{SERVICE}/$metadata#{fragment}{list}")
    }

    fn has_count(&self, request: &ListRequest) -> bool {
        if request.parent.is_some() {
            return true;
        }
        let number = hash(self.options.seed, &[tag("count"), tag(request.ty.name()), self.seq()]);
        let often = [Ty::CaPolicy, Ty::NamedLocation, Ty::Grant, Ty::XtapPartner];
        if matches!(request.ty, Ty::RoleAssignment | Ty::Eligibility) {
            true
        } else if often.contains(&request.ty) {
            !number.is_multiple_of(3)
        } else {
            number.is_multiple_of(4)
        }
    }

    /// Writes the pages of a list.
    pub(super) fn pages(
        &mut self,
        request: &ListRequest,
        members: &[Obj],
    ) -> Result<(), SynthError> {
        let size = self.page_size(request, members.len()).max(1);
        let pages = members.len().div_ceil(size).max(1);
        let lost = self.lost_page(request, pages);
        let counted = self.has_count(request);
        let mut capture = self.capture(request, members);
        capture.leaves_out = self.trouble.spelling && request.select.is_some() && !request.bin;
        let at = self.clock;
        let start = lost.filter(|page| *page == 0).map_or(at, |_| at + 1);
        let last = i64::try_from(pages - 1).unwrap_or(0);
        let end = if lost == Some(pages - 1) { at + last - 1 } else { at + last };
        (capture.start, capture.end) = (start, end);
        capture.dangling = lost == Some(pages - 1);
        capture.count =
            (counted && lost != Some(0)).then(|| u64::try_from(members.len()).unwrap_or(0));
        let path = self.request_path(request);
        for (page, objects) in
            members.chunks(size).chain(members.is_empty().then_some(members)).enumerate()
        {
            if lost == Some(page) {
                for obj in objects {
                    capture.present.remove(obj.ix);
                    capture.lost.push(obj.ix);
                }
                continue;
            }
            self.page(request, &capture, (page, pages), (objects, members.len()), &path)?;
            let mut held = Bits::default();
            objects.iter().for_each(|obj| held.insert(obj.ix));
            capture.files.push((self.last_file(), held));
        }
        self.ranges(
            &mut capture,
            members.chunks(size).enumerate().filter(|(page, _)| lost != Some(*page)),
        );
        self.manager_links(request, &capture);
        self.clock = at + last + 2;
        self.written.captures.push(capture);
        Ok(())
    }

    fn ranges<'b>(&self, capture: &mut Capture, pages: impl Iterator<Item = (usize, &'b [Obj])>) {
        if !capture.ty.spec().ascending || capture.reading != Reading::List {
            return;
        }
        for (_, objects) in pages {
            if let (Some(first), Some(last)) = (objects.first(), objects.last()) {
                capture.ranges.push((self.tenant.key(*first), self.tenant.key(*last)));
            }
        }
    }

    fn manager_links(&mut self, request: &ListRequest, capture: &Capture) {
        if !request.manager {
            return;
        }
        let sources: Vec<Obj> =
            self.tenant.all(Ty::User).filter(|obj| capture.present.contains(obj.ix)).collect();
        for source in sources {
            self.written.links.push(LinkCapture {
                day: self.day,
                start: capture.start,
                end: capture.end,
                relation: (source, "manager"),
                whole: Whole::Proven,
                files: capture.files.iter().map(|(file, _)| *file).collect(),
            });
        }
    }

    fn page(
        &mut self,
        request: &ListRequest,
        capture: &Capture,
        (page, pages): (usize, usize),
        (objects, total): (&[Obj], usize),
        path: &str,
    ) -> Result<(), SynthError> {
        let at = self.clock + i64::try_from(page).unwrap_or(0);
        let context = self.context(request);
        self.buffer.clear();
        let first = capture.count.filter(|_| page == 0);
        let count = first.map_or_else(String::new, |_| format!(",\"@odata.count\":{total}"));
        let next = if page + 1 < pages {
            let filter = if request.guests { "$filter=userType%20eq%20%27Guest%27&" } else { "" };
            let select = request
                .select
                .map_or_else(String::new, |names| format!("$select={}&", names.join(",")));
            let token =
                hash(self.options.seed, &[tag(path), self.seq(), u64::try_from(page).unwrap_or(0)]);
            format!(
                ",\"@odata.nextLink\":\"{SERVICE}/{path}?{filter}{select}$skiptoken=RFNwdAIAAQAAAB{token:016x}\""
            )
        } else {
            String::new()
        };
        let head = format!("{{\"@odata.context\":\"{context}\"{count}{next},\"value\":[");
        self.buffer.extend_from_slice(head.as_bytes());
        let manner = Manner {
            seq: capture.seq,
            select: request.select,
            leaves_out: capture.leaves_out,
            bin: request.bin,
            manager: request.manager,
        };
        let state = if self.is_small() { at } else { self.clock };
        for (number, obj) in objects.iter().enumerate() {
            if number > 0 {
                self.buffer.push(b',');
            }
            self.object(*obj, state, manner);
        }
        self.buffer.extend_from_slice(b"]}");
        let name = self.stamped(path, at, "json");
        let wide = self.trouble.utf16 == Some(self.day) && request.ty == Ty::User && page == 1;
        let text = std::mem::take(&mut self.buffer);
        let done = if wide { self.file(&name, &utf16(&text)) } else { self.file(&name, &text) };
        self.buffer = text;
        done
    }

    /// Writes an object that is one per tenant.
    pub(super) fn singleton(&mut self, ty: Ty) -> Result<(), SynthError> {
        let obj = Obj { ty, ix: 0 };
        if self.options.format == ExportFormat::Graph {
            let context = format!("{SERVICE}/$metadata#{}/$entity", ty.spec().path);
            return self.entity(obj, None, &context, ty.spec().path);
        }
        if self.is_foreign() {
            return self.foreign_list(&ListRequest::of(ty), &[obj]);
        }
        self.single_file(obj)
    }

    /// Writes one object with its context.
    fn entity(
        &mut self,
        obj: Obj,
        select: Option<&'static [&'static str]>,
        context: &str,
        path: &str,
    ) -> Result<(), SynthError> {
        let request = ListRequest { select, ..ListRequest::of(obj.ty) };
        let mut capture = self.capture(&request, &[obj]);
        capture.reading = Reading::Entity;
        let manner =
            Manner { seq: capture.seq, select, leaves_out: false, bin: false, manager: false };
        self.buffer.clear();
        self.object(obj, self.clock, manner);
        let body = self.buffer.split_off(1);
        self.buffer.clear();
        // Writing to a vector cannot fail.
        let written = write!(self.buffer, "{{\"@odata.context\":\"{context}\"");
        debug_assert!(written.is_ok());
        if body.as_slice() != b"}" {
            self.buffer.push(b',');
        }
        self.buffer.extend_from_slice(&body);
        let text = std::mem::take(&mut self.buffer);
        let name = self.stamped(path, self.clock, "json");
        self.file(&name, &text)?;
        capture.files.push((self.last_file(), capture.present.clone()));
        self.buffer = text;
        self.clock += 1;
        if select != Some(plan::USER_NAMELESS) {
            self.written.captures.push(capture);
        }
        Ok(())
    }

    /// Some users one by one: with an id, and without.
    pub(super) fn details(&mut self) -> Result<(), SynthError> {
        let day = u32::try_from(self.day).unwrap_or(0);
        for step in 0..4 {
            let obj =
                Obj { ty: Ty::User, ix: (day * 7 + step * 13) % self.tenant.first_users.max(1) };
            if !self.tenant.is_live(obj, self.clock) {
                continue;
            }
            let path = format!("users/{}", self.tenant.key(obj));
            let select = if step % 2 == 0 { plan::USER_DETAIL } else { plan::USER_NAMELESS };
            let context = format!("{SERVICE}/$metadata#users({})/$entity", select.join(","));
            self.entity(obj, Some(select), &context, &path)?;
        }
        Ok(())
    }

    /// Per-user requirements of one user.
    pub(super) fn requirements(&mut self, obj: Obj) -> Result<(), SynthError> {
        let Some(user) = self.tenant.parent(obj) else { return Ok(()) };
        if !self.tenant.is_live(user, self.clock) {
            return Ok(());
        }
        let id = self.tenant.key(user);
        let context = format!(
            "https://graph.microsoft.com/beta/$metadata#users('{id}')/authentication/requirements"
        );
        self.entity(obj, None, &context, &format!("users/{id}/authentication/requirements"))
    }

    /// Writes the targets of a relation.
    pub(super) fn links(&mut self, relation: Relation) -> Result<(), SynthError> {
        let at = self.now();
        let targets: Vec<Obj> =
            self.tenant.targets(relation.0, relation.1, at).into_iter().collect();
        match self.options.format {
            ExportFormat::Graph => self.link_pages(relation, &targets),
            ExportFormat::Arrays | ExportFormat::Ndjson => self.link_file(relation, &targets),
            ExportFormat::EntraExporter => self.link_tree(relation, &targets),
            ExportFormat::AzureHound
            | ExportFormat::PowerShell
            | ExportFormat::Clixml
            | ExportFormat::Roadrecon
            | ExportFormat::PortalCsv
            | ExportFormat::ScubaGear => self.foreign_links(relation, &targets),
        }
    }

    fn link_context(&self, (source, relation): Relation) -> String {
        if matches!(source.ty, Ty::Group | Ty::Application) && !source.ix.is_multiple_of(2) {
            let above = source.ty.spec().path;
            format!("{SERVICE}/$metadata#{above}('{}')/{relation}", self.tenant.key(source))
        } else {
            format!("{SERVICE}/$metadata#directoryObjects")
        }
    }

    /// One link target.
    pub(super) fn target(&mut self, target: Obj, at: i64) {
        let kind = target.ty.name();
        let id = self.tenant.key(target);
        let name = self.tenant.word(target, "displayName", at);
        let text = format!(
            "{{\"@odata.type\":\"#microsoft.graph.{kind}\",\"id\":\"{id}\",\"displayName\":"
        );
        self.buffer.extend_from_slice(text.as_bytes());
        super::spell::quote(&mut self.buffer, &name);
        self.buffer.push(b'}');
    }

    fn link_pages(&mut self, relation: Relation, targets: &[Obj]) -> Result<(), SynthError> {
        let path = self.relation_path(relation);
        let context = self.link_context(relation);
        let pages = targets.len().div_ceil(LINKS_ON_PAGE).max(1);
        let start = self.clock;
        let mut files = Vec::new();
        let mut order = targets.to_vec();
        let seed = hash(self.options.seed, &[tag(&path), tag(&start.to_string())]);
        if self.trouble.spelling {
            super::Rng::new(seed, &[]).shuffle(&mut order);
        }
        for page in 0..pages {
            let at = start + i64::try_from(page).unwrap_or(0);
            self.buffer.clear();
            let next = if page + 1 < pages {
                format!(
                    ",\"@odata.nextLink\":\"{SERVICE}/{path}?$skiptoken=RFNwdAoAAQ{:016x}\"",
                    seed ^ u64::try_from(page).unwrap_or(0)
                )
            } else {
                String::new()
            };
            let head = format!("{{\"@odata.context\":\"{context}\"{next},\"value\":[");
            self.buffer.extend_from_slice(head.as_bytes());
            for (number, target) in
                order.iter().skip(page * LINKS_ON_PAGE).take(LINKS_ON_PAGE).enumerate()
            {
                if number > 0 {
                    self.buffer.push(b',');
                }
                self.target(*target, start);
            }
            self.buffer.extend_from_slice(b"]}");
            let text = std::mem::take(&mut self.buffer);
            let name = self.stamped(&path, at, "json");
            self.file(&name, &text)?;
            files.push(self.last_file());
            self.buffer = text;
        }
        let end = start + i64::try_from(pages - 1).unwrap_or(0);
        self.clock = end + 1;
        let whole = if pages == 1 { Whole::Proven } else { Whole::Consistent };
        if relation.0.ty != Ty::DirectoryRole {
            let day = self.day;
            self.written.links.push(LinkCapture { day, start, end, relation, whole, files });
        }
        Ok(())
    }

    /// Members of the activated roles, as the assignments tell.
    pub(super) fn role_members(&mut self) -> Result<(), SynthError> {
        let at = self.now();
        let assignments = self.tenant.live(Ty::RoleAssignment, at);
        let held = |template: &str| -> Vec<Obj> {
            let mut targets: Vec<Obj> = assignments
                .iter()
                .filter(|one| self.tenant.word(**one, "roleDefinitionId", at) == template)
                .filter(|one| self.tenant.word(**one, "directoryScopeId", at) == "/")
                .filter_map(|one| self.tenant.principal(&self.tenant.word(*one, "principalId", at)))
                .collect();
            targets.sort();
            targets
        };
        let roles: Vec<(Obj, Vec<Obj>)> = self
            .tenant
            .all(Ty::DirectoryRole)
            .map(|role| (role, held(&self.tenant.word(role, "roleTemplateId", at))))
            .collect();
        for (role, targets) in roles {
            self.written.role_members.push((self.day, self.now(), targets.clone()));
            if self.options.format == ExportFormat::Graph {
                self.link_pages((role, "members"), &targets)?;
            } else if self.is_foreign() {
                self.foreign_links((role, "members"), &targets)?;
            } else {
                self.link_file((role, "members"), &targets)?;
            }
        }
        Ok(())
    }

    /// A set with one object.
    pub(super) fn only(obj: Obj) -> Bits {
        let mut bits = Bits::default();
        bits.insert(obj.ix);
        bits
    }
}
