//! What a text answers: the request behind it, as far as context and names tell.

use std::sync::Arc;

use super::context::Context;
use super::place::Place;
use super::spelling::Spelling;
use crate::directory::{Catalogue, Holds, Relation, RelationKind};

/// How a text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `{"@odata.context":…,"value":[…]}`
    GraphPage,
    /// `{"@odata.context":"…/$entity",…}`
    GraphEntity,
    /// `[{…},…]`
    Array,
    /// One object without envelope.
    Object,
    /// Several JSON texts one after another: NDJSON, glued arrays.
    JsonTexts,
    /// One object per file in an exporter's folder tree.
    ExporterTree,
    /// The admin center's download of users, as CSV.
    PortalCsv,
    /// CSV with a row per object, made by anything else.
    ObjectCsv,
    /// CSV with a row per record of a log.
    LogCsv,
    /// Objects written by PowerShell's `Export-Clixml`.
    Clixml,
    /// `{"error":{…}}`
    ErrorBody,
    /// A list of PowerShell objects.
    PowerShell,
    /// Items of `AzureHound`.
    AzureHound,
    /// The export of `ScubaGear`.
    ScubaGear,
    /// A list of objects of Azure AD Graph.
    AzureAdGraph,
    /// Resources of `Microsoft365DSC` or of a configuration snapshot.
    Dsc,
    /// Objects without ids, as configuration-as-code keeps them.
    ConfigAsCode,
    /// An object of `IntuneManagement`, or its table of names.
    IntuneManagement,
    /// Answers with what was asked beside them: `$batch`, or one that a tool saved with its status.
    Answers,
    /// A `ROADrecon` database.
    Roadrecon,
    /// Any other `SQLite` database.
    Database,
    /// What `SQLite` keeps beside a database: a write-ahead log or a journal.
    DatabaseLog,
    /// A file of CISA's Untitled Goose Tool that names more than its own request.
    Goose,
    /// A view of Microsoft-Extractor-Suite.
    ExtractorSuite,
    /// A list of DFIR-O365RC, recycle bin and all.
    DfirO365rc,
    /// A view of Hawk.
    Hawk,
    /// JSON that a map says how to read.
    Mapped,
    /// What a tool found, not what there is.
    ToolResults,
    /// No JSON.
    NotJson,
    /// Nothing in it.
    Empty,
}

impl Format {
    /// The words that `evidence.csv` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GraphPage => "Graph collection page",
            Self::GraphEntity => "Graph entity",
            Self::Array => "JSON array",
            Self::Object => "JSON object",
            Self::JsonTexts => "JSON texts",
            Self::ExporterTree => "exporter tree",
            Self::PortalCsv => "portal CSV",
            Self::ObjectCsv => "CSV of objects",
            Self::LogCsv => "CSV of log records",
            Self::Clixml => "PowerShell CLIXML",
            Self::ErrorBody => "Graph error",
            Self::PowerShell => "PowerShell objects",
            Self::AzureHound => "AzureHound",
            Self::ScubaGear => "ScubaGear",
            Self::AzureAdGraph => "Azure AD Graph",
            Self::Dsc => "configuration resources",
            Self::ConfigAsCode => "configuration without ids",
            Self::IntuneManagement => "IntuneManagement",
            Self::Answers => "Graph answers",
            Self::Roadrecon => "ROADrecon database",
            Self::Database => "SQLite database",
            Self::DatabaseLog => "SQLite log",
            Self::Goose => "Untitled Goose Tool",
            Self::ExtractorSuite => "Microsoft-Extractor-Suite",
            Self::DfirO365rc => "DFIR-O365RC",
            Self::Hawk => "Hawk",
            Self::Mapped => "by map",
            Self::ToolResults => "results of a tool",
            Self::NotJson => "not JSON",
            Self::Empty => "empty",
        }
    }

    /// Whether it says nothing of where its records are from.
    #[must_use]
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Array | Self::Object | Self::JsonTexts)
    }

    /// Whether a text of this form may be a whole list of its request, so that its silence can mean something.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::GraphPage
                | Self::Array
                | Self::JsonTexts
                | Self::ExporterTree
                | Self::PowerShell
                | Self::AzureHound
                | Self::ScubaGear
                | Self::AzureAdGraph
                | Self::Dsc
                | Self::ConfigAsCode
                | Self::PortalCsv
                | Self::ObjectCsv
                | Self::Clixml
                | Self::Roadrecon
                | Self::Goose
                | Self::ExtractorSuite
                | Self::DfirO365rc
                | Self::Hawk
                | Self::Mapped
        )
    }

    /// Whether a collector suite or an assessment tool made it.
    #[must_use]
    pub fn is_of_tool(self) -> bool {
        matches!(
            self,
            Self::Goose | Self::ExtractorSuite | Self::DfirO365rc | Self::Hawk | Self::ToolResults
        )
    }

    /// The format of a collector suite, by the words of [`Format::as_str`].
    #[must_use]
    pub fn of_tool(name: &str) -> Option<Self> {
        [Self::Goose, Self::ExtractorSuite, Self::DfirO365rc, Self::Hawk]
            .into_iter()
            .find(|format| format.as_str() == name)
    }
}

