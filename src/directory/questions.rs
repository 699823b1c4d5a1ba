//! Questions that a responder asks, what answering them needs, and how long the service keeps what would answer them.

use jiff::Timestamp;
use serde::Deserialize;

use super::Catalogue;
use super::recoverability::day;

const QUESTIONS: &str = include_str!("data/questions.csv");
const RETENTION: &str = include_str!("data/retention.csv");

/// What the evidence must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The live objects of a type.
    Type(String),
    /// The recycle bin of a type.
    Bin(String),
    /// An attribute of a type.
    Attribute(String, String),
    /// A relation of a type.
    Relation(String, String),
    /// A log, by the type of its events.
    Log(String),
    /// Records of the backup service, by their type.
    Service(String),
    /// So many snapshots.
    Snapshots(usize),
}

/// A need, or several of which one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Any of these will do.
    pub any_of: Vec<Need>,
    /// Without it the question can be answered in part at least.
    pub helps: bool,
}

/// A question with what it needs.
#[derive(Debug, Clone)]
pub struct Question {
    /// Stable name.
    pub id: String,
    /// As it is asked.
    pub question: String,
    /// All that it needs.
    pub needs: Vec<Term>,
    /// Why it matters.
    pub why: String,
    /// The request that brings what is missing.
    pub export: String,
}

/// How long the service keeps something.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Stable name.
    pub id: String,
    /// What is kept.
    pub what: String,
    /// For how many days.
    pub days: u16,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// For how many days in the worse case, and what that is.
    pub short: Option<(u16, String)>,
    /// Since when the worse case is known, where the two follow one another.
    pub short_since: Option<Timestamp>,
    /// The request that brings it.
    pub export: String,
}

#[derive(Deserialize)]
struct QuestionRow {
    id: String,
    question: String,
    needs: String,
    why: String,
    export: String,
    source: String,
}

#[derive(Deserialize)]
struct RetentionRow {
    id: String,
    what: String,
    days: u16,
    since: String,
    short_days: Option<u16>,
    short_since: String,
    short_where: String,
    export: String,
    source: String,
}

/// Reads `kind:name`, `kind:type.name` or `snapshots:2`.
fn need(text: &str) -> Option<Need> {
    let (kind, name) = text.split_once(':')?;
    let below = || name.split_once('.').map(|(of, what)| (of.to_owned(), what.to_owned()));
    Some(match kind {
        "type" => Need::Type(name.to_owned()),
        "bin" => Need::Bin(name.to_owned()),
        "attribute" => below().map(|(of, what)| Need::Attribute(of, what))?,
        "relation" => below().map(|(of, what)| Need::Relation(of, what))?,
        "log" => Need::Log(name.to_owned()),
        "service" => Need::Service(name.to_owned()),
        "snapshots" => Need::Snapshots(name.parse().ok()?),
        _ => return None,
    })
}

/// Reads alternatives with `|` between and `?` behind what only helps.
fn term(text: &str) -> Option<Term> {
    let (text, helps) = match text.strip_suffix('?') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let any_of: Option<Vec<Need>> = text.split('|').map(need).collect();
    Some(Term { any_of: any_of?, helps })
}

impl Need {
    /// The type that it speaks of.
    #[must_use]
    pub fn object_type(&self) -> Option<&str> {
        match self {
            Self::Type(name)
            | Self::Bin(name)
            | Self::Attribute(name, _)
            | Self::Relation(name, _)
            | Self::Log(name)
            | Self::Service(name) => Some(name),
            Self::Snapshots(_) => None,
        }
    }
}

impl Catalogue {
    pub(super) fn load_questions(&mut self) {
        for row in self.rows::<QuestionRow>("questions", QUESTIONS) {
            let needs: Option<Vec<Term>> = row.needs.split_whitespace().map(term).collect();
            let Some(needs) = needs.filter(|needs| !needs.is_empty()) else {
                self.fault("questions", format_args!("{}: needs {}", row.id, row.needs));
                continue;
            };
            let types = needs.iter().flat_map(|term| &term.any_of).filter_map(Need::object_type);
            let types: Vec<String> = types.map(str::to_owned).collect();
            let sound =
                types.iter().all(|name| self.sound("questions", &row.id, &row.source, name));
            if sound {
                let QuestionRow { id, question, why, export, .. } = row;
                self.questions.push(Question { id, question, needs, why, export });
            }
        }
        for row in self.rows::<RetentionRow>("retention", RETENTION) {
            if self.sound("retention", &row.id, &row.source, "") {
                let short = row.short_days.map(|days| (days, row.short_where));
                let since = day(&row.since);
                let short_since = day(&row.short_since);
                let RetentionRow { id, what, days, export, .. } = row;
                let row = Retention { id, what, days, since, short, short_since, export };
                self.retention.push(row);
            }
        }
    }

