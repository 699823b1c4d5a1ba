//! Evidence made by hand: pages as Microsoft Graph sends them, under names as exporters give them.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use serde_json::{Map, Value, json};

/// The tenant of all evidence that names one.
pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";

/// An answer of the service.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    path: String,
    items: Vec<Value>,
    next: Option<String>,
    count: Option<u64>,
}

/// A page of the collection behind `$metadata#`, select list and all.
pub(crate) fn page(path: &str, items: impl IntoIterator<Item = Value>) -> Page {
    let items: Vec<Value> = items.into_iter().collect();
    Page { path: path.to_owned(), items, next: None, count: None }
}

impl Page {
    /// The service counted as many objects as stand here.
    pub(crate) fn counted(self) -> Self {
        let count = self.items.len().try_into().ok();
        Self { count, ..self }
    }

    /// The service counted this many.
    pub(crate) fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Another page follows.
    pub(crate) fn followed(self) -> Self {
        let next = format!("{}?$skiptoken=abc", self.path.split('(').next().unwrap());
        Self { next: Some(next), ..self }
    }

    /// Another page follows, and its link tells of a filter.
    pub(crate) fn next(self, link: &str) -> Self {
        Self { next: Some(link.to_owned()), ..self }
    }

    pub(crate) fn json(&self) -> Value {
        let mut page = Map::new();
        page.insert("@odata.context".to_owned(), json!(context(&self.path)));
        if let Some(count) = self.count {
            page.insert("@odata.count".to_owned(), json!(count));
        }
        if let Some(next) = &self.next {
            page.insert(
                "@odata.nextLink".to_owned(),
                json!(format!("https://graph.microsoft.com/v1.0/{next}")),
            );
        }
        page.insert("value".to_owned(), json!(self.items));
        Value::Object(page)
    }
}

/// A context URL.
pub(crate) fn context(path: &str) -> String {
    format!("https://graph.microsoft.com/v1.0/$metadata#{path}")
}

/// Day 1 is 2026-11-01.
pub(crate) fn day(number: i64) -> String {
    let first = date(2026, 11, 1);
    first.checked_add(jiff::Span::new().days(number - 1)).unwrap().to_string()
}

/// `20261102T030500Z` for the fifth minute after three of the second day.
pub(crate) fn stamp(number: i64, minute: u32) -> String {
    format!("{}T03{minute:02}00Z", day(number).replace('-', ""))
}

/// A folder of evidence that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Evidence {
    folder: tempfile::TempDir,
}

impl Evidence {
    pub(crate) fn new() -> Self {
        let evidence = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(evidence.root()).unwrap();
        evidence
    }

    /// What is given to the program.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("evidence")
    }

    /// A path beside the evidence.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file by its path below the evidence.
    pub(crate) fn file(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// A file of any JSON in the folder of a day, with a stamp in its name.
    pub(crate) fn json(&self, number: i64, minute: u32, stem: &str, value: &Value) -> &Self {
        let name = format!("{TENANT}/{}/{stem}_{}.json", day(number), stamp(number, minute));
        self.file(name, value.to_string())
    }

    /// A page in the folder of a day, with a stamp in its name.
    pub(crate) fn page(&self, number: i64, minute: u32, stem: &str, page: &Page) -> &Self {
        self.json(number, minute, stem, &page.json())
    }

    /// A whole and counted list at three o'clock.
    pub(crate) fn list(
        &self,
        number: i64,
        path: &str,
        items: impl IntoIterator<Item = Value>,
    ) -> &Self {
        let page = page(path, items).counted();
        let stem = path.split('(').next().unwrap().replace('/', "_");
        self.page(number, 0, &stem, &page)
    }

    /// The users of a day: a whole and counted list at three o'clock.
    pub(crate) fn users(&self, number: i64, items: impl IntoIterator<Item = Value>) -> &Self {
        self.list(number, "users", items)
    }

    /// The users in the recycle bin of a day, read at the given minute.
    pub(crate) fn bin(
        &self,
        number: i64,
        minute: u32,
        items: impl IntoIterator<Item = Value>,
    ) -> &Self {
        self.page(
            number,
            minute,
            "directory_deletedItems_microsoft.graph.user",
            &page("users", items),
        )
    }

    /// The members of a group of a day, read at the given minute.
    pub(crate) fn members<'a>(
        &self,
        number: i64,
        minute: u32,
        group: &str,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> &Self {
        let members =
            ids.into_iter().map(|id| json!({"@odata.type": "#microsoft.graph.user", "id": id}));
        let stem = format!("groups_{group}_members");
        self.page(number, minute, &stem, &page("directoryObjects", members))
    }
}

/// A user with a name and a principal name (`name-ID@example.test`).
pub(crate) fn user(id: &str, name: &str) -> Value {
    json!({"id": id, "displayName": name, "userPrincipalName": format!("name-{id}@example.test")})
}

/// The same object with some members set.
pub(crate) fn with(mut object: Value, members: Value) -> Value {
    if let Value::Object(members) = members {
        object.as_object_mut().unwrap().extend(members);
    }
    object
}

/// Users `u01`, `u02`, ... of the given numbers.
pub(crate) fn people(numbers: impl IntoIterator<Item = u32>) -> Vec<Value> {
    numbers.into_iter().map(|n| user(&format!("u{n:02}"), &format!("User {n}"))).collect()
}
