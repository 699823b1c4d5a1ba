//! What a case remembers of an exhibit beside its rows: only what follows from its bytes and from the hints of its path
//! that decided how they were read. Times, tenants, snapshots and labels are worked out anew in every run.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::rendering;
use super::wire::{Reader, Writer};
use crate::codes::code;
use crate::evidence::{Encoding, Fingerprints};
use crate::index::LogCount;
use crate::intake::{
    Beside, Format, Job, Place, Quarantined, Rendering, Request, Spelling, Subject, Trouble,
};
use crate::model::Tally;

/// What follows from the bytes of an exhibit.
#[derive(Debug)]
pub(in crate::index) struct Facts {
    pub(in crate::index) hints: Hints,
    pub(in crate::index) size_bytes: u64,
    pub(in crate::index) prints: Fingerprints,
    pub(in crate::index) encoding: Encoding,
    pub(in crate::index) format: Option<Format>,
    pub(in crate::index) tally: Tally,
    pub(in crate::index) quarantine: Vec<Quarantined>,
    pub(in crate::index) troubles: Vec<Trouble>,
    pub(in crate::index) object_types: Vec<Arc<str>>,
    /// Records of logs.
    pub(in crate::index) logs: Vec<LogCount>,
    /// Whether it holds nothing but records of logs.
    pub(in crate::index) is_log: bool,
    pub(in crate::index) rendering: Rendering,
    /// When it was made, as it says itself.
    pub(in crate::index) made_at: Option<Timestamp>,
    /// What it tells of the files beside it.
    pub(in crate::index) beside: Beside,
    /// Ids of its `organization` objects, and tenants that its envelope names.
    pub(in crate::index) tenants: Vec<String>,
    pub(in crate::index) requests: Vec<Request>,
}

/// What equal bytes must share to give equal rows: a digest of what the path tells the intake.
pub(in crate::index) type Hints = [u8; 16];

/// What rows are found by: SHA-256 and BLAKE3 of the exhibit, and [`Hints`].
pub(in crate::index) type ExhibitKey = ([u8; 32], [u8; 32], Hints);

impl Facts {
    pub(in crate::index) fn key(&self) -> ExhibitKey {
        (self.prints.sha256, self.prints.blake3, self.hints)
    }
}

/// The hints of a path. Folders above the snapshot are not among them: no row depends on them, and requests get theirs anew.
pub(in crate::index) fn hints(place: &Place) -> Hints {
    let mut hasher = blake3::Hasher::new();
    let mut put = |text: Option<&str>| {
        let text = text.map_or(&[][..], str::as_bytes);
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes()).update(text);
    };
    let Place { collection, parent, tree_folder, stem, lines, suite, within, map, .. } = place;
    let present = [collection.is_some(), parent.is_some(), tree_folder.is_some(), *lines];
    put(Some(&present.map(|present| if present { '1' } else { '0' }).iter().collect::<String>()));
    put(collection.as_deref());
    if let Some((above, id, below)) = parent {
        put(Some(above));
        put(Some(id));
        put(Some(below));
    }
    put(tree_folder.as_deref());
    put(Some(stem));
    put(suite.as_deref());
    put(Some(within));
    if let Some(rule) = map {
        hasher.update(&rule.digest());
    }
    hasher.finalize().as_bytes().first_chunk::<16>().copied().unwrap_or_default()
}

const SPELLINGS: [Spelling; 9] = [
    Spelling::Graph,
    Spelling::PowerShell,
    Spelling::AzureHound,
    Spelling::Goose,
    Spelling::DfirO365rc,
    Spelling::AzureAdGraph,
    Spelling::Dsc,
    Spelling::Nameless,
    Spelling::IntuneManagement,
];