    /// What a responder asks, in the order of the table.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// How long the service keeps this.
    #[must_use]
    pub fn retention(&self, id: &str) -> Option<&Retention> {
        self.retention.iter().find(|row| row.id == id)
    }

    /// For how many days the service keeps this by the rules of a time; `None` before it kept it at all.
    #[must_use]
    pub fn retention_of(&self, id: &str, at: Timestamp) -> Option<u16> {
        let row = self.retention(id)?;
        if row.since.is_none_or(|since| at >= since) {
            return Some(row.days);
        }
        let (days, _) = row.short.as_ref()?;
        row.short_since.is_some_and(|since| at >= since).then_some(*days)
    }

    /// Attributes of a type that are marked as security-relevant, by the member of the object that they stand in.
    pub fn security_members(&self, object_type: &str) -> impl Iterator<Item = &str> {
        let rows = self
            .attributes
            .iter()
            .filter(move |((of, _), rule)| of == object_type && rule.security);
        rows.map(|((_, path), _)| path.split('.').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    #[test]
    fn needs_are_read_with_their_alternatives() {
        let read = term("type:a|relation:b.c?").unwrap();
        assert!(read.helps);
        assert_eq!(
            read.any_of,
            [Need::Type("a".to_owned()), Need::Relation("b".to_owned(), "c".to_owned())]
        );
        assert_eq!(need("snapshots:2"), Some(Need::Snapshots(2)));
        for bad in ["type", "what:a", "relation:b", "snapshots:x"] {
            assert_eq!(need(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_relation_and_bin_that_a_question_needs_can_be_collected() {
        let catalogue = catalogue();
        assert!(catalogue.questions().len() >= 15);
        for need in catalogue.questions().iter().flat_map(|q| &q.needs).flat_map(|n| &n.any_of) {
            match need {
                Need::Relation(of, what) => {
                    assert!(catalogue.relation(of, what).is_some(), "{what}");
                }
                Need::Bin(of) => assert!(catalogue.bin_of(of).is_some(), "{of}"),
                Need::Log(of) => assert!(catalogue.object_type(of).unwrap().event, "{of}"),
                Need::Service(of) => {
                    assert!(catalogue.object_type(of).unwrap().service_record, "{of}");
                }
                Need::Type(_) | Need::Attribute(..) | Need::Snapshots(_) => {}
            }
        }
    }

    #[test]
    fn retention_follows_the_rules_of_its_time() {
        let of = |id: &str, at: &str| catalogue().retention_of(id, at.parse().unwrap());
        assert_eq!(of("backup", "2026-03-18T23:59:59Z"), None);
        assert_eq!(of("backup", "2026-03-19T00:00:00Z"), Some(5));
        assert_eq!(of("backup", "2026-06-29T23:59:59Z"), Some(5));
        assert_eq!(of("backup", "2026-06-30T00:00:00Z"), Some(7));
        assert_eq!(of("recycle-bin", "2020-01-01T00:00:00Z"), Some(30));
        assert_eq!(of("nothing", "2026-06-30T00:00:00Z"), None);
    }

    #[test]
    fn retention_is_told_of_all_that_runs_out() {
        for (id, days, short) in [
            ("backup", 7, Some(5)),
            ("recycle-bin", 30, None),
            ("audit-log", 30, Some(7)),
            ("sign-ins", 30, Some(7)),
        ] {
            let row = catalogue().retention(id).unwrap();
            assert_eq!(
                (row.days, row.short.as_ref().map(|(days, _)| *days)),
                (days, short),
                "{id}"
            );
        }
    }
}
