//! Reads `@odata.context`: which request a page or entity answers.
//!
//! Shapes as in the `OData` JSON format 4.01, section 10 (context URL), and as Microsoft Graph sends them.

use super::logs::of_snapshot_id;

/// One segment of a request path, with the key that follows it in brackets or as the next segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Name.
    pub name: String,
    /// Key, if one object was addressed.
    pub key: Option<String>,
}

/// A context URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// `v1.0`, `beta`, or empty.
    pub api_version: String,
    /// The path behind `$metadata#`, without type casts.
    pub segments: Vec<Segment>,
    /// Names of the select list; `None` where there is none. Expansions are not in it.
    pub select: Option<Vec<String>>,
    /// Names of the expanded relations.
    pub expanded: Vec<String>,
    /// What the path ends with, if that is a type that the list is cast to or a function, with its name space.
    pub cast: Option<String>,
    /// Whether it describes one entity rather than a collection.
    pub entity: bool,
    /// Whether it describes a delta answer.
    pub delta: bool,
}

impl Context {
    /// Takes a context URL apart; `None` where it names no path (`Collection(Edm.String)`, `$ref`).
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (service, fragment) = url.split_once("$metadata#")?;
        let api_version = service.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let (fragment, delta) = match fragment.strip_suffix("/$delta") {
            Some(rest) => (rest, true),
            None => (fragment, false),
        };
        let (fragment, entity) = match fragment.strip_suffix("/$entity") {
            Some(rest) => (rest, true),
            None => (fragment, false),
        };
        let (path, select, expanded) = split_select(fragment);
        let segments = segments(path)?;
        Some(Self {
            api_version: api_version.to_owned(),
            cast: cast(path),
            entity: entity || segments.last()?.key.is_some(),
            segments,
            select,
            expanded,
            delta,
        })
    }

    /// The path without keys: `servicePrincipals/appRoleAssignedTo`.
    #[must_use]
    pub fn path(&self) -> String {
        self.segments.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join("/")
    }

    /// Splits at the last keyed segment that has a path behind it: (collection path, key, path below).
    #[must_use]
    pub fn parent(&self) -> Option<(String, &str, String)> {
        let last = self.segments.len().checked_sub(1)?;
        let place = self.segments.iter().take(last).rposition(|segment| segment.key.is_some())?;
        let key = self.segments.get(place)?.key.as_deref()?;
        let join = |segments: &[Segment]| {
            segments.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join("/")
        };
        let above = join(self.segments.get(..=place)?);
        let below = join(self.segments.get(place + 1..)?);
        Some((above, key, below))
    }
}