/// What the records of a request are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Objects of a type; `bin` if they come from its recycle bin.
    Objects {
        /// Graph resource name, or the path of an unknown type.
        object_type: String,
        /// Whether the request read the recycle bin.
        bin: bool,
    },
    /// Objects of a type, listed for one parent only.
    ObjectsOf {
        /// Graph resource name.
        object_type: String,
        /// Property that repeats the parent's id; may be empty.
        parent_property: String,
        /// The parent's id.
        parent_id: String,
    },
    /// One object per parent, identified by the parent.
    Part {
        /// Graph resource name.
        object_type: String,
        /// The parent's id.
        parent_id: String,
    },
    /// Links between one object and each record.
    Links {
        /// Type of the object that the path names.
        parent_type: String,
        /// Its id.
        parent_id: String,
        /// Canonical relation name.
        relation: String,
        /// Type of the records where they carry none.
        other_type: String,
        /// Whether the canonical direction runs from the records to the parent.
        inverse: bool,
    },
    /// Objects whose type each record must tell.
    Untyped {
        /// What to call the type where no record tells.
        fallback: String,
    },
    /// Records that belong to something that nothing names; the rule that sets them aside.
    Orphan {
        /// Stable code.
        rule: &'static str,
    },
}

/// A request that an exhibit answers, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a request, not a mode")]
pub struct Request {
    /// Layout.
    pub format: Format,
    /// What the records are.
    pub subject: Subject,
    /// `@odata.context` as written.
    pub context: Option<Arc<str>>,
    /// `v1.0`, `beta`, or empty.
    pub api_version: String,
    /// Names of the select list.
    pub select: Option<Arc<[String]>>,
    /// Names of the expanded relations.
    pub expanded: Vec<String>,
    /// Whether another page follows.
    pub next_link: bool,
    /// `$filter` and `$search` of the next link; empty if none is visible.
    pub narrowing: String,
    /// `@odata.count`.
    pub count: Option<u64>,
    /// Whether it is a page of a delta answer: absence in it means nothing.
    pub delta: bool,
    /// Whether records may be missing because the text is damaged.
    pub damaged: bool,
    /// Error code, if the service refused.
    pub refused: Option<String>,
    /// Records that it holds.
    pub records: u64,
    /// Whether an attribute without value is written as null; `None` where the data must tell.
    pub keeps_nulls: Option<bool>,
    /// The folder that the list is made of.
    pub folder: String,
    /// How its records spell members and values.
    pub spelling: Spelling,
    /// Whether any of its records goes by its name for want of an id.
    pub by_name: bool,
    /// Whether its record goes by its path for want of both.
    pub by_path: bool,
    /// Whether the spelling cut something off of any of its records.
    pub has_losses: bool,
    /// That path.
    pub path: String,
}

impl Request {
    /// The request behind a text with this context (if any) at this place.
    #[must_use]
    pub fn new(format: Format, url: Option<&str>, place: &Place, catalogue: &Catalogue) -> Self {
        let context = url.and_then(Context::parse);
        let subject = match &context {
            Some(context) => subject_of_context(context, place, catalogue),
            None => subject_of_place(place, catalogue),
        };
        let in_tree =
            place.tree_folder.is_some() && matches!(format, Format::GraphEntity | Format::Object);
        let suite = place.suite.as_deref().filter(|_| url.is_none() && !in_tree);
        let suite = suite.and_then(|name| catalogue.suite_file_named(name));
        let listed = suite.filter(|file| file.holds != Holds::FirstPage && format.is_bare());
        let tool = listed.and_then(|file| Format::of_tool(&file.tool));
        let folder = if in_tree { place.tree_folder.clone() } else { None };
        Self {
            format: if in_tree { Format::ExporterTree } else { tool.unwrap_or(format) },
            subject,
            context: url.map(Arc::from),
            api_version: context.as_ref().map(|c| c.api_version.clone()).unwrap_or_default(),
            delta: context.as_ref().is_some_and(|context| context.delta)
                || suite.is_some_and(|file| file.holds == Holds::Part),
            expanded: context.as_ref().map(|c| c.expanded.clone()).unwrap_or_default(),
            select: context.and_then(|context| context.select).map(Arc::from),
            next_link: false,
            narrowing: String::new(),
            count: None,
            damaged: false,
            refused: None,
            records: 0,
            keeps_nulls: match tool {
                Some(Format::DfirO365rc) => Some(false),
                _ => (url.is_some() || in_tree).then_some(true),
            },
            folder: folder.unwrap_or_else(|| place.folder.clone()),
            spelling: listed.map_or(Spelling::Graph, Spelling::of_suite),
            by_name: false,
            by_path: false,
            has_losses: false,
            path: String::new(),
        }
    }
}

