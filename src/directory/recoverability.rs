//! What Microsoft Entra Backup and Recovery can put back, as data: `data/recoverability.csv` (properties and links),
//! `data/recoverability_types.csv` (types) and `data/recoverability_conditions.csv` (what a rule depends on).
//!
//! | `standing` | The row is |
//! |---|---|
//! | `listed` | a name of the documented list of the type |
//! | `all` | the rule that all properties of the type are supported |
//! | `member` | a property under that rule, as the metadata of Graph spells it |
//! | `elements` | a list whose elements are supported one by one, as objects of their own type |
//! | `link` | a relation whose links are supported |
//! | `excluded` | excluded in so many words |
//! | `unlisted` | known and not on the list |
//! | `unclear` | neither on the list nor excluded |
//!
//! `type` is the type of the service; `carrier` is the type that shows the property in exports where that is another one, and
//! `object` the one object of it that is meant. A row holds from `since` on.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Catalogue;

#[cfg(test)]
mod tests;

const PROPERTIES: &str = include_str!("data/recoverability.csv");
const TYPES: &str = include_str!("data/recoverability_types.csv");
const CONDITIONS: &str = include_str!("data/recoverability_conditions.csv");

/// Stands for every property of a type.
const ANY: &str = "*";

/// Where a property stands in the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// By its documented name on the list of its type.
    Listed,
    /// The rule that all properties of the type are supported.
    All,
    /// Under that rule, by name.
    Member,
    /// A list whose elements are supported one by one.
    Elements,
    /// A relation whose links are supported.
    Link,
    /// Excluded in so many words.
    Excluded,
    /// Known, and not on the list.
    Unlisted,
    /// Neither on the list nor excluded.
    Unclear,
}

impl Standing {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "listed" => Self::Listed,
            "all" => Self::All,
            "member" => Self::Member,
            "elements" => Self::Elements,
            "link" => Self::Link,
            "excluded" => Self::Excluded,
            "unlisted" => Self::Unlisted,
            "unclear" => Self::Unclear,
            _ => return None,
        })
    }

    /// Whether the service puts it back.
    #[must_use]
    pub fn is_supported(self) -> bool {
        matches!(self, Self::Listed | Self::All | Self::Member | Self::Elements | Self::Link)
    }
}

/// How sure it is which property of Graph a documented name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// The same word.
    Exact,
    /// An older name with one counterpart.
    Clear,
    /// It can be read in several ways.
    Ambiguous,
}

/// A property or link, and what the documentation says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverableProperty {
    /// Type of the service, as Graph calls it.
    pub object_type: String,
    /// Name in the documentation; empty where it has none.
    pub documented: String,
    /// Type that shows it in exports.
    pub carrier: String,
    /// Identity of the one object of the carrier that is meant; empty for all.
    pub object: String,
    /// Path in Graph, or `*` for all properties of the carrier.
    pub property: String,
    /// Where it stands.
    pub standing: Standing,
    /// How sure the mapping is.
    pub mapping: Mapping,
    /// From when on the row holds.
    pub since: Timestamp,
    /// A value that the documented property cannot express; empty if there is none.
    pub unclear_value: String,
    /// What to say of it beside all this; may be empty.
    pub note: String,
    /// The request that collects it.
    pub request: String,
    /// Where that is written.
    pub source: String,
    /// Date of that page.
    pub source_date: String,
}

impl RecoverableProperty {
    /// Whether an ordinary dump of the service's own type shows it.
    #[must_use]
    pub fn is_in_dumps(&self) -> bool {
        self.carrier == self.object_type && !self.property.contains('.')
    }
}

/// Whether objects of a type have a recycle bin that a recovery can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinKind {
    /// All have.
    Every,
    /// None has.
    None,
    /// Some have: [`Rule::Bin`] tells which.
    Some,
    /// There is one object that is never deleted.
    Singleton,
}

/// A type that the service knows, or that shows a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryType {
    /// Graph resource name.
    pub name: String,
    /// `resourceTypeName` of the service.
    pub entity: String,
    /// The type whose objects it is a part of; empty if it stands for itself.
    pub part_of: String,
    /// Since when the service knows it.
    pub since: Timestamp,
    /// Whether its objects can be deleted and brought back.
    pub bin: BinKind,
    /// Properties that name the service principal with which alone it comes back; empty if it comes back by itself.
    pub anchors: Vec<String>,
    /// What else an object is that a recovery took out of the recycle bin; may be empty.
    pub restore_effect: String,
    /// Where that is written.
    pub source: String,
    /// Date of that page.
    pub source_date: String,
    /// What the portal calls it where reports and recoveries are limited to types.
    pub portal: String,
    request: String,
}