/// Parts `users(id,manager(id))` into the path, the names of its select list and those of its expansions.
fn split_select(fragment: &str) -> (&str, Option<Vec<String>>, Vec<String>) {
    let plain = (fragment, None, Vec::new());
    let Some(body) = fragment.strip_suffix(')') else { return plain };
    let mut depth = 1_usize;
    let open = body.char_indices().rev().find_map(|(at, character)| {
        match character {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    });
    let Some((path, list)) = open.and_then(|at| body.split_at_checked(at)) else { return plain };
    let list = list.strip_prefix('(').unwrap_or(list);
    if list.starts_with('\'') {
        return plain;
    }
    let (expanded, selected): (Vec<&str>, Vec<&str>) = split_commas(list)
        .into_iter()
        .filter(|item| !item.is_empty() && *item != "*")
        .partition(|item| item.contains('('));
    let name = |item: &str| item.split('(').next().unwrap_or_default().to_owned();
    let select: Vec<String> = selected.into_iter().map(str::to_owned).collect();
    let expanded = expanded.into_iter().map(name).collect();
    (path, (!select.is_empty()).then_some(select), expanded)
}

fn split_commas(list: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    list.split(|character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(|item| item.trim().trim_end_matches('+'))
    .collect()
}

fn segments(path: &str) -> Option<Vec<Segment>> {
    let mut found: Vec<Segment> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        // `microsoft.graph.user` after a path is a cast; at its start it is the type itself.
        let bare = part.strip_prefix('#').unwrap_or(part);
        if let Some((name, key)) = bare.split_once('(') {
            let key = key.trim_end_matches(')').trim_matches('\'');
            let key = key.rsplit_once('=').map_or(key, |(_, value)| value.trim_matches('\''));
            found.push(Segment { name: name.to_owned(), key: Some(key.to_owned()) });
        } else if is_guid(bare) || is_backup_of(found.last(), bare) {
            found.last_mut()?.key = Some(bare.to_owned());
        } else if bare.starts_with("microsoft.graph.") && !found.is_empty() {
            // In `deletedItems/microsoft.graph.user` the cast says which bin it is.
            if found.last()?.name.eq_ignore_ascii_case("deletedItems") {
                found.push(Segment { name: bare.to_owned(), key: None });
            }
        } else {
            found.push(Segment { name: bare.to_owned(), key: None });
        }
    }
    let first = found.first()?;
    (first.name != "Collection" && !first.name.starts_with('$')).then_some(found)
}

/// `microsoft.graph.entraRecoveryServices.getChanges` at the end of a path.
fn cast(path: &str) -> Option<String> {
    let (_, last) = path.rsplit_once('/')?;
    let name = last.split('(').next()?;
    name.starts_with("microsoft.graph.").then(|| name.to_owned())
}

/// Whether a segment is the id of a backup: base64 of its time.
fn is_backup_of(above: Option<&Segment>, segment: &str) -> bool {
    above.is_some_and(|above| above.name == "snapshots" && above.key.is_none())
        && of_snapshot_id(segment).is_some()
}

/// Whether the text is a GUID in its usual spelling.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fragment: &str) -> Context {
        Context::parse(&format!("https://graph.microsoft.com/v1.0/$metadata#{fragment}")).unwrap()
    }

    #[test]
    fn a_plain_list_has_no_select() {
        let context = parse("roleManagement/directory/roleAssignments");
        assert_eq!(context.path(), "roleManagement/directory/roleAssignments");
        assert_eq!((context.select, context.entity), (None, false));
        assert_eq!(context.api_version, "v1.0");
    }

    #[test]
    fn a_select_list_is_read_and_expansions_are_not_in_it() {
        let context = parse("users(id,displayName,manager(id,mail))/$entity");
        assert_eq!(context.select, Some(vec!["id".to_owned(), "displayName".to_owned()]));
        assert!(context.entity);
        assert_eq!(context.expanded, ["manager"]);
        assert_eq!(parse("devices(registeredUsers())").select, None);
        assert_eq!(parse("devices(registeredUsers())").path(), "devices");
    }

    #[test]
    fn a_path_below_an_object_names_its_parent() {
        let context =
            parse("servicePrincipals('0f94820e-8042-4554-a827-57efdc8bd6cb')/appRoleAssignedTo");
        let (above, key, below) = context.parent().unwrap();
        assert_eq!((above.as_str(), below.as_str()), ("servicePrincipals", "appRoleAssignedTo"));
        assert_eq!(key, "0f94820e-8042-4554-a827-57efdc8bd6cb");
        assert!(!context.entity);
        let slashed = parse("groups/0f94820e-8042-4554-a827-57efdc8bd6cb/members");
        assert_eq!(slashed.parent().unwrap().2, "members");
    }

    #[test]
    fn keys_of_backups_are_no_segments() {
        let jobs = "directory/recovery/snapshots/recoveryPreviewJobs";
        for fragment in [
            "directory/recovery/snapshots('MTc4NTE4OTYwMA==')/recoveryPreviewJobs",
            "directory/recovery/snapshots/MTc4NTE4OTYwMA==/recoveryPreviewJobs/$entity",
        ] {
            assert_eq!(parse(fragment).path(), jobs);
        }
        let function = "microsoft.graph.entraRecoveryServices.getChanges";
        let list = parse(&format!("{jobs}('0f94820e-8042-4554-a827-57efdc8bd6cb')/{function}"));
        assert_eq!((list.path().as_str(), list.cast.as_deref()), (jobs, Some(function)));
        assert_eq!(parse("groups/microsoft.graph.group").path(), "groups");
    }

    #[test]
    fn no_path_no_context() {
        assert_eq!(Context::parse("https://x/$metadata#Collection(Edm.String)"), None);
        assert_eq!(Context::parse("https://x/"), None);
    }
}