impl Request {
    /// It is a delta answer: an attribute or object that is not in it says nothing.
    pub(super) fn holds_changes(&mut self) {
        self.delta = true;
        self.select = None;
        self.keeps_nulls = Some(true);
    }
}

fn subject_of_context(context: &Context, place: &Place, catalogue: &Catalogue) -> Subject {
    // A function at the end of a path says what comes back, whatever it was called on.
    let of_service = |name: &str| catalogue.object_type(name).is_some_and(|t| t.service_record);
    let cast = context.cast.as_deref();
    let function = cast.and_then(|name| name.rsplit('.').next());
    let last = context.segments.last().map(|last| last.name.as_str());
    let whole = context.path();
    let names = [function, last, Some(&whole)].into_iter().flatten();
    let of_type = cast.and_then(|name| Some((catalogue.of_odata_type(name)?, false)));
    let mut found =
        of_type.into_iter().chain(names.filter_map(|name| catalogue.of_collection(name)));
    if let Some((object_type, bin)) = found.find(|(name, _)| of_service(name)) {
        return Subject::Objects { object_type: object_type.to_owned(), bin };
    }
    if let Some((above, key, below)) = context.parent() {
        return below_object(&above, key, &below, catalogue)
            .unwrap_or_else(|| unknown_below(&above, key, &below));
    }
    let path = context.path();
    if path.eq_ignore_ascii_case("directoryObjects") {
        return match &place.parent {
            Some((above, id, below)) => below_object(above, id, below, catalogue)
                .unwrap_or(Subject::Orphan { rule: "relation-unknown" }),
            None => Subject::Orphan { rule: "page-without-parent" },
        };
    }
    let Some((object_type, bin)) = catalogue.of_collection(&path) else {
        return Subject::Objects { object_type: path, bin: false };
    };
    let bin = bin || place_names_bin(place, object_type, catalogue);
    // A relation answered under its items' own collection: `users/<id>/manager` gives `#directoryObjects/$entity` or
    // `#users/$entity`; the path then tells the parent.
    if !bin
        && let Some((above, id, below)) = &place.parent
        && let Some(found) = below_object(above, id, below, catalogue)
    {
        return found;
    }
    Subject::Objects { object_type: object_type.to_owned(), bin }
}

/// The context of a recycle bin often names the live type; the name of the file or folder then tells.
fn place_names_bin(place: &Place, object_type: &str, catalogue: &Catalogue) -> bool {
    place
        .collection
        .as_deref()
        .and_then(|path| catalogue.of_collection(path))
        .is_some_and(|(named, bin)| bin && (named == object_type || named == "directoryObject"))
}

fn subject_of_place(place: &Place, catalogue: &Catalogue) -> Subject {
    if let Some((above, id, below)) = &place.parent
        && let Some(subject) = below_object(above, id, below, catalogue)
    {
        return subject;
    }
    match place.collection.as_deref().and_then(|path| catalogue.of_collection(path)) {
        Some((object_type, bin)) => Subject::Objects { object_type: object_type.to_owned(), bin },
        None => Subject::Untyped { fallback: fallback_type(&place.stem) },
    }
}

/// The letters that a file name begins with, so that an unknown type has a name that lasts over dates and pages.
fn fallback_type(stem: &str) -> String {
    let name: String =
        stem.chars().take_while(|c| c.is_alphabetic() || matches!(c, '_' | '.')).collect();
    let name = name.trim_matches(['_', '.']);
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

fn unknown_below(above: &str, key: &str, below: &str) -> Subject {
    Subject::ObjectsOf {
        object_type: format!("{above}/{below}"),
        parent_property: String::new(),
        parent_id: key.to_owned(),
    }
}

fn below_object(above: &str, key: &str, below: &str, catalogue: &Catalogue) -> Option<Subject> {
    let (parent_type, _) = catalogue.of_collection(above)?;
    let Relation { kind, .. } = catalogue.relation(parent_type, below)?;
    let parent_id =
        if super::context::is_guid(key) { key.to_ascii_lowercase() } else { key.to_owned() };
    Some(match kind {
        RelationKind::Links { relation, target_type } => Subject::Links {
            parent_type: parent_type.to_owned(),
            parent_id,
            relation: relation.clone(),
            other_type: target_type.clone(),
            inverse: false,
        },
        RelationKind::InverseLinks { relation, source_type } => Subject::Links {
            parent_type: parent_type.to_owned(),
            parent_id,
            relation: relation.clone(),
            other_type: source_type.clone(),
            inverse: true,
        },
        RelationKind::Objects { object_type, parent_property } => Subject::ObjectsOf {
            object_type: object_type.clone(),
            parent_property: parent_property.clone(),
            parent_id,
        },
        RelationKind::Part { object_type } => {
            Subject::Part { object_type: object_type.clone(), parent_id }
        }
    })
}