const FORMATS: [Format; 30] = [
    Format::GraphPage,
    Format::GraphEntity,
    Format::Array,
    Format::Object,
    Format::JsonTexts,
    Format::ExporterTree,
    Format::PortalCsv,
    Format::ObjectCsv,
    Format::LogCsv,
    Format::Clixml,
    Format::ErrorBody,
    Format::PowerShell,
    Format::AzureHound,
    Format::ScubaGear,
    Format::Answers,
    Format::Goose,
    Format::ExtractorSuite,
    Format::DfirO365rc,
    Format::Hawk,
    Format::ToolResults,
    Format::NotJson,
    Format::Empty,
    Format::AzureAdGraph,
    Format::Roadrecon,
    Format::Database,
    Format::DatabaseLog,
    Format::Dsc,
    Format::ConfigAsCode,
    Format::IntuneManagement,
    Format::Mapped,
];

const ENCODINGS: [Encoding; 6] = [
    Encoding::Utf8,
    Encoding::Utf8Bom,
    Encoding::Utf16Le { bom: true },
    Encoding::Utf16Le { bom: false },
    Encoding::Utf16Be { bom: true },
    Encoding::Utf16Be { bom: false },
];

/// Writes which of the values it is.
pub(super) fn put_one_of<T: PartialEq>(writer: &mut Writer, values: &[T], value: &T) {
    writer.count(values.iter().position(|known| known == value).unwrap_or(values.len()));
}

pub(super) fn one_of<T: Copy>(reader: &mut Reader<'_>, values: &[T]) -> Option<T> {
    values.get(reader.count()?).copied()
}

/// Writes the facts of all exhibits of a pack.
pub(super) fn put_all(writer: &mut Writer, exhibits: &[Facts]) {
    let mut selects: BTreeMap<&[String], usize> = BTreeMap::new();
    let requests = exhibits.iter().flat_map(|exhibit| &exhibit.requests);
    for select in requests.filter_map(|request| request.select.as_deref()) {
        let next = selects.len();
        selects.entry(select).or_insert(next);
    }
    let mut lists: Vec<(&usize, &&[String])> =
        selects.iter().map(|(list, number)| (number, list)).collect();
    lists.sort_unstable();
    writer.count(lists.len());
    for (_, list) in lists {
        writer.texts(list);
    }
    writer.count(exhibits.len());
    for exhibit in exhibits {
        put(writer, exhibit, &selects);
    }
}

/// Reads the facts of all exhibits of a pack.
pub(super) fn take_all(reader: &mut Reader<'_>) -> Option<Vec<Facts>> {
    let selects: Vec<Arc<[String]>> =
        reader.list(|reader| reader.list(Reader::string).map(Arc::from))?;
    reader.list(|reader| take(reader, &selects))
}

fn put(writer: &mut Writer, exhibit: &Facts, selects: &BTreeMap<&[String], usize>) {
    writer.raw(&exhibit.hints);
    writer.number(exhibit.size_bytes);
    writer.raw(&exhibit.prints.sha256);
    writer.raw(&exhibit.prints.blake3);
    put_one_of(writer, &ENCODINGS, &exhibit.encoding);
    writer.optional(exhibit.format, |writer, format| put_one_of(writer, &FORMATS, &format));
    let Tally { seen, used, set_aside, quarantined } = &exhibit.tally;
    for number in [seen, used, quarantined] {
        writer.number(*number);
    }
    writer.count(set_aside.len());
    for (rule, count) in set_aside {
        writer.text(rule);
        writer.number(*count);
    }
    writer.count(exhibit.quarantine.len());
    for record in &exhibit.quarantine {
        writer.count(record.span.start);
        writer.count(record.span.end);
        writer.text(record.code);
        writer.text(record.reason);
    }
    writer.count(exhibit.troubles.len());
    for trouble in &exhibit.troubles {
        writer.text(trouble.code);
        writer.count(trouble.offset_bytes);
        writer.text(&trouble.cause);
    }
    writer.texts(&exhibit.object_types);
    writer.count(exhibit.logs.len());
    for LogCount { dialect, object_type, records } in &exhibit.logs {
        writer.raw(&[*dialect]);
        writer.text(object_type);
        writer.number(*records);
    }
    writer.flag(exhibit.is_log);
    rendering::put(writer, &exhibit.rendering);
    writer.optional(exhibit.made_at, Writer::time);
    put_beside(writer, &exhibit.beside);
    writer.texts(&exhibit.tenants);
    writer.count(exhibit.requests.len());
    for request in &exhibit.requests {
        put_request(writer, request, selects);
    }
}

