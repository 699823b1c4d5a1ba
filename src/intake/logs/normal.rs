//! One record of a log, opened and put into the words of all dialects.

use super::view::{Level, View};
use super::{Source, scanned};
use crate::directory::{Catalogue, LogField};
use crate::intake::is_guid;
use crate::model::{Actor, ActorKind, LogKind, LogRecord, LogTarget, ModifiedProperty};

/// Targets, properties and details that are kept of one record. Real events have some dozen; the cap keeps a planted one
/// from filling memory.
const MOST_ITEMS: usize = 4096;

/// Numbered columns of a CSV that are looked for.
const MOST_COLUMNS: usize = 8;

/// Targets of an event and properties of a target that the portal's CSV has room for.
const PORTAL_TARGETS: usize = 3;
const PORTAL_PROPERTIES: usize = 5;

/// The record that a text of this dialect holds, without its receipt; `None` if it holds none. `object_type` is what is
/// known of Graph's own records, `context` the request that it was an answer to.
#[must_use]
pub fn log_record(
    catalogue: &Catalogue,
    (dialect, object_type): (u8, &str),
    context: Option<&str>,
    text: &[u8],
) -> Option<LogRecord> {
    let record = scanned(text)?;
    let source = Source::of(catalogue, (dialect, object_type), text, &record)?;
    let mut is_cut = false;
    let targets = source.targets(&mut is_cut);
    is_cut |= source.fills_all_columns();
    Some(LogRecord {
        kind: source.kind(),
        object_type: source.test.object_type.clone(),
        dialect: catalogue.log_dialect(dialect)?.words.clone(),
        time: source.time(context),
        id: source.text(LogField::Id),
        correlation_id: source.text(LogField::Correlation),
        activity: source.activity(),
        category: source.text(LogField::Category),
        service: source.text(LogField::Service),
        result: source.text(LogField::Result),
        reason: source.text(LogField::Reason),
        actor: source.actor(),
        app_id: source.text(LogField::AppId),
        details: source.details(&mut is_cut),
        tenant: source.tenant(),
        ip: source.text(LogField::Ip),
        user_agent: source.text(LogField::UserAgent),
        targets,
        is_cut,
        receipt: None,
    })
}

/// What a list that mixes ids and names of one thing says of it.
#[derive(Default)]
struct Mixed {
    id: Option<String>,
    object_type: Option<String>,
    principal_name: Option<String>,
    name: Option<String>,
    /// Names, and the type once more.
    others: Vec<String>,
}

impl Mixed {
    fn of(list: View<'_>, is_cut: &mut bool) -> Self {
        let (items, more) = list.items(MOST_ITEMS);
        *is_cut |= more;
        let mut mixed = Self::default();
        for item in items {
            let id = item.level().and_then(|level| level.text_at(&["ID".to_owned()]));
            if let Some(text) = id {
                mixed.note(text);
            }
        }
        let is_name = |text: &String| mixed.object_type.as_ref() != Some(text);
        mixed.name = std::mem::take(&mut mixed.others).into_iter().find(is_name);
        mixed
    }

    fn note(&mut self, text: String) {
        let put = |slot: &mut Option<String>, text: String| {
            slot.get_or_insert(text);
        };
        let typed = text.split_once('_').filter(|(_, id)| is_guid(id));
        if let Some((object_type, id)) = typed {
            put(&mut self.object_type, object_type.to_owned());
            put(&mut self.id, id.to_ascii_lowercase());
        } else if is_guid(&text) {
            put(&mut self.id, text.to_ascii_lowercase());
        } else if text.contains('@') {
            put(&mut self.principal_name, text);
        } else {
            self.others.push(text);
        }
    }
}