/// A rule that depends on the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// It is synchronised from on-premises.
    Synchronised,
    /// Objects of its kind have a recycle bin.
    Bin,
    /// Its members follow from a rule.
    DynamicMembers,
    /// It is not purged when the days of the bin are over.
    NeverPurged,
    /// It is a consent of one user.
    UserConsent,
}

impl Rule {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "synchronised" => Self::Synchronised,
            "bin" => Self::Bin,
            "dynamic members" => Self::DynamicMembers,
            "never purged" => Self::NeverPurged,
            "consent of one user" => Self::UserConsent,
            _ => return None,
        })
    }
}

/// How a property is held against a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// It is the value.
    Is,
    /// It is another value, or none.
    IsNot,
    /// The list holds the value.
    Has,
}

/// One test of a rule. Tests of one alternative must all hold; one alternative is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCondition {
    /// The rule.
    pub rule: Rule,
    /// Number of the alternative.
    pub alternative: u8,
    /// Property of the object.
    pub property: String,
    /// How it is held against the value.
    pub test: Test,
    /// The value, as a word.
    pub value: String,
    /// (type, property) of the tenant: where that is another value, so is the property of each object.
    pub tenant: Option<(String, String)>,
}

#[derive(Deserialize)]
struct PropertyRow {
    #[serde(rename = "type")]
    object_type: String,
    documented: String,
    carrier: String,
    object: String,
    property: String,
    standing: String,
    grade: String,
    since: String,
    unclear_value: String,
    request: String,
    note: String,
    source: String,
    source_date: String,
}

#[derive(Deserialize)]
struct TypeRow {
    #[serde(rename = "type")]
    name: String,
    entity: String,
    part_of: String,
    since: String,
    bin: String,
    anchors: String,
    request: String,
    restore_effect: String,
    source: String,
    source_date: String,
    portal: String,
}

#[derive(Deserialize)]
struct ConditionRow {
    #[serde(rename = "type")]
    object_type: String,
    what: String,
    alternative: u8,
    property: String,
    test: String,
    value: String,
    tenant_property: String,
    source: String,
    source_date: String,
}

/// The first instant of a day, `2026-03-19`.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

impl Catalogue {
    pub(super) fn load_recoverability(&mut self) {
        for row in self.rows::<TypeRow>("recoverability_types", TYPES) {
            let known = self.sound("recoverability_types", &row.name, &row.source, &row.name);
            let part = self.sound("recoverability_types", &row.name, &row.source, &row.part_of);
            let bin = match row.bin.as_str() {
                "yes" => BinKind::Every,
                "no" => BinKind::None,
                "conditional" => BinKind::Some,
                "singleton" => BinKind::Singleton,
                _ => {
                    self.fault("recoverability_types", format_args!("{}: bin", row.name));
                    continue;
                }
            };
            if let (true, true, Some(since)) = (known, part, day(&row.since)) {
                self.recovery_types.push(RecoveryType {
                    name: row.name,
                    entity: row.entity,
                    part_of: row.part_of,
                    since,
                    bin,
                    anchors: row.anchors.split_whitespace().map(str::to_owned).collect(),
                    restore_effect: row.restore_effect,
                    source: row.source,
                    source_date: row.source_date,
                    request: row.request,
                    portal: row.portal,
                });
            }
        }
        for row in self.rows::<PropertyRow>("recoverability", PROPERTIES) {
            self.take_property(row);
        }
        for row in self.rows::<ConditionRow>("recoverability_conditions", CONDITIONS) {
            self.take_condition(row);
        }
    }

    fn take_property(&mut self, row: PropertyRow) {
        let key = format!("{}.{}", row.object_type, row.property);
        let carrier = if row.carrier.is_empty() { &row.object_type } else { &row.carrier };
        let sound = self.sound("recoverability", &key, &row.source, carrier);
        let mapping = match row.grade.as_str() {
            "exact" => Some(Mapping::Exact),
            "clear" => Some(Mapping::Clear),
            "ambiguous" => Some(Mapping::Ambiguous),
            _ => None,
        };
        let known = self.recovery_type(&row.object_type).map(|known| known.request.clone());
        let standing = Standing::from_word(&row.standing);
        let (Some(mapping), Some(standing), Some(request), Some(since), true) =
            (mapping, standing, known, day(&row.since), sound)
        else {
            self.fault("recoverability", format_args!("{key}: grade, standing or type"));
            return;
        };
        let carrier = carrier.clone();
        let request = match row.request.as_str() {
            "" => request.replace("{property}", &row.property),
            own => own.to_owned(),
        };
        let place = self.recoverable.len();
        self.recoverable_by_carrier.entry(carrier.clone()).or_default().push(place);
        self.recoverable.push(RecoverableProperty {
            object_type: row.object_type,
            documented: row.documented,
            carrier,
            object: row.object,
            property: row.property,
            standing,
            mapping,
            since,
            unclear_value: row.unclear_value,
            note: row.note,
            request,
            source: row.source,
            source_date: row.source_date,
        });
    }