fn take(reader: &mut Reader<'_>, selects: &[Arc<[String]>]) -> Option<Facts> {
    Some(Facts {
        hints: reader.raw()?,
        size_bytes: reader.number()?,
        prints: Fingerprints { sha256: reader.raw()?, blake3: reader.raw()? },
        encoding: one_of(reader, &ENCODINGS)?,
        format: reader.optional(|reader| one_of(reader, &FORMATS))?,
        tally: take_tally(reader)?,
        quarantine: reader.list(|reader| {
            let span = reader.count()?..reader.count()?;
            Quarantined::of(span, &reader.text()?, &reader.text()?)
        })?,
        troubles: reader.list(|reader| {
            let code = take_code(reader)?;
            Some(Trouble { code, offset_bytes: reader.count()?, cause: reader.string()? })
        })?,
        object_types: reader.list(Reader::text)?,
        logs: reader.list(|reader| {
            let [dialect] = reader.raw()?;
            Some(LogCount { dialect, object_type: reader.text()?, records: reader.number()? })
        })?,
        is_log: reader.flag()?,
        rendering: rendering::take(reader)?,
        made_at: reader.optional(Reader::time)?,
        beside: take_beside(reader)?,
        tenants: reader.list(Reader::string)?,
        requests: reader.list(|reader| take_request(reader, selects))?,
    })
}

fn put_beside(writer: &mut Writer, beside: &Beside) {
    writer.flag(beside.is_configuration);
    writer.texts(&beside.ids);
    writer.count(beside.jobs.len());
    for job in &beside.jobs {
        writer.texts(&job.ids);
        writer.optional(job.tenant.as_deref(), Writer::text);
        writer.optional(job.from, Writer::time);
        writer.optional(job.to, Writer::time);
        put_pairs(writer, &job.failures);
    }
    put_pairs(writer, &beside.names);
}

fn put_pairs(writer: &mut Writer, pairs: &[(String, String)]) {
    writer.count(pairs.len());
    for (first, second) in pairs {
        writer.text(first);
        writer.text(second);
    }
}

fn take_beside(reader: &mut Reader<'_>) -> Option<Beside> {
    let pair = |reader: &mut Reader<'_>| Some((reader.string()?, reader.string()?));
    Some(Beside {
        is_configuration: reader.flag()?,
        ids: reader.list(Reader::string)?,
        jobs: reader.list(|reader| {
            Some(Job {
                ids: reader.list(Reader::string)?,
                tenant: reader.optional(Reader::string)?,
                from: reader.optional(Reader::time)?,
                to: reader.optional(Reader::time)?,
                failures: reader.list(pair)?,
            })
        })?,
        names: reader.list(pair)?,
    })
}

fn take_tally(reader: &mut Reader<'_>) -> Option<Tally> {
    let (seen, used, quarantined) = (reader.number()?, reader.number()?, reader.number()?);
    let set_aside = reader.list(|reader| Some((reader.string()?, reader.number()?)))?;
    Some(Tally { seen, used, quarantined, set_aside: set_aside.into_iter().collect() })
}

