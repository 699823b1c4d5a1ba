//! Bare arrays, lines, and the folder tree: one file for each list, or for each object.

use super::super::capture::{LinkCapture, Reading, Whole};
use super::super::kinds::{Obj, Ty};
use super::super::rng::{hash, tag};
use super::super::tenant::Relation;
use super::super::{ExportFormat, SynthError};
use super::object::Manner;
use super::{Exporter, ListRequest, start_of, utf16};

impl Exporter<'_> {
    fn file_name(&self, path: &str) -> String {
        if self.options.format == ExportFormat::Ndjson {
            self.stamped(path, self.clock, "jsonl")
        } else {
            format!("{}.json", path.replace('/', "_"))
        }
    }

    fn tick(&mut self) {
        if self.is_stamped() {
            self.clock += 1;
        }
    }

    /// Writes a list as one file.
    pub(super) fn one_file(
        &mut self,
        request: &ListRequest,
        members: &[Obj],
    ) -> Result<(), SynthError> {
        let lines = self.options.format == ExportFormat::Ndjson;
        // One line alone is one object, not a list of one.
        if lines && members.len() < 2 && request.ty != Ty::Organization {
            return Ok(());
        }
        let spec = request.ty.spec();
        let path = match (request.parent, spec.bin.filter(|_| request.bin)) {
            (Some(parent), _) => self.relation_path((parent, spec.path)),
            (None, Some(bin)) => bin.to_owned(),
            (None, None) => spec.path.to_owned(),
        };
        let capture = self.capture(request, members);
        let manner = Manner {
            seq: capture.seq,
            select: request.select,
            leaves_out: false,
            bin: request.bin,
            manager: false,
        };
        self.buffer.clear();
        for (number, obj) in members.iter().enumerate() {
            match (lines, number) {
                (true, 0) => {}
                (true, _) => self.buffer.push(b'\n'),
                (false, 0) => self.buffer.push(b'['),
                (false, _) => self.buffer.extend_from_slice(b",\n"),
            }
            self.object(*obj, capture.start, manner);
        }
        let end: &[u8] = match (lines, members.is_empty()) {
            (true, _) => b"\n",
            (false, true) => b"[]",
            (false, false) => b"]\n",
        };
        self.buffer.extend_from_slice(end);
        self.finish(&self.file_name(&path))?;
        self.written.captures.push(capture);
        Ok(())
    }

    fn finish(&mut self, name: &str) -> Result<(), SynthError> {
        let text = std::mem::take(&mut self.buffer);
        let done = self.file(name, &text);
        self.buffer = text;
        self.tick();
        done
    }

    /// Writes an object that is one per tenant.
    pub(super) fn single_file(&mut self, obj: Obj) -> Result<(), SynthError> {
        let spec = obj.ty.spec();
        let tree = self.options.format == ExportFormat::EntraExporter;
        let name = match (tree, spec.folder) {
            (true, None) => return Ok(()),
            (true, Some(folder)) => {
                let leaf = folder.rsplit('/').next().unwrap_or(folder);
                let id = self.tenant.word(obj, "id", start_of(self.day));
                if obj.ty == Ty::Organization {
                    format!("{folder}/{leaf}.json")
                } else if id.is_empty() {
                    format!("{folder}/{leaf}/{leaf}.json")
                } else {
                    format!("{folder}/{id}/{id}.json")
                }
            }
            (false, _) => self.file_name(spec.path),
        };
        let mut capture = self.capture(&ListRequest::of(obj.ty), &[obj]);
        capture.present = Self::only(obj);
        capture.reading = Reading::Entity;
        let manner = Manner {
            seq: capture.seq,
            select: None,
            leaves_out: false,
            bin: false,
            manager: false,
        };
        self.buffer.clear();
        self.object(obj, capture.start, manner);
        self.finish(&name)?;
        self.written.captures.push(capture);
        Ok(())
    }

    /// Writes a list as a folder with a folder for each object.
    pub(super) fn tree(
        &mut self,
        request: &ListRequest,
        members: &[Obj],
    ) -> Result<(), SynthError> {
        let Some(folder) = request.ty.spec().folder else { return Ok(()) };
        if request.ty == Ty::Organization {
            return self.single_file(Obj { ty: Ty::Organization, ix: 0 });
        }
        if members.is_empty() {
            return Ok(());
        }
        let capture = self.capture(request, members);
        let above = request.parent.and_then(|parent| {
            Some(format!("{}/{}/", parent.ty.spec().folder?, self.tenant.key(parent)))
        });
        let manner = Manner {
            seq: capture.seq,
            select: request.select,
            leaves_out: false,
            bin: false,
            manager: false,
        };
        for obj in members {
            self.buffer.clear();
            self.object(*obj, capture.start, manner);
            let id = self.tenant.word(*obj, "id", capture.start);
            let id = if id.is_empty() { self.tenant.key(*obj) } else { id };
            let name = format!("{}{folder}/{id}/{id}.json", above.as_deref().unwrap_or_default());
            self.leaf(&name)?;
        }
        self.written.captures.push(capture);
        Ok(())
    }

    /// Writes the buffer as one file of the tree, some in UTF-16.
    fn leaf(&mut self, name: &str) -> Result<(), SynthError> {
        let text = std::mem::take(&mut self.buffer);
        let number = hash(self.options.seed, &[tag(name), u64::try_from(self.day).unwrap_or(0)]);
        let wide = self.trouble.spelling && number.is_multiple_of(4);
        let done = if wide { self.file(name, &utf16(&text)) } else { self.file(name, &text) };
        self.buffer = text;
        done
    }

    /// Writes the targets of a relation as one file.
    pub(super) fn link_file(
        &mut self,
        relation: Relation,
        targets: &[Obj],
    ) -> Result<(), SynthError> {
        let lines = self.options.format == ExportFormat::Ndjson;
        if lines && targets.len() < 2 {
            return Ok(());
        }
        let at = self.now();
        self.buffer.clear();
        self.buffer.extend_from_slice(if lines { b"" } else { b"[" });
        for (number, target) in targets.iter().enumerate() {
            if number > 0 {
                self.buffer.push(if lines { b'\n' } else { b',' });
            }
            self.target(*target, at);
        }
        self.buffer.extend_from_slice(if lines { b"\n" } else { b"]" });
        let path = self.relation_path(relation);
        self.finish(&self.file_name(&path))?;
        if relation.0.ty != Ty::DirectoryRole {
            let whole = Whole::Consistent;
            self.written.links.push(LinkCapture {
                day: self.day,
                start: at,
                end: at,
                relation,
                whole,
                files: Vec::new(),
            });
        }
        Ok(())
    }

    /// Writes the targets of a relation as a folder.
    pub(super) fn link_tree(
        &mut self,
        relation: Relation,
        targets: &[Obj],
    ) -> Result<(), SynthError> {
        let (source, segment) = relation;
        let Some(folder) = source.ty.spec().folder.filter(|_| !targets.is_empty()) else {
            return Ok(());
        };
        let at = start_of(self.day);
        let segment = if segment == "members" { "Members" } else { "Owners" };
        let above = self.tenant.key(source);
        for target in targets {
            self.buffer.clear();
            self.target(*target, at);
            let id = self.tenant.key(*target);
            self.leaf(&format!("{folder}/{above}/{segment}/{id}/{id}.json"))?;
        }
        let whole = Whole::Consistent;
        let (day, files) = (self.day, Vec::new());
        self.written.links.push(LinkCapture { day, start: at, end: at, relation, whole, files });
        Ok(())
    }
}