impl Source<'_, '_> {
    fn list(&self, field: LogField) -> Option<View<'_>> {
        self.places(field).find_map(|(level, path)| level.at(path))
    }

    fn actor(&self) -> Option<Actor> {
        let mixed = self
            .list(LogField::ActorMixed)
            .map(|list| Mixed::of(list, &mut false))
            .unwrap_or_default();
        let name = |fields: [LogField; 2]| fields.into_iter().find_map(|field| self.text(field));
        let is_principal = mixed.object_type.as_deref() == Some("ServicePrincipal");
        let user_id = self.text(LogField::UserId).or_else(|| mixed.id.clone());
        let user_name = mixed
            .principal_name
            .clone()
            .or_else(|| name([LogField::UserUpn, LogField::UserName]))
            .or_else(|| mixed.name.clone());
        let app_id = self.text(LogField::PrincipalId);
        let app_name = name([LogField::PrincipalName, LogField::AppName]);
        if is_principal {
            return Some(Actor {
                kind: ActorKind::App,
                id: mixed.id,
                name: mixed.name.or(user_name),
            });
        }
        // An application in whose name somebody acted is not the actor.
        if user_id.is_some() || (user_name.is_some() && app_id.is_none()) {
            return Some(Actor { kind: ActorKind::User, id: user_id, name: user_name });
        }
        if app_id.is_some() || self.text(LogField::AppId).is_some() {
            return Some(Actor { kind: ActorKind::App, id: app_id, name: app_name.or(user_name) });
        }
        app_name.map(|name| Actor { kind: ActorKind::Service, id: None, name: Some(name) })
    }

    fn targets(&self, is_cut: &mut bool) -> Vec<LogTarget> {
        if let Some(list) = self.list(LogField::Targets) {
            let (items, more) = list.items(MOST_ITEMS);
            *is_cut |= more;
            let levels = items.into_iter().filter_map(View::level);
            return levels.map(|level| self.target(&level, is_cut)).collect();
        }
        if self.places(LogField::TargetId).any(|(_, path)| is_numbered(path)) {
            return self.numbered_targets();
        }
        let mixed = self.list(LogField::TargetsMixed).map(|list| Mixed::of(list, is_cut));
        let mixed = mixed.unwrap_or_default();
        let target = LogTarget {
            id: mixed.id.or_else(|| self.text(LogField::TargetId)),
            object_type: mixed.object_type.or_else(|| self.text(LogField::TargetType)),
            name: mixed.name.or_else(|| self.text(LogField::TargetName)),
            user_principal_name: mixed.principal_name.or_else(|| self.text(LogField::TargetUpn)),
            properties: self
                .list(LogField::Properties)
                .map(|list| self.properties(list, is_cut))
                .unwrap_or_default(),
        };
        // The id of a record of the backup service is that of the object that it speaks of.
        let target = if self.kind() == LogKind::Recovery && !self.has_id_of_its_own() {
            LogTarget { id: self.text(LogField::Id), ..target }
        } else {
            target
        };
        if target == LogTarget::default() { Vec::new() } else { vec![target] }
    }

    /// The paths of a field that hold inside a list.
    fn within(&self, field: LogField, level: &Level<'_>) -> Option<String> {
        self.places(field).find_map(|(_, path)| level.text_at(path))
    }

    fn target(&self, level: &Level<'_>, is_cut: &mut bool) -> LogTarget {
        let list = self.places(LogField::Properties).find_map(|(_, path)| level.at(path));
        LogTarget {
            id: self.within(LogField::TargetId, level),
            object_type: self.within(LogField::TargetType, level),
            name: self.within(LogField::TargetName, level),
            user_principal_name: self.within(LogField::TargetUpn, level),
            properties: list.map(|list| self.properties(list, is_cut)).unwrap_or_default(),
        }
    }

    fn properties(&self, list: View<'_>, is_cut: &mut bool) -> Vec<ModifiedProperty> {
        let (items, more) = list.items(MOST_ITEMS);
        *is_cut |= more;
        let side = |level: &Level<'_>, field| {
            self.places(field).find_map(|(_, path)| level.at(path)?.side())
        };
        items
            .into_iter()
            .filter_map(View::level)
            .map(|level| ModifiedProperty {
                name: self.within(LogField::PropertyName, &level).unwrap_or_default(),
                old: side(&level, LogField::PropertyOld),
                new: side(&level, LogField::PropertyNew),
            })
            .collect()
    }

    fn details(&self, is_cut: &mut bool) -> Vec<(String, String)> {
        let Some(list) = self.list(LogField::Details) else { return self.numbered_details() };
        let (items, more) = list.items(MOST_ITEMS);
        *is_cut |= more;
        let pair = |level: Level<'_>| {
            let key = self.within(LogField::DetailKey, &level)?;
            Some((key, self.within(LogField::DetailValue, &level).unwrap_or_default()))
        };
        items.into_iter().filter_map(View::level).filter_map(pair).collect()
    }

    /// The text of a numbered column.
    fn cell(&self, field: LogField, (n, m): (usize, usize)) -> Option<String> {
        self.numbered(field, (n, m))?.text()
    }

    fn numbered(&self, field: LogField, (n, m): (usize, usize)) -> Option<View<'_>> {
        self.places(field).filter(|(_, path)| is_numbered(path)).find_map(|(level, path)| {
            let heading =
                |step: &String| step.replace("{n}", &n.to_string()).replace("{m}", &m.to_string());
            level.at(&path.iter().map(heading).collect::<Vec<_>>())
        })
    }

    /// Whether a numbered column of the last target, or of the last property of any, says something.
    pub(super) fn fills_all_columns(&self) -> bool {
        self.places(LogField::TargetId).any(|(_, path)| is_numbered(path))
            && ([LogField::TargetId, LogField::TargetType, LogField::TargetName]
                .into_iter()
                .any(|field| self.cell(field, (PORTAL_TARGETS, 0)).is_some())
                || (1..=PORTAL_TARGETS)
                    .any(|n| self.cell(LogField::PropertyName, (n, PORTAL_PROPERTIES)).is_some()))
    }

    fn numbered_targets(&self) -> Vec<LogTarget> {
        let mut targets = Vec::new();
        for n in 1..=MOST_COLUMNS {
            let mut target = LogTarget {
                id: self.cell(LogField::TargetId, (n, 0)),
                object_type: self.cell(LogField::TargetType, (n, 0)),
                name: self.cell(LogField::TargetName, (n, 0)),
                user_principal_name: self.cell(LogField::TargetUpn, (n, 0)),
                properties: Vec::new(),
            };
            for m in 1..=MOST_COLUMNS {
                let Some(name) = self.cell(LogField::PropertyName, (n, m)) else { continue };
                let side = |field| self.numbered(field, (n, m)).and_then(|view| view.side());
                let (old, new) = (side(LogField::PropertyOld), side(LogField::PropertyNew));
                target.properties.push(ModifiedProperty { name, old, new });
            }
            if target != LogTarget::default() {
                targets.push(target);
            }
        }
        targets
    }

    fn numbered_details(&self) -> Vec<(String, String)> {
        let pair = |n| {
            let key = self.cell(LogField::DetailKey, (n, 0))?;
            Some((key, self.cell(LogField::DetailValue, (n, 0)).unwrap_or_default()))
        };
        (1..=MOST_COLUMNS).filter_map(pair).collect()
    }
}

fn is_numbered(path: &[String]) -> bool {
    path.iter().any(|step| step.contains("{n}"))
}