/// A code that is known.
pub(super) fn take_code(reader: &mut Reader<'_>) -> Option<&'static str> {
    Some(code(&reader.text()?)?.code.as_str())
}

fn put_request(writer: &mut Writer, request: &Request, selects: &BTreeMap<&[String], usize>) {
    put_one_of(writer, &FORMATS, &request.format);
    put_subject(writer, &request.subject);
    writer.optional(request.context.as_deref(), Writer::text);
    writer.text(&request.api_version);
    let select = request.select.as_deref().and_then(|select| selects.get(select));
    writer.optional(select, |writer, number| writer.count(*number));
    writer.texts(&request.expanded);
    for flag in [request.next_link, request.delta, request.damaged] {
        writer.flag(flag);
    }
    writer.text(&request.narrowing);
    writer.optional(request.count, Writer::number);
    writer.optional(request.refused.as_deref(), Writer::text);
    writer.number(request.records);
    writer.optional(request.keeps_nulls, Writer::flag);
    put_one_of(writer, &SPELLINGS, &request.spelling);
    writer.flag(request.by_name);
    writer.flag(request.by_path);
    writer.flag(request.has_losses);
}

fn take_request(reader: &mut Reader<'_>, selects: &[Arc<[String]>]) -> Option<Request> {
    let format = one_of(reader, &FORMATS)?;
    let subject = take_subject(reader)?;
    let context = reader.optional(Reader::text)?;
    let api_version = reader.string()?;
    let select = reader.optional(|reader| selects.get(reader.count()?).cloned())?;
    let expanded = reader.list(Reader::string)?;
    let (next_link, delta, damaged) = (reader.flag()?, reader.flag()?, reader.flag()?);
    Some(Request {
        format,
        subject,
        context,
        api_version,
        select,
        expanded,
        next_link,
        delta,
        damaged,
        narrowing: reader.string()?,
        count: reader.optional(Reader::number)?,
        refused: reader.optional(Reader::string)?,
        records: reader.number()?,
        keeps_nulls: reader.optional(Reader::flag)?,
        folder: String::new(),
        spelling: one_of(reader, &SPELLINGS)?,
        by_name: reader.flag()?,
        by_path: reader.flag()?,
        has_losses: reader.flag()?,
        path: String::new(),
    })
}

fn put_subject(writer: &mut Writer, subject: &Subject) {
    match subject {
        Subject::Objects { object_type, bin } => {
            writer.count(0);
            writer.text(object_type);
            writer.flag(*bin);
        }
        Subject::ObjectsOf { object_type, parent_property, parent_id } => {
            writer.count(1);
            [object_type, parent_property, parent_id]
                .into_iter()
                .for_each(|text| writer.text(text));
        }
        Subject::Part { object_type, parent_id } => {
            writer.count(2);
            [object_type, parent_id].into_iter().for_each(|text| writer.text(text));
        }
        Subject::Links { parent_type, parent_id, relation, other_type, inverse } => {
            writer.count(3);
            [parent_type, parent_id, relation, other_type]
                .into_iter()
                .for_each(|text| writer.text(text));
            writer.flag(*inverse);
        }
        Subject::Untyped { fallback } => {
            writer.count(4);
            writer.text(fallback);
        }
        Subject::Orphan { rule } => {
            writer.count(5);
            writer.text(rule);
        }
    }
}

fn take_subject(reader: &mut Reader<'_>) -> Option<Subject> {
    Some(match reader.count()? {
        0 => Subject::Objects { object_type: reader.string()?, bin: reader.flag()? },
        1 => Subject::ObjectsOf {
            object_type: reader.string()?,
            parent_property: reader.string()?,
            parent_id: reader.string()?,
        },
        2 => Subject::Part { object_type: reader.string()?, parent_id: reader.string()? },
        3 => Subject::Links {
            parent_type: reader.string()?,
            parent_id: reader.string()?,
            relation: reader.string()?,
            other_type: reader.string()?,
            inverse: reader.flag()?,
        },
        4 => Subject::Untyped { fallback: reader.string()? },
        5 => Subject::Orphan { rule: take_code(reader)? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_those_of_formats() {
        // Resources of the service and of Microsoft365DSC have one format and two tools.
        let formats = crate::directory::catalogue().formats_of_tools();
        for format in formats.filter(|format| *format != "configuration snapshot") {
            assert!(FORMATS.iter().any(|known| known.as_str() == format), "{format}");
        }
    }
}
