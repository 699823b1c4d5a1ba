//! Logs in their dialects: how a record of a log is recognised, which log it is of, and where each dialect keeps what.
//!
//! Names of members and headings are compared without regard to letter case: a SIEM may have lowered them.

use serde::Deserialize;

use super::Catalogue;
use crate::model::LogKind;

const DIALECTS: &str = include_str!("data/log_dialects.csv");
const KINDS: &str = include_str!("data/log_kinds.csv");
const MEMBERS: &str = include_str!("data/log_members.csv");
const HEADINGS: &str = include_str!("data/log_columns.csv");

/// All of them, for the digest of tables.
pub(super) const TABLES: [&str; 4] = [DIALECTS, KINDS, MEMBERS, HEADINGS];

/// The dialect of Graph itself: the first of [`Catalogue::log_dialects`].
pub const GRAPH_DIALECT: u8 = 0;

macro_rules! fields {
    ($($(#[$meta:meta])* $variant:ident = $word:literal,)+) => {
        /// What a record of a log may say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum LogField { $($(#[$meta])* $variant,)+ }

        impl LogField {
            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    /// Id that the service gave the event.
    Id = "id",
    /// When it happened.
    Time = "time",
    /// What groups the records of one request.
    Correlation = "correlation",
    /// What was done.
    Activity = "activity",
    /// Verb of a request to Graph.
    Method = "method",
    /// Address of a request to Graph.
    Uri = "uri",
    /// Category.
    Category = "category",
    /// Service that logged it.
    Service = "service",
    /// Outcome.
    Result = "result",
    /// Reason of the outcome.
    Reason = "reason",
    /// Tenant, or a resource id that holds it.
    Tenant = "tenant",
    /// Address that it came from.
    Ip = "ip",
    /// Client that it came from.
    UserAgent = "userAgent",
    /// Acting user.
    UserId = "userId",
    /// Acting user.
    UserName = "userName",
    /// Acting user.
    UserUpn = "userUpn",
    /// Acting or mediating application.
    AppId = "appId",
    /// Acting or mediating application.
    AppName = "appName",
    /// Acting service principal.
    PrincipalId = "principalId",
    /// Acting service principal.
    PrincipalName = "principalName",
    /// List of ids and names of the actor, each `{ID, Type}`.
    ActorMixed = "actorMixed",
    /// List of targets.
    Targets = "targets",
    /// List of ids and names of the one target, each `{ID, Type}`.
    TargetsMixed = "targetsMixed",
    /// In a target; with `{n}` in a numbered column.
    TargetId = "targetId",
    /// In a target.
    TargetType = "targetType",
    /// In a target.
    TargetName = "targetName",
    /// In a target.
    TargetUpn = "targetUpn",
    /// List of modified properties, in a target or in the record.
    Properties = "properties",
    /// In a property; with `{n}` and `{m}` in a numbered column.
    PropertyName = "propertyName",
    /// In a property.
    PropertyOld = "propertyOld",
    /// In a property.
    PropertyNew = "propertyNew",
    /// List of further details.
    Details = "details",
    /// In a detail; with `{n}` in a numbered column.
    DetailKey = "detailKey",
    /// In a detail.
    DetailValue = "detailValue",
}

/// One way to write down the records of logs.
#[derive(Debug, Clone, Default)]
pub struct LogDialect {
    /// Its key in the tables.
    pub key: String,
    /// What `evidence.csv` calls it.
    pub words: String,
    /// Members that give it away: all of one of the lists.
    pub signatures: Vec<Vec<String>>,
    /// Position of the dialect that the record, or what lies below `below`, follows for the rest.
    pub like: Option<u8>,
    /// Path of what lies inside; empty for the record itself.
    pub below: Vec<String>,
    /// Where it keeps what, in the order in which they are looked at.
    pub members: Vec<LogMember>,
    /// How it is told which log the record is of: tried in order.
    pub kinds: Vec<LogTest>,
    /// Headings of the first columns, by position, where they are written in the language of the reader.
    pub headings: Vec<String>,
}

/// Where a dialect keeps something.
#[derive(Debug, Clone)]
pub struct LogMember {
    /// Of which kind of record; `None` for all.
    pub kind: Option<LogKind>,
    /// What it is.
    pub field: LogField,
    /// Names of members, one inside the other.
    pub path: Vec<String>,
}

/// A test that tells which log a record is of.
#[derive(Debug, Clone)]
pub struct LogTest {
    /// Names of members, one inside the other; none for the type that is known already.
    pub path: Vec<String>,
    /// What the value must be.
    pub value: LogValue,
    /// Kind of the record.
    pub kind: LogKind,
    /// Name of its type as Graph has it.
    pub object_type: String,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogValue {
    /// Nothing is asked.
    Whatever,
    /// Some value.
    Some,
    /// This one, letter case apart.
    Is(String),
    /// One that holds this, letter case apart.
    Holds(String),
}

#[derive(Deserialize)]
struct DialectRow {
    dialect: String,
    words: String,
    members: String,
    like: String,
    below: String,
    source: String,
}

#[derive(Deserialize)]
struct KindRow {
    dialect: String,
    path: String,
    value: String,
    kind: String,
    #[serde(rename = "type")]
    object_type: String,
    source: String,
}

#[derive(Deserialize)]
struct MemberRow {
    dialect: String,
    kind: String,
    field: String,
    path: String,
    source: String,
}

#[derive(Deserialize)]
struct HeadingRow {
    dialect: String,
    heading: String,
    source: String,
}

fn steps(path: &str) -> Vec<String> {
    path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

impl Catalogue {
    /// All dialects; the number of one is its position.
    #[must_use]
    pub fn log_dialects(&self) -> &[LogDialect] {
        &self.logs
    }

    /// A dialect by its number.
    #[must_use]
    pub fn log_dialect(&self, number: u8) -> Option<&LogDialect> {
        self.logs.get(usize::from(number))
    }

    /// The dialect that members give away; `has` ignores letter case.
    #[must_use]
    pub fn log_dialect_of(&self, has: &dyn Fn(&str) -> bool) -> Option<u8> {
        let told = |dialect: &LogDialect| {
            dialect.signatures.iter().any(|members| members.iter().all(|name| has(name)))
        };
        (0_u8..).zip(&self.logs).find(|(_, dialect)| told(dialect)).map(|(number, _)| number)
    }

    /// The number of a dialect.
    #[must_use]
    pub fn log_dialect_named(&self, key: &str) -> Option<u8> {
        (0_u8..).zip(&self.logs).find(|(_, dialect)| dialect.key == key).map(|(number, _)| number)
    }

    pub(super) fn load_logs(&mut self) {
        let words = "Graph log".to_owned();
        self.logs.push(LogDialect { key: "graph".to_owned(), words, ..LogDialect::default() });
        for row in self.rows::<DialectRow>("log_dialects", DIALECTS) {
            self.sound("log_dialects", &row.dialect, &row.source, "");
            let signature: Vec<String> = row.members.split('|').map(str::to_owned).collect();
            if self.logs.last().is_none_or(|last| last.key != row.dialect) {
                self.logs.push(LogDialect {
                    key: row.dialect,
                    words: row.words,
                    below: steps(&row.below),
                    ..LogDialect::default()
                });
            }
            let like = row.like;
            if let Some(dialect) = self.logs.last_mut() {
                dialect.signatures.push(signature);
                // The dialect that is named may follow; its key is kept until all are known.
                dialect.headings = vec![like];
            }
        }
        let likes: Vec<Option<u8>> = self
            .logs
            .iter()
            .map(|dialect| self.log_dialect_named(dialect.headings.first()?))
            .collect();
        for (dialect, like) in self.logs.iter_mut().zip(likes) {
            dialect.like = like;
            dialect.headings.clear();
        }
        self.load_log_kinds();
        self.load_log_members();
        for row in self.rows::<HeadingRow>("log_columns", HEADINGS) {
            self.sound("log_columns", &row.heading, &row.source, "");
            match self.log_of_row("log_columns", &row.dialect) {
                Some(dialect) => dialect.headings.push(row.heading),
                None => continue,
            }
        }
    }

    fn log_of_row(&mut self, table: &str, key: &str) -> Option<&mut LogDialect> {
        let place = self.logs.iter().position(|dialect| dialect.key == key);
        if place.is_none() {
            self.fault(table, format_args!("unknown dialect {key}"));
        }
        self.logs.get_mut(place?)
    }

    fn load_log_kinds(&mut self) {
        for row in self.rows::<KindRow>("log_kinds", KINDS) {
            let key = format!("{} {} {}", row.dialect, row.path, row.value);
            if !self.sound("log_kinds", &key, &row.source, &row.object_type) {
                continue;
            }
            let Some(kind) = LogKind::from_word(&row.kind) else {
                self.fault("log_kinds", format_args!("{key}: kind {}", row.kind));
                continue;
            };
            let value = match (row.value.as_str(), row.value.strip_prefix('~')) {
                ("", _) => LogValue::Whatever,
                ("*", _) => LogValue::Some,
                (_, Some(part)) => LogValue::Holds(part.to_ascii_lowercase()),
                (value, None) => LogValue::Is(value.to_owned()),
            };
            let test =
                LogTest { path: steps(&row.path), value, kind, object_type: row.object_type };
            if let Some(dialect) = self.log_of_row("log_kinds", &row.dialect) {
                dialect.kinds.push(test);
            }
        }
    }

    fn load_log_members(&mut self) {
        for row in self.rows::<MemberRow>("log_members", MEMBERS) {
            let key = format!("{} {} {}", row.dialect, row.field, row.path);
            self.sound("log_members", &key, &row.source, "");
            let kind = LogKind::from_word(&row.kind);
            let Some(field) = LogField::from_word(&row.field) else {
                self.fault("log_members", format_args!("{key}: unknown field"));
                continue;
            };
            if kind.is_none() && row.kind != "*" {
                self.fault("log_members", format_args!("{key}: kind {}", row.kind));
                continue;
            }
            if let Some(dialect) = self.log_of_row("log_members", &row.dialect) {
                dialect.members.push(LogMember { kind, field, path: steps(&row.path) });
            }
        }
    }
}