    fn take_condition(&mut self, row: ConditionRow) {
        let key = format!("{}.{}", row.object_type, row.property);
        let sound = self.sound("recoverability_conditions", &key, &row.source, &row.object_type);
        let test = match row.test.as_str() {
            "is" => Some(Test::Is),
            "is not" => Some(Test::IsNot),
            "has" => Some(Test::Has),
            _ => None,
        };
        let tenant = row.tenant_property.split_once('.');
        let dated = day(&row.source_date).is_some();
        let (Some(rule), Some(test), true) = (Rule::from_word(&row.what), test, sound && dated)
        else {
            self.fault("recoverability_conditions", format_args!("{key}: what, test or date"));
            return;
        };
        let condition = RecoveryCondition {
            rule,
            alternative: row.alternative,
            property: row.property,
            test,
            value: row.value,
            tenant: tenant.map(|(of, property)| (of.to_owned(), property.to_owned())),
        };
        self.recovery_conditions.entry(row.object_type).or_default().push(condition);
    }

    /// What the service knows of a type; `None` for one that is none of its own.
    #[must_use]
    pub fn recovery_type(&self, object_type: &str) -> Option<&RecoveryType> {
        self.recovery_types.iter().find(|known| known.name == object_type)
    }

    /// The types of the service, in the order of the table.
    #[must_use]
    pub fn recovery_types(&self) -> &[RecoveryType] {
        &self.recovery_types
    }

    /// All rows on a type of the service, in the order of the table: what is supported, and what is known not to be.
    pub fn recoverable_properties(
        &self,
        object_type: &str,
    ) -> impl Iterator<Item = &RecoverableProperty> {
        self.recoverable.iter().filter(move |row| row.object_type == object_type)
    }

    /// The properties of a type of the service that a recovery puts back, by name: the documented list, or what the metadata
    /// of Graph spells out where all are supported. Links are not among them.
    pub fn supported_properties(
        &self,
        object_type: &str,
    ) -> impl Iterator<Item = &RecoverableProperty> {
        let named = |row: &&RecoverableProperty| {
            matches!(row.standing, Standing::Listed | Standing::Member)
        };
        self.recoverable_properties(object_type).filter(named)
    }

    /// What the table says of a property or relation of an object, as exports show it: the row of its path or of the nearest
    /// path above it, else the row for all properties of its type. `None` where the table does not know it.
    #[must_use]
    pub fn recoverable_property(
        &self,
        object_type: &str,
        object_id: &str,
        path: &str,
    ) -> Option<&RecoverableProperty> {
        let own = object_id.rsplit('|').next().unwrap_or_default();
        let fit = |row: &&RecoverableProperty| {
            let of_object = row.object.is_empty() || row.object.eq_ignore_ascii_case(own);
            of_object && (row.property == ANY || is_at_or_below(path, &row.property))
        };
        let of_carrier = self.recoverable_by_carrier.get(object_type)?;
        let rows = of_carrier.iter().filter_map(|place| self.recoverable.get(*place)).filter(fit);
        rows.max_by_key(|row| {
            (!row.object.is_empty(), if row.property == ANY { 0 } else { row.property.len() })
        })
    }

    /// As [`Catalogue::recoverable_property`], if a recovery puts it back.
    #[must_use]
    pub fn supported_property(
        &self,
        object_type: &str,
        object_id: &str,
        path: &str,
    ) -> Option<&RecoverableProperty> {
        let row = self.recoverable_property(object_type, object_id, path);
        row.filter(|row| row.standing.is_supported())
    }

    /// The tests of all rules for a type, in the order of the table. A rule without a test never holds.
    #[must_use]
    pub fn recovery_conditions(&self, object_type: &str) -> &[RecoveryCondition] {
        self.recovery_conditions.get(object_type).map_or(&[], Vec::as_slice)
    }

    /// The type whose objects are the elements of a list that is supported element by element.
    #[must_use]
    pub fn element_type(&self, object_type: &str) -> Option<&RecoveryType> {
        self.recovery_types.iter().find(|known| known.part_of == object_type)
    }
}

/// Whether a path is another, or lies below it.
fn is_at_or_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
